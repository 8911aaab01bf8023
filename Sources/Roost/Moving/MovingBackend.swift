import Foundation
import RoostCore
import Synchronization

/// Two backends that are one store while it moves from the first to the second.
///
/// Changes go to the store that counts, and into its journal, in one transaction. Each such
/// transaction looks at the move's state in the store itself, under a lock, so that no process can
/// write by an old state. Reads go to the store that counts, and a share of them to the other.
///
/// Promise: a reader never sees a value older than the last that its process wrote.
package final class MovingBackend: StorageBackend {
  /// Another store counts than the one that a transaction was begun on.
  private struct AuthorityChanged: Error {}

  package let from: any StorageBackend
  package let to: any StorageBackend
  let schema: Schema
  let links: TableLinks
  package let pending = PendingRows()
  let comparison: ReadComparison
  private let current: Mutex<MoveState>
  private let tasks = Mutex<[Task<Void, Never>]>([])
  /// How much waited in the journal when it was last looked at.
  private let depth = Mutex(ChangeJournal.Depth(count: 0))
  private let isAnsweringAlone = Atomic(false)

  /// The pause before the state and the journal are looked at again.
  private static let followingPause = Duration.milliseconds(100)
  /// How many rows may wait behind a store that answers alone, before its writers do.
  static let waitingLimit = 100_000
  /// How long closing such a store waits for what is on its way.
  private static let closingLimit = Duration.seconds(10)

  /// Takes over two backends whose state has been read.
  init(
    from: any StorageBackend, to: any StorageBackend, schema: Schema, links: TableLinks,
    state: MoveState
  ) {
    self.from = from
    self.to = to
    self.schema = schema
    self.links = links
    current = Mutex(state)
    comparison = ReadComparison(links: links, from: from, to: to, pending: pending)
  }

  var journal: ChangeJournal { ChangeJournal(links: links) }

  /// The state as this process has last seen it.
  package var state: MoveState { current.withLock { $0 } }

  func backend(_ side: MoveSide) -> any StorageBackend { side == .from ? from : to }

  var authority: any StorageBackend { backend(state.authority) }

  package var location: String {
    let state = state
    if state.stage == .complete { return to.location }
    return "\(backend(state.authority).location) (moving from \(from.location) to "
      + "\(to.location): \(state.stage.rawValue))"
  }

  /// What both offer. Raw SQL would pass beside the journal.
  package var capabilities: Set<Capability> {
    from.capabilities.intersection(to.capabilities).subtracting([.sql])
  }

  /// Keeps up with what other processes do to the move and its journal, and runs the move, until
  /// the backend is closed.
  /// - Parameter mover: what runs it; nil when another process does.
  package func begin(_ mover: Mover?) {
    let follower = Task { [weak self] in
      var round = 0
      while !Task.isCancelled {
        guard let self else { return }
        // What cannot be reached now is asked again; meanwhile nothing is taken for carried.
        _ = try? await self.refresh()
        try? await self.forgetCarried()
        // To count a long journal takes its time.
        if round.isMultiple(of: 10) { try? await self.lookAtJournal() }
        round += 1
        do { try await Task.sleep(for: Self.followingPause) } catch { return }
      }
    }
    let runner = mover.map { mover in Task { await mover.run() } }
    tasks.withLock { $0 = [follower, runner].compactMap { $0 } }
  }

  /// The store that counts is the only one that anybody asks: its writers are held back when too
  /// much waits, and closing it waits for what is on its way.
  func answersAlone() { isAnsweringAlone.store(true, ordering: .relaxed) }

  private func lookAtJournal() async throws(StoreError) {
    let state = state
    guard state.stage.isNoting else { return }
    let found = try await journal.depth(in: backend(state.authority))
    depth.withLock { $0 = found }
  }

  /// Reads the state where it is newest.
  @discardableResult
  func refresh() async throws(StoreError) -> MoveState {
    let known = state
    var newest = known
    // The other side is ahead only when the one that counted has been fenced.
    for side in known.isFenced ? [known.authority, known.authority.other] : [known.authority] {
      guard let found = try await MoveRecords.read(MoveRecords.state, in: backend(side)) else {
        throw Self.stateIsGone(side)
      }
      if found.state.revision > newest.revision { newest = found.state }
      if newest.isFenced, side == known.authority, !known.isFenced {
        let other = try? await MoveRecords.read(MoveRecords.state, in: backend(side.other))
        if let other, other.state.revision > newest.revision { newest = other.state }
      }
    }
    adopt(newest)
    return state
  }

  /// Takes a state that was read or written, unless a newer one is known.
  func adopt(_ state: MoveState) {
    current.withLock { current in
      if state.revision > current.revision { current = state }
    }
  }

  private static func stateIsGone(_ side: MoveSide) -> StoreError {
    StoreError(
      .corrupted, "the state of the move is gone from the \(side == .from ? "old" : "new") store")
  }

  /// Takes what waits for what this process has changed: it may be one that was killed and is back,
  /// and whose clients know what they wrote.
  func rememberWaiting() async throws(StoreError) {
    let state = state
    guard state.stage.isNoting else { return }
    let waiting = try await journal.next(PendingRows.limit + 1, in: backend(state.authority))
    var versions: [RowReference: UUID] = [:]
    for entry in waiting { versions[entry.row] = entry.version }
    pending.add(versions)
    pending.end(versions)
  }

  /// Forgets those pending rows that are not in the journal any more.
  package func forgetCarried() async throws(StoreError) {
    let (ended, overflow) = pending.ended()
    guard !ended.isEmpty || overflow > 0 else { return }
    let backend = authority
    if overflow > 0, try await journal.depth(in: backend).count == 0 {
      pending.clearOverflow(overflow)
    }
    let waiting = try await journal.versions(of: ended.keys, in: backend)
    pending.remove(ended.filter { waiting[$0.key] == nil })
  }

  /// That of the store that counts; degraded while the other one cannot be reached.
  package func health() async -> Health {
    let state = state
    let health = await backend(state.authority).health()
    guard health == .ready, state.stage.isNoting else { return health }
    switch await backend(state.authority.other).health() {
    case .ready: return .ready
    case .degraded(let reason), .unavailable(let reason):
      return .degraded("changes wait for \(backend(state.authority.other).location): \(reason)")
    }
  }

  /// How much waits, for how long, and how reads compared.
  package func figures() async -> [Figure] {
    let (depth, reads) = (depth.withLock { $0 }, comparison.figures)
    let age = depth.oldest.map { max(0, Timestamp.now().date.timeIntervalSince($0.date)) } ?? 0
    let own = [
      Figure(
        "roost_changes_waiting", Double(depth.count),
        help: "How many changed rows wait to be carried to the other store."),
      Figure(
        Figure.lagSeconds, age, labels: ["to": backend(state.authority.other).location],
        help: "How many seconds a copy is behind what it copies."),
      Figure(
        "roost_move_reads_matched_total", Double(reads.matched + reads.lagged), kind: .counter,
        help: "How many reads were compared with the other store and equal."),
      Figure(
        "roost_move_reads_mismatched_total", Double(reads.mismatched), kind: .counter,
        help: "How many reads were compared with the other store and not equal."),
    ]
    return await own + from.figures() + to.figures()
  }

  package func close() async {
    if isAnsweringAlone.load(ordering: .relaxed) {
      let end = ContinuousClock.now + Self.closingLimit
      while ContinuousClock.now < end, (try? await journal.depth(in: from).count) != 0 {
        try? await Task.sleep(for: .milliseconds(10))
      }
    }
    let tasks = tasks.withLock { $0 }
    for task in tasks { task.cancel() }
    await comparison.finish()
    for task in tasks { await task.value }
    await from.close()
    await to.close()
  }
}

