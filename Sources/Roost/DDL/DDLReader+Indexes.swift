import RoostCore

extension DDLReader {
  /// The kinds of indexes that only make a server faster.
  private static let passedOverMethods: Set<String> = ["hash", "gin", "gist", "spgist", "brin"]

  /// The operator classes whose order is that of bytes, which every text has here.
  private static let operatorClasses: Set<String> = [
    "text_ops", "text_pattern_ops", "varchar_ops", "varchar_pattern_ops", "int2_ops", "int4_ops",
    "int8_ops", "uuid_ops", "timestamptz_ops", "timestamp_ops", "date_ops", "numeric_ops",
    "bool_ops", "enum_ops", "float4_ops", "float8_ops",
  ]

  /// `[CONCURRENTLY] [[IF NOT EXISTS] name] ON table [USING method] (key, ...) [WHERE condition]`,
  /// after CREATE [UNIQUE] INDEX.
  /// - Returns: false for an index that means nothing in memory, or that exists already.
  mutating func createIndex(
    _ parser: inout SQLParser, isUnique: Bool, isTransactional: Bool
  ) throws(StoreError) -> Bool {
    try acceptConcurrently(&parser, isTransactional)
    let mayExist = parser.acceptIfNotExists()
    let name = parser.isWord("on") && !mayExist ? nil : try parser.name("an index")
    try parser.expect("on")
    if parser.isWord("only") { throw parser.error("ON ONLY is not supported") }
    let tableName = try parser.name("a table")
    var table = try table(tableName)
    if let name, ConstraintNames(schema).relations.contains(name.text) {
      if mayExist { return false }
      try requireFree(relation: name)
    }
    if parser.accept("using"), try isPassedOver(&parser, name, isUnique) { return false }
    let keys = try keyList(&parser, table)
    let condition = try indexTail(&parser, table)
    let definition = IndexDefinition(
      name: name?.text ?? chosenName(table, keys), keys: keys.map(\.key), isUnique: isUnique,
      predicate: condition)
    table.indexes.append(definition)
    redefine(table)
    return true
  }

  private func acceptConcurrently(
    _ parser: inout SQLParser, _ isTransactional: Bool
  ) throws(StoreError) {
    let token = parser.current
    guard parser.accept("concurrently") else { return }
    if isTransactional {
      throw errors.error(
        "CONCURRENTLY cannot run in a transaction; write \"-- roost: no-transaction\" into the "
          + "file", at: token)
    }
  }

  private func isPassedOver(
    _ parser: inout SQLParser, _ name: SQLName?, _ isUnique: Bool
  ) throws(StoreError) -> Bool {
    let method = try parser.name("an index method")
    if method.text == "btree" { return false }
    guard Self.passedOverMethods.contains(method.text) else {
      throw errors.error("the index method \"\(method.text)\" is not known", at: method.token)
    }
    if isUnique {
      throw errors.error("a \(method.text) index cannot be unique", at: method.token)
    }
    // Without a name Postgres would take one that embedded backends may give to another index.
    guard name != nil else {
      throw errors.error(
        "a \(method.text) index, which embedded backends pass over, needs a name", at: method.token)
    }
    return true
  }

  /// A key with the name that Postgres would give its column.
  private struct NamedKey {
    var key: IndexDefinition.Key
    var name: String
  }

  private func keyList(
    _ parser: inout SQLParser, _ table: TableDefinition
  ) throws(StoreError) -> [NamedKey] {
    let start = parser.current
    try parser.expectSymbol("(")
    var keys: [NamedKey] = []
    repeat { keys.append(try key(&parser, table)) } while parser.acceptSymbol(",")
    try parser.expectSymbol(")")
    guard keys.count <= Self.maximumKeyColumns else {
      throw errors.error("an index has at most \(Self.maximumKeyColumns) keys", at: start)
    }
    return keys
  }

  private func key(
    _ parser: inout SQLParser, _ table: TableDefinition
  ) throws(StoreError) -> NamedKey {
    let token = parser.current
    let isCall = parser.isSymbol("(", ahead: 1)
    let syntax: ExpressionSyntax
    if parser.isSymbol("(") || isCall {
      syntax = try parser.indexExpression()
    } else {
      let column = try parser.name("a column")
      syntax = ExpressionSyntax(expression: .column(column.text), token: token, columns: [column])
    }
    try checkValue(syntax, in: table)
    try checkIndexable(syntax, in: table)
    _ = try parser.collation()
    if case .word(let word) = parser.current.kind, word.hasSuffix("_ops") {
      guard Self.operatorClasses.contains(word) else {
        throw parser.error("the operator class \"\(word)\" is not supported for a btree index")
      }
      parser.advance()
    }
    let isDescending = parser.accept("desc")
    if !isDescending { _ = parser.accept("asc") }
    var nullsFirst: Bool?
    if parser.accept("nulls") {
      nullsFirst = parser.accept("first")
      if nullsFirst == false { try parser.expect("last") }
    }
    return NamedKey(
      key: IndexDefinition.Key(
        syntax.expression, isDescending: isDescending, nullsFirst: nullsFirst),
      name: syntax.expression.columnName ?? "expr")
  }

