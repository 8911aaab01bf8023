import Foundation
import Roost
import RoostTesting
import Testing

/// Random operations have the same answers everywhere. ROOST_SEED and ROOST_STEPS replay a run.
@Suite(.timeLimit(.minutes(15))) struct DifferentialTests {
  @Test(arguments: [1, 2, 3] as [UInt64])
  func allThree(seed: UInt64) async throws {
    try await run(seed, steps: 400, TestBackend.allCases)
  }

  @Test(arguments: [11, 12, 13, 14] as [UInt64])
  func memoryAndFile(seed: UInt64) async throws {
    try await run(seed, steps: 1_500, [.memory, .file])
  }

  private func run(_ seed: UInt64, steps: Int, _ backends: [TestBackend]) async throws {
    let folder = try TemporaryFolder()
    var stores: [Store] = []
    var urls: [String] = []
    for backend in backends {
      urls.append(try await backend.freshURL(in: folder))
      stores.append(try await TestBackend.open(urls[urls.count - 1], [ConformanceSuite.migrations]))
    }
    let run = DifferentialRun(
      seed: seed, steps: steps, environment: ProcessInfo.processInfo.environment)
    let errors = try await run.run(on: stores)
    #expect(errors > run.steps / 100 && errors < run.steps * 9 / 10)
    let dumps = try await dump(stores)
    for store in stores { await store.close() }
    for (place, url) in urls.enumerated() where backends[place] != .memory {
      let again = try await TestBackend.open(url, [ConformanceSuite.migrations])
      #expect(try await ConformanceSuite.dump(again) == dumps[place], "\(url) opened again")
      await again.close()
    }
  }

  private func dump(_ stores: [Store]) async throws -> [[String]?] {
    var dumps: [[String]?] = []
    for store in stores { dumps.append(try await ConformanceSuite.dump(store)) }
    return dumps
  }
}
