import Foundation
import PostgresWire
import RoostCore
import Testing

/// No bytes of a server trap a decoder, or make it allocate what they merely promise.
@Suite(.timeLimit(.minutes(2))) struct HostileCodecTests {
  private func feed<T: PostgresCodable>(_ value: T) throws {
    let bytes = try Codec.bytes(value)
    let taken = HostileBytes.feed(T.self, bytes, as: T.postgresParameterType)
    // The last piece of every value is needed, so that no cut form of it is taken.
    for end in bytes.indices {
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(T.self, Array(bytes[..<end]), T.postgresParameterType, .binary)
      }
    }
    #expect(throws: PostgresDecodingError.self) {
      try Codec.decode(T.self, bytes + [0], T.postgresParameterType, .binary)
    }
    #expect(throws: PostgresDecodingError.self) {
      try Codec.decode(T.self, nil, T.postgresParameterType, .binary)
    }
    // Forms that differ in a number only are values, too: the decoder was reached.
    #expect(taken > 0)
  }

  @Test func fixedLengths() throws {
    try feed(true)
    try feed(Int16(1))
    try feed(Int32(1))
    try feed(Int64(1))
    try feed(UInt32(1))
    try feed(Float(1))
    try feed(1.5)
    try feed(UUID())
    try feed(Timestamp(microsecondsSince2000: 1))
    try feed(CalendarDate(daysSince2000: 1))
    try feed(PostgresInterval(months: 1, days: 2, microseconds: 3))
    let time = try #require(PostgresTime(hour: 1, minute: 2))
    try feed(time)
    try feed(try #require(PostgresTimeTZ(time: time, secondsEast: 3_600)))
    try feed(PostgresTimestamp(utc: .minimum))
    try feed(try #require(PostgresMACAddress(rawValue: 1)))
    try feed(PostgresMACAddress8(rawValue: 1))
    try feed(PostgresMoney(minorUnits: 1))
    try feed(PostgresLSN(rawValue: 1))
    try feed(PostgresXID(rawValue: 1))
    try feed(PostgresXID8(rawValue: 1))
    try feed(PostgresCID(rawValue: 1))
    try feed(PostgresTID(block: 1, offset: 2))
    try feed(PostgresChar(byte: 1))
    let point = PostgresPoint(x: 1, y: 2)
    try feed(point)
    try feed(PostgresLine(a: 1, b: 2, c: 3))
    try feed(PostgresLineSegment(start: point, end: point))
    try feed(PostgresBox(point, PostgresPoint(x: 0, y: 0)))
    try feed(PostgresCircle(center: point, radius: 1))
  }

  @Test func countsAndLengths() throws {
    let point = PostgresPoint(x: 1, y: 2)
    try feed(Numeric(12_345_678))
    try feed(try #require(PostgresInet("10.0.0.0/8")))
    try feed(try #require(PostgresCIDR("2001:db8::/32")))
    try feed(PostgresBits([true, false, true, true, false, true, false, true, true]))
    try feed(PostgresPath([point, point], isClosed: true))
    try feed(PostgresPolygon([point, point]))
    try feed(PostgresSnapshot(minimum: 1, maximum: 9, running: [2, 3]))
    try feed(try #require(PostgresTSVector("'a':1A,2 'b'")))
    try feed(try #require(PostgresTSQuery("'a':*A & !( 'b' | 'c' <2> 'd' )")))
  }

  @Test func nestedValues() throws {
    try feed([1, nil, 3] as [Int?])
    try feed(["a", nil, "\"b\\"] as [String?])
    try feed(
      try #require(
        PostgresArray([1, 2, nil, 4] as [Int32?], dimensions: [.init(count: 2), .init(count: 2)])))
    try feed(PostgresRange(Int32(1)..<5))
    try feed(PostgresRange(lower: .inclusive(Numeric(1)), upper: .exclusive(Numeric(2))))
    try feed(PostgresMultirange([PostgresRange(Int64(1)..<5), PostgresRange(Int64(7)...)]))
    try feed([PostgresRange(Int32(1)..<5), .empty])
  }

  // Numbers that a server could give its own types.
  private static let composite = PostgresType(90_001)
  private static let compositeArray = PostgresType(90_002)
  private static let hstore = PostgresType(90_003)
  private static let domain = PostgresType(90_004)
  private static let enumeration = PostgresType(90_005)
  private static let ownRange = PostgresType(90_006)
  private static let circle = PostgresType(90_007)

  private static let catalogue = PostgresTypeCatalogue([
    composite: PostgresTypeInfo(
      name: "item",
      kind: .composite([
        .init(name: "id", type: .int4), .init(name: "name", type: .text),
        .init(name: "parts", type: compositeArray),
      ])),
    compositeArray: PostgresTypeInfo(
      name: "item[]", kind: .array(composite, delimiter: UInt8(ascii: ","))),
    hstore: PostgresTypeInfo(name: "hstore", kind: .hstore),
    domain: PostgresTypeInfo(name: "positive", kind: .domain(.int4)),
    enumeration: PostgresTypeInfo(name: "mood", kind: .enumeration),
    ownRange: PostgresTypeInfo(name: "floatrange", kind: .range(.float8)),
    circle: PostgresTypeInfo(name: "circle", kind: .domain(circle)),
  ])

  private func item(_ id: Int32, parts: [UInt8]?) -> [UInt8] {
    var writer = PostgresValueWriter()
    writer.write(Int32(3))
    writer.write(PostgresType.int4.rawValue)
    writer.write(Int32(4))
    writer.write(id)
    writer.write(PostgresType.text.rawValue)
    writer.writeSized { $0.write("a b") }
    writer.write(Self.compositeArray.rawValue)
    if let parts {
      writer.writeSized { $0.write(bytes: parts) }
    } else {
      writer.write(Int32(-1))
    }
    return writer.bytes
  }

  private func array(of item: [UInt8]) -> [UInt8] {
    var writer = PostgresValueWriter()
    for field: Int32 in [1, 0, Int32(bitPattern: Self.composite.rawValue), 1, 1] {
      writer.write(field)
    }
    writer.writeSized { $0.write(bytes: item) }
    return writer.bytes
  }

  @Test func compositesInArraysInComposites() throws {
    let inner = item(2, parts: nil)
    let outer = item(1, parts: array(of: inner))
    let value = try Codec.decode(
      PostgresComposite.self, outer, Self.composite, .binary, Self.catalogue)
    #expect(value.names == ["id", "name", "parts"])
    let (id, name, parts) = try value.decode(as: (Int, String, [PostgresComposite]).self)
    #expect(id == 1 && name == "a b")
    #expect(try parts.first?.decode(Int.self, named: "id") == 2)
    #expect(value.description == #"(1,"a b","{""(2,\\""a b\\"",)""}")"#)
    let error = #expect(throws: PostgresDecodingError.self) {
      try value.decode(Int.self, named: "name")
    }
    #expect(error?.column == "name")
    #expect(error?.columnIndex == 1)
    #expect(throws: PostgresDecodingError.self) { try value.decode(Int.self, at: 3) }
    #expect(throws: PostgresDecodingError.self) { try value.decode(Int.self, at: -1) }
    HostileBytes.feed(
      PostgresComposite.self, outer, as: Self.composite, catalogue: Self.catalogue)
    HostileBytes.feed(
      [PostgresComposite?].self, array(of: outer), as: Self.compositeArray,
      catalogue: Self.catalogue)
    HostileBytes.feed(
      PostgresComposite.self, Array(value.description.utf8), as: Self.composite,
      catalogue: Self.catalogue)
  }

  @Test func otherTypesOfTheServersOwn() throws {
    var writer = PostgresValueWriter()
    writer.write(Int32(2))
    writer.writeSized { $0.write("key") }
    writer.writeSized { $0.write("value") }
    writer.writeSized { $0.write("none") }
    writer.write(Int32(-1))
    let pairs = try Codec.decode(
      [String: String?].self, writer.bytes, Self.hstore, .binary, Self.catalogue)
    #expect(pairs == ["key": "value", "none": nil])
    HostileBytes.feed(
      [String: String?].self, writer.bytes, as: Self.hstore, catalogue: Self.catalogue)
    var range = PostgresValueWriter()
    range.write(UInt8(0x12))
    range.writeSized { $0.write((1.5).bitPattern) }
    #expect(
      try Codec.decode(
        PostgresRange<Double>.self, range.bytes, Self.ownRange, .binary, Self.catalogue)
        == PostgresRange(1.5...))
    HostileBytes.feed(
      PostgresRange<Double>.self, range.bytes, as: Self.ownRange, catalogue: Self.catalogue)
    #expect(Self.catalogue.baseType(of: Self.domain) == .int4)
    #expect(Self.catalogue.preferredFormat(of: Self.composite) == .text)
    #expect(Self.catalogue.preferredFormat(of: Self.ownRange) == .binary)
    #expect(Self.catalogue.preferredFormat(of: Self.circle) == .text)
  }

  @Test func whatLiesTooDeepIsNotShown() throws {
    var bytes = item(0, parts: nil)
    for id in 1..<200 { bytes = item(Int32(id), parts: array(of: bytes)) }
    let value = try Codec.decode(
      PostgresComposite.self, bytes, Self.composite, .binary, Self.catalogue)
    #expect(value.description == "(?)")
    #expect(throws: PostgresEncodingError.self) { try Codec.bytes(value) }
    let error = #expect(throws: PostgresDecodingError.self) {
      try Codec.readable(bytes, Self.composite, Self.catalogue)
    }
    #expect(error?.reason == "it lies too deep in others")
    let braces = [UInt8](repeating: UInt8(ascii: "{"), count: 1_000_000)
    #expect(throws: PostgresDecodingError.self) {
      try Codec.decode(PostgresArray<Int>.self, braces, PostgresType(1016), .text)
    }
    let parentheses = [UInt8](repeating: UInt8(ascii: "("), count: 1_000_000)
    #expect(throws: PostgresDecodingError.self) {
      try Codec.decode(PostgresTSQuery.self, parentheses, .tsquery, .text)
    }
  }

  @Test func whatIsPromisedIsNotAllocated() throws {
    // Each begins with the greatest count that could be meant, and has nothing to show for it.
    let most = withUnsafeBytes(of: Int32.max.bigEndian) { Array($0) }
    let rest = [UInt8](repeating: 0, count: 32)
    for _ in 0..<2_000 {
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(PostgresPolygon.self, most + rest, .polygon, .binary)
      }
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(PostgresSnapshot.self, most + rest, .pgSnapshot, .binary)
      }
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(PostgresTSVector.self, most + rest, .tsvector, .binary)
      }
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(PostgresTSQuery.self, most + rest, .tsquery, .binary)
      }
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(PostgresBits.self, most + rest, .varbit, .binary)
      }
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(
          PostgresMultirange<Int32>.self, most + rest, PostgresType(4_451), .binary)
      }
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(PostgresComposite.self, most + rest, .record, .binary)
      }
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(
          [String: String?].self, most + rest, Self.hstore, .binary, Self.catalogue)
      }
    }
  }

  /// A value takes at most 16 times its bytes: that is what the least part of each type takes on
  /// the wire against what it takes here.
  @Test func partsTakeAtMostSixteenTimesTheirBytes() {
    #expect(MemoryLayout<PostgresTSQuery.Node>.stride <= 2 * 16)
    #expect(MemoryLayout<PostgresTSVector.Lexeme>.stride <= 3 * 16)
    #expect(MemoryLayout<PostgresTSVector.Position>.stride <= 2 * 16)
    #expect(MemoryLayout<PostgresRange<Numeric>>.stride <= 5 * 16)
    #expect(MemoryLayout<PostgresRange<Numeric>?>.stride <= 4 * 16)
    #expect(MemoryLayout<PostgresComposite?>.stride <= 4 * 16)
    #expect(MemoryLayout<PostgresBox?>.stride <= 4 * 16)
    #expect(MemoryLayout<[String: String?]?>.stride <= 4 * 16)
  }
}
