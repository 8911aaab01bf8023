import RoostCore

/// One action of ALTER TABLE.
enum AlterAction {
  case addColumn(ColumnSyntax, mayExist: Bool)
  case dropColumn(SQLName, mayLack: Bool, cascades: Bool)
  case dropConstraint(SQLName, mayLack: Bool, cascades: Bool)
  case addConstraint(ConstraintSyntax)
  case setType(SQLName, ColumnType, collation: String?, using: ExpressionSyntax?, SQLToken)
  case setNullable(SQLName, Bool)
  case setDefault(SQLName, DefaultSyntax)
  case dropDefault(SQLName)

  /// When Postgres does it, whatever the order of writing: it drops first, then changes types,
  /// adds columns, and adds constraints and defaults last.
  ///
  /// Source: PostgreSQL, AT_PASS_DROP and its kin in tablecmds.c.
  var pass: Int {
    switch self {
    case .dropColumn, .dropConstraint, .dropDefault, .setNullable(_, true): 0
    case .setType: 1
    case .addColumn: 2
    case .setNullable(_, false): 3
    case .addConstraint, .setDefault: 4
    }
  }
}

extension SQLParser {
  /// `action, ...`, after ALTER TABLE and the table's name.
  mutating func alterActions() throws(StoreError) -> [AlterAction] {
    var actions: [AlterAction] = []
    repeat { actions.append(try alterAction()) } while acceptSymbol(",")
    try expectEnd()
    return actions
  }

  private mutating func alterAction() throws(StoreError) -> AlterAction {
    let token = current
    if accept("add") {
      if let constraint = try tableConstraint() { return .addConstraint(constraint) }
      _ = accept("column")
      let mayExist = acceptIfNotExists()
      return .addColumn(try column(), mayExist: mayExist)
    }
    if accept("drop") {
      let isConstraint = accept("constraint")
      if !isConstraint { _ = accept("column") }
      let mayLack = acceptIfExists()
      let name = try name(isConstraint ? "a constraint" : "a column")
      let cascades = accept("cascade")
      if !cascades { _ = accept("restrict") }
      return isConstraint
        ? .dropConstraint(name, mayLack: mayLack, cascades: cascades)
        : .dropColumn(name, mayLack: mayLack, cascades: cascades)
    }
    if accept("alter") {
      _ = accept("column")
      return try columnAction(try name("a column"))
    }
    throw error("this action of ALTER TABLE is not supported\(DDLReader.hint)", at: token)
  }

  private mutating func columnAction(_ name: SQLName) throws(StoreError) -> AlterAction {
    let token = current
    if accept("set", "not", "null") { return .setNullable(name, false) }
    if accept("drop", "not", "null") { return .setNullable(name, true) }
    if accept("drop", "default") { return .dropDefault(name) }
    if accept("set", "default") { return .setDefault(name, try defaultClause()) }
    if accept("type") || accept("set", "data", "type") {
      let syntax = try type()
      if syntax.isSerial { throw error("a column cannot become a serial", at: token) }
      let collation = try collation()
      let conversion = accept("using") ? try expression() : nil
      return .setType(name, syntax.type, collation: collation, using: conversion, token)
    }
    throw error("this action on a column is not supported\(DDLReader.hint)", at: token)
  }
}
