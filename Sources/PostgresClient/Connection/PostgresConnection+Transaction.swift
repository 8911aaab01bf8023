import Foundation
import PostgresWire
import RoostCore

/// How a transaction is to run.
public struct PostgresTransactionOptions: Sendable, Hashable {
  /// What a transaction sees of others.
  public enum Isolation: String, Sendable, Hashable {
    /// Each statement sees what was committed before it.
    case readCommitted = "READ COMMITTED"
    /// All statements see what was committed before the first.
    case repeatableRead = "REPEATABLE READ"
    /// As if one ran after the other.
    case serializable = "SERIALIZABLE"
  }

  /// What it sees of others; nil for the session's default.
  public var isolation: Isolation?
  /// Whether it may not write.
  public var isReadOnly: Bool
  /// Whether a serializable, read-only one waits at first, to be safe from failures later.
  public var isDeferrable: Bool
  /// How often it is run in all, when it fails with 40001 or 40P01; 1 never runs it again.
  public var attempts: Int

  /// The session's default transaction, run once, unless more is said.
  public init(
    isolation: Isolation? = nil, readOnly: Bool = false, deferrable: Bool = false,
    attempts: Int = 1
  ) {
    self.isolation = isolation
    isReadOnly = readOnly
    isDeferrable = deferrable
    self.attempts = attempts
  }

  /// The statement that begins it.
  var beginStatement: String {
    var text = "BEGIN"
    if let isolation { text += " ISOLATION LEVEL \(isolation.rawValue)" }
    if isReadOnly { text += " READ ONLY" }
    if isDeferrable { text += " DEFERRABLE" }
    return text
  }
}

extension PostgresConnection {
  /// The longest wait before a transaction is run again, in milliseconds.
  private static let retryMillisecondsMax = 1_000

  /// Begins a transaction; `commit` or `rollback` ends it. When it throws, there is none.
  public func begin(
    _ options: PostgresTransactionOptions = PostgresTransactionOptions()
  ) async throws(PostgresError) {
    let wasIdle = transactionStatus == .idle
    do throws(PostgresError) {
      try await simple(options.beginStatement)
    } catch {
      // Cancelled too late, perhaps.
      if wasIdle { await leaveTransaction() }
      throw error
    }
  }

  /// Commits the transaction.
  ///
  /// Throws `transactionRolledBack` when the server rolled it back instead, because a statement in
  /// it had failed, and `outcomeUnknown` when the connection was lost after COMMIT was sent. In a
  /// task that is cancelled meanwhile, or late, it throws `cancelled` or `deadlineExceeded` only
  /// when the server says that nothing was committed; a COMMIT that came to its end counts.
  public func commit() async throws(PostgresError) {
    if isClosed { throw .closed }
    let results: [PostgresResult]
    do throws(PostgresError) {
      results = try await simple("COMMIT")
    } catch {
      switch error.completedTag {
      case "COMMIT": return
      case .some: throw Self.answeredWithRollback
      case nil: break
      }
      guard isClosed, error.code != .encoding else { throw error }
      throw PostgresError(
        .outcomeUnknown, "the connection was lost after COMMIT was sent",
        server: error.server, cause: error)
    }
    guard results.last?.tag.description != "ROLLBACK" else { throw Self.answeredWithRollback }
  }

  private static var answeredWithRollback: PostgresError {
    PostgresError(
      .transactionRolledBack,
      "COMMIT was answered with ROLLBACK: a statement of the transaction had failed")
  }

  /// Rolls the transaction back.
  public func rollback() async throws(PostgresError) {
    try await simple("ROLLBACK")
  }

  /// Runs a closure in a transaction, on the connection's thread: commits when it returns, rolls
  /// back when it throws.
  ///
  /// With `attempts` above 1, the whole closure is run again after 40001 (serialization failure)
  /// and 40P01 (deadlock), after a short random wait. The closure's own error is rethrown
  /// unchanged.
  @discardableResult
  public func transaction<T: Sendable>(
    _ options: PostgresTransactionOptions = PostgresTransactionOptions(),
    _ body: @Sendable (PostgresConnection) async throws -> T
  ) async throws -> T {
    var attempt = 1
    while true {
      do {
        return try await run { connection in
          try await connection.transactionOnce(options, body)
        }
      } catch let error as PostgresError
        where error.isRetryable && attempt < options.attempts && !isClosed
      {
        let most = min(1 << min(attempt + 2, 16), Self.retryMillisecondsMax)
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...most)))
        attempt += 1
      }
    }
  }

  private func transactionOnce<T: Sendable>(
    _ options: PostgresTransactionOptions,
    _ body: @Sendable (PostgresConnection) async throws -> T
  ) async throws -> T {
    try await begin(options)
    let result: T
    do {
      result = try await body(self)
    } catch {
      await leaveTransaction()
      throw error
    }
    do throws(PostgresError) {
      try await commit()
    } catch {
      await leaveTransaction()
      throw error
    }
    return result
  }

  /// Sees to it that the session is in no transaction, or closed: whoever uses it next would be
  /// inside.
  func leaveTransaction() async {
    guard !isClosed, transactionStatus != .idle else { return }
    do throws(PostgresError) {
      try await simpleDespiteCancellation("ROLLBACK")
    } catch {
      await close()
    }
  }

  /// Runs a script to its end, also in a task that is cancelled, before or meanwhile; then it has
  /// `cancelTimeout`.
  private func simpleDespiteCancellation(_ script: String) async throws(PostgresError) {
    if !Task.isCancelled {
      do throws(PostgresError) {
        try await simple(script)
        return
      } catch {
        if error.ranToItsEnd { return }
        guard error.code == .cancelled, !isClosed else { throw error }
      }
    }
    let task = Task(executorPreference: loop) { () -> PostgresError? in
      do throws(PostgresError) {
        try await self.simple(script, timeout: self.core.configuration.cancelTimeout)
        return nil
      } catch {
        return error.ranToItsEnd ? nil : error
      }
    }
    if let error = await task.value { throw error }
  }

  /// Runs a closure under a savepoint: what it did is undone when it throws, and the transaction
  /// goes on.
  ///
  /// Savepoints nest. The closure's own error is rethrown unchanged.
  @discardableResult
  public func savepoint<T: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> T
  ) async throws -> T {
    // A name of its own: one that was cancelled half-way may have left a savepoint inside.
    let name = await onLoop {
      core.savepointCount += 1
      return "roost_\(core.savepointCount)"
    }
    try await simple("SAVEPOINT \(name)")
    let result: T
    do {
      result = try await run(body)
    } catch {
      if !isClosed {
        try await simpleDespiteCancellation(
          "ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)")
      }
      throw error
    }
    try await simple("RELEASE SAVEPOINT \(name)")
    return result
  }
}
