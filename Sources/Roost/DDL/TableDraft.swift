import RoostCore

/// A table while a statement is read: it may lack a primary key until the statement's end.
struct TableDraft {
  /// The table; its primary key counts only when `hasPrimaryKey`.
  var table: TableDefinition
  var hasPrimaryKey: Bool
  /// Where each column's values come from, when the table existed before.
  var sources: [SchemaChange.ColumnSource]

  /// A new table.
  init(name: String) {
    table = TableDefinition(
      name: name, columns: [], primaryKey: KeyConstraint(name: "", columns: []))
    hasPrimaryKey = false
    sources = []
  }

  /// A table that exists.
  init(_ table: TableDefinition) {
    self.table = table
    hasPrimaryKey = true
    sources = table.columns.indices.map { .old($0) }
  }

  /// The names of the table's constraints; a check's and a foreign key's need only differ here.
  var constraintNames: Set<String> {
    var names = Set(table.uniqueConstraints.map(\.name))
    names.formUnion(table.foreignKeys.map(\.name))
    names.formUnion(table.checks.map(\.name))
    if hasPrimaryKey { names.insert(table.primaryKey.name) }
    return names
  }

  mutating func remove(columnAt position: Int) {
    table.columns.remove(at: position)
    sources.remove(at: position)
  }

  /// Removes the primary key; the statement must bring another.
  mutating func removePrimaryKey() {
    table.primaryKey = KeyConstraint(name: "", columns: [])
    hasPrimaryKey = false
  }

  /// Whether the columns, in any order, are those of the primary key, of a unique constraint, or of
  /// a unique index over all rows.
  func isKey(_ columns: [String]) -> Bool {
    var keys = table.uniqueConstraints.map(\.columns)
    if hasPrimaryKey { keys.append(table.primaryKey.columns) }
    for index in table.indexes where index.isUnique && index.predicate == nil {
      let names = index.keys.compactMap { key -> String? in
        if case .column(let name) = key.expression { return name }
        return nil
      }
      if names.count == index.keys.count { keys.append(names) }
    }
    return keys.contains { Set($0) == Set(columns) && $0.count == columns.count }
  }
}
