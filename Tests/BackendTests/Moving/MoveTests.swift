import Foundation
import Roost
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// A store that moves answers as one that does not, at every stage, and both of its sides end with
/// the same rows.
@Suite(.timeLimit(.minutes(15))) struct MoveTests {
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

  /// Errors, conflicts and lost answers on both sides: what was acknowledged is on both, and
  /// whoever wrote a row reads it as it was written, at each stage.
  @Test(arguments: [1, 2, 3] as [UInt64]) func chaos(seed: UInt64) async throws {
    func open(_ seed: UInt64) async throws -> Store {
      let chaos = try ChaosLayer.Options("errors:4,conflicts:6,lost:2,seed:\(seed)")
      return try await Store.open(
        "memory:", backends: TestBackend.factories, migrations: [Moved.migrations],
        layers: [
          RetryLayer(attempts: 4, firstPause: .milliseconds(1)), ChaosLayer(chaos),
        ], environment: [:])
    }
    let (old, new) = (try await open(seed), try await open(seed + 100))
    // Joining reads both stores, which may fail; it is the program's start, and tried again.
    var joined: Store?
    while joined == nil { joined = try? await Store.moving(from: old, to: new, eagerly) }
    let store = try #require(joined)
    let move = try #require(store.move)
    let runner = Task { await move.run() }
    var last: [Int: String] = [:]
    var generator = SeededGenerator(seed: seed)
    let stages: [MoveStage] = [.dualWrite, .verify, .percentage, .live, .shadow, .live]
    for (round, stage) in stages.enumerated() {
      while (try? await move.request(stage, readPercent: 60)) == nil {}
      for number in 0..<60 {
        let id = Int.random(in: 0..<40, using: &generator)
        let code = "\(round)-\(number)"
        do {
          try await store.upsert([Owner(id: id, code: code)])
          last[id] = code
        } catch {
          // It may be there, and may not.
          if error.code == .outcomeUnknown { last[id] = nil }
        }
        guard let expected = last[id] else { continue }
        if let read = try? await store.find(Owner.self, id) { #expect(read.code == expected) }
      }
      try await eventually("it is at \(stage)") { move.backend.state.stage == stage }
      let status = try? await move.status()
      #expect(
        move.backend.state.stage == stage,
        "\(status?.refusal ?? "not refused"), \(status?.failure ?? "no failure")")
    }
    while try await Self.waiting(move) > 0 { try await Task.sleep(for: .milliseconds(1)) }
    runner.cancel()
    await runner.value
    let (from, to) = (old.backend.innermost, new.backend.innermost)
    let rows = try await Self.owners(from)
    #expect(try await Self.owners(to) == rows)
    for (id, code) in last { #expect(rows[id] == code, "\(id)") }
    await store.close()
  }

  private static func waiting(_ move: StoreMove) async throws -> Int {
    while true {
      if let status = try? await move.status() { return status.waiting }
    }
  }

  private static func owners(_ session: any StorageSession) async throws -> [Int: String] {
    let rows = try await session.query(
      Query(table: "owners", order: [OrderTerm(.column("id"))]))
    return Dictionary(
      rows.map { row in
        guard case .int(let id) = row[0], case .text(let code) = row[1] else { return (0, "") }
        return (Int(id), code)
      }
    ) { $1 }
  }

  @Test func asTheEnvironmentSays() async throws {
    let store = try await Store.open(
      "memory:", backends: TestBackend.factories, migrations: [Moved.migrations],
      environment: [
        "MIGRATE_FROM_URL": "memory:", "DUAL_WRITE_MODE": "on",
        "READ_FROM_POSTGRES_PERCENT": "40",
      ])
    let move = try #require(store.move)
    for id in 0..<200 { try await store.insert(Owner(id: id, code: "c\(id)")) }
    try await eventually("it reads 40 percent") { move.backend.state.readPercent == 40 }
    #expect(move.backend.state.stage == .percentage)
    for id in 0..<200 { #expect(try await store.find(Owner.self, id)?.code == "c\(id)") }
    let figures = await store.metrics.figures
    #expect(figures.contains { $0.name == "roost_changes_waiting" })
    await store.close()
  }

  /// A process that was killed while its changes waited reads them when it is back.
  @Test func whoIsBackReadsWhatItWrote() async throws {
    let old = try await TestBackend.open("memory:", [Moved.migrations])
    let new = try await TestBackend.open("memory:", [Moved.migrations])
    let store = try await Store.moving(from: old, to: new, eagerly)
    let move = try #require(store.move)
    try await store.insert(Owner(id: 1, code: "a"))
    try await move.reach(.percentage, readPercent: 100)
    try await store.upsert([Owner(id: 1, code: "b")])
    #expect(try await new.find(Owner.self, 1)?.code == "a", "nobody has carried it")
    let again = try await Store.moving(from: old, to: new, eagerly)
    #expect(try await again.find(Owner.self, 1)?.code == "b")
    #expect(try await again.select(Owner.self).where { $0.id == 1 }.first()?.code == "b")
    try await move.drain()
    try await again.move?.backend.forgetCarried()
    #expect(again.move?.backend.pending.count == 0)
    await again.close()
    await store.close()
  }

  /// A row changes after it was carried and before its entry is taken out of the journal.
  @Test func aChangeBehindTheCarrier() async throws {
    let behind = BehindLayer()
    let old = try await TestBackend.open("memory:", [Moved.migrations])
    let new = try await Store.open(
      "memory:", backends: TestBackend.factories, migrations: [Moved.migrations],
      layers: [behind], environment: [:])
    let store = try await Store.moving(from: old, to: new, eagerly)
    let move = try #require(store.move)
    try await move.reach(.dualWrite)
    try await store.insert(Owner(id: 1, code: "a"))
    behind.do { _ = try? await store.upsert([Owner(id: 1, code: "b")]) }
    #expect(try await move.mover.carry(from: .from) == 1)
    #expect(try await move.status().waiting == 1)
    #expect(try await new.find(Owner.self, 1)?.code == "a")
    #expect(try await move.mover.carry(from: .from) == 1)
    #expect(try await new.find(Owner.self, 1)?.code == "b")
    #expect(try await move.status().waiting == 0)
    await store.close()
  }
}

/// Does something once, right behind a transaction.
private final class BehindLayer: StorageLayer {
  private let action = Mutex<(@Sendable () async -> Void)?>(nil)

  var place: LayerPlace { .chaos }

  func `do`(_ action: @escaping @Sendable () async -> Void) {
    self.action.withLock { $0 = action }
  }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    let result = try await next()
    if call.operation == .transaction, let action = action.withLock({ $0.take() }) {
      await action()
    }
    return result
  }
}
