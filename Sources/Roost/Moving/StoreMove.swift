import Foundation
package import RoostCore
import Synchronization

/// The move of a store from one backend to another, while the store is in use.
///
///     let store = try await Store.open(
///       "postgres://...", backends: [.memory, .file, .postgres], migrations: [.coherence],
///       movingFrom: "file:data")
///     try await store.move?.request(.shadow)
public struct StoreMove: Sendable {
  package let backend: MovingBackend
  package let mover: Mover

  /// Asks for a stage: whoever runs the move takes the steps that lead there, one after the other,
  /// forward or back. A request replaces the one before it.
  /// - Parameters:
  ///   - stage: the stage.
  ///   - readPercent: for `percentage` the share of reads that the new store answers, 1 to 100.
  /// - Throws: `invalidConfiguration` for a share that is none; `unavailable`.
  public func request(
    _ stage: MoveStage, readPercent: Int? = nil
  ) async throws(StoreError) {
    if stage == .percentage { try Self.checkPercent(readPercent) }
    try await mover.write(MoveRequest(stage: stage, readPercent: readPercent), on: .to)
  }

  static func checkPercent(_ percent: Int?) throws(StoreError) {
    guard let percent, (1...100).contains(percent) else {
      throw StoreError(
        .invalidConfiguration, "a share of reads is a number from 1 to 100 percent")
    }
  }

  /// How far the move is.
  public func status() async throws(StoreError) -> MoveStatus {
    let state = try await backend.refresh()
    let request: MoveRequest? =
      if let onNew = try await MoveRecords.read(MoveRecords.request, in: backend.to) { onNew } else
      {
        try await MoveRecords.read(MoveRecords.request, in: backend.from)
      }
    let progress = try await MoveRecords.read(MoveRecords.backfill, in: backend.to)
    let lease = try await MoveRecords.read(MoveRecords.lease, in: backend.to)
    let depth = try await backend.journal.depth(in: backend.backend(state.authority))
    let figures = backend.comparison.figures
    var status = MoveStatus(
      from: backend.from.location, to: backend.to.location, state: state, request, progress, lease,
      depth)
    status.matched = figures.matched
    status.lagged = figures.lagged
    status.mismatched = figures.mismatched
    status.samples = figures.samples.map { "\($0.table) \($0.key)" }
    status.failure = mover.state.withLock { $0.failure?.message }
    return status
  }

  /// Asks for a stage through one of the stores alone, since the other is in another process.
  /// - Throws: `notFound` when the store is in no move; `invalidConfiguration`.
  package static func request(
    _ stage: MoveStage, readPercent: Int? = nil, in store: Store
  ) async throws(StoreError) {
    if stage == .percentage { try checkPercent(readPercent) }
    _ = try await sidedState(in: store)
    try await MoveRecords.write(
      MoveRequest(stage: stage, readPercent: readPercent), as: MoveRecords.request,
      in: store.backend)
  }

  /// What one of the stores alone knows of a move.
  /// - Throws: `notFound` when the store is in no move.
  package static func status(in store: Store) async throws(StoreError) -> MoveStatus {
    let record = try await sidedState(in: store)
    let request = try await MoveRecords.read(MoveRecords.request, in: store.backend)
    let progress = try await MoveRecords.read(MoveRecords.backfill, in: store.backend)
    let lease = try await MoveRecords.read(MoveRecords.lease, in: store.backend)
    let depth = try await ChangeJournal(links: try TableLinks(store.schema)).depth(
      in: store.backend)
    let location = store.backend.location
    return MoveStatus(
      from: record.side == .from ? location : "another process's store",
      to: record.side == .to ? location : "another process's store", state: record.state,
      request, progress, lease, depth)
  }

  /// Whether a store is the new one of a move that is complete.
  static func isComplete(
    _ backend: any StorageBackend, _ schema: Schema
  ) async throws(StoreError) -> Bool {
    guard try await adoptChanges(backend, schema) else { return false }
    let record = try await MoveRecords.read(MoveRecords.state, in: backend)
    return record?.side == .to && record?.state.stage == .complete
  }

  private static func sidedState(
    in store: Store
  ) async throws(StoreError) -> MoveRecords.SidedState {
    guard try await adoptChanges(store.backend, store.schema),
      let state = try await MoveRecords.read(MoveRecords.state, in: store.backend)
    else { throw StoreError(.notFound, "\(store.backend.location) is in no move") }
    return state
  }

  /// Lets a backend know of Roost's own tables.
  /// - Returns: false when it has none.
  private static func adoptChanges(
    _ backend: any StorageBackend, _ schema: Schema
  ) async throws(StoreError) -> Bool {
    let plan = try MigrationPlan([.changes], now: .now())
    let records = try await backend.appliedMigrations()
    guard try plan.pending(after: records, at: .now()).migrations.isEmpty else { return false }
    try await backend.adopt(schema.with(plan.schema))
    return true
  }

  /// Runs the move until the task is cancelled or the move is complete. A store that is moving does
  /// so by itself.
  public func run() async { await mover.run() }
}

/// How far a move is.
public struct MoveStatus: Sendable, Codable {
  /// The old store's place.
  public var from: String
  /// The new store's place.
  public var to: String
  /// What both stores know.
  public var state: MoveState
  /// The stage that was asked for last; nil when none was.
  public var requested: MoveStage?
  /// Why it is refused; nil when it is not.
  public var refusal: String?
  /// Whether somebody runs the move.
  public var isRunning: Bool
  /// How many changed rows wait to be carried.
  public var waiting: Int
  /// How long the first of them has waited, in seconds; 0 when none does.
  public var oldestSeconds: Double
  /// How many rows have been copied.
  public var copied: Int
  /// How many rows there were when the copying began.
  public var total: Int
  /// The table that is being copied; nil when none is.
  public var copying: String?
  /// How many reads of this process were compared and equal.
  public var matched = 0
  /// How many were equal when a change that was on its way had arrived.
  public var lagged = 0
  /// How many were not equal.
  public var mismatched = 0
  /// Table and key of the first rows that were not.
  public var samples: [String] = []
  /// What keeps this process from running the move; nil when nothing does.
  public var failure: String?

