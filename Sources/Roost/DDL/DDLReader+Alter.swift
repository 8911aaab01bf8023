import RoostCore

extension DDLReader {
  /// `[IF EXISTS] [ONLY] name` and an action or several, after ALTER TABLE.
  mutating func alterTable(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    let mayLack = parser.acceptIfExists()
    _ = parser.accept("only")
    let name = try parser.name("a table")
    if mayLack, schema.tables[name.text] == nil {
      while parser.current.kind != .end { parser.advance() }
      return false
    }
    let table = try table(name)
    if parser.accept("rename") {
      try rename(table, &parser)
      return true
    }
    let actions = try parser.alterActions()
    var draft = TableDraft(table)
    var constraints: [ConstraintSyntax] = []
    for pass in 0...4 {
      for action in actions where action.pass == pass {
        constraints += try apply(action, to: &draft)
      }
    }
    try add(constraints, to: &draft)
    for case .setDefault(let column, let syntax) in actions {
      let position = try position(column, in: draft)
      guard !draft.table.columns[position].isSerial else {
        throw errors.error("the column has a sequence as its default", at: column.token)
      }
      draft.table.columns[position].defaultValue = try columnDefault(
        syntax, for: column.text, draft.table.columns[position].type)
    }
    if draft.table != table { try redefine(name.text, draft, at: name.token) }
    return true
  }

  /// Applies an action but for constraints and defaults, which come last.
  /// - Returns: the constraints to add.
  private mutating func apply(
    _ action: AlterAction, to draft: inout TableDraft
  ) throws(StoreError) -> [ConstraintSyntax] {
    switch action {
    case .addColumn(let column, let mayExist):
      if mayExist, draft.table.position(of: column.name.text) != nil { return [] }
      try add(column, to: &draft)
      return column.constraints
    case .addConstraint(let constraint):
      return [constraint]
    case .dropColumn(let column, let mayLack, let cascades):
      if mayLack, draft.table.position(of: column.text) == nil { return [] }
      try drop(column, from: &draft, cascades: cascades)
    case .dropConstraint(let name, let mayLack, let cascades):
      if mayLack, !draft.constraintNames.contains(name.text) { return [] }
      try drop(constraint: name, from: &draft, cascades: cascades)
    case .setType(let column, let type, let collation, let conversion, let token):
      try setType(of: column, type, collation, conversion, at: token, in: &draft)
    case .setNullable(let column, let isNullable):
      let position = try position(column, in: draft)
      if isNullable, draft.table.primaryKey.columns.contains(column.text) {
        throw errors.error(
          "column \"\(column.text)\" is part of the primary key", at: column.token)
      }
      if isNullable, draft.table.columns[position].isSerial {
        throw errors.error("a serial column cannot be NULL", at: column.token)
      }
      draft.table.columns[position].isNullable = isNullable
    case .dropDefault(let column):
      let position = try position(column, in: draft)
      guard !draft.table.columns[position].isSerial else {
        throw errors.error("the column has a sequence as its default", at: column.token)
      }
      draft.table.columns[position].defaultValue = nil
    case .setDefault:
      break
    }
    return []
  }

  // MARK: Dropping

  private mutating func drop(
    _ column: SQLName, from draft: inout TableDraft, cascades: Bool
  ) throws(StoreError) {
    let position = try position(column, in: draft)
    let name = column.text
    try dropReferences(
      to: draft.table.name, at: column.token, cascades: cascades, what: "column \"\(name)\""
    ) { $0.referencedColumns.contains(name) }
    let own = draft.table.name
    draft.remove(columnAt: position)
    draft.table.checks.removeAll { $0.expression.columns.contains(name) }
    draft.table.uniqueConstraints.removeAll { $0.columns.contains(name) }
    draft.table.foreignKeys.removeAll {
      $0.columns.contains(name)
        || ($0.referencedTable == own && $0.referencedColumns.contains(name))
    }
    draft.table.indexes.removeAll { index in
      index.keys.contains { $0.expression.columns.contains(name) }
        || index.predicate?.columns.contains(name) == true
    }
    if draft.table.primaryKey.columns.contains(name) { draft.removePrimaryKey() }
  }

  private mutating func drop(
    constraint name: SQLName, from draft: inout TableDraft, cascades: Bool
  ) throws(StoreError) {
    let keys = draft.table.uniqueConstraints + (draft.hasPrimaryKey ? [draft.table.primaryKey] : [])
    if let key = keys.first(where: { $0.name == name.text }) {
      let what = "constraint \"\(name.text)\""
      let columns = Set(key.columns)
      let own = draft.table.name
      func refers(_ reference: ForeignKey) -> Bool { Set(reference.referencedColumns) == columns }
      if let first = draft.table.foreignKeys.first(where: {
        $0.referencedTable == own && refers($0)
      }) {
        guard cascades else { throw isReferredTo(what, by: first, of: own, at: name.token) }
        draft.table.foreignKeys.removeAll { $0.referencedTable == own && refers($0) }
      }
      try dropReferences(to: own, at: name.token, cascades: cascades, what: what, refers)
      if draft.hasPrimaryKey, draft.table.primaryKey.name == name.text { draft.removePrimaryKey() }
      draft.table.uniqueConstraints.removeAll { $0.name == name.text }
      return
    }
    guard draft.constraintNames.contains(name.text) else {
      throw errors.error(
        "constraint \"\(name.text)\" of table \"\(draft.table.name)\" does not exist",
        at: name.token)
    }
    draft.table.checks.removeAll { $0.name == name.text }
    draft.table.foreignKeys.removeAll { $0.name == name.text }
  }

