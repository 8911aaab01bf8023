import RoostCore

/// Cuts SQL text into tokens by Postgres's lexical rules, with `standard_conforming_strings` on.
///
/// Source: PostgreSQL manual, "Lexical Structure".
struct SQLLexer {
  /// A comment that says something to Roost: `-- roost: WORDS`.
  struct Directive {
    var words: String
    var line: Int
    var column: Int
  }

  private let scalars: [Unicode.Scalar]
  private let errors: SQLErrors
  private var position = 0
  private var line = 1
  private var column = 1
  /// The directives since they were last taken.
  private(set) var directives: [Directive] = []

  /// The longest identifier in bytes; Postgres cuts longer ones. Source: PostgreSQL, NAMEDATALEN.
  static let maximumNameBytes = 63

  init(_ text: String, errors: SQLErrors) {
    scalars = Array(text.unicodeScalars)
    self.errors = errors
    if scalars.first == "\u{FEFF}" { position = 1 }
  }

  mutating func takeDirectives() -> [Directive] {
    defer { directives = [] }
    return directives
  }

  /// The text between two scalar offsets.
  func text(_ range: Range<Int>) -> String {
    var result = String.UnicodeScalarView()
    result.append(contentsOf: scalars[range])
    return String(result)
  }

  /// The next token; `end` at the end of the text, again and again.
  mutating func next() throws(StoreError) -> SQLToken {
    try skipSpaceAndComments()
    let start = (offset: position, line: line, column: column)
    let kind = try kind()
    return SQLToken(
      kind: kind, range: start.offset..<position, line: start.line, column: start.column)
  }

  private mutating func kind() throws(StoreError) -> SQLToken.Kind {
    guard let scalar = current else { return .end }
    switch scalar {
    case "'":
      return .string(try quoted("'", "string"))
    case "\"":
      let name = try quoted("\"", "quoted identifier")
      if name.isEmpty { throw error("a quoted identifier is empty") }
      return .quoted(Self.cut(name))
    case "$":
      return .string(try dollarString())
    case "0"..."9":
      return .number(try number())
    case "." where peek(1).map(Self.isDigit) == true:
      return .number(try number())
    case "(", ")", "[", "]", ",", ";", ".":
      advance()
      return .symbol(String(scalar))
    case ":":
      advance()
      if current == ":" || current == "=" {
        let second = String(current ?? " ")
        advance()
        return .symbol(":" + second)
      }
      return .symbol(":")
    default:
      if Self.isNameStart(scalar) { return try word() }
      if Self.operatorScalars.contains(scalar) { return .symbol(operatorText()) }
      throw error("unexpected character U+\(String(scalar.value, radix: 16, uppercase: true))")
    }
  }

  // MARK: Characters

  private var current: Unicode.Scalar? { peek(0) }

  private func peek(_ distance: Int) -> Unicode.Scalar? {
    position + distance < scalars.count ? scalars[position + distance] : nil
  }

