extension Selection {
  /// Calls the body with batches of some columns' values, from one snapshot, holding one batch at a
  /// time. The other columns are not read, however large they are.
  /// - Throws: as `fetch`, and what the body throws, unchanged.
  public func scan<each C: ColumnValue>(
    _ columns: repeat Column<each C>, batchSize: Int = 1_000,
    _ body: @Sendable ([(repeat each C)]) async throws -> Void
  ) async throws {
    let (completed, layout) = try await core.perform { _ throws(StoreError) in
      try self.completed()
    }
    var query = completed
    query.columns = []
    for column in repeat each columns { query.columns?.append(column.name) }
    let table = layout.table
    try await core.session.scan(query, batchSize: batchSize) { rows in
      try await body(
        rows.map { row in
          var values = ColumnCursor(row: row, table: table)
          return (repeat try values.next(each columns))
        })
    }
  }
}

/// Takes one column's value after the other from a row of some columns.
private struct ColumnCursor {
  let row: [Value]
  let table: TableDefinition
  private var place = 0

  init(row: [Value], table: TableDefinition) {
    self.row = row
    self.table = table
  }

  mutating func next<C: ColumnValue>(_ column: Column<C>) throws(StoreError) -> C {
    defer { place += 1 }
    guard place < row.count, let value = C(value: row[place]) else {
      throw StoreError(
        .invalidValue, "column \"\(column.name)\" holds what is no \(C.self)", table: table.name,
        column: column.name)
    }
    return value
  }
}