  fileprivate init(
    from: String, to: String, state: MoveState, _ request: MoveRequest?,
    _ progress: BackfillProgress?, _ lease: MoveLease?, _ depth: ChangeJournal.Depth
  ) {
    let now = Date().timeIntervalSince1970
    self.from = from
    self.to = to
    self.state = state
    requested = request?.stage
    refusal = request?.refusal
    isRunning = lease.map { $0.owner != nil && now - $0.renewedAt < $0.seconds } ?? false
    waiting = depth.count
    oldestSeconds = depth.oldest.map { max(0, now - $0.date.timeIntervalSince1970) } ?? 0
    copied = progress?.rows ?? 0
    total = progress?.total ?? 0
    copying = progress?.isDone == false ? progress?.table : nil
  }
}

extension Store {
  /// The move that this store is in; nil when it is in none.
  public var move: StoreMove? { core.context.move }
}

extension StoreMove {
  /// Joins two opened backends to one that moves.
  /// - Throws: `invalidConfiguration` when they are one and the same, do not belong together, or
  ///   stand the other way round; `schemaDrift` when their tables differ.
  /// - Parameters:
  ///   - from: the old store with its schema.
  ///   - to: the new store with its schema.
  package static func join(
    from: (backend: any StorageBackend, schema: Schema),
    to: (backend: any StorageBackend, schema: Schema), _ options: Mover.Options = .init(),
    at now: Timestamp, log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) async throws(StoreError) -> StoreMove {
    let (old, new) = (from.backend, to.backend)
    let identities = (try await old.identity(), try await new.identity())
    guard identities.0 == nil || identities.0 != identities.1 else {
      throw StoreError(.invalidConfiguration, "a store cannot move to itself: \(new.location)")
    }
    guard from.schema.tables == to.schema.tables else {
      throw StoreError(.schemaDrift, "\(old.location) and \(new.location) have different tables")
    }
    let plan = try MigrationPlan([.changes], now: now)
    for backend in [old, new] {
      _ = try await plan.apply(to: backend, at: now)
      try await backend.adopt(from.schema.with(plan.schema))
    }
    let state = try await reconcile(old, new)
    let backend = MovingBackend(
      from: old, to: new, schema: from.schema, links: try TableLinks(from.schema), state: state)
    try await backend.rememberWaiting()
    return StoreMove(backend: backend, mover: Mover(backend, options, log: log))
  }

  /// What both stores say of the move, made equal; a new move when neither knows of one.
  private static func reconcile(
    _ from: any StorageBackend, _ to: any StorageBackend
  ) async throws(StoreError) -> MoveState {
    let old = try await MoveRecords.read(MoveRecords.state, in: from)
    let new = try await MoveRecords.read(MoveRecords.state, in: to)
    if old?.side == .to || new?.side == .from {
      throw StoreError(
        .invalidConfiguration,
        "the URLs of the move are the wrong way round, or belong to other moves")
    }
    var state = old?.state ?? new?.state ?? MoveState()
    switch (old?.state, new?.state) {
    case (let old?, let new?) where old.id == new.id:
      state = old.revision > new.revision ? old : new
    case (let old?, nil) where old.stage == .off: state = old
    case (nil, let new?) where new.stage == .off: state = new
    case (nil, nil): break
    default:
      throw StoreError(
        .invalidConfiguration,
        "\(from.location) and \(to.location) do not belong to the same move")
    }
    for (side, backend) in [(MoveSide.from, from), (.to, to)] {
      let known = side == .from ? old?.state : new?.state
      guard known != state else { continue }
      try await MoveRecords.write(
        MoveRecords.SidedState(side: side, state: state), as: MoveRecords.state, in: backend)
    }
    return state
  }
}

extension StoreMove {
  /// Asks for what the environment says: `DUAL_WRITE_MODE` is `on` or `off`, and
  /// `READ_FROM_POSTGRES_PERCENT` a number from 0 to 100. They lead no further than to
  /// `percentage`; the change of places is asked for by a command or in code.
  /// - Throws: `invalidConfiguration`.
  func request(_ environment: [String: String]) async throws(StoreError) {
    var percent: Int?
    if let text = environment["READ_FROM_POSTGRES_PERCENT"] {
      guard let number = Int(text), (0...100).contains(number) else {
        throw StoreError(
          .invalidConfiguration,
          "READ_FROM_POSTGRES_PERCENT=\(text) is no number from 0 to 100")
      }
      percent = number
    }
    let stage: MoveStage
    switch environment["DUAL_WRITE_MODE"] {
    case nil where percent == nil: return
    case "off": stage = .off
    case nil, "on": stage = (percent ?? 0) > 0 ? .percentage : .shadow
    case let word?:
      throw StoreError(.invalidConfiguration, "DUAL_WRITE_MODE=\(word) is none of on, off")
    }
    // What an operator has taken further stays there.
    let reached = backend.state.stage
    if reached >= .live || (percent == nil && stage == .shadow && reached > .shadow) { return }
    try await request(stage, readPercent: stage == .percentage ? percent : nil)
  }
}

extension Schema {
  /// This schema and the tables of another one.
  func with(_ other: Schema) -> Schema {
    var all = self
    all.tables.merge(other.tables) { $1 }
    return all
  }
}
