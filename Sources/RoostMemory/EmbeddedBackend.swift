package import Roost

/// A backend over an engine in this process; what is durable about it is the engine's log.
package final class EmbeddedBackend: StorageBackend, ImmediateSession {
  package let location: String
  package let capabilities: Set<Capability>
  private let engine: Engine
  private let functions: TriggerFunctions
  private let condition: @Sendable () -> EmbeddedCondition
  private let onClose: @Sendable () async -> Void

  /// Makes a backend.
  /// - Parameters:
  ///   - condition: says how what makes the engine durable is.
  ///   - onClose: is called instead of closing the engine.
  package init(
    _ engine: Engine, location: String, capabilities: Set<Capability>,
    functions: TriggerFunctions,
    condition: @escaping @Sendable () -> EmbeddedCondition = { EmbeddedCondition() },
    onClose: @escaping @Sendable () async -> Void
  ) {
    self.engine = engine
    self.condition = condition
    self.functions = functions
    self.location = location
    self.capabilities = capabilities
    self.onClose = onClose
  }

  package var immediateReads: (any ImmediateReads)? { engine }

  package func identity() async throws(StoreError) -> String? {
    "engine \(ObjectIdentifier(engine))"
  }

  package func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    try engine.snapshot().get(table, keys: keys)
  }

  package func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    try engine.snapshot().answer(query)
  }

  package func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try engine.snapshot().aggregate(query)
  }

  package func explain(_ query: Query) async throws(StoreError) -> String {
    try engine.snapshot().explain(query)
  }

  package func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    try await engine.snapshot().scan(query, batchSize: batchSize, body)
  }

  package func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    try await engine.write(within: TransactionOptions().deadline, functions) {
      workspace throws(StoreError) in
      var results: [MutationResult] = []
      for mutation in mutations { results.append(try workspace.apply(mutation)) }
      return results
    }
  }

  package func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    try await engine.write(within: TransactionOptions().deadline, functions) {
      workspace throws(StoreError) in
      try workspace.load(rows)
    }
  }

  package func transaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    if options.isReadOnly {
      let transaction = EmbeddedTransaction(
        engine.workspace(try engine.snapshot(), functions), isReadOnly: true,
        deadline: options.deadline)
      let result = try await body(transaction)
      _ = try transaction.finished()
      return result
    }
    let grant = try await engine.acquire(within: options.deadline)
    let transaction = EmbeddedTransaction(
      engine.workspace(grant.state, functions), isReadOnly: false, deadline: options.deadline)
    // The right to write must not stay with a body that never comes back.
    let timer = Task { [engine] in
      try await Task.sleep(for: options.deadline)
      transaction.expire()
      engine.release(grant.ticket)
    }
    defer { timer.cancel() }
    do {
      let result = try await body(transaction)
      let workspace = try transaction.finished()
      try await engine.commit(workspace, grant)
      return result
    } catch {
      engine.release(grant.ticket)
      throw error
    }
  }

  package func appliedMigrations() async throws(StoreError) -> [AppliedMigration] {
    try engine.snapshot().migrations.map(\.record)
  }

  package func adopt(_ schema: Schema) async throws(StoreError) {
    let stored = try engine.snapshot().catalog.schema
    for (name, table) in schema.tables.sorted(by: { $0.key < $1.key })
    where stored.tables[name] != table {
      throw StoreError(
        .schemaDrift,
        "\(location) does not hold the table \"\(name)\" as the migrations declare it",
        table: name)
    }
  }

  package func drifts(
    from applied: [PlannedMigration], _ schema: Schema
  ) async throws(StoreError) -> [SchemaDrift] {
    SchemaComparison.drifts(expected: schema, found: try engine.snapshot().catalog.schema)
  }

  package func health() async -> Health {
    do {
      _ = try engine.snapshot()
      let failed = condition().checks.first { $0.state == .failed }
      return failed.map { .unavailable($0.text) } ?? .ready
    } catch {
      return .unavailable(error.message)
    }
  }

  package func figures() async -> [Figure] {
    guard let state = try? engine.snapshot() else { return [] }
    return state.figures() + condition().figures
  }

  package func healthChecks() async -> [HealthCheck] { condition().checks }

  package func close() async { await onClose() }

  package func migrate<Result: Sendable>(
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result {
    try await engine.withMigrationLock {
      try await body(EmbeddedMigrationSession(engine: engine, functions: functions))
    }
  }
}