  private func checkIndexable(
    _ syntax: ExpressionSyntax, in table: TableDefinition
  ) throws(StoreError) {
    let type: ColumnType?
    do {
      type = try syntax.expression.type(in: table)
    } catch {
      throw errors.error(error.message, at: syntax.token)
    }
    if type == .json {
      throw errors.error("a json column cannot be a key of a btree index", at: syntax.token)
    }
  }

  /// What may follow the keys: a condition.
  private func indexTail(
    _ parser: inout SQLParser, _ table: TableDefinition
  ) throws(StoreError) -> Expression? {
    for word in ["include", "nulls", "with", "tablespace"] where parser.isWord(word) {
      throw parser.error("\(TextOrder.uppercased(word)) of an index is not supported")
    }
    guard parser.accept("where") else {
      try parser.expectEnd()
      return nil
    }
    let condition = try parser.expression()
    try parser.expectEnd()
    try checkCondition(condition, in: table)
    return condition.expression
  }

  private func chosenName(_ table: TableDefinition, _ keys: [NamedKey]) -> String {
    var names = ConstraintNames(schema)
    return names.choose(
      table.name, ConstraintNames.keyNames(keys.map(\.name)), label: "idx", isConstraint: false)
  }

  /// `[CONCURRENTLY] [IF EXISTS] name, ... [CASCADE | RESTRICT]`, after DROP INDEX.
  mutating func dropIndexes(
    _ parser: inout SQLParser, isTransactional: Bool
  ) throws(StoreError) -> Bool {
    try acceptConcurrently(&parser, isTransactional)
    let mayLack = parser.acceptIfExists()
    var isApplied = false
    repeat {
      let name = try parser.name("an index")
      guard var table = try self.table(ofIndex: name) else {
        if mayLack { continue }
        throw errors.error(
          "index \"\(name.text)\" does not exist\(Self.hint)", at: name.token)
      }
      table.indexes.removeAll { $0.name == name.text }
      redefine(table)
      isApplied = true
    } while parser.acceptSymbol(",")
    _ = parser.accept("cascade") || parser.accept("restrict")
    try parser.expectEnd()
    return isApplied
  }

  /// The table that has an index; nil when none has it.
  private func table(ofIndex name: SQLName) throws(StoreError) -> TableDefinition? {
    for table in schema.tables.values {
      if table.indexes.contains(where: { $0.name == name.text }) { return table }
      let keys = [table.primaryKey] + table.uniqueConstraints
      if keys.contains(where: { $0.name == name.text }) {
        throw errors.error(
          "index \"\(name.text)\" belongs to a constraint of table \"\(table.name)\"; drop that",
          at: name.token)
      }
    }
    return nil
  }

  /// `name RENAME TO other`, after ALTER INDEX.
  mutating func alterIndex(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    let mayLack = parser.acceptIfExists()
    let name = try parser.name("an index")
    guard parser.accept("rename", "to") else {
      throw parser.error("only ALTER INDEX ... RENAME TO is supported\(Self.hint)")
    }
    let other = try parser.name("an index")
    try parser.expectEnd()
    guard var table = try self.table(ofIndex: name) else {
      if mayLack { return false }
      throw errors.error("index \"\(name.text)\" does not exist\(Self.hint)", at: name.token)
    }
    try requireFree(relation: other)
    for index in table.indexes.indices where table.indexes[index].name == name.text {
      table.indexes[index].name = other.text
    }
    redefine(table)
    return true
  }
}

extension Expression {
  /// The name that Postgres gives a column of this expression; nil for none, where it is `expr`.
  ///
  /// Source: PostgreSQL, FigureColnameInternal in parse_target.c.
  fileprivate var columnName: String? {
    switch self {
    case .column(let name): name
    case .function(let function, _): function.rawValue
    case .cast(let operand, let type):
      operand.columnName ?? type.internalName
    default: nil
    }
  }
}

extension ColumnType {
  /// The name of the type in Postgres's catalog.
  fileprivate var internalName: String {
    switch elementType {
    case .boolean: "bool"
    case .smallint: "int2"
    case .integer: "int4"
    case .bigint: "int8"
    case .real: "float4"
    case .double: "float8"
    case .numeric, .unlimitedNumeric: "numeric"
    case .text: "text"
    case .varchar: "varchar"
    case .bytes: "bytea"
    case .uuid: "uuid"
    case .date: "date"
    case .timestamp: "timestamp"
    case .timestamptz: "timestamptz"
    case .json: "jsonb"
    case .enumeration(let type): type.name
    case .array: "array"
    }
  }
}
