package import Roost
import Synchronization

/// One writer, any number of readers: a transaction works on its own copy of the state, and
/// committing is to put that copy in the place of the last.
///
/// Readers see what is durable. The next writer starts from what is queued, so that commits can
/// be made durable in groups; it is acknowledged only after its predecessors.
package final class Engine: Sendable {
  private struct Shared {
    var durable: Snapshot
    var queued: DatabaseState
    var epoch = 0
    var isClosed = false
    /// Who holds the right to write.
    var writer: UInt64?
    var nextTicket: UInt64 = 0
    var waiters: [Waiter] = []
  }

  private struct Waiter {
    var ticket: UInt64
    var continuation: CheckedContinuation<StoreError?, Never>
  }

  private let shared: Mutex<Shared>
  private let log: (any CommitLog)?
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
      defer { shared.waiters = [] }
      return shared.waiters
    }
    for waiter in waiters { waiter.continuation.resume(returning: Self.closed) }
    await log?.close()
  }

  private static let closed = StoreError(.closed, "the store is closed")
}

extension Engine: ImmediateReads {
  package func row(_ table: String, key: [Value]) throws(StoreError) -> [Value]? {
    try durable().state.row(table, key: key)
  }
}

/// A state that nobody changes any more. A class, so that who reads takes one reference, not one to
/// each of its parts.
private final class Snapshot: Sendable {
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

// The right to write.

extension Engine {
  /// What a writer starts with.
  package struct Grant: Sendable {
    package let ticket: UInt64
    package let epoch: Int
    package let state: DatabaseState
  }

  /// Waits for the right to write, first come first served.
  /// - Throws: `deadlineExceeded`, `cancelled` or `closed`.
  package func acquire(within deadline: Duration) async throws(StoreError) -> Grant {
    let ticket = shared.withLock { shared in
      shared.nextTicket += 1
      return shared.nextTicket
    }
    if !tryAcquire(ticket) {
      let timer = Task { [weak self] in
        try await Task.sleep(for: deadline)
        self?.abandon(
          ticket, StoreError(.deadlineExceeded, "another transaction held the store too long"))
      }
      let failure = await withTaskCancellationHandler {
        await withCheckedContinuation { wait(ticket, $0) }
      } onCancel: {
        abandon(ticket, StoreError(.cancelled, "the task was cancelled"))
      }
      timer.cancel()
      if let failure { throw failure }
    }
    let (epoch, state, isClosed) = shared.withLock { ($0.epoch, $0.queued, $0.isClosed) }
    guard !isClosed else {
      release(ticket)
      throw Self.closed
    }
    return Grant(ticket: ticket, epoch: epoch, state: state)
  }

  private func tryAcquire(_ ticket: UInt64) -> Bool {
    shared.withLock { shared in
      guard shared.writer == nil, shared.waiters.isEmpty else { return false }
      shared.writer = ticket
      return true
    }
  }

  private func wait(_ ticket: UInt64, _ continuation: CheckedContinuation<StoreError?, Never>) {
    let answer: StoreError?? = shared.withLock { shared in
      if shared.isClosed { return .some(Self.closed) }
      if Task.isCancelled { return .some(StoreError(.cancelled, "the task was cancelled")) }
      if shared.writer == nil && shared.waiters.isEmpty {
        shared.writer = ticket
        return .some(nil)
      }
      shared.waiters.append(Waiter(ticket: ticket, continuation: continuation))
      return nil
    }
    if let answer { continuation.resume(returning: answer) }
  }

  private func abandon(_ ticket: UInt64, _ error: StoreError) {
    let waiter = shared.withLock { shared -> Waiter? in
      guard let index = shared.waiters.firstIndex(where: { $0.ticket == ticket }) else {
        return nil
      }
      return shared.waiters.remove(at: index)
    }
    waiter?.continuation.resume(returning: error)
  }

  /// Gives the right to write to the next in line. Does nothing when the ticket has it no more.
  package func release(_ ticket: UInt64) {
    let next = shared.withLock { shared -> Waiter? in
      guard shared.writer == ticket else { return nil }
      guard !shared.waiters.isEmpty else {
        shared.writer = nil
        return nil
      }
      let next = shared.waiters.removeFirst()
      shared.writer = next.ticket
      return next
    }
    next?.continuation.resume(returning: nil)
  }
}

// Commits.

extension Engine {
  /// Makes a workspace the state that the next writer starts from, gives up the right to write,
  /// and waits until the commit is durable.
  /// - Throws: `serializationFailure` when the state that the workspace started from was lost,
  ///   `deadlineExceeded` when the right to write was taken away, `closed`; what the log throws.
  package func commit(
    _ workspace: Workspace, _ grant: Grant, migration: MigrationChange? = nil
  ) async throws(StoreError) {
    let refusal = shared.withLock { shared -> StoreError? in
      if shared.isClosed { return Self.closed }
      guard shared.writer == grant.ticket else {
        return StoreError(.deadlineExceeded, "the transaction took too long")
      }
      guard shared.epoch == grant.epoch else {
        return StoreError(
          .serializationFailure, "an earlier commit that this transaction had read was lost")
      }
      shared.queued = workspace.state
      if log == nil { shared.durable = Snapshot(workspace.state) }
      return nil
    }
    guard let log, refusal == nil else {
      release(grant.ticket)
      if let refusal { throw refusal }
      return
    }
    let commit = Commit(
      epoch: grant.epoch, effects: workspace.effects, migration: migration, state: workspace.state)
    let failure = await withCheckedContinuation { continuation in
      log.append(commit) { error in
        self.settle(commit, error)
        continuation.resume(returning: error)
      }
      // Only now: the next commit must be appended behind this one.
      release(grant.ticket)
    }
    if let failure { throw failure }
  }

  private func settle(_ commit: Commit, _ error: StoreError?) {
    shared.withLock { shared in
      if error == nil {
        shared.durable = Snapshot(commit.state)
      } else if shared.epoch == commit.epoch {
        shared.epoch += 1
        shared.queued = shared.durable.state
      }
    }
  }
}
