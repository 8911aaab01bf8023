import RoostCore

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
///     -- roost: step                 embedded backends run a Swift step in its place
///     -- roost: no-transaction       the script runs statement by statement, each by itself
struct SQLSplitter {
  private(set) var statements: [TokenizedStatement] = []
  /// False when the script says `-- roost: no-transaction`.
  private(set) var isTransactional = true
  private let errors: SQLErrors
  private var isOnlyPostgres = false
  private var requiredExtension: String?
  private var isStep = false
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
    case ("step", 1):
      if isStep || statements.contains(where: \.statement.isStep) {
        throw error("a migration has one step", directive)
      }
      isStep = true
      pending = directive
    case ("no-transaction", 1):
      isTransactional = false
    default:
      throw error(
        "unknown directive \"\(directive.words)\"; known are: only postgres, "
          + "requires EXTENSION, step, no-transaction", directive)
    }
    if isStep, isOnlyPostgres {
      throw error("a step runs on every backend, and \"only postgres\" says otherwise", directive)
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
    try refuseTransactionControl(words, at: first)
    let statement = SQLStatement(
      text: lexer.text(first.range.lowerBound..<last.range.upperBound), file: errors.file,
      line: first.line, column: first.column, isOnlyPostgres: isOnlyPostgres,
      requiredExtension: requiredExtension, isStep: isStep)
    var closing = end
    closing.kind = .end
    statements.append(TokenizedStatement(statement: statement, tokens: tokens + [closing]))
    isOnlyPostgres = false
    requiredExtension = nil
    isStep = false
    pending = nil
  }

  /// A migration is one transaction with its note; a script that ends it would break that.
  private func refuseTransactionControl(
    _ words: [SQLToken.Kind], at token: SQLToken
  ) throws(StoreError) {
    guard case .word(let first) = words[0] else { return }
    let refused: Bool
    switch first {
    case "begin", "commit", "rollback", "abort", "end", "savepoint", "release": refused = true
    case "start", "prepare": refused = words.dropFirst().first == .word("transaction")
    default: refused = false
    }
    if refused {
      throw errors.error(
        "\(TextOrder.uppercased(first)) is not allowed: a migration runs in one transaction; "
          + "\"-- roost: no-transaction\" runs its statements one by one", at: token)
    }
  }
}
