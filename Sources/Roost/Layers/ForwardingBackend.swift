/// A backend around another one, to which it leaves all that is not about rows: what a layer makes
/// that needs to see the content of calls.
public protocol ForwardingBackend: StorageBackend {
  /// The backend below.
  var backend: any StorageBackend { get }
}

extension ForwardingBackend {
  /// That of the backend below.
  public var location: String { backend.location }

  /// What the backend below offers.
  public var capabilities: Set<Capability> { backend.capabilities }

  /// That of the backend below.
  public func identity() async throws(StoreError) -> String? { try await backend.identity() }

  /// The session under all layers.
  public var innermost: any StorageSession { backend.innermost }

  /// Migrates the backend below.
  public func migrate<Result: Sendable>(
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result {
    try await backend.migrate(body)
  }

  /// What the backend below has.
  public func appliedMigrations() async throws(StoreError) -> [AppliedMigration] {
    try await backend.appliedMigrations()
  }

  /// In what the backend below is not as its migrations say.
  public func drifts(
    from applied: [PlannedMigration], _ schema: Schema
  ) async throws(StoreError) -> [SchemaDrift] {
    try await backend.drifts(from: applied, schema)
  }

  /// Those of the backend below.
  public func invalidIndexes() async throws(StoreError) -> [SchemaDrift] {
    try await backend.invalidIndexes()
  }

  /// Hands the schema to the backend below.
  public func adopt(_ schema: Schema) async throws(StoreError) {
    try await backend.adopt(schema)
  }

  /// That of the backend below.
  public func health() async -> Health { await backend.health() }

  /// Closes the backend below.
  public func close() async { await backend.close() }
}

extension StorageBackend {
  /// Runs a transaction of calls alone, again when it meets a conflict, with the store's errors.
  func inTransaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    let end = ContinuousClock.now + options.deadline
    var attempt = 1
    while true {
      do {
        return try await transaction(options.with(deadline: end - .now)) { transaction in
          try await body(transaction)
        }
      } catch is CancellationError {
        throw StoreError(.cancelled, "the task was cancelled")
      } catch {
        guard let error = error as? StoreError else { throw StoreError(.internal, "\(error)") }
        guard error.code == .serializationFailure, attempt < options.attempts else { throw error }
      }
      // Full jitter, as the store's own transactions have it.
      let pause = Duration.milliseconds(Int.random(in: 0...(1 << min(attempt, 6))))
      do {
        try await Task.sleep(for: pause)
      } catch {
        throw StoreError(.cancelled, "the task was cancelled")
      }
      attempt += 1
    }
  }
}
