/// One statement of a migration, as it stands in the file.
public struct SQLStatement: Sendable, Equatable {
  /// The text without the closing semicolon.
  public var text: String
  /// The file's name.
  public var file: String
  /// The line of the first character, from 1.
  public var line: Int
  /// The column of the first character, from 1, in Unicode scalars.
  public var column: Int
  /// Whether embedded backends pass over it: `-- roost: only postgres` stands before it.
  public var isOnlyPostgres: Bool
  /// The extension without which Postgres passes over it: `-- roost: requires NAME`; nil for none.
  public var requiredExtension: String?
  /// Whether embedded backends run a Swift step in its place: `-- roost: step` stands before it.
  public var isStep: Bool

  /// Makes a statement.
  public init(
    text: String, file: String, line: Int, column: Int, isOnlyPostgres: Bool = false,
    requiredExtension: String? = nil, isStep: Bool = false
  ) {
    self.text = text
    self.file = file
    self.line = line
    self.column = column
    self.isOnlyPostgres = isOnlyPostgres
    self.requiredExtension = requiredExtension
    self.isStep = isStep
  }
}

extension SQLStatement {
  /// The index that a CREATE INDEX CONCURRENTLY names; nil for other statements, and for one that
  /// leaves the name to the server.
  /// - Throws: `invalidMigration` when the text cannot be read.
  package func concurrentIndex() throws(StoreError) -> String? {
    var lexer = SQLLexer(text, errors: SQLErrors(file: file))
    var isConcurrent = false
    var words: [SQLToken.Kind] = []
    while true {
      let kind = try lexer.next().kind
      switch kind {
      case .word("create"), .word("unique"), .word("index"), .word("if"), .word("not"),
        .word("exists"):
        words.append(kind)
      case .word("concurrently"): isConcurrent = words.contains(.word("index"))
      case .word("on"): return nil
      case .word(let name), .quoted(let name):
        return isConcurrent && words.first == .word("create") ? name : nil
      default: return nil
      }
    }
  }

  /// The text as it can run inside a transaction: without CONCURRENTLY. Nil for a statement that
  /// runs in none and changes no schema.
  /// - Throws: `invalidMigration` when the text cannot be read.
  package func transactionalText() throws(StoreError) -> String? {
    var lexer = SQLLexer(text, errors: SQLErrors(file: file))
    guard case .word(let first) = try lexer.next().kind else { return text }
    if first == "vacuum" { return nil }
    guard ["create", "drop", "reindex"].contains(first) else { return text }
    while true {
      let token = try lexer.next()
      switch token.kind {
      case .word("concurrently"):
        return lexer.text(0..<token.range.lowerBound)
          + lexer.text(token.range.upperBound..<text.unicodeScalars.count)
      case .word("unique"), .word("index"), .word("table"), .word("schema"): continue
      default: return text
      }
    }
  }
}
