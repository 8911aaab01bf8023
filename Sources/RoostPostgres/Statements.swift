import PostgresClient
import Roost
import RoostCore

/// The statements of the store's verbs.
enum Statements {
  /// The most rows of one insert: enough to make round trips cheap, few enough to bound memory.
  static let rowsPerInsert = RowsToLoad.batchLength
  /// The most parameters of a statement. Source: the Bind message counts them in 16 bits.
  static let parameterLimit = 65_535

  static func select(_ query: Query, _ table: TableDefinition) throws(StoreError) -> SQLWriter {
    var sql = SQLWriter(table)
    sql.add("SELECT ")
    if let columns = query.columns { sql.add(identifiers: columns) } else { sql.addColumns() }
    sql.add(" FROM ")
    sql.add(identifier: table.name)
    try sql.addFilter(query.filter)
    try sql.addOrder(query.order)
    if let limit = query.limit {
      sql.add(" LIMIT ")
      try sql.add(.int(Int64(limit)), as: .bigint)
    }
    if let lock = query.lock { sql.add(lock.clause) }
    return sql
  }

  /// The rows of some primary keys, in no order.
  static func get(
    _ keys: [[Value]], _ table: TableDefinition, lock: RowLock?
  ) throws(StoreError) -> SQLWriter {
    let columns = table.primaryKey.columns
    let types = try table.requirePositions(of: columns).map { table.columns[$0].type }
    var sql = SQLWriter(table)
    sql.add("SELECT ")
    sql.addColumns()
    sql.add(" FROM ")
    sql.add(identifier: table.name)
    sql.add(" WHERE (")
    sql.add(identifiers: columns)
    if keys.count == 1 {
      // What most calls ask for: no array to make here and to take apart there.
      sql.add(") = (")
      for (index, value) in keys[0].enumerated() {
        if index > 0 { sql.add(", ") }
        try sql.add(value, as: types[index])
      }
      sql.add(")")
    } else if columns.count == 1 {
      sql.add(") = ANY (")
      try sql.add(keys.map { $0[0] }, elements: types[0])
      sql.add(")")
    } else {
      sql.add(") IN (SELECT * FROM ")
      try sql.addUnnest(keys, types)
      sql.add(")")
    }
    if let lock { sql.add(lock.clause) }
    return sql
  }

  static func aggregate(
    _ query: AggregateQuery, _ table: TableDefinition
  ) throws(StoreError) -> SQLWriter {
    var sql = SQLWriter(table)
    sql.add("SELECT ")
    var columns = query.groupBy.map { PostgresQuery.quote(identifier: $0) }
    for figure in query.figures {
      switch figure {
      case .count: columns.append("count(*)")
      case .sum(let column): columns.append("sum(\(PostgresQuery.quote(identifier: column)))")
      case .minimum(let column): columns.append("min(\(collated(column, table)))")
      case .maximum(let column): columns.append("max(\(collated(column, table)))")
      }
    }
    sql.add(columns.joined(separator: ", "))
    sql.add(" FROM ")
    sql.add(identifier: table.name)
    try sql.addFilter(query.filter)
    if !query.groupBy.isEmpty {
      sql.add(" GROUP BY ")
      sql.add(identifiers: query.groupBy)
      sql.add(" ORDER BY ")
      sql.add(query.groupBy.map { collated($0, table) }.joined(separator: ", "))
    }
    return sql
  }

  /// The types of an aggregate's answer.
  static func types(
    of query: AggregateQuery, _ table: TableDefinition
  ) throws(StoreError) -> [ColumnType] {
    var types = try table.requirePositions(of: query.groupBy).map { table.columns[$0].type }
    for figure in query.figures {
      switch figure {
      case .count: types.append(.bigint)
      case .sum(let column):
        types.append(table.columns[try table.requirePosition(of: column)].type.sumType)
      case .minimum(let column), .maximum(let column):
        types.append(table.columns[try table.requirePosition(of: column)].type)
      }
    }
    return types
  }

  private static func collated(_ column: String, _ table: TableDefinition) -> String {
    let name = PostgresQuery.quote(identifier: column)
    guard let position = table.position(of: column), table.columns[position].type.isText,
      table.columns[position].collation != "C"
    else { return name }
    return name + " COLLATE \"C\""
  }

