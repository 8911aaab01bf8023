import RoostCore

extension SQLParser {
  /// A literal, a column, a function call, a cast or something in parentheses.
  mutating func primary() throws(StoreError) -> Expression {
    let token = current
    switch token.kind {
    case .string(let text):
      advance()
      if TextOrder.containsNull(text) { throw error("U+0000 is not allowed", at: token) }
      return .literal(.text(text))
    case .number(let text):
      advance()
      return .literal(try number(text, token))
    case .symbol("("):
      advance()
      if isWord("select") || isWord("values") || isWord("with") {
        throw error("subqueries are not supported")
      }
      let inner = try expressionInside()
      if isSymbol(",") { throw error("row values are not supported") }
      try expectSymbol(")")
      return inner
    case .word(let word): return try wordValue(word, token)
    case .quoted: return try column()
    default: throw unexpected("an expression")
    }
  }

  private func number(_ text: String, _ token: SQLToken) throws(StoreError) -> Value {
    if let integer = Int64(text) { return .int(integer) }
    guard let number = Numeric(text) else { throw error("the number is out of range", at: token) }
    return .numeric(number)
  }

  private mutating func wordValue(
    _ word: String, _ token: SQLToken
  ) throws(StoreError) -> Expression {
    switch word {
    case "true", "false":
      advance()
      return .literal(.bool(word == "true"))
    case "null":
      advance()
      return .literal(.null)
    case "array":
      advance()
      return try arrayLiteral(token)
    case "cast":
      advance()
      try expectSymbol("(")
      let operand = try expressionInside()
      try expect("as")
      let target = try type()
      try expectSymbol(")")
      return try cast(operand, target, at: token)
    case "case", "exists", "row", "interval", "extract", "position", "substring", "overlay",
      "nullif", "greatest", "least", "select":
      throw error("\(TextOrder.uppercased(word)) is not supported in an expression")
    default: break
    }
    if isSymbol("(", ahead: 1) { return try call(word, token) }
    if isTypedLiteral() {
      let target = try type()
      let text = try string("a string")
      return try cast(.literal(.text(text)), target, at: token)
    }
    return try column()
  }

  private mutating func column() throws(StoreError) -> Expression {
    let token = current
    switch token.kind {
    case .word(let word)
    where SQLKeywords.reserved.contains(word) || SQLKeywords.functionsOnly.contains(word):
      throw error("\"\(word)\" is not supported in an expression")
    case .word(let word), .quoted(let word):
      advance()
      if isSymbol(".") { throw error("write the column without its table") }
      namedColumns.append(SQLName(text: word, token: token))
      return .column(word)
    default: throw unexpected("a column")
    }
  }

  /// `ARRAY[...]` of literals.
  private mutating func arrayLiteral(_ token: SQLToken) throws(StoreError) -> Expression {
    try expectSymbol("[")
    var values: [Value] = []
    if !isSymbol("]") {
      repeat {
        let element = current
        guard case .literal(let value) = try expressionInside() else {
          throw error("an array's elements must be literals", at: element)
        }
        if case .array = value {
          throw error("arrays of several dimensions are not supported", at: element)
        }
        values.append(value)
      } while acceptSymbol(",")
    }
    try expectSymbol("]")
    return .literal(.array(values))
  }

  // MARK: Functions

  private static let functions: [String: Expression.Function] = [
    "lower": .lower, "upper": .upper, "length": .length, "char_length": .length,
    "character_length": .length, "btrim": .btrim, "ltrim": .ltrim, "rtrim": .rtrim,
    "coalesce": .coalesce, "abs": .abs,
  ]

  private mutating func call(_ word: String, _ token: SQLToken) throws(StoreError) -> Expression {
    advance()
    try expectSymbol("(")
    if word == "trim" { return try trim() }
    guard let function = Self.functions[word] else {
      throw error("the function \"\(word)\" is not supported", at: token)
    }
    var arguments: [Expression] = []
    if !isSymbol(")") {
      repeat { arguments.append(try expressionInside()) } while acceptSymbol(",")
    }
    try expectSymbol(")")
    return .function(function, arguments)
  }

