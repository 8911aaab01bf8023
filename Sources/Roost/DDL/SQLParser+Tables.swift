import RoostCore

/// A column as CREATE TABLE or ADD COLUMN writes it.
struct ColumnSyntax {
  var name: SQLName
  var type: ColumnType
  var collation: String?
  /// Whether it is a serial or an identity.
  var isGenerated = false
  /// What NULL or NOT NULL says; nil when neither is written.
  var isNullable: Bool?
  var defaultValue: DefaultSyntax?
  var constraints: [ConstraintSyntax] = []
}

/// What stands after DEFAULT.
struct DefaultSyntax {
  enum Source {
    case now
    case randomUUID
    case expression(ExpressionSyntax)
  }

  var source: Source
  var token: SQLToken
}

/// A constraint of a column or table; a column's own names the column.
struct ConstraintSyntax {
  enum Body {
    case primaryKey([SQLName])
    case unique([SQLName])
    case check(ExpressionSyntax)
    case foreignKey(ForeignKeySyntax)
  }

  var name: SQLName?
  var token: SQLToken
  var body: Body
}

/// A foreign key; without referenced columns it refers to the primary key.
struct ForeignKeySyntax {
  var columns: [SQLName]
  var table: SQLName
  var referenced: [SQLName]
  var onDelete: ForeignKey.DeleteAction
}

extension SQLParser {
  /// `name type [COLLATE "C"] [constraint ...]`.
  mutating func column() throws(StoreError) -> ColumnSyntax {
    let name = try name("a column")
    let type = try type()
    var column = ColumnSyntax(name: name, type: type.type)
    if type.isSerial {
      column.isGenerated = true
      column.isNullable = false
    }
    while current.kind != .end, !isSymbol(","), !isSymbol(")") {
      try columnClause(&column)
    }
    if column.isGenerated, column.isNullable == true {
      throw error("a serial or identity column cannot be NULL", at: name.token)
    }
    return column
  }

  private mutating func columnClause(_ column: inout ColumnSyntax) throws(StoreError) {
    let token = current
    let constraintName = accept("constraint") ? try name("a constraint") : nil
    let clause = current
    if constraintName == nil, isWord("collate") {
      column.collation = try collation()
    } else if accept("not", "null") {
      guard column.isNullable != true else { throw error("NULL and NOT NULL conflict", at: clause) }
      column.isNullable = false
    } else if accept("null") {
      guard column.isNullable != false else {
        throw error("NULL and NOT NULL conflict", at: clause)
      }
      column.isNullable = true
    } else if accept("default") {
      guard column.defaultValue == nil, !column.isGenerated else {
        throw error("the column has two defaults", at: clause)
      }
      column.defaultValue = try defaultClause()
    } else if isWord("generated") {
      guard column.defaultValue == nil, !column.isGenerated else {
        throw error("the column has two defaults", at: clause)
      }
      try identity(column)
      column.isGenerated = true
      guard column.isNullable != true else { throw error("NULL and NOT NULL conflict", at: clause) }
      column.isNullable = false
    } else {
      let body = try constraintBody(of: column.name)
      column.constraints.append(
        ConstraintSyntax(name: constraintName, token: token, body: body))
      try constraintAttributes()
    }
  }

  /// `GENERATED {ALWAYS | BY DEFAULT} AS IDENTITY`.
  private mutating func identity(_ column: ColumnSyntax) throws(StoreError) {
    let token = current
    advance()
    if !accept("always") { try expect("by", "default") }
    try expect("as")
    guard accept("identity") else {
      throw error("generated columns other than AS IDENTITY are not supported", at: token)
    }
    if isSymbol("(") { throw error("options of an identity are not supported") }
    switch column.type {
    case .smallint, .integer, .bigint: return
    default:
      throw error("an identity column must be smallint, integer or bigint", at: column.name.token)
    }
  }

  /// What follows DEFAULT: a time, a random UUID or a constant.
  mutating func defaultClause() throws(StoreError) -> DefaultSyntax {
    let token = current
    let start = index
    var parentheses = 0
    while acceptSymbol("(") { parentheses += 1 }
    if let source = try generatedDefault() {
      for _ in 0..<parentheses { try expectSymbol(")") }
      return DefaultSyntax(source: source, token: token)
    }
    index = start
    return DefaultSyntax(source: .expression(try simpleExpression()), token: token)
  }

