import Foundation
import PostgresWire
import RoostCore
import Testing

/// Encodes and decodes without a server.
enum Codec {
  static func bytes<T: PostgresEncodable>(_ value: T) throws -> [UInt8] {
    var writer = PostgresValueWriter()
    try value.encode(into: &writer)
    return writer.bytes
  }

  static func decode<T: PostgresDecodable>(
    _: T.Type = T.self, _ bytes: [UInt8]?, _ type: PostgresType, _ format: PostgresFormat,
    _ catalogue: PostgresTypeCatalogue = .builtIn
  ) throws -> T {
    guard let bytes else {
      return try T.decode(
        PostgresCell(bytes: nil, type: type, format: format, catalogue: catalogue))
    }
    return try bytes.withUnsafeBytes { bytes in
      try T.decode(PostgresCell(bytes: bytes, type: type, format: format, catalogue: catalogue))
    }
  }

  static func readable(
    _ bytes: [UInt8], _ type: PostgresType, _ catalogue: PostgresTypeCatalogue = .builtIn
  ) throws -> String? {
    try bytes.withUnsafeBytes { bytes in
      try PostgresCell(bytes: bytes, type: type, format: .binary, catalogue: catalogue)
        .readableText()
    }
  }

  /// Both formats give the value back; the text of the binary form is the value's own.
  static func check<T: PostgresCodable & PostgresTextRepresentable & Equatable>(
    _ value: T, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let type = T.postgresParameterType
    let bytes = try bytes(value)
    let text = try #require(value.postgresText, sourceLocation: sourceLocation)
    let back = try decode(T.self, bytes, type, .binary)
    #expect(back == value, "\(text)", sourceLocation: sourceLocation)
    let read = try decode(T.self, Array(text.utf8), type, .text)
    #expect(read == value, "\(text)", sourceLocation: sourceLocation)
    #expect(try readable(bytes, type) == text, sourceLocation: sourceLocation)
  }
}

/// A small generator of numbers, the same in every run.
private struct Numbers: RandomNumberGenerator {
  var state: UInt64 = 0x2545_f491_4f6c_dd1d

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) -> T {
    // Small, great and outermost values are more telling than even ones.
    switch next() % 6 {
    case 0: return 0
    case 1: return .max
    case 2: return .min
    case 3: return T(truncatingIfNeeded: next() % 100)
    default: return T(truncatingIfNeeded: next())
    }
  }

  mutating func double() -> Double {
    switch next() % 6 {
    case 0: return [0, -0.0, .infinity, -.infinity, 1e15, 1e-5][Int(next() % 6)]
    case 1: return Double(integer(Int16.self)) / 8
    default:
      let value = Double(bitPattern: next())
      return value.isNaN ? 1 : value
    }
  }

  mutating func text() -> String {
    let pieces = ["a", "'", "\"", "\\", " ", "é", "🐔", ",", "{", ")", "NULL", "\n", "1", ""]
    return (0..<(next() % 6)).map { _ in pieces[Int(next() % UInt64(pieces.count))] }.joined()
  }

  mutating func point() -> PostgresPoint { PostgresPoint(x: double(), y: double()) }
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in integer() } }
}

@Suite struct CodecPropertyTests {
  private static let rounds = 500

  @Test func timesAndSpans() throws {
    var numbers = Numbers()
    for _ in 0..<Self.rounds {
      try Codec.check(
        PostgresInterval(
          months: numbers.integer(), days: numbers.integer(), microseconds: numbers.integer()))
      let time = try #require(
        PostgresTime(microsecondsSinceMidnight: Int64(numbers.next() % 86_400_000_001)))
      try Codec.check(time)
      let offset = Int32(truncatingIfNeeded: numbers.next() % 115_199) - 57_599
      try Codec.check(try #require(PostgresTimeTZ(time: time, secondsEast: offset)))
      let ends = Timestamp.minimum.microsecondsSince2000...Timestamp.maximum.microsecondsSince2000
      let moment = Timestamp(microsecondsSince2000: .random(in: ends, using: &numbers))
      try Codec.check(PostgresTimestamp(utc: moment))
      try Codec.check(moment)
    }
    for moment in [Timestamp.minimum, .maximum, .infinity, .negativeInfinity] {
      try Codec.check(PostgresTimestamp(utc: moment))
    }
    #expect(PostgresTime(microsecondsSinceMidnight: -1) == nil)
    #expect(PostgresTime(hour: 24, minute: 0)?.description == "24:00:00")
    #expect(PostgresTime(hour: 24, minute: 1) == nil)
    #expect(PostgresInterval(.milliseconds(-1_500))?.description == "-00:00:01.5")
    #expect(PostgresInterval(months: 1).duration == nil)
    #expect(PostgresInterval("1 fortnight") == nil)
  }