  private mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where position < scalars.count {
      if scalars[position] == "\n" {
        line += 1
        column = 1
      } else {
        column += 1
      }
      position += 1
    }
  }

  private func error(_ message: String) -> StoreError {
    errors.error(message, line: line, column: column)
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    scalar >= "0" && scalar <= "9"
  }

  private static func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "_": true
    default: scalar.value >= 0x80
    }
  }

  private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
    isNameStart(scalar) || isDigit(scalar) || scalar == "$"
  }

  private static let operatorScalars = Set("+-*/<>=~!@#%^&|`?".unicodeScalars)

  /// Cuts a name as Postgres does: whole characters within 63 bytes.
  static func cut(_ name: String) -> String {
    guard name.utf8.count > maximumNameBytes else { return name }
    return clip(name, toBytes: maximumNameBytes)
  }

  /// The longest run of whole scalars from the start that fits into so many UTF-8 bytes.
  static func clip(_ name: String, toBytes limit: Int) -> String {
    var result = String.UnicodeScalarView()
    var count = 0
    for scalar in name.unicodeScalars {
      count += UTF8.width(scalar)
      if count > limit { break }
      result.append(scalar)
    }
    return String(result)
  }

  // MARK: Space and comments

  private mutating func skipSpaceAndComments() throws(StoreError) {
    while let scalar = current {
      switch scalar {
      case " ", "\t", "\n", "\r", "\u{0B}", "\u{0C}": advance()
      case "-" where peek(1) == "-": skipLineComment()
      case "/" where peek(1) == "*": try skipBlockComment()
      default: return
      }
    }
  }

  private mutating func skipLineComment() {
    let start = (position, line, column)
    while let scalar = current, scalar != "\n" { advance() }
    var comment = text(start.0 + 2..<position)[...]
    while let first = comment.first, first == " " || first == "\t" { comment.removeFirst() }
    guard comment.hasPrefix("roost:") else { return }
    let words = comment.dropFirst("roost:".count).split { $0 == " " || $0 == "\t" || $0 == "\r" }
    directives.append(
      Directive(words: words.joined(separator: " "), line: start.1, column: start.2))
  }

  private mutating func skipBlockComment() throws(StoreError) {
    let start = (line, column)
    var depth = 0
    repeat {
      if current == "/", peek(1) == "*" {
        depth += 1
        advance(2)
      } else if current == "*", peek(1) == "/" {
        depth -= 1
        advance(2)
      } else if current != nil {
        advance()
      } else {
        throw errors.error("a comment is not closed", line: start.0, column: start.1)
      }
    } while depth > 0
  }

  // MARK: Tokens

  private mutating func word() throws(StoreError) -> SQLToken.Kind {
    let start = position
    if let next = peek(1), let scalar = current {
      switch (scalar, next) {
      case ("e", "'"), ("E", "'"):
        advance()
        return .string(try escapeString())
      case ("b", "'"), ("B", "'"), ("x", "'"), ("X", "'"):
        throw error("bit strings are not supported")
      case ("n", "'"), ("N", "'"):
        throw error("national character strings are not supported; write '...'")
      case ("u", "&"), ("U", "&"):
        if peek(2) == "'" || peek(2) == "\"" {
          throw error("U& strings and identifiers are not supported; write the characters")
        }
      default: break
      }
    }
    while let scalar = current, Self.isNamePart(scalar) { advance() }
    return .word(Self.cut(TextOrder.lowercased(text(start..<position))))
  }

  private mutating func quoted(
    _ quote: Unicode.Scalar, _ what: String
  ) throws(StoreError) -> String {
    let start = (line, column)
    var result = String.UnicodeScalarView()
    advance()
    while let scalar = current {
      advance()
      if scalar == quote {
        if current != quote { return String(result) }
        advance()
      }
      if scalar.value == 0 { throw error("U+0000 is not allowed") }
      result.append(scalar)
    }
    throw errors.error("a \(what) is not closed", line: start.0, column: start.1)
  }

  private mutating func escapeString() throws(StoreError) -> String {
    let start = (line, column)
    var result = String.UnicodeScalarView()
    advance()
    while let scalar = current {
      if scalar == "\\" {
        result.append(try escape())
        continue
      }
      advance()
      if scalar == "'" {
        if current != "'" { return String(result) }
        advance()
      }
      if scalar.value == 0 { throw error("U+0000 is not allowed") }
      result.append(scalar)
    }
    throw errors.error("a string is not closed", line: start.0, column: start.1)
  }

  private mutating func escape() throws(StoreError) -> Unicode.Scalar {
    let start = (line, column)
    advance()
    guard let scalar = current else { throw error("a string is not closed") }
    advance()
    let value: UInt32?
    switch scalar {
    case "b": return "\u{08}"
    case "f": return "\u{0C}"
    case "n": return "\n"
    case "r": return "\r"
    case "t": return "\t"
    case "u": value = digits(radix: 16, 4...4)
    case "U": value = digits(radix: 16, 8...8)
    case "x": value = digits(radix: 16, 1...2)
    case "0"..."7":
      position -= 1
      column -= 1
      value = digits(radix: 8, 1...3)
    default: return scalar
    }
    // A byte above 127 would be part of a character, which is better written as itself.
    let limit: UInt32 = scalar == "u" || scalar == "U" ? 0x10FFFF : 0x7F
    guard let value, value > 0, value <= limit, let result = Unicode.Scalar(value) else {
      throw errors.error("invalid escape in a string", line: start.0, column: start.1)
    }
    return result
  }

  private mutating func digits(radix: UInt32, _ count: ClosedRange<Int>) -> UInt32? {
    var value: UInt32 = 0
    var read = 0
    while read < count.upperBound, let scalar = current,
      let digit = UInt32(String(scalar), radix: Int(radix)), scalar.isASCII
    {
      value = value * radix + digit
      read += 1
      advance()
    }
    return read >= count.lowerBound ? value : nil
  }

  private mutating func dollarString() throws(StoreError) -> String {
    let start = (line, column)
    var tagEnd = position + 1
    while tagEnd < scalars.count, scalars[tagEnd] != "$",
      Self.isNameStart(scalars[tagEnd])
        || (tagEnd > position + 1 && Self.isDigit(scalars[tagEnd]))
    {
      tagEnd += 1
    }
    guard tagEnd < scalars.count, scalars[tagEnd] == "$" else {
      throw error("unexpected \"$\"")
    }
    let tag = scalars[position...tagEnd]
    advance(tag.count)
    let contentStart = position
    while position < scalars.count {
      if scalars[position] == "$", scalars[position...].starts(with: tag) {
        let content = text(contentStart..<position)
        advance(tag.count)
        return content
      }
      advance()
    }
    throw errors.error(
      "a dollar-quoted string is not closed", line: start.0, column: start.1)
  }

  private mutating func number() throws(StoreError) -> String {
    let start = position
    func isExponent() -> Bool {
      guard current == "e" || current == "E", let next = peek(1) else { return false }
      return Self.isDigit(next)
        || ((next == "+" || next == "-") && peek(2).map(Self.isDigit) == true)
    }
    while let scalar = current, Self.isDigit(scalar) { advance() }
    if current == "." {
      advance()
      while let scalar = current, Self.isDigit(scalar) { advance() }
    }
    if isExponent() {
      advance(2)
      while let scalar = current, Self.isDigit(scalar) { advance() }
    }
    if let scalar = current, Self.isNameStart(scalar) {
      throw error("trailing junk after a number")
    }
    return text(start..<position)
  }

  /// An operator as Postgres cuts it: it ends before a comment, and a trailing + or - belongs to
  /// it only when it holds one of the characters ~ ! @ # % ^ & | ` ?.
  private mutating func operatorText() -> String {
    var end = position
    while end < scalars.count, Self.operatorScalars.contains(scalars[end]) {
      let next = end + 1 < scalars.count ? scalars[end + 1] : " "
      if end > position,
        (scalars[end] == "-" && next == "-") || (scalars[end] == "/" && next == "*")
      {
        break
      }
      end += 1
    }
    let keepsSign = scalars[position..<end].contains { !"+-*/<>=".unicodeScalars.contains($0) }
    while !keepsSign, end - position > 1, scalars[end - 1] == "+" || scalars[end - 1] == "-" {
      end -= 1
    }
    let result = text(position..<end)
    advance(end - position)
    return result
  }
}
