import Synchronization

/// Makes changes in a transaction and finds out which rows they touch: those of the statement,
/// those that a delete cascades to, and, where a table has triggers, the rows that its rows refer
/// to, since that is what its triggers may change.
struct ChangeTracker: Sendable {
  let links: TableLinks

  /// Makes a change.
  /// - Parameter touched: gets the rows that may be another than before.
  func apply(
    _ mutation: Mutation, in session: any StorageTransaction, _ touched: inout Set<RowReference>
  ) async throws(StoreError) -> MutationResult {
    let node = try links.node(mutation.table)
    var asked = mutation
    switch mutation {
    case .insert(let insert):
      if node.hasTriggers, case .update(let target, _, _) = insert.conflict {
        try await note(overwrittenBy: insert, target, node, session, &touched)
      }
      asked = .insert(insert.returningRows)
    case .update(let update):
      let isMoving = update.assignments.contains {
        node.definition.primaryKey.columns.contains($0.column)
      }
      if isMoving || node.hasTriggers {
        let rows = try await session.query(node.query(update.filter, lock: .forUpdate))
        try await note(rows, node, session, &touched)
      }
      asked = .update(update.returningRows)
    case .delete(let delete):
      if !node.children.isEmpty {
        let rows = try await session.query(node.query(delete.filter, lock: .forUpdate))
        try await note(cascadesOf: rows, node, session, &touched)
      }
      asked = .delete(delete.returningRows)
    }
    guard var result = try await session.apply([asked]).first else {
      throw StoreError(.internal, "a change has no result", table: mutation.table)
    }
    try await note(result.rows, node, session, &touched)
    if !mutation.wantsRows { result.rows = [] }
    return result
  }

  /// Loads rows.
  func load(
    _ rows: RowsToLoad, in session: any StorageTransaction, _ touched: inout Set<RowReference>
  ) async throws(StoreError) -> Int {
    let node = try links.node(rows.table)
    let inserts = try rows.inserts()
    let keys = inserts.map { insert in
      node.definition.primaryKey.columns.compactMap { insert.columns.firstIndex(of: $0) }
    }
    var count = 0
    guard !node.hasTriggers, keys.allSatisfy({ $0.count == node.keyPositions.count }) else {
      for insert in inserts {
        count += try await apply(.insert(insert), in: session, &touched).affected
      }
      return count
    }
    count = try await session.load(RowsToLoad(rows.table, inserts))
    for (insert, positions) in zip(inserts, keys) {
      for row in insert.rows {
        touched.insert(RowReference(rows.table, positions.map { row[$0] }))
      }
    }
    return count
  }

  private func note(
    _ rows: [[Value]], _ node: TableLinks.Node, _ session: any StorageSession,
    _ touched: inout Set<RowReference>
  ) async throws(StoreError) {
    for row in rows { touched.insert(node.reference(row)) }
    guard node.hasTriggers, !rows.isEmpty else { return }
    touched.formUnion(try await links.parents(of: rows, in: node, session))
  }

  /// What an insert that updates on conflict is about to overwrite.
  private func note(
    overwrittenBy insert: Mutation.Insert, _ target: [String], _ node: TableLinks.Node,
    _ session: any StorageSession, _ touched: inout Set<RowReference>
  ) async throws(StoreError) {
    let places = target.compactMap { insert.columns.firstIndex(of: $0) }
    guard places.count == target.count else { return }
    for part in insert.rows.parts(of: TableLinks.batch) {
      let condition = TableLinks.condition(
        target, among: part.map { row in places.map { row[$0] } })
      let rows = try await session.query(node.query(condition, lock: .forUpdate))
      try await note(rows, node, session, &touched)
    }
  }

  /// What goes, or loses its reference, when rows are deleted; not the rows themselves.
  private func note(
    cascadesOf rows: [[Value]], _ node: TableLinks.Node, _ session: any StorageSession,
    _ touched: inout Set<RowReference>
  ) async throws(StoreError) {
    var waiting = [(node: node, rows: rows)]
    while let (node, rows) = waiting.popLast() {
      if rows.isEmpty { continue }
      for link in node.children {
        let child = try links.node(link.child)
        let found = try await links.children(of: rows, by: link, session, lock: .forUpdate)
        // A row may refer to itself, or be reached on several ways.
        let fresh = found.filter { !touched.contains(child.reference($0)) }
        try await note(fresh, child, session, &touched)
        waiting.append((child, fresh))
      }
    }
  }
}

extension Mutation {
  fileprivate var wantsRows: Bool {
    switch self {
    case .insert(let insert): insert.returning
    case .update(let update): update.returning
    case .delete(let delete): delete.returning
    }
  }
}

extension Mutation.Insert {
  fileprivate var returningRows: Self {
    var insert = self
    insert.returning = true
    return insert
  }
}

extension Mutation.Update {
  fileprivate var returningRows: Self {
    var update = self
    update.returning = true
    return update
  }
}

extension Mutation.Delete {
  fileprivate var returningRows: Self {
    var delete = self
    delete.returning = true
    return delete
  }
}

/// A transaction that keeps in mind which rows it touches.
final class TrackedTransaction: StorageTransaction {
  private let inner: any StorageTransaction
  private let tracker: ChangeTracker
  private let noted = Mutex<Set<RowReference>>([])

  init(_ inner: any StorageTransaction, _ links: TableLinks) {
    self.inner = inner
    tracker = ChangeTracker(links: links)
  }

  /// The rows that may be another than before. One that a savepoint has restored is among them.
  var touched: Set<RowReference> { noted.withLock { $0 } }

  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    var results: [MutationResult] = []
    for mutation in mutations {
      var touched: Set<RowReference> = []
      results.append(try await tracker.apply(mutation, in: inner, &touched))
      noted.withLock { $0.formUnion(touched) }
    }
    return results
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    var touched: Set<RowReference> = []
    let count = try await tracker.load(rows, in: inner, &touched)
    noted.withLock { $0.formUnion(touched) }
    return count
  }

  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    try await inner.get(table, keys: keys, lock: lock)
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    try await inner.query(query)
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try await inner.aggregate(query)
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    try await inner.explain(query)
  }

  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    try await inner.scan(query, batchSize: batchSize, body)
  }

  func savepoint<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    try await inner.savepoint(body)
  }
}
