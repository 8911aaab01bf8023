import Foundation
import Roost
import RoostTesting
import Testing

/// The conformance suite on the three backends, case by case.
///
/// One after the other: all at once they would want more connections than the server has.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ConformanceTests {
  @Test(arguments: ConformanceSuite.cases)
  func memory(_ conformanceCase: ConformanceCase) async throws {
    try await run(conformanceCase, .memory)
  }

  @Test(arguments: ConformanceSuite.cases)
  func file(_ conformanceCase: ConformanceCase) async throws {
    try await run(conformanceCase, .file)
  }

  @Test(arguments: ConformanceSuite.cases)
  func postgres(_ conformanceCase: ConformanceCase) async throws {
    try await run(conformanceCase, .postgres)
  }

  /// Runs a case; what lasts must be the same after the store was opened again.
  private func run(_ conformanceCase: ConformanceCase, _ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    let store = try await TestBackend.open(url, [ConformanceSuite.migrations])
    do {
      try await conformanceCase.run(on: store)
    } catch {
      await store.close()
      throw error
    }
    let before = try await ConformanceSuite.dump(store)
    let lasts = store.backend.capabilities.contains(.durable)
    await store.close()
    guard lasts, let before else { return }
    let again = try await TestBackend.open(url, [ConformanceSuite.migrations])
    let after = try await ConformanceSuite.dump(again)
    await again.close()
    #expect(after == before)
  }

  @Test func oneCallRunsAll() async throws {
    let failures = try await ConformanceSuite.run {
      try await TestBackend.open("memory:", [ConformanceSuite.migrations])
    }
    #expect(failures.map(\.description) == [])
  }
}