// Changes.

extension MovingBackend {
  package func transaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    let end = ContinuousClock.now + options.deadline
    while true {
      let side = try await writableSide(until: end)
      let remaining = options.with(deadline: end - .now)
      // The versions that the transaction notes.
      let noted = Mutex<[RowReference: UUID]>([:])
      defer { pending.end(noted.withLock { $0 }) }
      do {
        return try await backend(side).transaction(remaining) { inner in
          let tracked = TrackedTransaction(inner, links)
          if options.isReadOnly { return try await body(tracked) }
          let state = try await checkAuthority(side, in: inner)
          let result = try await body(tracked)
          let touched = tracked.touched
          if state.stage.isNoting, !touched.isEmpty {
            let versions = try await journal.note(touched, in: inner, at: .now())
            noted.withLock { $0 = versions }
            pending.add(versions)
          }
          return result
        }
      } catch is AuthorityChanged {
        // The two sides may be told one after the other.
        guard ContinuousClock.now < end else {
          throw StoreError(.unavailable, "the stores of the move are changing places")
        }
        try await Task.sleep(for: .milliseconds(5))
        try await refresh()
      }
    }
  }

  /// Whether a store counts, as it says itself, for as long as the transaction lasts.
  private func checkAuthority(
    _ side: MoveSide, in session: any StorageTransaction
  ) async throws -> MoveState {
    let record = try await MoveRecords.read(MoveRecords.state, in: session, lock: .forShare)
    guard let record else { throw Self.stateIsGone(side) }
    adopt(record.state)
    guard record.state.authority == side, !record.state.isFenced else { throw AuthorityChanged() }
    return record.state
  }

  /// The side that counts, when it may be written again.
  /// - Throws: `unavailable` when the stores change places for longer than the caller can wait.
  private func writableSide(
    until end: ContinuousClock.Instant
  ) async throws(StoreError) -> MoveSide {
    var state = state
    while state.isFenced || isTooDeep {
      guard ContinuousClock.now < end else {
        throw StoreError(
          .unavailable,
          state.isFenced
            ? "the stores of the move are changing places"
            : "more than \(Self.waitingLimit) rows wait for \(to.location)")
      }
      do { try await Task.sleep(for: .milliseconds(10)) } catch {
        throw StoreError(.cancelled, "the task was cancelled")
      }
      state = try await refresh()
    }
    return state.authority
  }

  private var isTooDeep: Bool {
    isAnsweringAlone.load(ordering: .relaxed)
      && depth.withLock { $0.count } > Self.waitingLimit
  }

  package func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    if mutations.isEmpty { return [] }
    return try await one { session throws(StoreError) in try await session.apply(mutations) }
  }

  package func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    try await one { session throws(StoreError) in
      try await session.load(rows)
    }
  }

  /// A call that has a transaction for itself.
  func one<Result: Sendable>(
    _ body: @Sendable (any StorageTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try await transacting(.oneCall, body)
  }
}

// Migrations.

extension MovingBackend {
  /// Throws `unsupported`: a schema does not change while its rows move.
  package func migrate<Result: Sendable>(
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result {
    throw StoreError(.unsupported, "a store is not migrated while it moves")
  }

  package func appliedMigrations() async throws(StoreError) -> [AppliedMigration] {
    try await authority.appliedMigrations()
  }

  package func invalidIndexes() async throws(StoreError) -> [SchemaDrift] {
    try await authority.invalidIndexes()
  }

  /// Both have the schema already.
  package func adopt(_ schema: Schema) async throws(StoreError) {}
}