  private mutating func generatedDefault() throws(StoreError) -> DefaultSyntax.Source? {
    if accept("current_timestamp") || accept("localtimestamp") {
      if acceptSymbol("(") {
        guard try integer(0...6, "the precision of a timestamp") == 6 else {
          throw error("timestamps have six digits here; other precisions are not supported")
        }
        try expectSymbol(")")
      }
      return .now
    }
    guard case .word(let word) = current.kind, isSymbol("(", ahead: 1), isSymbol(")", ahead: 2)
    else { return nil }
    let source: DefaultSyntax.Source
    switch word {
    case "now", "transaction_timestamp": source = .now
    case "gen_random_uuid": source = .randomUUID
    default: return nil
    }
    for _ in 0..<3 { advance() }
    return source
  }

  // MARK: Constraints

  /// A table's constraint, when one comes next.
  mutating func tableConstraint() throws(StoreError) -> ConstraintSyntax? {
    let token = current
    let isNamed = isWord("constraint")
    guard
      isNamed
        || ["primary", "unique", "check", "foreign", "exclude"].contains(where: { isWord($0) })
    else { return nil }
    var constraintName: SQLName?
    if accept("constraint") { constraintName = try name("a constraint") }
    let body = try constraintBody(of: nil)
    try constraintAttributes()
    return ConstraintSyntax(name: constraintName, token: token, body: body)
  }

  /// The constraint itself; `column` is nil for a table's constraint.
  private mutating func constraintBody(
    of column: SQLName?
  ) throws(StoreError) -> ConstraintSyntax.Body {
    let token = current
    if accept("primary") {
      try expect("key")
      return .primaryKey(try keyColumns(column))
    }
    if accept("unique") {
      if isWord("nulls") { throw error("UNIQUE NULLS [NOT] DISTINCT is not supported") }
      return .unique(try keyColumns(column))
    }
    if accept("check") {
      try expectSymbol("(")
      let condition = try expression()
      try expectSymbol(")")
      if isWord("no") { throw error("NO INHERIT is not supported") }
      return .check(condition)
    }
    if let column, accept("references") { return .foreignKey(try reference([column])) }
    if column == nil, accept("foreign") {
      try expect("key")
      let columns = try nameList("a column")
      try expect("references")
      return .foreignKey(try reference(columns))
    }
    if isWord("exclude") { throw error("EXCLUDE is not supported", at: token) }
    throw error("\(token.shown) is not expected here, or not supported", at: token)
  }

  private mutating func keyColumns(_ column: SQLName?) throws(StoreError) -> [SQLName] {
    if let column { return [column] }
    if isWord("using") { throw error("USING INDEX is not supported") }
    return try nameList("a column")
  }

  private mutating func reference(_ columns: [SQLName]) throws(StoreError) -> ForeignKeySyntax {
    let table = try name("a table")
    let referenced = isSymbol("(") ? try nameList("a column") : []
    var onDelete = ForeignKey.DeleteAction.noAction
    while true {
      let token = current
      if accept("on", "delete") {
        onDelete = try deleteAction()
      } else if accept("on", "update") {
        guard accept("no", "action") else {
          throw error("ON UPDATE other than NO ACTION is not supported", at: token)
        }
      } else if accept("match") {
        guard accept("simple") else { throw error("only MATCH SIMPLE is supported", at: token) }
      } else {
        return ForeignKeySyntax(
          columns: columns, table: table, referenced: referenced, onDelete: onDelete)
      }
    }
  }

  private mutating func deleteAction() throws(StoreError) -> ForeignKey.DeleteAction {
    let token = current
    if accept("no", "action") { return .noAction }
    if accept("restrict") { return .restrict }
    if accept("cascade") { return .cascade }
    if accept("set", "null") {
      if isSymbol("(") { throw error("SET NULL of single columns is not supported") }
      return .setNull
    }
    if accept("set", "default") { throw error("SET DEFAULT is not supported", at: token) }
    throw unexpected("NO ACTION, RESTRICT, CASCADE or SET NULL")
  }

  /// What may follow a constraint and changes nothing; all else is refused.
  private mutating func constraintAttributes() throws(StoreError) {
    while true {
      if accept("not", "deferrable") || accept("initially", "immediate") { continue }
      if isWord("deferrable") || isWord("initially") {
        throw error("DEFERRABLE constraints are not supported")
      }
      if isWord("include") { throw error("INCLUDE is not supported") }
      if isWord("with") { throw error("storage parameters are not supported") }
      if isWord("not"), isWord("valid", ahead: 1) { throw error("NOT VALID is not supported") }
      return
    }
  }
}
