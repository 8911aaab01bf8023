import RoostCore

/// A name with the place where it stands.
struct SQLName: Sendable, Equatable {
  var text: String
  var token: SQLToken
}

/// Walks over a statement's tokens. What it reads is syntax; whether tables and columns exist is
/// the DDL reader's question.
struct SQLParser {
  let tokens: [SQLToken]
  let errors: SQLErrors
  /// The enum types that a column may have.
  let enumerations: [String: Enumeration]
  var index = 0
  /// The columns that the expression in hand has named so far.
  var namedColumns: [SQLName] = []
  /// The nesting of the expression in hand, and its operators.
  var depth = 0
  var operatorCount = 0

  init(_ tokens: [SQLToken], errors: SQLErrors, enumerations: [String: Enumeration]) {
    self.tokens = tokens
    self.errors = errors
    self.enumerations = enumerations
  }

  /// The token in hand. The last one is `end`, and nothing goes past it.
  var current: SQLToken { tokens[min(index, tokens.count - 1)] }

  func peek(_ distance: Int) -> SQLToken { tokens[min(index + distance, tokens.count - 1)] }

  mutating func advance() { index = min(index + 1, tokens.count - 1) }

  func error(_ message: String, at token: SQLToken? = nil) -> StoreError {
    errors.error(message, at: token ?? current)
  }

  func unexpected(_ wanted: String) -> StoreError {
    error("expected \(wanted), found \(current.shown)")
  }

  // MARK: Words and symbols

  func isWord(_ word: String, ahead distance: Int = 0) -> Bool {
    peek(distance).kind == .word(word)
  }

  func isSymbol(_ symbol: String, ahead distance: Int = 0) -> Bool {
    peek(distance).kind == .symbol(symbol)
  }

  /// Takes the words when they come next, all or none.
  mutating func accept(_ words: String...) -> Bool {
    for (distance, word) in words.enumerated() where !isWord(word, ahead: distance) {
      return false
    }
    for _ in words { advance() }
    return true
  }

  mutating func acceptSymbol(_ symbol: String) -> Bool {
    guard isSymbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func expect(_ words: String...) throws(StoreError) {
    for word in words {
      guard isWord(word) else { throw unexpected(TextOrder.uppercased(word)) }
      advance()
    }
  }

  mutating func expectSymbol(_ symbol: String) throws(StoreError) {
    guard acceptSymbol(symbol) else { throw unexpected("\"\(symbol)\"") }
  }

  func expectEnd() throws(StoreError) {
    guard current.kind == .end else {
      throw error("\(current.shown) is not expected here, or not supported")
    }
  }

  // MARK: Names and literals

  /// A table's, column's, constraint's or type's name, without a schema before it.
  mutating func name(_ what: String) throws(StoreError) -> SQLName {
    let token = current
    let text: String
    switch token.kind {
    case .quoted(let name): text = name
    case .word(let word):
      if SQLKeywords.reserved.contains(word) || SQLKeywords.functionsOnly.contains(word) {
        throw error("\"\(word)\" is a reserved word; quote it to use it as \(what)")
      }
      text = word
    default: throw unexpected(what)
    }
    advance()
    if isSymbol(".") {
      throw error("names with a schema are not supported; the store's URL chooses the schema")
    }
    return SQLName(text: text, token: token)
  }

  /// Names in parentheses, at least one and none twice.
  mutating func nameList(_ what: String) throws(StoreError) -> [SQLName] {
    try expectSymbol("(")
    var names: [SQLName] = []
    repeat {
      let name = try name(what)
      if names.contains(where: { $0.text == name.text }) {
        throw error("\"\(name.text)\" is named twice", at: name.token)
      }
      names.append(name)
    } while acceptSymbol(",")
    try expectSymbol(")")
    return names
  }

  mutating func string(_ what: String) throws(StoreError) -> String {
    guard case .string(let text) = current.kind else { throw unexpected(what) }
    advance()
    return text
  }

  /// A number without sign or fraction, within a range.
  mutating func integer(_ range: ClosedRange<Int>, _ what: String) throws(StoreError) -> Int {
    var sign = 1
    if range.lowerBound < 0, acceptSymbol("-") { sign = -1 }
    guard case .number(let text) = current.kind, let value = Int(text) else {
      throw unexpected(what)
    }
    guard range.contains(sign * value) else {
      throw error(
        "\(what) must be between \(range.lowerBound) and \(range.upperBound)")
    }
    advance()
    return sign * value
  }

  mutating func acceptIfExists() -> Bool { accept("if", "exists") }

  mutating func acceptIfNotExists() -> Bool { accept("if", "not", "exists") }
}
