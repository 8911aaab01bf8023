import Roost
import RoostTesting
import Synchronization
import Testing

/// A store moves while writers, each with rows of its own, and readers work on it, and something
/// breaks: what was acknowledged is on both sides in the end, and nobody reads what is older than
/// what this process wrote. `Benchmarks/run --only moves` is the same with more rows.
@Suite(.serialized, .timeLimit(.minutes(15))) struct MoveUnderLoadTests {
  /// A store that moves to `live`, with writers and readers on it.
  private struct LoadedMove {
    let moving: MovingStore
    let move: StoreMove
    let load: LedgerLoad
    let isOver = Flag()

    init(from old: Store, to new: Store) async throws {
      try await old.load((0..<5_000).map { Owner(id: 10_000 + $0, code: "before-\($0)") })
      moving = try await MovingStore(from: old, to: new)
      move = try #require(moving.store.move)
      var load = LedgerLoad(Owner.rows, WriteLedger())
      // As much as leaves the processors to the move.
      load.pause = .milliseconds(20)
      self.load = load
    }

    /// Lets a body break something, and sees that the move ends well.
    func run(_ body: () async throws -> Void) async throws {
      async let loaded: Void = load.run(on: moving.store) { isOver.isSet }
      try await moving.beginMover()
      do {
        try await body()
        try await end()
      } catch {
        isOver.set()
        throw error
      }
      isOver.set()
      await loaded
      try await compare()
      await moving.close()
    }

    /// Asks for a stage and waits until it is reached.
    func reach(_ stage: MoveStage) async throws {
      try await move.request(stage)
      try await eventually("it is at \(stage)") {
        guard let status = try? await move.status() else { return false }
        return status.state.stage == stage && status.copied > 500
      }
    }

    private func end() async throws {
      try await eventually("it is live") {
        guard let status = try? await move.status() else { return false }
        // Away for a moment, the server has refused nothing for good.
        if status.refusal != nil { try? await move.request(.live) }
        return status.state.stage == .live
      }
      let written = load.ledger.report.acknowledged
      try await eventually("writers go on") { load.ledger.report.acknowledged > written }
    }

    private func compare() async throws {
      try await eventually("nothing waits") {
        (try? await move.status().waiting) == 0
      }
      await moving.killMover()
      let report = load.ledger.report
      #expect(report.faults == [])
      let codes: Set<StoreError.Code> = [.unavailable, .outcomeUnknown, .deadlineExceeded]
      #expect(codes.isSuperset(of: report.failures.keys), "\(report.failures)")
      for store in [moving.old, moving.new] {
        #expect(try await load.ledger.faults(in: store, Owner.rows) == [])
      }
      let comparison = try await StoreVerifier(from: moving.old, to: moving.new).verify()
      #expect(comparison.isEqual, "\(comparison)")
      #expect(try await moving.new.select(Owner.self).count() > 5_000)
    }
  }

  /// One side is a primary that crashes, and its standby takes its place.
  @Test(arguments: [MoveSide.from, .to], [MoveStage.backfill, .shadow])
  func aStandbyIsPromoted(side: MoveSide, at stage: MoveStage) async throws {
    // A commit is acknowledged when the standby has it, too: else a crash may lose it.
    let primary = try await ThrowawayPostgres.start(
      .trust, settings: ["synchronous_commit": "remote_apply"])
    defer { primary.stop() }
    let database = try await primary.createDatabase()
    let standby = try await primary.startStandby()
    defer { standby.stop() }
    try await Tallies.run("ALTER SYSTEM SET synchronous_standby_names = '*'", on: primary.url())
    try await Tallies.run("SELECT pg_reload_conf()", on: primary.url())
    let hosts = "127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)"
    let url =
      "postgres://roost@\(hosts)/\(database)?target_session_attrs=read-write&pool_timeout=5"
    let loaded = try await LoadedMove(
      from: try await TestBackend.open(side == .from ? url : "memory:", [Moved.migrations]),
      to: try await TestBackend.open(side == .to ? url : "memory:", [Moved.migrations]))
    try await loaded.run {
      try await loaded.reach(stage)
      // At shadow the stores change places next.
      try await loaded.move.request(.live)
      try primary.crash()
      try await Task.sleep(for: .milliseconds(300))
      try await standby.promote()
    }
  }

  @Test(arguments: [
    MovePair(.memory, .file), MovePair(.file, .postgres), MovePair(.postgres, .memory),
  ])
  func theMoverIsKilled(pair: MovePair) async throws {
    let folder = try TemporaryFolder()
    let loaded = try await LoadedMove(
      from: try await TestBackend.open(
        try await pair.from.freshURL(in: folder), [Moved.migrations]),
      to: try await TestBackend.open(try await pair.to.freshURL(in: folder), [Moved.migrations]))
    try await loaded.run {
      for stage in [MoveStage.backfill, .shadow] {
        try await loaded.reach(stage)
        try await loaded.move.request(.live)
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...100)))
        await loaded.moving.killMover()
        try await loaded.moving.beginMover()
        if try await loaded.move.status().state.stage == .live { return }
      }
    }
  }

  /// What proves nothing when it finds nothing: it finds what is lost, and what is old.
  @Test func whatTheLedgerFinds() async throws {
    let store = try await TestBackend.open("memory:", [Moved.migrations])
    let told = WriteLedger()
    let ledger = WriteLedger { told.note($0) }
    let isOver = Flag()
    var load = LedgerLoad(Owner.rows, ledger)
    load.pause = .zero
    async let loaded: Void = load.run(on: store) { isOver.isSet }
    try await eventually("rows are written") { ledger.report.acknowledged > 500 }
    isOver.set()
    await loaded
    #expect(ledger.report.faults == [])
    #expect(ledger.report.failures == [:])
    #expect(ledger.report.reads > 500)
    #expect(try await ledger.faults(in: store, Owner.rows) == [])
    let rows = try await store.select(Owner.self).fetch()
    let (old, lost) = (try #require(rows.first), try #require(rows.last))
    try await store.upsert([Owner(id: old.id, code: "\(old.id)-0")])
    _ = try await store.delete(Owner.self, lost.id)
    for one in [ledger, told] {
      let faults = try await one.faults(in: store, Owner.rows)
      #expect(Set(faults.map(\.key)) == [old.id, lost.id])
    }
    await store.close()
  }
}

/// Something that comes to be so.
private final class Flag: Sendable {
  private let flag = Atomic(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}

extension Owner {
  /// Owners of a load: the code ends with the version.
  fileprivate static let rows = LedgerLoad.Rows { store, key, version in
    try await store.upsert([Owner(id: key, code: "\(key)-\(version)")])
  } remove: { store, key in
    _ = try await store.delete(Owner.self, key)
  } read: { store, key in
    try await store.find(Owner.self, key).flatMap { owner in
      owner.code.split(separator: "-").last.flatMap { Int($0) }
    }
  }
}
