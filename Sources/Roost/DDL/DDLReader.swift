import RoostCore

/// Turns statements into changes of a schema, one after the other, each checked against the schema
/// as the ones before it left it.
///
/// What it does not know is an error with its place, never a guess: a table that is enforced
/// otherwise in memory than in Postgres would be worse than one that is refused.
struct DDLReader {
  /// The schema after the statements read so far.
  private(set) var schema: Schema
  /// What the statements read so far mean, in order.
  private(set) var changes: [SchemaChange] = []
  /// What embedded backends pass over, for people.
  private(set) var passedOver: [String] = []
  let errors: SQLErrors

  init(_ schema: Schema, file: String) {
    self.schema = schema
    errors = SQLErrors(file: file)
  }

  /// What to do about a statement that only Postgres needs.
  static let hint = "; write \"-- roost: only postgres\" before it when only Postgres needs it"

  /// Reads one statement.
  /// - Throws: `invalidMigration` with file, line and column.
  mutating func read(
    _ tokenized: TokenizedStatement, isTransactional: Bool
  ) throws(StoreError) {
    let statement = tokenized.statement
    if statement.isStep {
      make(.step)
      return
    }
    // Embedded backends have no extension at all.
    if statement.isOnlyPostgres || statement.requiredExtension != nil {
      passOver(statement)
      return
    }
    var parser = SQLParser(
      tokenized.tokens, errors: errors, enumerations: schema.enumerations)
    if try isWithoutMeaning(&parser) {
      passOver(statement)
      return
    }
    let isApplied = try readMeaningful(&parser, isTransactional)
    if isApplied { try parser.expectEnd() } else { passOver(statement) }
  }

  private mutating func passOver(_ statement: SQLStatement) {
    let words = statement.text.split { $0 == " " || $0.isNewline || $0 == "\t" }
    let text = words.prefix(8).joined(separator: " ")
    passedOver.append(
      "\(statement.file):\(statement.line): \(text)\(words.count > 8 ? " ..." : "")")
  }

  /// Whether the statement means nothing without a server: extensions, comments, privileges,
  /// settings, statistics, functions.
  private func isWithoutMeaning(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    guard case .word(let first) = parser.current.kind else {
      throw parser.unexpected("a statement")
    }
    switch first {
    case "comment", "grant", "revoke", "set", "reset", "analyze": return true
    case "create":
      let isReplacing = parser.isWord("or", ahead: 1) && parser.isWord("replace", ahead: 2)
      return parser.isWord("extension", ahead: 1)
        || parser.isWord("function", ahead: isReplacing ? 3 : 1)
    case "drop", "alter":
      return parser.isWord("extension", ahead: 1) || parser.isWord("function", ahead: 1)
    default: return false
    }
  }

  /// Reads a statement that changes the schema or brings rows.
  /// - Returns: false when it changes nothing here, such as an index of another kind.
  private mutating func readMeaningful(
    _ parser: inout SQLParser, _ isTransactional: Bool
  ) throws(StoreError) -> Bool {
    let start = parser.current
    if parser.accept("create", "table") { return try createTable(&parser) }
    if parser.accept("create", "type") { return try createType(&parser) }
    if parser.accept("create", "index") || parser.accept("create", "unique", "index") {
      let isUnique = parser.tokens[1].kind == .word("unique")
      return try createIndex(&parser, isUnique: isUnique, isTransactional: isTransactional)
    }
    if parser.accept("create", "trigger") { return try createTrigger(&parser, isReplacing: false) }
    if parser.accept("create", "or", "replace", "trigger") {
      return try createTrigger(&parser, isReplacing: true)
    }
    if parser.accept("alter", "table") { return try alterTable(&parser) }
    if parser.accept("alter", "type") { return try alterType(&parser) }
    if parser.accept("alter", "index") { return try alterIndex(&parser) }
    if parser.accept("drop", "table") { return try dropTables(&parser) }
    if parser.accept("drop", "type") { return try dropTypes(&parser) }
    if parser.accept("drop", "index") {
      return try dropIndexes(&parser, isTransactional: isTransactional)
    }
    if parser.accept("drop", "trigger") { return try dropTrigger(&parser) }
    if parser.accept("insert", "into") { return try insert(&parser) }
    var words: [String] = []
    for token in parser.tokens.prefix(2) {
      if case .word(let word) = token.kind { words.append(TextOrder.uppercased(word)) }
    }
    throw errors.error(
      "the statement \(words.joined(separator: " ")) is not supported\(Self.hint)", at: start)
  }

  // MARK: Changes

  /// Makes a change of the schema.
  mutating func make(_ change: SchemaChange) {
    changes.append(change)
    schema.apply(change)
  }

  /// Gives a table another definition, and checks that it still has a primary key.
  mutating func redefine(
    _ name: String, _ draft: TableDraft, at token: SQLToken
  ) throws(StoreError) {
    guard draft.hasPrimaryKey else {
      throw errors.error(
        "table \"\(draft.table.name)\" would have no primary key, which is its order", at: token)
    }
    make(.redefineTable(name, draft.table, sources: draft.sources))
  }

  /// Gives a table another definition with the same columns.
  mutating func redefine(_ table: TableDefinition) {
    make(.redefineTable(table.name, table, sources: table.columns.indices.map { .old($0) }))
  }

  /// The table of a name.
  func table(_ name: SQLName) throws(StoreError) -> TableDefinition {
    guard let table = schema.tables[name.text] else {
      throw errors.error("table \"\(name.text)\" does not exist", at: name.token)
    }
    return table
  }

  /// The place of a column in a draft.
  func position(_ column: SQLName, in draft: TableDraft) throws(StoreError) -> Int {
    guard let position = draft.table.position(of: column.text) else {
      throw errors.error(
        "column \"\(column.text)\" of table \"\(draft.table.name)\" does not exist",
        at: column.token)
    }
    return position
  }

  /// Checks that no table, index or type has the name.
  func requireFree(relation name: SQLName) throws(StoreError) {
    guard !ConstraintNames(schema).relations.contains(name.text) else {
      throw errors.error("relation \"\(name.text)\" exists already", at: name.token)
    }
  }
}
