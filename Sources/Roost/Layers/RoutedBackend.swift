import Synchronization

/// Sends each table to the backend that it is routed to.
///
/// A call or transaction stays in one place, that of the first table it touches; only there is
/// anything opened, so that the tables of one place go on working while another is away.
package final class RoutedBackend: StorageBackend {
  let tables: RoutedTables
  /// The backends by the numbers of their places.
  let backends: [any StorageBackend]
  private let isClosed = Atomic(false)

  package init(_ tables: RoutedTables, _ backends: [any StorageBackend]) {
    self.tables = tables
    self.backends = backends
  }

  /// The main place, and behind it which tables are elsewhere.
  package var location: String {
    let routes = backends.indices.dropFirst().map { place in
      let names = tables.tables(in: place)
      return "\(names.isEmpty ? "nothing" : names.joined(separator: ", ")) in "
        + backends[place].location
    }
    return ([backends[0].location] + routes).joined(separator: "; ")
  }

  /// What all places offer. Raw SQL has no table that would say where to send it.
  package var capabilities: Set<Capability> {
    backends.reduce(into: Set(Capability.allCases)) { $0.formIntersection($1.capabilities) }
      .subtracting([.sql])
  }

  private func backend(of table: String) throws(StoreError) -> any StorageBackend {
    backends[try tables.place(of: table)]
  }

  package func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    try await backend(of: table).get(table, keys: keys, lock: lock)
  }

  package func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    try await backend(of: query.table).query(query)
  }

  package func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try await backend(of: query.table).aggregate(query)
  }

  package func explain(_ query: Query) async throws(StoreError) -> String {
    try await backend(of: query.table).explain(query)
  }

  package func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    try await backend(of: query.table).scan(query, batchSize: batchSize, body)
  }

  package func load(
    _ table: String, columns: [String], rows: [[Value]]
  ) async throws(StoreError) -> Int {
    try await backend(of: table).load(table, columns: columns, rows: rows)
  }

  package func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    guard let first = mutations.first else { return [] }
    let place = try tables.place(of: first.table, and: mutations.dropFirst().map(\.table))
    return try await backends[place].apply(mutations)
  }

  package func transaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    guard !isClosed.load(ordering: .acquiring) else {
      throw StoreError(.closed, "the store is closed")
    }
    let transaction = RoutedTransaction(tables, backends, options)
    do {
      let result = try await body(transaction)
      try await transaction.commit()
      return result
    } catch {
      await transaction.rollBack()
      throw error
    }
  }

  /// Runs the body with a session that applies to all places, one after the other; the lock of
  /// each is held while it is applied to there.
  package func migrate<Result: Sendable>(
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result {
    try await body(RoutedMigrationSession(backends: backends))
  }

  package func appliedMigrations() async throws(StoreError) -> [AppliedMigration] {
    try await RoutedMigrationSession(backends: backends).applied()
  }

  package func adopt(_ schema: Schema) async throws(StoreError) {
    for backend in backends { try await backend.adopt(schema) }
  }

  /// Ready when all places are.
  package func health() async -> Health {
    for backend in backends {
      if case .unavailable(let reason) = await backend.health() {
        return .unavailable("\(backend.location): \(reason)")
      }
    }
    return .ready
  }

  package func close() async {
    isClosed.store(true, ordering: .releasing)
    for backend in backends { await backend.close() }
  }
}

/// Applies migrations to all places.
private struct RoutedMigrationSession: MigrationSession {
  let backends: [any StorageBackend]

  /// What every place has, in the main one's order. Where texts differ both are given, so that the
  /// one that was edited is found.
  func applied() async throws(StoreError) -> [AppliedMigration] {
    var common: [AppliedMigration] = []
    for (place, backend) in backends.enumerated() {
      let applied = try await backend.appliedMigrations()
      guard place > 0 else {
        common = applied
        continue
      }
      common = common.filter { record in applied.contains { $0.isVersion(of: record) } }
      for record in applied {
        let known = common.filter { record.isVersion(of: $0) }
        if !known.isEmpty, !known.contains(where: { $0.checksum == record.checksum }) {
          common.append(record)
        }
      }
    }
    return common
  }

  func apply(_ migration: PlannedMigration) async throws(StoreError) {
    for backend in backends {
      do {
        try await backend.migrate { session in
          let isThere = try await session.applied().contains {
            $0.isVersion(of: migration.record)
          }
          if !isThere { try await session.apply(migration) }
        }
      } catch let error as StoreError {
        throw error
      } catch {
        throw StoreError(.internal, "migrating \(backend.location) failed: \(error)")
      }
    }
  }
}

extension AppliedMigration {
  fileprivate func isVersion(of other: AppliedMigration) -> Bool {
    system == other.system && version == other.version
  }
}
