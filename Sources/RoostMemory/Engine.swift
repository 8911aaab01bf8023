package import Roost
import Synchronization

/// One writer, any number of readers: a transaction works on its own copy of the state, and
/// committing is to put that copy in the place of the last.
///
/// Readers see what is durable. The next writer starts from what is queued, so that commits can
/// be made durable in groups; it is acknowledged only after its predecessors.
package final class Engine: Sendable {
  struct Shared {
    var durable: Snapshot
    var queued: DatabaseState
    var epoch = 0
    var isClosed = false
    var line = WriterLine()
  }

  let shared: Mutex<Shared>
  let log: (any CommitLog)?
  private let isMigrating = Atomic(false)

  /// Starts from a state, for example one that was loaded from files.
  package init(_ state: DatabaseState, log: (any CommitLog)? = nil) {
    shared = Mutex(Shared(durable: Snapshot(state), queued: state))
    self.log = log
  }

  /// A workspace for a writer, or for one who only reads.
  package func workspace(_ state: DatabaseState, _ functions: TriggerFunctions) -> Workspace {
    Workspace(state, isRecording: log != nil, functions: functions)
  }

  /// The last durable state: what plain reads see.
  package func snapshot() throws(StoreError) -> DatabaseState { try durable().state }

  private func durable() throws(StoreError) -> Snapshot {
    let snapshot = shared.withLock { $0.isClosed ? nil : $0.durable }
    guard let snapshot else { throw Self.closed }
    return snapshot
  }

  /// Refuses new work and makes what is queued durable.
  package func close() async {
    let waiters = shared.withLock { shared in
      shared.isClosed = true
      return shared.line.close()
    }
    for waiter in waiters { waiter.refuse(Self.closed) }
    await log?.close()
  }

  static let closed = StoreError(.closed, "the store is closed")
}

extension Engine: ImmediateReads {
  package func row(
    _ table: String, key first: Value, _ rest: [Value]
  ) throws(StoreError) -> [Value]? {
    try durable().state.row(table, key: first, rest)
  }
}

/// A state that nobody changes any more. A class, so that who reads takes one reference, not one to
/// each of its parts.
final class Snapshot: Sendable {
  let state: DatabaseState

  init(_ state: DatabaseState) {
    self.state = state
  }
}

// The right to migrate.

extension Engine {
  /// How long a migration of another handle is waited for, and how often it is looked for.
  private static let migrationTimeout = Duration.seconds(300)
  private static let migrationPause = Duration.milliseconds(5)

  /// Runs a body while no other handle of this engine migrates. Reading and writing go on.
  func withMigrationLock<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    let start = ContinuousClock.now
    while isMigrating.exchange(true, ordering: .acquiring) {
      guard ContinuousClock.now - start < Self.migrationTimeout else {
        throw StoreError(.deadlineExceeded, "another handle has been migrating for too long")
      }
      try await Task.sleep(for: Self.migrationPause)
    }
    defer { isMigrating.store(false, ordering: .releasing) }
    return try await body()
  }
}