  @Test func addressesBitsAndNumbers() throws {
    var numbers = Numbers()
    for _ in 0..<Self.rounds {
      let count = numbers.next() % 2 == 0 ? 4 : 16
      var bytes = numbers.bytes(count)
      if count == 16, numbers.next() % 2 == 0 {
        for index in 0..<Int(numbers.next() % 16) { bytes[index] = 0 }
      }
      let prefix = UInt8(numbers.next() % UInt64(count * 8 + 1))
      try Codec.check(try #require(PostgresInet(bytes: bytes, prefixLength: prefix)))
      for index in bytes.indices {
        let kept = max(0, min(8, Int(prefix) - index * 8))
        bytes[index] &= ~UInt8(truncatingIfNeeded: 0xff >> kept)
      }
      try Codec.check(try #require(PostgresCIDR(bytes: bytes, prefixLength: prefix)))
      try Codec.check(try #require(PostgresMACAddress(rawValue: numbers.next() >> 16)))
      try Codec.check(PostgresMACAddress8(rawValue: numbers.next()))
      try Codec.check(
        PostgresBits((0..<(numbers.next() % 40)).map { _ in numbers.next() % 2 == 0 }))
      try Codec.check(PostgresMoney(minorUnits: numbers.integer()))
      try Codec.check(PostgresLSN(rawValue: numbers.integer()))
      try Codec.check(PostgresXID(rawValue: numbers.integer()))
      try Codec.check(PostgresXID8(rawValue: numbers.integer()))
      try Codec.check(PostgresCID(rawValue: numbers.integer()))
      try Codec.check(PostgresTID(block: numbers.integer(), offset: numbers.integer()))
      try Codec.check(
        PostgresSnapshot(
          minimum: numbers.integer(), maximum: numbers.integer(),
          running: (0..<(numbers.next() % 4)).map { _ in numbers.integer() }))
      try Codec.check(PostgresChar(byte: numbers.integer()))
    }
    #expect(PostgresMoney("-$1,234.56") == PostgresMoney(minorUnits: -123_456))
    #expect(PostgresInet("1.2.3") == nil)
    #expect(PostgresInet("::1::") == nil)
    #expect(PostgresCIDR("10.0.0.1/8") == nil)
  }

  @Test func shapes() throws {
    var numbers = Numbers()
    for _ in 0..<Self.rounds {
      try Codec.check(numbers.point())
      try Codec.check(PostgresLine(a: numbers.double(), b: numbers.double(), c: numbers.double()))
      try Codec.check(PostgresLineSegment(start: numbers.point(), end: numbers.point()))
      try Codec.check(PostgresBox(numbers.point(), numbers.point()))
      try Codec.check(PostgresCircle(center: numbers.point(), radius: numbers.double()))
      let points = (0...(numbers.next() % 4)).map { _ in numbers.point() }
      try Codec.check(PostgresPath(points, isClosed: numbers.next() % 2 == 0))
      try Codec.check(PostgresPolygon(points))
    }
    #expect(PostgresPoint(x: 1e15, y: 1e-5).description == "(1e+15,1e-05)")
    #expect(PostgresPoint(x: -0.0, y: 0.0001).description == "(-0,0.0001)")
  }

  @Test func textSearch() throws {
    var numbers = Numbers()
    for _ in 0..<Self.rounds {
      let lexemes = (0..<(numbers.next() % 4)).map { _ in
        PostgresTSVector.Lexeme(
          numbers.text(),
          positions: (0..<(numbers.next() % 3)).compactMap { _ in
            PostgresTSVector.Position(
              number: UInt16(1 + numbers.next() % 16_383),
              weight: PostgresTSVector.Weight(rawValue: UInt16(numbers.next() % 4)) ?? .d)
          })
      }
      try Codec.check(PostgresTSVector(lexemes))
    }
    let word = PostgresTSQuery.Node.word("a", isPrefix: true, weights: [.a, .d])
    for nodes: [PostgresTSQuery.Node] in [
      [word], [.not, word], [.and, word, .or, .word("b'\\"), .not, word],
      [.or, .and, word, word, word],
      [.phrase(distance: 3), word, .phrase(distance: 1), word, word],
      [.not, .and, word, word], [.phrase(distance: 0), .or, word, word, word],
    ] {
      try Codec.check(try #require(PostgresTSQuery(nodes)))
    }
    #expect(PostgresTSQuery("") == PostgresTSQuery([]))
    #expect(PostgresTSQuery([.and, word]) == nil)
    #expect(PostgresTSQuery([word, word]) == nil)
    #expect(PostgresTSQuery("'a' & ( 'b'") == nil)
    // As deep as a message may make it; nothing calls itself for it.
    let deep = [PostgresTSQuery.Node](repeating: .not, count: 300_000) + [word]
    let query = try #require(PostgresTSQuery(deep))
    #expect(query.description.hasPrefix("!!!!"))
    #expect(PostgresTSQuery(query.description) == query)
  }

  @Test func textsAndDocuments() throws {
    var numbers = Numbers()
    for _ in 0..<Self.rounds {
      let text = numbers.text()
      try Codec.check(PostgresXML(text))
      try Codec.check(PostgresJSONPath(text))
      let pairs: [String: String?] = [text: numbers.text(), text + "b": nil]
      let shown = try #require(pairs.postgresText)
      let read = try Codec.decode(
        [String: String?].self, Array(shown.utf8), PostgresType(99_999), .text)
      #expect(read == pairs)
    }
    #expect(throws: PostgresEncodingError.self) { try Codec.bytes(PostgresXML("a\0b")) }
  }

  @Test func arrays() throws {
    var numbers = Numbers()
    for _ in 0..<Self.rounds {
      let lengths = (0..<(1 + numbers.next() % 6)).map { _ in Int(1 + numbers.next() % 3) }
      let dimensions = lengths.map {
        PostgresArray<String?>.Dimension(
          count: $0, lowerBound: Int32(numbers.next() % 5) - 2)
      }
      let elements = (0..<lengths.reduce(1, *)).map { _ in
        numbers.next() % 4 == 0 ? nil : numbers.text()
      }
      let array = try #require(PostgresArray<String?>(elements, dimensions: dimensions))
      try Codec.check(array)
      let boxes = (0..<(numbers.next() % 4)).map { _ in
        PostgresBox(numbers.point(), numbers.point())
      }
      try Codec.check(PostgresArray(boxes))
      try Codec.check(boxes)
    }
    #expect(PostgresArray([1, 2, 3], dimensions: [.init(count: 2)]) == nil)
    #expect(PostgresArray([1], dimensions: [.init(count: 1, lowerBound: .max)]) == nil)
    let seven = [PostgresArray<Int>.Dimension](repeating: .init(count: 1), count: 7)
    #expect(PostgresArray([1], dimensions: seven) == nil)
    let square = try #require(
      PostgresArray([1, 2, 3, 4], dimensions: [.init(count: 2, lowerBound: 0), .init(count: 2)]))
    #expect(square[1, 1] == 3)
    #expect(square[2, 1] == nil)
    #expect(square[1] == nil)
    #expect(square.description == "[0:1][1:2]={{1,2},{3,4}}")
  }

  @Test func ranges() throws {
    var numbers = Numbers()
    func limit() -> PostgresRange<Int32>.Limit {
      switch numbers.next() % 3 {
      case 0: .unbounded
      case 1: .inclusive(numbers.integer())
      default: .exclusive(numbers.integer())
      }
    }
    for _ in 0..<Self.rounds {
      let range = PostgresRange(lower: limit(), upper: limit())
      try Codec.check(range)
      try Codec.check([range, .empty])
      try Codec.check(PostgresMultirange([range, PostgresRange(lower: limit(), upper: limit())]))
    }
    try Codec.check(PostgresMultirange<Numeric>([]))
    let moment = Timestamp(microsecondsSince2000: -1)
    try Codec.check(PostgresRange(PostgresTimestamp(utc: moment)...))
    try Codec.check(PostgresRange(moment..<Timestamp.infinity))
    try Codec.check(PostgresMultirange([PostgresRange(moment...moment)]))
    #expect(PostgresRange(1..<5).range == 1..<5)
    #expect(PostgresRange(1..<5).closedRange == nil)
    #expect(PostgresRange(1...5).closedRange == 1...5)
    #expect(PostgresRange(1..<1) == .empty)
    #expect(PostgresRange(lower: .inclusive(5), upper: .exclusive(1)).range == nil)
    #expect(PostgresRange(1...).contains(1))
    #expect(!PostgresRange(lower: .exclusive(1), upper: .unbounded).contains(1))
  }
}