  /// Inserts of at most `rowsPerInsert` rows each: one array a column, so that the text is the
  /// same for any number of rows and the statement cache serves it.
  static func inserts(
    _ insert: Mutation.Insert, _ table: TableDefinition
  ) throws(StoreError) -> [SQLWriter] {
    let types = try table.requirePositions(of: insert.columns).map { table.columns[$0].type }
    let usesArrays = !types.contains { if case .array = $0 { true } else { false } }
    let size =
      usesArrays ? rowsPerInsert : max(1, parameterLimit / max(1, insert.columns.count))
    var statements: [SQLWriter] = []
    var rest = insert.rows[...]
    while !rest.isEmpty {
      let rows = Array(rest.prefix(size))
      rest = rest.dropFirst(size)
      var sql = SQLWriter(table)
      sql.add("INSERT INTO ")
      sql.add(identifier: table.name)
      if insert.columns.isEmpty {
        // Only defaults: there is no list of no columns.
        sql.add(" (")
        sql.add(identifier: table.columns[0].name)
        sql.add(") VALUES " + rows.map { _ in "(DEFAULT)" }.joined(separator: ", "))
      } else {
        sql.add(" (")
        sql.add(identifiers: insert.columns)
        sql.add(")")
        if usesArrays {
          sql.add(" SELECT * FROM ")
          try sql.addUnnest(rows, types)
        } else {
          try sql.addValues(rows, types)
        }
      }
      try sql.addConflict(insert.conflict, table)
      sql.addReturning(insert.returning)
      statements.append(sql)
    }
    return statements
  }

  static func update(
    _ update: Mutation.Update, _ table: TableDefinition
  ) throws(StoreError) -> SQLWriter {
    var sql = SQLWriter(table)
    sql.add("UPDATE ")
    sql.add(identifier: table.name)
    sql.add(" SET ")
    // An update of nothing still counts and locks its rows.
    let own = Mutation.Assignment(table.columns[0].name, .column(table.columns[0].name))
    for (index, assignment) in (update.assignments.isEmpty ? [own] : update.assignments)
      .enumerated()
    {
      let column = table.columns[try table.requirePosition(of: assignment.column)]
      if index > 0 { sql.add(", ") }
      sql.add(identifier: assignment.column)
      sql.add(" = ")
      if case .literal(let value) = assignment.value {
        let stored = try column.type.coerce(value, table: table.name, column: column.name)
        try sql.add(stored, as: column.type)
      } else {
        try sql.add(try assignment.value.resolved(in: table))
      }
    }
    try sql.addFilter(update.filter)
    sql.addReturning(update.returning)
    return sql
  }

  static func delete(
    _ delete: Mutation.Delete, _ table: TableDefinition
  ) throws(StoreError) -> SQLWriter {
    var sql = SQLWriter(table)
    sql.add("DELETE FROM ")
    sql.add(identifier: table.name)
    try sql.addFilter(delete.filter)
    sql.addReturning(delete.returning)
    return sql
  }
}

extension SQLWriter {
  /// Appends `unnest(...)` of rows, turned into one array a column.
  fileprivate mutating func addUnnest(
    _ rows: [[Value]], _ types: [ColumnType]
  ) throws(StoreError) {
    add("unnest(")
    for (index, type) in types.enumerated() {
      if index > 0 { add(", ") }
      try add(rows.map { $0[index] }, elements: type)
    }
    add(")")
  }

  fileprivate mutating func addValues(
    _ rows: [[Value]], _ types: [ColumnType]
  ) throws(StoreError) {
    add(" VALUES ")
    for (place, row) in rows.enumerated() {
      add(place > 0 ? ", (" : "(")
      for (index, type) in types.enumerated() {
        if index > 0 { add(", ") }
        try add(row[index], as: type)
        add("::\(type.quotedSQL)")
      }
      add(")")
    }
  }

  fileprivate mutating func addConflict(
    _ conflict: Mutation.Insert.Conflict, _ table: TableDefinition
  ) throws(StoreError) {
    switch conflict {
    case .fail: break
    case .ignore: add(" ON CONFLICT DO NOTHING")
    case .update(let target, let set, let ifChanged):
      add(" ON CONFLICT (")
      add(identifiers: target)
      add(") DO UPDATE SET ")
      // A row that keeps all its values is still the one that is returned.
      let columns = (set.isEmpty ? [target[0]] : set).map { PostgresQuery.quote(identifier: $0) }
      add(columns.map { "\($0) = EXCLUDED.\($0)" }.joined(separator: ", "))
      guard let ifChanged else { return }
      guard !ifChanged.isEmpty else {
        add(" WHERE false")
        return
      }
      let name = PostgresQuery.quote(identifier: table.name)
      let compared = ifChanged.map { PostgresQuery.quote(identifier: $0) }
      add(" WHERE (\(compared.map { "\(name).\($0)" }.joined(separator: ", ")))")
      add(" IS DISTINCT FROM (\(compared.map { "EXCLUDED.\($0)" }.joined(separator: ", ")))")
    }
  }

  fileprivate mutating func addReturning(_ returning: Bool) {
    guard returning else { return }
    add(" RETURNING ")
    addColumns()
  }
}

extension RowLock {
  fileprivate var clause: String {
    switch self {
    case .forUpdate: " FOR UPDATE"
    case .forUpdateSkippingLocked: " FOR UPDATE SKIP LOCKED"
    case .forShare: " FOR SHARE"
    }
  }
}

extension ColumnType {
  /// The type of `sum`. Source: PostgreSQL manual, table "General-Purpose Aggregate Functions".
  fileprivate var sumType: ColumnType {
    switch self {
    case .smallint, .integer: .bigint
    case .bigint, .numeric, .unlimitedNumeric: .unlimitedNumeric
    default: self
    }
  }
}
