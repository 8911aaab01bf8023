import PostgresClient
import Roost
import RoostCore

/// The store's verbs over one connection.
struct ConnectionSession: Sendable {
  let connection: PostgresConnection
  let schema: Schema

  func get(
    _ name: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    if keys.isEmpty { return [] }
    let table = try schema.table(name)
    let positions = try table.requirePositions(of: table.primaryKey.columns)
    var typed: [[Value]] = []
    typed.reserveCapacity(keys.count)
    for key in keys {
      guard key.count == positions.count else {
        throw StoreError(
          .invalidQuery, "the key of \"\(name)\" has \(positions.count) columns", table: name)
      }
      var values: [Value] = []
      for (value, position) in zip(key, positions) {
        let column = table.columns[position]
        values.append(try column.type.coerce(value, table: name, column: column.name))
      }
      typed.append(values)
    }
    let rows = try await rows(
      try Statements.get(typed, table, lock: lock), try RowReader(table, columns: nil))
    if typed.count == 1 { return [rows.first] }
    let found = Dictionary(rows.map { row in (positions.map { row[$0] }, row) }) { first, _ in first
    }
    return typed.map { found[$0] }
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    let table = try schema.table(query.table)
    return try await rows(
      try Statements.select(query, table), try RowReader(table, columns: query.columns))
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    let table = try schema.table(query.table)
    return try await rows(
      try Statements.aggregate(query, table),
      RowReader(types: try Statements.types(of: query, table)))
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    let sql = try Statements.select(query, try schema.table(query.table))
    let lines = try await rows(
      "EXPLAIN (COSTS OFF) " + sql.text, sql.parameters, RowReader(types: [.text]))
    return lines.compactMap { $0.first.flatMap { String(value: $0) } }.joined(separator: "\n")
  }

  /// Applies one mutation; an insert of many rows takes several statements.
  func apply(_ mutation: Mutation) async throws(StoreError) -> MutationResult {
    let table = try schema.table(mutation.table)
    let reader = try RowReader(table, columns: nil)
    switch mutation {
    case .insert(let insert):
      var result = MutationResult(affected: 0)
      for statement in try Statements.inserts(insert, table) {
        let part = try await run(statement, reader)
        result.affected += part.affected
        result.rows += part.rows
      }
      return result
    case .update(let update): return try await inKeyOrder(Statements.update(update, table), table)
    case .delete(let delete): return try await inKeyOrder(Statements.delete(delete, table), table)
    }
  }

  private func inKeyOrder(
    _ statement: SQLWriter, _ table: TableDefinition
  ) async throws(StoreError) -> MutationResult {
    var result = try await run(statement, try RowReader(table, columns: nil))
    let positions = try table.requirePositions(of: table.primaryKey.columns)
    result.rows.sort { left, right in
      for position in positions {
        let order = Value.order(left[position], right[position])
        if order != .same { return order == .before }
      }
      return false
    }
    return result
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    let table = try schema.table(rows.table)
    var count = 0
    for index in 0..<rows.batchCount {
      for insert in try rows.batch(index) {
        count += try await apply(.insert(insert)).affected
        // At once: the next insert may leave them to the sequence.
        for column in table.columns where column.isSerial && insert.columns.contains(column.name) {
          try await advanceSequence(of: column.name, in: table)
        }
      }
    }
    return count
  }

  /// Moves a serial column's sequence behind its greatest value, never back.
  private func advanceSequence(
    of column: String, in table: TableDefinition
  ) async throws(StoreError) {
    let name = PostgresQuery.quote(identifier: column)
    let tableName = PostgresQuery.quote(identifier: table.name)
    var parameters = PostgresParameters()
    try? parameters.append(tableName)
    try? parameters.append(column)
    _ = try await rows(
      """
      SELECT setval(pg_get_serial_sequence($1, $2),
        GREATEST(max(\(name)), nextval(pg_get_serial_sequence($1, $2)))) FROM \(tableName)
      """, parameters, RowReader(types: [.bigint]))
  }

  /// Hands out batches through a cursor; the connection must be in a transaction.
  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    let table = try schema.table(query.table)
    let reader = try RowReader(table, columns: query.columns)
    let select = try Statements.select(query, table)
    // A fetch is prepared and kept under its text, with the columns that it gave: other columns
    // need another text.
    let columns = [table.name] + (query.columns ?? table.columns.map(\.name))
    let shape = SHA256.hash(Array("\(columns)".utf8)).prefix(8)
    let cursor = "roost_scan_" + shape.map { String($0, radix: 16) }.joined(separator: "_")
    _ = try await rows(
      "DECLARE \(cursor) NO SCROLL CURSOR FOR " + select.text, select.parameters,
      RowReader(types: []))
    while true {
      let batch = try await rows("FETCH \(max(1, batchSize)) FROM \(cursor)", .init(), reader)
      if batch.isEmpty { break }
      try await body(batch)
    }
    _ = try await rows("CLOSE \(cursor)", .init(), RowReader(types: []))
  }

  func rows(_ sql: SQLWriter, _ reader: RowReader) async throws(StoreError) -> [[Value]] {
    try await rows(sql.text, sql.parameters, reader)
  }

  func rows(
    _ sql: String, _ parameters: PostgresParameters, _ reader: RowReader
  ) async throws(StoreError) -> [[Value]] {
    try await run(sql, parameters, reader).rows
  }

  private func run(_ sql: SQLWriter, _ reader: RowReader) async throws(StoreError) -> MutationResult
  {
    try await run(sql.text, sql.parameters, reader)
  }

  private func run(
    _ sql: String, _ parameters: PostgresParameters, _ reader: RowReader
  ) async throws(StoreError) -> MutationResult {
    var rows: [[Value]] = []
    do {
      let tag = try await connection.read(sql, parameters) { row in
        rows.append(try reader.read(row))
      }
      return MutationResult(affected: tag.rowCount ?? 0, rows: rows)
    } catch let error as PostgresError {
      if let tag = error.completedTag, connection.transactionStatus == .idle {
        // A change that stands; a query has changed nothing.
        if !tag.hasPrefix("SELECT") { throw StoreError(.outcomeUnknown, error.description) }
      }
      throw StoreError(error)
    } catch {
      throw StoreError(.schemaDrift, "\(error)")
    }
  }
}

/// What runs the store's verbs on a connection: one of the pool's, or a transaction's own.
protocol ConnectionUser: StorageSession {
  func run<Result: Sendable>(
    _ call: @Sendable (ConnectionSession) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result
}

extension ConnectionUser {
  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    try await run { session throws(StoreError) in
      try await session.get(table, keys: keys, lock: lock)
    }
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    try await run { session throws(StoreError) in try await session.query(query) }
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try await run { session throws(StoreError) in try await session.aggregate(query) }
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    try await run { session throws(StoreError) in try await session.explain(query) }
  }

  func digest(
    _ table: TableDefinition, in range: KeyRange, limit: Int
  ) async throws(StoreError) -> RangeDigest {
    try await run { session throws(StoreError) in
      try await session.digest(table, in: range, limit: limit)
    }
  }
}
