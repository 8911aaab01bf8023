/// The words of a document with where they stand: SQL's `tsvector`.
///
/// Source: `tsvectorsend` and `tsvectorout` in the server's `src/backend/utils/adt/tsvector.c`.
public struct PostgresTSVector: PostgresScalar {
  /// How much a place counts.
  public enum Weight: UInt16, Sendable, Hashable, CaseIterable {
    /// The least, which is not written.
    case d = 0
    /// More than `d`.
    case c = 1
    /// More than `c`.
    case b = 2
    /// The most.
    case a = 3

    /// The letter, nothing for `d`.
    fileprivate var letter: String {
      switch self {
      case .a: "A"
      case .b: "B"
      case .c: "C"
      case .d: ""
      }
    }
  }

  /// Where a word stands.
  public struct Position: Sendable, Hashable {
    /// The word's number in the document, 1...16383.
    public let number: UInt16
    /// How much it counts.
    public let weight: Weight

    /// The greatest number. Source: `MAXENTRYPOS`.
    static let limit: UInt16 = 1 << 14

    /// A place; nil when the number is out of range.
    public init?(number: UInt16, weight: Weight = .d) {
      guard number > 0, number < Self.limit else { return nil }
      self.number = number
      self.weight = weight
    }
  }

  /// A word, reduced to its root.
  public struct Lexeme: Sendable, Hashable {
    /// The word.
    public let text: String
    /// Where it stands, in rising order; none when that was not kept.
    public let positions: [Position]

    /// A word at these places.
    public init(_ text: String, positions: [Position] = []) {
      self.text = text
      self.positions = positions
    }
  }

  /// The words. The server has them sorted, the shorter first, and each once.
  public let lexemes: [Lexeme]

  /// A document of these words.
  public init(_ lexemes: [Lexeme]) {
    self.lexemes = lexemes
  }

  /// `'fat':2A,4 'cat':3`.
  public var description: String {
    lexemes.map { lexeme in
      let places = lexeme.positions.map { "\($0.number)\($0.weight.letter)" }
      return Self.quoted(lexeme.text)
        + (places.isEmpty ? "" : ":" + places.joined(separator: ","))
    }.joined(separator: " ")
  }

  /// A word in single quotes, with quotes and backslashes doubled.
  static func quoted(_ word: String) -> String {
    var text = "'"
    for scalar in word.unicodeScalars {
      if scalar == "'" || scalar == "\\" { text.unicodeScalars.append(scalar) }
      text.unicodeScalars.append(scalar)
    }
    return text + "'"
  }

  /// Reads what `description` writes; nil when the text has another form.
  public init?(_ text: String) {
    var rest = Substring(text).unicodeScalars
    var lexemes: [Lexeme] = []
    while !rest.isEmpty {
      if !lexemes.isEmpty, rest.popFirst() != " " { return nil }
      guard let word = Self.word(&rest) else { return nil }
      var positions: [Position] = []
      if rest.first == ":" {
        repeat {
          rest.removeFirst()
          let digits = rest.prefix { $0 >= "0" && $0 <= "9" }
          rest = rest[digits.endIndex...]
          let weight: Weight =
            switch rest.first {
            case "A": .a
            case "B": .b
            case "C": .c
            default: .d
            }
          if weight != .d { rest.removeFirst() }
          guard let number = UInt16(String(digits)),
            let position = Position(number: number, weight: weight)
          else { return nil }
          positions.append(position)
        } while rest.first == ","
      }
      lexemes.append(Lexeme(word, positions: positions))
    }
    self.lexemes = lexemes
  }

  /// Reads a word in single quotes.
  static func word(_ rest: inout Substring.UnicodeScalarView) -> String? {
    guard rest.popFirst() == "'" else { return nil }
    var word = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      if scalar == "'" {
        guard rest.first == "'" else { return String(word) }
        rest.removeFirst()
      } else if scalar == "\\" {
        guard rest.popFirst() == "\\" else { return nil }
      }
      word.append(scalar)
    }
    return nil
  }

  /// `tsvector`.
  public static var postgresParameterType: PostgresType { .tsvector }

  /// A count, and for each word its text, a NUL, a count and the places.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    let count = try reader.count(ofByteCount: 3)
    var lexemes: [Lexeme] = []
    lexemes.reserveCapacity(count)
    for _ in 0..<count {
      let text = try reader.textToNUL()
      let positionCount = Int(try reader.integer(UInt16.self))
      var positions: [Position] = []
      guard positionCount <= reader.remaining / 2 else {
        throw reader.malformed("it promises \(positionCount) places")
      }
      positions.reserveCapacity(positionCount)
      for _ in 0..<positionCount {
        let entry: UInt16 = try reader.integer()
        guard let weight = Weight(rawValue: entry >> 14),
          let position = Position(number: entry & (Position.limit - 1), weight: weight)
        else { throw reader.malformed("a word stands at place 0") }
        positions.append(position)
      }
      lexemes.append(Lexeme(text, positions: positions))
    }
    self.lexemes = lexemes
  }

  /// As it is read. Throws when a word has a NUL.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    guard let count = Int32(exactly: lexemes.count) else {
      throw PostgresEncodingError("there are more words than Postgres can hold")
    }
    writer.write(count)
    for lexeme in lexemes {
      guard let positionCount = UInt16(exactly: lexeme.positions.count) else {
        throw PostgresEncodingError("a word stands at more places than Postgres can hold")
      }
      try lexeme.text.encode(into: &writer)
      writer.write(UInt8(0))
      writer.write(positionCount)
      for position in lexeme.positions {
        writer.write(position.weight.rawValue << 14 | position.number)
      }
    }
  }
}
