import RoostCore

/// A type as a column declares it.
struct TypeSyntax: Sendable, Equatable {
  var type: ColumnType
  /// Whether it is one of the serial types, which bring NOT NULL and a sequence.
  var isSerial: Bool
}

extension SQLParser {
  /// Postgres's own limits. Source: PostgreSQL manual, "Numeric Types" and "Character Types".
  private static let precisions = 1...1000
  private static let scales = -1000...1000
  private static let varcharLengths = 1...10_485_760

  /// A type's name with its modifiers and `[]`.
  mutating func type() throws(StoreError) -> TypeSyntax {
    let start = current
    var syntax = try scalarType()
    if acceptSymbol("[") {
      if case .number = current.kind { advance() }
      try expectSymbol("]")
      if isSymbol("[") { throw error("arrays of several dimensions are not supported") }
      if syntax.isSerial { throw error("a serial cannot be an array", at: start) }
      syntax.type = .array(syntax.type)
    } else if accept("array") {
      throw error("write the array type with [] after its element type", at: start)
    }
    return syntax
  }

  private mutating func scalarType() throws(StoreError) -> TypeSyntax {
    let start = current
    if accept("setof") { throw error("SETOF is not a column's type", at: start) }
    let word = try typeWord()
    if case .quoted = start.kind { return TypeSyntax(type: try enumType(word), isSerial: false) }
    switch word.text {
    case "smallserial", "serial2": return TypeSyntax(type: .smallint, isSerial: true)
    case "serial", "serial4": return TypeSyntax(type: .integer, isSerial: true)
    case "bigserial", "serial8": return TypeSyntax(type: .bigint, isSerial: true)
    default: return TypeSyntax(type: try builtIn(word), isSerial: false)
    }
  }

  private mutating func typeWord() throws(StoreError) -> SQLName {
    let token = current
    switch token.kind {
    case .word(let word) where SQLKeywords.reserved.contains(word): throw unexpected("a type")
    case .word(let word), .quoted(let word):
      advance()
      if isSymbol(".") { throw error("types with a schema are not supported") }
      return SQLName(text: word, token: token)
    default: throw unexpected("a type")
    }
  }

  private mutating func builtIn(_ name: SQLName) throws(StoreError) -> ColumnType {
    switch name.text {
    case "smallint", "int2": return .smallint
    case "integer", "int", "int4": return .integer
    case "bigint", "int8": return .bigint
    case "real", "float4": return .real
    case "float8": return .double
    case "double":
      try expect("precision")
      return .double
    case "float": return try float()
    case "numeric", "decimal", "dec": return try numeric()
    case "text": return .text
    case "varchar": return try varchar()
    case "character", "char", "bpchar", "nchar", "national":
      if name.text != "bpchar", accept("varying") { return try varchar() }
      throw error(
        "character(n) pads with spaces and is not supported; use varchar or text", at: name.token)
    case "boolean", "bool": return .boolean
    case "bytea": return .bytes
    case "uuid": return .uuid
    case "date": return .date
    case "timestamp": return try timestamp(name.token, isZoned: false)
    case "timestamptz": return try timestamp(name.token, isZoned: true)
    case "json", "jsonb": return .json
    default: return try enumType(name)
    }
  }

  private func enumType(_ name: SQLName) throws(StoreError) -> ColumnType {
    guard let type = enumerations[name.text] else {
      throw error("type \"\(name.text)\" is not known", at: name.token)
    }
    return .enumeration(type)
  }

  private mutating func float() throws(StoreError) -> ColumnType {
    guard acceptSymbol("(") else { return .double }
    let bits = try integer(1...53, "the precision of float")
    try expectSymbol(")")
    return bits <= 24 ? .real : .double
  }

  private mutating func numeric() throws(StoreError) -> ColumnType {
    guard acceptSymbol("(") else { return .unlimitedNumeric }
    let precision = try integer(Self.precisions, "the precision of numeric")
    var scale = 0
    if acceptSymbol(",") { scale = try integer(Self.scales, "the scale of numeric") }
    try expectSymbol(")")
    return .numeric(precision: precision, scale: scale)
  }

  private mutating func varchar() throws(StoreError) -> ColumnType {
    guard acceptSymbol("(") else { return .text }
    let length = try integer(Self.varcharLengths, "the length of varchar")
    try expectSymbol(")")
    return .varchar(length: length)
  }

  private mutating func timestamp(
    _ token: SQLToken, isZoned: Bool
  ) throws(StoreError) -> ColumnType {
    if acceptSymbol("(") {
      guard try integer(0...6, "the precision of a timestamp") == 6 else {
        throw error(
          "timestamps have six digits here; other precisions are not supported", at: token)
      }
      try expectSymbol(")")
    }
    if isZoned { return .timestamptz }
    if accept("with", "time", "zone") { return .timestamptz }
    _ = accept("without", "time", "zone")
    return .timestamp
  }

  /// Whether a type's name stands here, directly before a string: `date '2026-11-20'`.
  func isTypedLiteral() -> Bool {
    guard case .word(let word) = current.kind, case .string = peek(1).kind else { return false }
    return !SQLKeywords.reserved.contains(word)
  }

  /// `COLLATE "C"`, the only collation whose order is the same on every backend; nil for none.
  mutating func collation() throws(StoreError) -> String? {
    guard accept("collate") else { return nil }
    let start = current
    if accept("pg_catalog") { try expectSymbol(".") }
    guard current.kind == .quoted("C") else {
      throw error(
        "only COLLATE \"C\" is supported: text compares by its bytes on every backend", at: start)
    }
    advance()
    return "C"
  }
}
