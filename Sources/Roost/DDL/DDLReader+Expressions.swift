import RoostCore

extension DDLReader {
  /// Checks a condition of a CHECK or a partial index against its table.
  func checkCondition(
    _ syntax: ExpressionSyntax, in table: TableDefinition
  ) throws(StoreError) {
    try checkParts(syntax, in: table)
    do {
      _ = try syntax.expression.resolvedCondition(in: table)
    } catch {
      throw errors.error(error.message, at: syntax.token)
    }
  }

  /// Checks an expression of any type against its table.
  func checkValue(_ syntax: ExpressionSyntax, in table: TableDefinition) throws(StoreError) {
    try checkParts(syntax, in: table)
    do {
      _ = try syntax.expression.resolved(in: table)
    } catch {
      throw errors.error(error.message, at: syntax.token)
    }
  }

  private func checkParts(
    _ syntax: ExpressionSyntax, in table: TableDefinition
  ) throws(StoreError) {
    for column in syntax.columns where table.position(of: column.text) == nil {
      throw errors.error(
        "column \"\(column.text)\" of table \"\(table.name)\" does not exist", at: column.token)
    }
    try checkCasts(syntax.expression, in: table, at: syntax.token)
  }

  /// Refuses casts of columns that embedded backends do not make as Postgres does.
  private func checkCasts(
    _ expression: Expression, in table: TableDefinition, at token: SQLToken
  ) throws(StoreError) {
    if case .cast(let operand, let target) = expression {
      let type: ColumnType?
      do {
        type = try operand.type(in: table)
      } catch {
        throw errors.error(error.message, at: token)
      }
      guard let type, Self.castsAlike(type, target) else {
        throw errors.error(
          "a cast from \(type?.sql ?? "NULL") to \(target.sql) is not supported", at: token)
      }
    }
    for part in expression.parts { try checkCasts(part, in: table, at: token) }
  }

  /// Whether a cast gives the same on every backend and cannot fail.
  static func castsAlike(_ from: ColumnType, _ to: ColumnType) -> Bool {
    switch (from, to) {
    case (.varchar, .text), (.enumeration, .text), (.date, .timestamp), (.date, .timestamptz): true
    case (.smallint, .integer), (.smallint, .bigint), (.integer, .bigint): true
    case (.smallint, .unlimitedNumeric), (.integer, .unlimitedNumeric),
      (.bigint, .unlimitedNumeric), (.numeric, .unlimitedNumeric):
      true
    case (.smallint, .double), (.integer, .double), (.real, .double): true
    default: from == to
    }
  }

  /// The default of a column.
  func columnDefault(
    _ syntax: DefaultSyntax, for column: String, _ type: ColumnType
  ) throws(StoreError) -> ColumnDefault? {
    switch syntax.source {
    case .now:
      guard type == .timestamptz || type == .timestamp else {
        throw errors.error(
          "the present as a default needs a timestamp, and \"\(column)\" is \(type.sql)",
          at: syntax.token)
      }
      return .now
    case .randomUUID:
      guard type == .uuid else {
        throw errors.error(
          "a random UUID as a default needs a uuid, and \"\(column)\" is \(type.sql)",
          at: syntax.token)
      }
      return .randomUUID
    case .expression(let expression):
      let value = try constant(expression, as: type)
      return value.isNull ? nil : .value(value)
    }
  }

  /// The value of an expression without columns, as a type.
  func constant(_ syntax: ExpressionSyntax, as type: ColumnType) throws(StoreError) -> Value {
    if let column = syntax.columns.first {
      throw errors.error("a column cannot stand here", at: column.token)
    }
    let parser = SQLParser([syntax.token], errors: errors, enumerations: [:])
    if case .literal(let value) = syntax.expression {
      return try parser.convert(value, to: type, at: syntax.token)
    }
    let value: Value
    do {
      let empty = TableDraft(name: "").table
      try checkCasts(syntax.expression, in: empty, at: syntax.token)
      value = try BoundExpression(syntax.expression, in: empty).evaluate([])
    } catch {
      if error.code == .invalidMigration { throw error }
      throw errors.error(error.message, at: syntax.token)
    }
    return try parser.convert(value, to: type, at: syntax.token)
  }
}

extension Expression {
  /// The operands, one level down.
  var parts: [Expression] {
    switch self {
    case .column, .literal: []
    case .comparison(_, let left, let right), .isNotDistinct(let left, let right),
      .arithmetic(_, let left, let right), .concatenation(let left, let right),
      .like(let left, pattern: let right, ignoringCase: _):
      [left, right]
    case .isNull(let operand), .isTrue(let operand), .not(let operand), .negative(let operand),
      .cast(let operand, _):
      [operand]
    case .and(let operands), .or(let operands), .function(_, let operands): operands
    case .isIn(let operand, let candidates): [operand] + candidates
    }
  }

  /// The expression with another name for a column.
  func renaming(_ old: String, to new: String) -> Expression {
    func renamed(_ expression: Expression) -> Expression { expression.renaming(old, to: new) }
    return switch self {
    case .column(let name): .column(name == old ? new : name)
    case .literal: self
    case .comparison(let comparison, let left, let right):
      .comparison(comparison, renamed(left), renamed(right))
    case .isNotDistinct(let left, let right): .isNotDistinct(renamed(left), renamed(right))
    case .isNull(let operand): .isNull(renamed(operand))
    case .isTrue(let operand): .isTrue(renamed(operand))
    case .and(let operands): .and(operands.map(renamed))
    case .or(let operands): .or(operands.map(renamed))
    case .not(let operand): .not(renamed(operand))
    case .isIn(let operand, let candidates): .isIn(renamed(operand), candidates.map(renamed))
    case .like(let operand, pattern: let pattern, ignoringCase: let ignoringCase):
      .like(renamed(operand), pattern: renamed(pattern), ignoringCase: ignoringCase)
    case .arithmetic(let operation, let left, let right):
      .arithmetic(operation, renamed(left), renamed(right))
    case .negative(let operand): .negative(renamed(operand))
    case .concatenation(let left, let right): .concatenation(renamed(left), renamed(right))
    case .function(let function, let arguments): .function(function, arguments.map(renamed))
    case .cast(let operand, let type): .cast(renamed(operand), type)
    }
  }
}
