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

  package func digest(
    _ table: TableDefinition, in range: KeyRange, limit: Int
  ) async throws(StoreError) -> RangeDigest {
    try await backend(of: table.name).digest(table, in: range, limit: limit)
  }

  package func explain(_ query: Query) async throws(StoreError) -> String {
    try await backend(of: query.table).explain(query)
  }

  package func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    try await backend(of: query.table).scan(query, batchSize: batchSize, body)
  }

  package func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    try await backend(of: rows.table).load(rows)
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

  /// Throws `unsupported`: each place is migrated by itself, before tables are routed to it.
  package func migrate<Result: Sendable>(
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result {
    throw StoreError(.unsupported, "the places of a routed store are migrated one by one")
  }

  /// What the main place has.
  package func appliedMigrations() async throws(StoreError) -> [AppliedMigration] {
    try await backends[0].appliedMigrations()
  }

  /// What is left of failed indexes, in all places.
  package func invalidIndexes() async throws(StoreError) -> [SchemaDrift] {
    var drifts: [SchemaDrift] = []
    for backend in backends { drifts += try await backend.invalidIndexes() }
    return drifts
  }

  package func adopt(_ schema: Schema) async throws(StoreError) {
    for backend in backends { try await backend.adopt(schema) }
  }

  /// That of the worst place.
  package func health() async -> Health {
    var worst = Health.ready
    for backend in backends {
      switch await backend.health() {
      case .ready: break
      case .degraded(let reason): worst = .degraded("\(backend.location): \(reason)")
      case .unavailable(let reason): return .unavailable("\(backend.location): \(reason)")
      }
    }
    return worst
  }

  /// Those of all places, each with the number of its place, since two may have one location.
  package func figures() async -> [Figure] {
    let figures = await ask { await $0.figures() }
    return figures.enumerated().flatMap { place, figures in
      figures.map {
        $0.labelled("backend", backends[place].location).labelled("place", "\(place)")
      }
    }
  }

  package func healthChecks() async -> [HealthCheck] {
    let checks = await ask { await $0.healthChecks() }
    return checks.enumerated().flatMap { place, checks in
      checks.map { check in
        var check = check
        check.text = "\(backends[place].location): \(check.text)"
        return check
      }
    }
  }

  /// The answers of all places, asked side by side, since one may be slow to say that it is away.
  private func ask<Answer: Sendable>(
    _ question: @escaping @Sendable (any StorageBackend) async -> [Answer]
  ) async -> [[Answer]] {
    await withTaskGroup(of: (Int, [Answer]).self) { group in
      for (place, backend) in backends.enumerated() {
        group.addTask { (place, await question(backend)) }
      }
      var answers = [[Answer]](repeating: [], count: backends.count)
      for await (place, answer) in group { answers[place] = answer }
      return answers
    }
  }

  package func close() async {
    isClosed.store(true, ordering: .releasing)
    for backend in backends { await backend.close() }
  }
}
