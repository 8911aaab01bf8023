import RoostCore

extension DDLReader {
  /// `TO name`, `[COLUMN] name TO name` or `CONSTRAINT name TO name`, after ALTER TABLE ... RENAME.
  mutating func rename(
    _ table: TableDefinition, _ parser: inout SQLParser
  ) throws(StoreError) {
    if parser.accept("to") {
      let name = try parser.name("a table")
      try parser.expectEnd()
      try requireFree(relation: name)
      try requireFree(type: name)
      renameTable(table, to: name.text)
      return
    }
    let isConstraint = parser.accept("constraint")
    if !isConstraint { _ = parser.accept("column") }
    let what = isConstraint ? "a constraint" : "a column"
    let old = try parser.name(what)
    try parser.expect("to")
    let new = try parser.name(what)
    try parser.expectEnd()
    if isConstraint {
      try renameConstraint(of: table, old, to: new)
    } else {
      try renameColumn(of: table, old, to: new)
    }
  }

  private mutating func renameTable(_ table: TableDefinition, to name: String) {
    var renamed = table
    renamed.name = name
    for index in renamed.foreignKeys.indices
    where renamed.foreignKeys[index].referencedTable == table.name {
      renamed.foreignKeys[index].referencedTable = name
    }
    replace(table, by: renamed) { key in key.referencedTable = name }
  }

  private mutating func renameColumn(
    of table: TableDefinition, _ old: SQLName, to new: SQLName
  ) throws(StoreError) {
    let position = try position(old, in: TableDraft(table))
    guard table.position(of: new.text) == nil else {
      throw errors.error(
        "column \"\(new.text)\" of table \"\(table.name)\" exists already", at: new.token)
    }
    func renamed(_ columns: [String]) -> [String] {
      columns.map { $0 == old.text ? new.text : $0 }
    }
    var result = table
    result.columns[position].name = new.text
    result.primaryKey.columns = renamed(result.primaryKey.columns)
    for index in result.uniqueConstraints.indices {
      result.uniqueConstraints[index].columns = renamed(result.uniqueConstraints[index].columns)
    }
    for index in result.checks.indices {
      result.checks[index].expression = result.checks[index].expression.renaming(
        old.text, to: new.text)
    }
    for index in result.indexes.indices {
      for key in result.indexes[index].keys.indices {
        result.indexes[index].keys[key].expression = result.indexes[index].keys[key].expression
          .renaming(old.text, to: new.text)
      }
      result.indexes[index].predicate = result.indexes[index].predicate?.renaming(
        old.text, to: new.text)
    }
    for index in result.foreignKeys.indices {
      let columns = result.foreignKeys[index].columns
      result.foreignKeys[index].columns = renamed(columns)
      if result.foreignKeys[index].referencedTable == table.name {
        let referenced = result.foreignKeys[index].referencedColumns
        result.foreignKeys[index].referencedColumns = renamed(referenced)
      }
    }
    replace(table, by: result) { key in key.referencedColumns = renamed(key.referencedColumns) }
  }

  /// Replaces a table by one of another name or with other names in it. Other tables' foreign keys
  /// are taken away meanwhile, so that at no step one refers to what is not there.
  private mutating func replace(
    _ table: TableDefinition, by new: TableDefinition, _ adjust: (inout ForeignKey) -> Void
  ) {
    let referring = sortedTables.filter { other in
      other.name != table.name && other.foreignKeys.contains { $0.referencedTable == table.name }
    }
    for other in referring {
      var without = other
      without.foreignKeys.removeAll { $0.referencedTable == table.name }
      redefine(without)
    }
    make(.redefineTable(table.name, new, sources: new.columns.indices.map { .old($0) }))
    for other in referring {
      var adjusted = other
      for index in adjusted.foreignKeys.indices
      where adjusted.foreignKeys[index].referencedTable == table.name {
        adjust(&adjusted.foreignKeys[index])
      }
      redefine(adjusted)
    }
  }

  private mutating func renameConstraint(
    of table: TableDefinition, _ old: SQLName, to new: SQLName
  ) throws(StoreError) {
    let names = TableDraft(table).constraintNames
    guard names.contains(old.text) else {
      throw errors.error(
        "constraint \"\(old.text)\" of table \"\(table.name)\" does not exist", at: old.token)
    }
    guard !names.contains(new.text) else {
      throw errors.error(
        "constraint \"\(new.text)\" of table \"\(table.name)\" exists already", at: new.token)
    }
    var result = table
    // A key's index has the key's name, and must differ from every other relation's.
    if result.primaryKey.name == old.text {
      try requireFree(relation: new)
      result.primaryKey.name = new.text
    }
    for index in result.uniqueConstraints.indices
    where result.uniqueConstraints[index].name == old.text {
      try requireFree(relation: new)
      result.uniqueConstraints[index].name = new.text
    }
    for index in result.checks.indices where result.checks[index].name == old.text {
      result.checks[index].name = new.text
    }
    for index in result.foreignKeys.indices where result.foreignKeys[index].name == old.text {
      result.foreignKeys[index].name = new.text
    }
    redefine(result)
  }
}
