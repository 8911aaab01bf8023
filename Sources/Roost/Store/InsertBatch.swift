import RoostCore

/// How an upsert meets existing rows.
struct UpsertOptions: Sendable {
  /// The key's columns; empty for the primary key.
  var key: [String]
  var preserving: [String]
  var ifChanged: [String]?
}

/// Records turned into rows: generated values resolved, every value of its column's type.
///
/// All that can be refused without asking a backend is refused here, with the same words for all.
struct InsertBatch: Sendable {
  let layout: RowLayout
  private let rows: [GivenRow]

  init<R: Record>(_ records: [R], _ core: SessionCore) throws(StoreError) {
    try self.init(records[...], try core.context.layout(R.self), core.now, core.context.generators)
  }

  private init<R: Record>(
    _ records: ArraySlice<R>, _ layout: RowLayout, _ now: Timestamp, _ generators: StoreGenerators
  ) throws(StoreError) {
    self.layout = layout
    let table = layout.table
    var rows: [GivenRow] = []
    rows.reserveCapacity(records.count)
    var writer = RowWriter(layout)
    for record in records {
      writer.removeAll()
      try record.write(to: &writer)
      if writer.isReady {
        rows.append(GivenRow(values: writer.values))
        continue
      }
      var row = GivenRow()
      row.values.reserveCapacity(table.columns.count)
      for position in table.columns.indices {
        let given = writer[position]
        if let given, writer.takes(given, position) {
          row.values.append(given)
        } else if let value = try Self.stored(
          given, table.columns[position], table.name, now, generators)
        {
          row.values.append(value)
        } else {
          row.missing.append(position)
        }
      }
      rows.append(row)
    }
    self.rows = rows
  }

  /// Records to be loaded, which are turned into rows batch by batch.
  static func rowsToLoad<R: Record>(
    _ records: [R], _ core: SessionCore
  ) throws(StoreError) -> RowsToLoad {
    let layout = try core.context.layout(R.self)
    let (now, generators) = (core.now, core.context.generators)
    let length = RowsToLoad.batchLength
    return RowsToLoad(R.table, batchCount: (records.count + length - 1) / length) { index in
      Result { () throws(StoreError) in
        let slice = records.dropFirst(index * length).prefix(length)
        return try InsertBatch(slice, layout, now, generators)
          .inserts(conflict: .fail, returning: false)
      }
    }
  }

  /// A record's values in the table's order, but for the columns that are left to the backend.
  private struct GivenRow {
    var values: [Value] = []
    /// The places of the columns that are left out; mostly none.
    var missing: [Int] = []

    /// The value of a column; nil when it is left out.
    subscript(position: Int) -> Value? {
      if missing.contains(position) { return nil }
      return values[position - missing.count { $0 < position }]
    }
  }

  /// The value to store, nil for the backend's own default (a serial).
  private static func stored(
    _ given: Value?, _ column: ColumnDefinition, _ table: String, _ now: Timestamp,
    _ generators: StoreGenerators
  ) throws(StoreError) -> Value? {
    if let given, !given.isNull {
      return try column.type.coerce(given, table: table, column: column.name)
    }
    switch column.defaultValue {
    case nil: return .null
    case .value(let value): return value
    case .now:
      return try column.type.coerce(.timestamp(now), table: table, column: column.name)
    case .randomUUID: return .uuid(generators.uuid())
    case .serial: return nil
    }
  }

  /// Runs of rows that give the same columns, each an insert.
  func inserts(
    conflict: Mutation.Insert.Conflict, returning: Bool
  ) throws(StoreError) -> [Mutation.Insert] {
    var inserts: [Mutation.Insert] = []
    var missing: [Int]?
    for row in rows {
      if row.missing != missing {
        missing = row.missing
        var columns = layout.names
        for position in row.missing.reversed() { columns.remove(at: position) }
        inserts.append(
          Mutation.Insert(
            table: layout.table.name, columns: columns, rows: [], conflict: conflict,
            returning: returning))
      }
      inserts[inserts.count - 1].rows.append(row.values)
    }
    return inserts
  }

  func upserts(_ options: UpsertOptions) throws(StoreError) -> [Mutation.Insert] {
    let table = layout.table
    let key = options.key.isEmpty ? table.primaryKey.columns : options.key
    let positions = try table.requirePositions(of: key)
    var keys: Set<[Value]> = []
    for row in rows {
      let values = positions.map { row[$0] ?? .null }
      // NULLs never meet under a unique constraint; a serial key is new with each row.
      if values.contains(where: \.isNull) { continue }
      guard keys.insert(values).inserted else {
        throw StoreError(
          .duplicateInBatch,
          "one batch has two rows of \"\(table.name)\" with the same "
            + "(\(key.joined(separator: ", ")))", table: table.name)
      }
    }
    let fixed = Set(key + options.preserving + table.primaryKey.columns)
    return try inserts(conflict: .fail, returning: true).map { insert in
      var insert = insert
      insert.conflict = .update(
        target: key, set: insert.columns.filter { !fixed.contains($0) },
        ifChanged: options.ifChanged)
      return insert
    }
  }

  /// The first record as an update of the row with its primary key.
  func update() throws(StoreError) -> Mutation.Update {
    let table = layout.table
    guard let row = rows.first else {
      throw StoreError(.internal, "an update of no record", table: table.name)
    }
    let keys = try table.requirePositions(of: table.primaryKey.columns)
    var assignments: [Mutation.Assignment] = []
    for position in table.columns.indices where !keys.contains(position) {
      if let value = row[position] {
        assignments.append(.init(table.columns[position].name, .literal(value)))
      }
    }
    return Mutation.Update(
      table: table.name, assignments: assignments,
      filter: try table.keyFilter(keys.map { row[$0] ?? .null }), returning: true)
  }

  /// The stored rows as records.
  func records<R: Record>(_ results: [MutationResult]) throws(StoreError) -> [R] {
    var records: [R] = []
    for result in results {
      for row in result.rows { records.append(try R(row: Row(row, layout))) }
    }
    return records
  }
}