  /// Drops other tables' foreign keys to a table, or refuses to.
  private mutating func dropReferences(
    to table: String, at token: SQLToken, cascades: Bool, what: String,
    _ refers: (ForeignKey) -> Bool
  ) throws(StoreError) {
    for other in sortedTables where other.name != table {
      let matching = other.foreignKeys.filter { $0.referencedTable == table && refers($0) }
      guard let first = matching.first else { continue }
      guard cascades else { throw isReferredTo(what, by: first, of: other.name, at: token) }
      var other = other
      other.foreignKeys.removeAll { matching.contains($0) }
      redefine(other)
    }
  }

  private func isReferredTo(
    _ what: String, by key: ForeignKey, of table: String, at token: SQLToken
  ) -> StoreError {
    errors.error(
      "constraint \"\(key.name)\" of table \"\(table)\" refers to \(what); write CASCADE to drop "
        + "it too", at: token)
  }

  // MARK: Types

  private func setType(
    of column: SQLName, _ type: ColumnType, _ collation: String?, _ conversion: ExpressionSyntax?,
    at token: SQLToken, in draft: inout TableDraft
  ) throws(StoreError) {
    let position = try position(column, in: draft)
    var changed = draft.table.columns[position]
    if let conversion {
      let plain = Expression.column(column.text)
      guard conversion.expression == plain || conversion.expression == .cast(plain, type) else {
        throw errors.error(
          "USING other than \(column.text)::\(type.sql) is not supported\(Self.hint)",
          at: conversion.token)
      }
    }
    let isExplicit = conversion?.expression == .cast(.column(column.text), type)
    guard Self.converts(changed.type, type, isExplicit: isExplicit) else {
      throw errors.error(
        "\"\(column.text)\" cannot be converted from \(changed.type.sql) to \(type.sql) in the "
          + "same way on every backend\(Self.hint)", at: token)
    }
    if changed.isSerial, ![.smallint, .integer, .bigint].contains(type) {
      throw errors.error("a serial column must stay an integer", at: token)
    }
    if case .value(let value) = changed.defaultValue {
      let parser = SQLParser([token], errors: errors, enumerations: [:])
      changed.defaultValue = .value(try parser.convert(value, to: type, at: token))
    }
    if collation != nil, !type.elementType.isText {
      throw errors.error("\(type.sql) has no collation", at: token)
    }
    changed.type = type
    changed.collation = collation
    draft.table.columns[position] = changed
    try recheck(draft.table, at: token)
  }

  /// Checks what refers to a column whose type has changed.
  private func recheck(_ table: TableDefinition, at token: SQLToken) throws(StoreError) {
    do {
      for check in table.checks { _ = try check.expression.resolvedCondition(in: table) }
      for index in table.indexes {
        for key in index.keys { _ = try key.expression.resolved(in: table) }
        _ = try index.predicate?.resolvedCondition(in: table)
      }
    } catch {
      throw errors.error(error.message, at: token)
    }
    func type(_ column: String, of owner: TableDefinition) -> ColumnType? {
      owner.position(of: column).map { owner.columns[$0].type }
    }
    var tables = schema.tables
    tables[table.name] = table
    for owner in tables.values.sorted(by: { TextOrder.isLess($0.name, $1.name) }) {
      for key in owner.foreignKeys
      where owner.name == table.name || key.referencedTable == table.name {
        guard let target = tables[key.referencedTable] else { continue }
        for (column, referenced) in zip(key.columns, key.referencedColumns) {
          guard let from = type(column, of: owner), let to = type(referenced, of: target),
            Self.canRefer(from, to)
          else {
            throw errors.error(
              "foreign key \"\(key.name)\" of table \"\(owner.name)\" would compare other types",
              at: token)
          }
        }
      }
    }
  }

  /// Whether stored values become the other type in the same way on every backend; with an
  /// explicit `USING column::type`, texts are read as the type.
  static func converts(_ from: ColumnType, _ to: ColumnType, isExplicit: Bool) -> Bool {
    if castsAlike(from, to) { return true }
    let integers: [ColumnType] = [.smallint, .integer, .bigint]
    switch (from, to) {
    case (_, .smallint) where integers.contains(from), (_, .integer) where integers.contains(from):
      return true
    case (_, .numeric) where integers.contains(from): return true
    case (.numeric, .numeric), (.unlimitedNumeric, .numeric): return true
    case (.numeric, .double), (.unlimitedNumeric, .double), (.numeric, .real),
      (.unlimitedNumeric, .real), (.bigint, .double), (.double, .real):
      return true
    // An explicit cast to varchar cuts in silence; without one too long a text is an error.
    case (.text, .varchar), (.varchar, .varchar), (.enumeration, .varchar): return !isExplicit
    case (.timestamp, .timestamptz), (.timestamptz, .timestamp): return true
    case (.text, _), (.varchar, _):
      guard isExplicit else { return false }
      switch to {
      case .boolean, .smallint, .integer, .bigint, .real, .double, .numeric, .unlimitedNumeric,
        .uuid, .date, .timestamp, .timestamptz, .json, .enumeration:
        return true
      default: return false
      }
    default: return false
    }
  }

  var sortedTables: [TableDefinition] {
    schema.tables.values.sorted { TextOrder.isLess($0.name, $1.name) }
  }
}
