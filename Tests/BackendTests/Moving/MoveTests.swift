import Foundation
import Roost
import RoostTesting
import Synchronization
import Testing

/// A store that moves answers as one that does not, at every stage, and both of its sides end with
/// the same rows.
@Suite(.timeLimit(.minutes(3))) struct MoveTests {
  @Test(
    arguments: [
      MovePair(.memory, .memory), MovePair(.memory, .file), MovePair(.file, .memory),
    ], [1, 2, 3] as [UInt64])
  func randomOperations(pair: MovePair, seed: UInt64) async throws {
    try await run(pair, seed: seed, steps: 400)
  }

  @Test(arguments: [
    MovePair(.memory, .postgres), MovePair(.postgres, .memory), MovePair(.postgres, .postgres),
  ])
  func randomOperationsOnPostgres(pair: MovePair) async throws {
    try await run(pair, seed: 4, steps: 300)
  }

  private func run(_ pair: MovePair, seed: UInt64, steps: Int) async throws {
    let plain = try await TestBackend.open("memory:", [ConformanceSuite.migrations])
    let stepping = Mutex<SteppingLayer?>(nil)
    try await withMove(
      pair, [ConformanceSuite.migrations],
      layers: { move in
        let layer = SteppingLayer(move, seed: seed)
        stepping.withLock { $0 = layer }
        return [layer]
      }
    ) { store, move in
      let run = DifferentialRun(
        seed: seed, steps: steps, environment: ProcessInfo.processInfo.environment)
      try await run.run(on: [plain, store])
      let layer = try #require(stepping.withLock { $0 })
      #expect(layer.found == [])
      // Nothing is proved of a stage that no call was made at.
      for stage in MoveStage.allCases where stage > .off && stage < .complete {
        #expect((layer.seen[stage] ?? 0) > 0, "\(stage)")
      }
      try await move.reach(.live)
      try await move.drain()
      let rows = try await allRows(move.backend.from, store.schema)
      #expect(try await allRows(move.backend.to, store.schema) == rows)
      #expect(rows.count > 10)
      #expect(move.backend.state.certificate?.authority == .to)
      #expect(try await move.status().mismatched == 0)
    }
    await plain.close()
  }
}
