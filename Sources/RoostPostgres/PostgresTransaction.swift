import PostgresClient
import Roost
import RoostCore

/// A transaction on one connection.
final class PostgresTransaction: StorageTransaction, ConnectionUser {
  private let session: ConnectionSession
  /// When the deadline passes: a busy machine may run the timer that closes the connection later.
  private let end: ContinuousClock.Instant

  init(_ connection: PostgresConnection, _ schema: Schema, until end: ContinuousClock.Instant) {
    session = ConnectionSession(connection: connection, schema: schema)
    self.end = end
  }

  /// The connection that the transaction is on.
  var connection: PostgresConnection { session.connection }

  /// Ends the transaction from outside: the server rolls back when the connection goes.
  func expire() async {
    await session.connection.close()
  }

  /// Commits, unless the deadline has passed.
  func commit() async throws(StoreError) {
    try await run { session throws(StoreError) in
      try await storeErrors { () throws(PostgresError) in try await session.connection.commit() }
    }
  }

  /// Runs a call; after the deadline its error is the deadline, not the closed connection, unless
  /// nobody knows whether a commit went through.
  func run<Result: Sendable>(
    _ call: @Sendable (ConnectionSession) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    if ContinuousClock.now >= end { throw TransactionOptions.expired }
    do {
      return try await call(session)
    } catch {
      guard ContinuousClock.now >= end, error.code != .outcomeUnknown else { throw error }
      throw TransactionOptions.expired
    }
  }

  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    try await run { session throws(StoreError) in
      var results: [MutationResult] = []
      for mutation in mutations { results.append(try await session.apply(mutation)) }
      return results
    }
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    try await run { session throws(StoreError) in
      try await session.load(rows)
    }
  }

  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    try await session.scan(query, batchSize: batchSize, body)
  }

  func savepoint<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    // The driver's own errors and the body's come the same way; the body's are never the driver's,
    // but for raw SQL, whose errors stay as they are.
    try await session.connection.savepoint { _ in try await body() }
  }
}
