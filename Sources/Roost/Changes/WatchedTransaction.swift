import Synchronization

/// A transaction whose changes, and the tables that it reads, are noted.
final class WatchedTransaction: StorageTransaction {
  private struct State {
    var changes = RowChanges()
    var tables: Set<String> = []
  }

  let transaction: any StorageTransaction
  private let reach: ChangeReach
  private let onChange: @Sendable (RowChanges) -> Void
  private let state = Mutex(State())

  /// - Parameter onChange: told what each change may touch, before it is made.
  init(
    _ transaction: any StorageTransaction, _ reach: ChangeReach,
    onChange: @escaping @Sendable (RowChanges) -> Void = { _ in }
  ) {
    self.transaction = transaction
    self.reach = reach
    self.onChange = onChange
  }

  /// What may have been changed so far.
  var changes: RowChanges { state.withLock { $0.changes } }
  /// The tables that were read.
  var tablesRead: Set<String> { state.withLock { $0.tables } }

  /// Raw SQL may change anything.
  var innermost: any StorageSession {
    note(.everything, refined: .everything)
    return transaction.innermost
  }

  private func noteRead(_ table: String) {
    state.withLock { _ = $0.tables.insert(table) }
  }

  private func note(_ changes: RowChanges, refined: RowChanges) {
    onChange(changes)
    state.withLock { $0.changes.add(refined) }
  }

  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    noteRead(table)
    return try await transaction.get(table, keys: keys, lock: lock)
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    noteRead(query.table)
    return try await transaction.query(query)
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    noteRead(query.table)
    return try await transaction.aggregate(query)
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    try await transaction.explain(query)
  }

  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    let changes = reach.changes(of: mutations)
    onChange(changes)
    do throws(StoreError) {
      let results = try await transaction.apply(mutations)
      state.withLock { $0.changes.add(reach.changes(of: mutations, results)) }
      return results
    } catch {
      state.withLock { $0.changes.add(changes) }
      throw error
    }
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    let inserts = try rows.inserts()
    let changes = reach.changes(of: inserts.map { .insert($0) })
    note(changes, refined: changes)
    return try await transaction.load(RowsToLoad(rows.table, inserts))
  }

  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    noteRead(query.table)
    try await transaction.scan(query, batchSize: batchSize, body)
  }

  func savepoint<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    try await transaction.savepoint(body)
  }
}