  /// `trim([BOTH | LEADING | TRAILING] [characters] [FROM] text [, characters])`.
  private mutating func trim() throws(StoreError) -> Expression {
    var function = Expression.Function.btrim
    if accept("leading") {
      function = .ltrim
    } else if accept("trailing") {
      function = .rtrim
    } else {
      _ = accept("both")
    }
    var arguments: [Expression] = []
    if accept("from") {
      arguments = [try expressionInside()]
    } else {
      let first = try expressionInside()
      arguments = accept("from") ? [try expressionInside(), first] : [first]
    }
    if acceptSymbol(",") { arguments.append(try expressionInside()) }
    try expectSymbol(")")
    guard arguments.count <= 2 else { throw error("trim has too many arguments") }
    return .function(function, arguments)
  }

  // MARK: Casts

  /// A cast; of a literal it is made at once.
  func cast(
    _ operand: Expression, _ target: TypeSyntax, at token: SQLToken
  ) throws(StoreError) -> Expression {
    if target.isSerial { throw error("serial is not a type to cast to", at: token) }
    guard case .literal(let value) = operand else { return .cast(operand, target.type) }
    let converted = try convert(value, to: target.type, at: token)
    // A label stays a text, which becomes a label where it is compared with one: the type may get
    // more labels later.
    return .literal(target.type.enumeration == nil ? converted : value)
  }

  /// A literal's value as a type.
  func convert(
    _ value: Value, to type: ColumnType, at token: SQLToken
  ) throws(StoreError) -> Value {
    do throws(StoreError) {
      switch (type, value) {
      case (.bytes, .text(let text)):
        guard let bytes = Self.hexadecimal(text) else {
          throw error("a bytea is written as '\\x' and hexadecimal digits", at: token)
        }
        return .bytes(bytes)
      case (.array(let element), .text(let text)):
        guard let elements = SQLArrayText.elements(text) else {
          throw error("'\(text)' is not an array", at: token)
        }
        var values: [Value] = []
        for text in elements {
          values.append(try convert(text.map { .text($0) } ?? .null, to: element, at: token))
        }
        return .array(values)
      case (.text, .int), (.text, .numeric), (.text, .bool), (.varchar, .int), (.varchar, .numeric),
        (.varchar, .bool):
        throw error("write the text in quotes", at: token)
      default:
        return try type.coerce(value, table: "", column: "literal")
      }
    } catch {
      if error.code == .invalidMigration { throw error }
      throw errors.error(
        "\(value) is not a valid \(type.sql): \(error.message)", at: token)
    }
  }

  private static func hexadecimal(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard text.hasPrefix("\\x"), digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 2, to: digits.count, by: 2) {
      guard let high = Character(Unicode.Scalar(digits[index])).hexDigitValue,
        let low = Character(Unicode.Scalar(digits[index + 1])).hexDigitValue
      else { return nil }
      bytes.append(UInt8(high << 4 | low))
    }
    return bytes
  }
}

/// Postgres's text form of a one-dimensional array: `{1,NULL,"a \"b\""}`.
enum SQLArrayText {
  /// The elements, nil for NULL; nil as a whole when the text is no such array.
  static func elements(_ text: String) -> [String?]? {
    let space: Set<Unicode.Scalar> = [" ", "\t", "\n", "\r", "\u{0B}", "\u{0C}"]
    var scalars = Array(text.unicodeScalars.drop { space.contains($0) })
    while let last = scalars.last, space.contains(last) { scalars.removeLast() }
    guard scalars.first == "{", scalars.last == "}", scalars.count >= 2 else { return nil }
    var elements: [String?] = []
    var index = 1
    let end = scalars.count - 1
    func skipSpace() {
      while index < end, space.contains(scalars[index]) { index += 1 }
    }
    skipSpace()
    if index == end { return [] }
    while true {
      skipSpace()
      var element = String.UnicodeScalarView()
      let isQuoted = index < end && scalars[index] == "\""
      if isQuoted {
        index += 1
        while index < end, scalars[index] != "\"" {
          if scalars[index] == "\\" { index += 1 }
          if index < end { element.append(scalars[index]) }
          index += 1
        }
        guard index < end else { return nil }
        index += 1
        skipSpace()
      } else {
        while index < end, scalars[index] != "," {
          guard !"{}\"\\".unicodeScalars.contains(scalars[index]) else { return nil }
          element.append(scalars[index])
          index += 1
        }
        while let last = element.last, space.contains(last) { element.removeLast() }
        if element.isEmpty { return nil }
      }
      let word = String(element)
      elements.append(!isQuoted && TextOrder.lowercased(word) == "null" ? nil : word)
      if index == end { return elements }
      guard scalars[index] == "," else { return nil }
      index += 1
    }
  }
}
