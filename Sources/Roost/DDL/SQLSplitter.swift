/// A statement with its tokens, the last of which is `end`.
struct TokenizedStatement: Sendable {
  var statement: SQLStatement
  var tokens: [SQLToken]
}

/// Parts a script into statements at the semicolons that stand outside strings, comments and
/// parentheses, and reads the directives before each.
///
///     -- roost: only postgres        embedded backends pass over the statement that follows
///     -- roost: requires NAME        so does Postgres where the extension is missing
///     -- roost: no-transaction       the script runs statement by statement, each by itself
struct SQLSplitter {
  private(set) var statements: [TokenizedStatement] = []
  /// False when the script says `-- roost: no-transaction`.
  private(set) var isTransactional = true
  private let errors: SQLErrors
  private var isOnlyPostgres = false
  private var requiredExtension: String?
  /// The directive that waits for its statement.
  private var pending: SQLLexer.Directive?

  /// Parts a script.
  /// - Throws: `invalidMigration` with file, line and column.
  init(_ text: String, file: String) throws(StoreError) {
    errors = SQLErrors(file: file)
    var lexer = SQLLexer(text, errors: errors)
    var tokens: [SQLToken] = []
    var depth = 0
    while true {
      let token = try lexer.next()
      let directives = lexer.takeDirectives()
      if tokens.isEmpty {
        for directive in directives { try follow(directive) }
      } else if let directive = directives.first {
        throw error("a directive must stand before a statement", directive)
      }
      switch token.kind {
      case .symbol("("): depth += 1
      case .symbol(")"): depth = max(depth - 1, 0)
      case .symbol(";") where depth == 0, .end:
        try finish(tokens, end: token, lexer)
        tokens = []
        if token.kind == .end {
          guard depth == 0 else { throw errors.error("a parenthesis is not closed", at: token) }
          if let pending { throw error("no statement follows the directive", pending) }
          return
        }
        continue
      default: break
      }
      tokens.append(token)
    }
  }

  private func error(_ message: String, _ directive: SQLLexer.Directive) -> StoreError {
    errors.error(message, line: directive.line, column: directive.column)
  }

  private mutating func follow(_ directive: SQLLexer.Directive) throws(StoreError) {
    let words = directive.words.split(separator: " ").map(String.init)
    switch (words.first, words.count) {
    case ("only", 2) where words[1] == "postgres":
      isOnlyPostgres = true
      pending = directive
    case ("requires", 2):
      if requiredExtension != nil { throw error("a statement requires one extension", directive) }
      requiredExtension = words[1]
      pending = directive
    case ("no-transaction", 1):
      isTransactional = false
    default:
      throw error(
        "unknown directive \"\(directive.words)\"; known are: only postgres, "
          + "requires EXTENSION, no-transaction", directive)
    }
  }

  private mutating func finish(
    _ tokens: [SQLToken], end: SQLToken, _ lexer: SQLLexer
  ) throws(StoreError) {
    guard let first = tokens.first, let last = tokens.last else { return }
    // A body of SQL statements would be torn apart at its semicolons.
    let words = tokens.map(\.kind)
    if first.kind == .word("create"),
      let begin = words.indices.dropLast().first(where: {
        words[$0] == .word("begin") && words[$0 + 1] == .word("atomic")
      })
    {
      throw errors.error(
        "BEGIN ATOMIC is not supported; quote the function's body with $$", at: tokens[begin])
    }
    let statement = SQLStatement(
      text: lexer.text(first.range.lowerBound..<last.range.upperBound), file: errors.file,
      line: first.line, column: first.column, isOnlyPostgres: isOnlyPostgres,
      requiredExtension: requiredExtension)
    var closing = end
    closing.kind = .end
    statements.append(TokenizedStatement(statement: statement, tokens: tokens + [closing]))
    isOnlyPostgres = false
    requiredExtension = nil
    pending = nil
  }
}
