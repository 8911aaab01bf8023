import PostgresClient
import Roost
import RoostCore
import Synchronization

/// Rows in a Postgres database, over Roost's own driver.
final class PostgresBackend: StorageBackend, ConnectionUser {
  let location: String
  let capabilities: Set<Capability> = [.durable, .shared, .sql]
  let configuration: PostgresConfiguration
  /// The schema that unqualified names are found in; nil for the server's default.
  let schemaName: String?
  private let pool: PostgresPool
  /// Where replication is asked for: it must be heard of while all of the pool is in use.
  private let monitor: PostgresPool
  private let schema = Mutex(Schema())

  /// How long a server may take to say how far it has come.
  private static let answerTimeout = Duration.seconds(2)

  init(
    _ configuration: PostgresConfiguration, _ options: PostgresPoolOptions, schemaName: String?
  ) throws(PostgresError) {
    self.configuration = configuration
    self.schemaName = schemaName
    location = "\(configuration)"
    pool = try PostgresPool(configuration, options: options)
    var single = PostgresPoolOptions()
    (single.maximum, single.acquireTimeout) = (1, Self.answerTimeout)
    var quick = configuration
    // A server that does not answer is left at once.
    (quick.queryTimeout, quick.cancelTimeout) = (Self.answerTimeout, .zero)
    monitor = try PostgresPool(quick, options: single)
  }

  /// The figures of the pool, and how many connections it may have.
  var poolState: (statistics: PostgresPoolStatistics, limit: Int) {
    (pool.statistics, pool.options.maximum + pool.options.overflow)
  }

  /// Runs a body with a connection of the pool.
  func withConnection<Result: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Result
  ) async throws -> Result {
    try await pool.withConnection(body)
  }

  /// Runs calls on a connection of the pool.
  func run<Result: Sendable>(
    _ call: @Sendable (ConnectionSession) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try await run(on: pool, call)
  }

  /// Runs calls on the connection that is for questions about the server.
  func monitoring<Result: Sendable>(
    _ call: @Sendable (ConnectionSession) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try await run(on: monitor, call)
  }

  private func run<Result: Sendable>(
    on pool: PostgresPool,
    _ call: @Sendable (ConnectionSession) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    let schema = schema.withLock { $0 }
    do {
      return try await pool.withConnection { connection in
        try await call(ConnectionSession(connection: connection, schema: schema))
      }
    } catch let error as StoreError {
      throw error
    } catch let error as PostgresError {
      throw StoreError(error)
    } catch is CancellationError {
      throw StoreError(.cancelled, "the task was cancelled")
    } catch {
      throw StoreError(.internal, "\(error)")
    }
  }

  func identity() async throws(StoreError) -> String? {
    try await run { session throws(StoreError) in try await session.identity() }
  }

  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    // One statement is a transaction of its own, and saves two round trips.
    if mutations.count == 1, let only = mutations.first, only.isOneStatement {
      return try await run { session throws(StoreError) in
        do throws(StoreError) {
          return [try await session.apply(only)]
        } catch {
          // The statement had been sent: it may have been committed.
          guard session.connection.isClosed else { throw error }
          throw StoreError(.outcomeUnknown, "the connection was lost: \(error.message)")
        }
      }
    }
    return try await inTransaction { session in try await session.apply(mutations) }
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    try await inTransaction { session in
      try await session.load(rows)
    }
  }

  private func inTransaction<Result: Sendable>(
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws(StoreError) -> Result {
    do {
      return try await transaction(TransactionOptions(isolation: .readCommitted), body)
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(.internal, "\(error)")
    }
  }

  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    let options = TransactionOptions(
      isolation: .repeatableRead, isReadOnly: true, deadline: .seconds(86_400))
    try await transaction(options) { transaction in
      try await transaction.scan(query, batchSize: batchSize, body)
    }
  }

  func transaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    let schema = schema.withLock { $0 }
    let begin = PostgresTransactionOptions(
      isolation: options.isolation.driver, readOnly: options.isReadOnly)
    let outcome: Outcome<Result>
    do {
      outcome = try await pool.withConnection { connection in
        try await connection.begin(begin)
        let end = ContinuousClock.now + options.deadline
        let transaction = PostgresTransaction(connection, schema, until: end)
        let timer = Task {
          try await Task.sleep(until: end)
          await transaction.expire()
        }
        defer { timer.cancel() }
        let result: Result
        do {
          result = try await body(transaction)
        } catch {
          // The pool rolls back what is left open.
          return .bodyFailed(error)
        }
        try await transaction.commit()
        return .committed(result)
      }
    } catch let error as PostgresError {
      throw StoreError(error)
    }
    switch outcome {
    case .committed(let result): return result
    case .bodyFailed(let error): throw error
    }
  }

  /// Keeps the body's own error apart from the driver's.
  private enum Outcome<Result: Sendable>: Sendable {
    case committed(Result)
    case bodyFailed(any Error)
  }

  func appliedMigrations() async throws(StoreError) -> [AppliedMigration] {
    try await run { session throws(StoreError) in
      try await MigrationTable.read(session.connection)
    }
  }

  func migrate<Result: Sendable>(
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result {
    try await PostgresMigrationSession.run(configuration, schemaName: schemaName, body)
  }

  func drifts(
    from applied: [PlannedMigration], _ schema: Schema
  ) async throws(StoreError) -> [SchemaDrift] {
    try await ShadowSchema.drifts(from: applied, configuration)
  }

  func invalidIndexes() async throws(StoreError) -> [SchemaDrift] {
    try await run { session throws(StoreError) in
      try await InvalidIndexes.read(session.connection)
    }
  }

  func adopt(_ schema: Schema) async throws(StoreError) {
    if !schema.tables.isEmpty {
      try await run { session throws(StoreError) in
        try await CatalogCheck.run(schema, session.connection)
      }
    }
    self.schema.withLock { $0 = schema }
  }

  func health() async -> Health {
    do {
      let isReadOnly = try await run { session throws(StoreError) in
        try await storeErrors { () throws(PostgresError) in
          try await session.connection.queryOne(
            "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool",
            as: Bool.self)
        }
      }
      return isReadOnly ? .unavailable("the server takes no writes") : .ready
    } catch {
      return .unavailable(error.message)
    }
  }

  func close() async {
    await monitor.close()
    await pool.close()
  }
}

extension Mutation {
  /// Whether Postgres does it in one statement.
  fileprivate var isOneStatement: Bool {
    guard case .insert(let insert) = self else { return true }
    let limit = Statements.parameterLimit / max(1, insert.columns.count)
    return insert.rows.count <= min(limit, Statements.rowsPerInsert)
  }
}

extension TransactionOptions.Isolation {
  fileprivate var driver: PostgresTransactionOptions.Isolation {
    switch self {
    case .serializable: .serializable
    case .repeatableRead: .repeatableRead
    case .readCommitted: .readCommitted
    }
  }
}
