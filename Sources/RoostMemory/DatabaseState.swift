package import Roost

/// All rows at one moment. A value: a copy is a snapshot and costs one reference a table.
package struct DatabaseState: Sendable {
  package var catalog: Catalog
  /// The tables in the catalog's order.
  package var tables: [TableState]
  /// The migrations applied, in the order of their application, with their text.
  package var migrations: [(record: AppliedMigration, text: String)]

  /// An empty database.
  package init() throws(StoreError) {
    catalog = try Catalog(Schema())
    tables = []
    migrations = []
  }
}

/// The rows of one table at one moment.
package struct TableState: Sendable {
  /// The rows by primary key.
  package var rows = OrderedMap<RowKey, [Value]>()
  /// The primary keys by index, in the plan's order.
  package var indexes: [OrderedMap<RowKey, RowKey>]
  /// The last number that each serial column's sequence gave, by column name.
  package var sequences: [String: Int64] = [:]

  package init(indexCount: Int) {
    indexes = Array(repeating: OrderedMap(), count: indexCount)
  }

  /// Whether an index holds a row with these values, all of them, other than the row of a key.
  /// NULLs never meet.
  func conflict(in index: Int, with values: [Value], except key: RowKey?) -> RowKey? {
    if values.contains(where: \.isNull) { return nil }
    var walk = indexes[index].ascending { $0.orderOfPrefix(values) < 0 }
    while let (found, primary) = walk.next(), found.orderOfPrefix(values) == 0 {
      if primary != key { return primary }
    }
    return nil
  }
}

/// What a commit does to one row or sequence: what a journal has to keep.
package enum Effect: Sendable {
  /// The row is there with these values, whatever was there before.
  case put(table: Int, key: RowKey, row: [Value])
  /// The row is gone.
  case remove(table: Int, key: RowKey)
  /// The sequence of a column has given this number.
  case sequence(table: Int, column: String, last: Int64)
}

extension DatabaseState {
  /// Puts a row in place of another with the same or another key, or of none, and keeps the
  /// indexes right. Constraints have been checked.
  package mutating func put(
    _ row: [Value], in table: Int, replacing old: [Value]? = nil
  ) throws(StoreError) {
    let plan = catalog.tables[table]
    let key = plan.key(of: row)
    let oldKey = old.map { plan.key(of: $0) }
    for (place, index) in plan.indexes.enumerated() {
      let values = try index.values(of: row)
      let oldValues = try old.flatMap { row throws(StoreError) in try index.values(of: row) }
      if values == oldValues && oldKey == key { continue }
      if let oldValues, let oldKey {
        tables[table].indexes[place].remove(RowKey(oldValues + oldKey.values))
      }
      if let values { tables[table].indexes[place].insert(RowKey(values + key.values), key) }
    }
    if let oldKey, oldKey != key { tables[table].rows.remove(oldKey) }
    tables[table].rows.insert(key, row)
  }

  /// Removes a row and its index entries.
  package mutating func remove(_ row: [Value], from table: Int) throws(StoreError) {
    let plan = catalog.tables[table]
    let key = plan.key(of: row)
    for (place, index) in plan.indexes.enumerated() {
      if let values = try index.values(of: row) {
        tables[table].indexes[place].remove(RowKey(values + key.values))
      }
    }
    tables[table].rows.remove(key)
  }

  /// Repeats an effect that a journal kept.
  package mutating func replay(_ effect: Effect) throws(StoreError) {
    switch effect {
    case .put(let table, let key, let row):
      try put(row, in: table, replacing: tables[table].rows[key])
    case .remove(let table, let key):
      if let row = tables[table].rows[key] { try remove(row, from: table) }
    case .sequence(let table, let column, let last): tables[table].sequences[column] = last
    }
  }
}
