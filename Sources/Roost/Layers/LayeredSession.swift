/// A session with a layer around its calls; the backend and a transaction have them in common.
protocol LayeredSession: StorageSession {
  associatedtype Layer: StorageLayer
  var layer: Layer { get }
  var below: any StorageSession { get }
  /// Whether the calls are a transaction's.
  var isInTransaction: Bool { get }
}

extension LayeredSession {
  private func call(
    _ operation: StorageCall.Operation, _ table: String?, mayWrite: Bool = false,
    _ query: Query? = nil
  ) -> StorageCall {
    StorageCall(
      operation, table: table, mayWrite: mayWrite, isInTransaction: isInTransaction, query: query)
  }

  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    try await layer.run(call(.get, table, mayWrite: lock != nil)) { () throws(StoreError) in
      try await below.get(table, keys: keys, lock: lock)
    }
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    try await layer.run(
      call(.query, query.table, mayWrite: query.lock != nil, query)
    ) { () throws(StoreError) in
      try await below.query(query)
    }
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    let rows = Query(table: query.table, filter: query.filter)
    return try await layer.run(call(.aggregate, query.table, rows)) { () throws(StoreError) in
      try await below.aggregate(query)
    }
  }

  func digest(
    _ table: TableDefinition, in range: KeyRange, limit: Int
  ) async throws(StoreError) -> RangeDigest {
    // Figures over rows, as an aggregate's are.
    try await layer.run(call(.aggregate, table.name)) { () throws(StoreError) in
      try await below.digest(table, in: range, limit: limit)
    }
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    try await layer.run(call(.explain, query.table, query)) { () throws(StoreError) in
      try await below.explain(query)
    }
  }

  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    guard let first = mutations.first else { return [] }
    return try await layer.run(
      call(.apply, first.table, mayWrite: true, mutations.count == 1 ? first.rows : nil)
    ) { () throws(StoreError) in
      try await below.apply(mutations)
    }
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    try await layer.run(call(.load, rows.table, mayWrite: true)) { () throws(StoreError) in
      try await below.load(rows)
    }
  }

  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    try await layer.run(around: call(.scan, query.table, mayWrite: query.lock != nil, query)) {
      try await below.scan(query, batchSize: batchSize, body)
    }
  }
}

extension Mutation {
  /// The rows that it changes by a condition; nil for an insert.
  fileprivate var rows: Query? {
    switch self {
    case .insert: nil
    case .update(let update): Query(table: update.table, filter: update.filter)
    case .delete(let delete): Query(table: delete.table, filter: delete.filter)
    }
  }
}

extension StorageLayer {
  /// Runs a call with a caller's own code in it, whose errors pass unchanged: they are no failure
  /// of the backend. Errors of the store, which the code met or throws itself, are.
  func run<Result: Sendable>(
    around call: StorageCall, _ next: @Sendable () async throws -> Result
  ) async throws -> Result {
    let outcome: Swift.Result<Result, any Error> = try await run(call) { () throws(StoreError) in
      do {
        return .success(try await next())
      } catch {
        guard let error = error as? StoreError else { return .failure(error) }
        throw error
      }
    }
    return try outcome.get()
  }
}

/// A transaction with a layer around its calls.
struct LayeredTransaction<Layer: StorageLayer>: StorageTransaction, LayeredSession {
  let layer: Layer
  let transaction: any StorageTransaction

  var below: any StorageSession { transaction }
  var isInTransaction: Bool { true }

  var innermost: any StorageSession { layer.letsRawSQLPass ? transaction.innermost : self }

  func savepoint<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    try await transaction.savepoint(body)
  }
}
