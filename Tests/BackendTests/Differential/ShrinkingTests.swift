import Roost
import RoostMemory
import RoostTesting
import Testing

/// A mismatch is made as small as it gets.
@Suite(.timeLimit(.minutes(15))) struct ShrinkingTests {
  /// A store that loses every row of one table: one that is told of it is enough to see that.
  private static func open() async throws -> [Store] {
    let losing = ScriptedLosses()
    return [
      try await TestBackend.open("memory:", [ConformanceSuite.migrations]),
      try await Store.open(
        "memory:", backends: [.memory], migrations: [ConformanceSuite.migrations],
        layers: [losing], environment: [:]),
    ]
  }

  @Test func theSmallestRunIsFound() async throws {
    let run = DifferentialRun(seed: 4, steps: 400)
    let mismatch = await #expect(throws: DifferentialMismatch.self) {
      try await run.run(on: try await Self.open())
    }
    let first = try #require(mismatch)
    let smallest = try await run.shrunk(first) { try await Self.open() }
    #expect(smallest.operations.count == 1, "\(smallest)")
    #expect(smallest.description.contains("after these:"))
  }
}

/// Refuses what is written to `rankings`.
private struct ScriptedLosses: StorageLayer {
  var place: LayerPlace { .chaos }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    if call.mayWrite, call.table == "rankings" {
      throw StoreError(.internal, "lost", table: call.table)
    }
    return try await next()
  }
}
