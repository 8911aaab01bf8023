package import Roost

/// All rows at one moment. A value: a copy is a snapshot and costs one reference a table.
package struct DatabaseState: Sendable {
  package var catalog: Catalog
  /// The tables in the catalog's order.
  package var tables: [TableState]
  /// The migrations applied, in the order of their application, with their text.
  package var migrations: [StoredMigration]

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

  /// The primary key of a row, other than that of `except`, that has these values in a unique
  /// index; nil when there is none. NULLs never meet.
  func conflict(in index: Int, with values: RowKey, except: RowKey?) -> RowKey? {
    if values.hasNull { return nil }
    guard let (found, primary) = indexes[index].first(notBefore: values),
      found.starts(with: values)
    else { return nil }
    // In a unique index no second row has the same values, so one look is enough.
    return primary == except ? nil : primary
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
    guard let old else {
      for (place, index) in plan.indexes.enumerated() {
        if let entry = try index.key(of: row, key) {
          tables[table].indexes[place].insert(entry, key)
        }
      }
      tables[table].rows.insert(key, row)
      return
    }
    let oldKey = plan.key(of: old)
    for (place, index) in plan.indexes.enumerated() {
      let entry = try index.key(of: row, key)
      let oldEntry = try index.key(of: old, oldKey)
      if entry == oldEntry { continue }
      if let oldEntry { tables[table].indexes[place].remove(oldEntry) }
      if let entry { tables[table].indexes[place].insert(entry, key) }
    }
    if oldKey != key { tables[table].rows.remove(oldKey) }
    tables[table].rows.insert(key, row)
  }

  /// Removes a row and its index entries.
  package mutating func remove(_ row: [Value], from table: Int) throws(StoreError) {
    let plan = catalog.tables[table]
    let key = plan.key(of: row)
    for (place, index) in plan.indexes.enumerated() {
      if let entry = try index.key(of: row, key) { tables[table].indexes[place].remove(entry) }
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
