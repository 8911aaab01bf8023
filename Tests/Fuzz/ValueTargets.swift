import Foundation
import PostgresWire
import RoostCore

extension FuzzTarget {
  static let values: [FuzzTarget] = [
    target("scalars-binary", ValueCodec.scalars, .binary),
    target("scalars-text", ValueCodec.scalars, .text),
    target("text-search-binary", ValueCodec.textSearch, .binary),
    // Each `!` of a search is a part of it. The driver asks for no search in the text format, but a
    // simple query returns one.
    target("text-search-text", ValueCodec.textSearch, .text, factor: 200),
    // A number of a few bytes can have 16,383 digits behind its point, which are written out.
    target("decimal-binary", [ValueCodec(Decimal.self)], .binary, allowance: 512 << 10),
    target("decimal-text", [ValueCodec(Decimal.self)], .text, allowance: 512 << 10),
    target("arrays-binary", ValueCodec.arrays, .binary),
    target("arrays-text", ValueCodec.arrays, .text),
    target("ranges-binary", ValueCodec.ranges, .binary),
    target("ranges-text", ValueCodec.ranges, .text),
    target("composites-binary", ValueCodec.composites, .binary),
    target("composites-text", ValueCodec.composites, .text),
    readable("readable-text", FuzzTypes.all.filter { !FuzzTypes.expanding.contains($0) }),
    // A number of a few bytes can have 147,455 digits.
    readable("readable-numeric", FuzzTypes.expanding, allowance: 4 << 20),
  ]

  /// The first byte chooses the type; the rest is a value that is shown.
  private static func readable(
    _ name: String, _ types: [PostgresType], allowance: Int = 16 << 10
  ) -> FuzzTarget {
    FuzzTarget(name, allowance: allowance) { input in
      var input = Choices(input)
      let type = types[Int(input.byte()) % types.count]
      let cell = PostgresCell(
        bytes: input.rest, type: type, format: .binary, catalogue: FuzzTypes.catalogue)
      _ = try? cell.readableText()
    }
  }

  /// The first byte chooses the type; the rest is the value.
  private static func target(
    _ name: String, _ codecs: [ValueCodec], _ format: PostgresFormat,
    allowance: Int = 8 << 10, factor: Int = 16
  ) -> FuzzTarget {
    FuzzTarget(name, allowance: allowance, factor: factor) { input in
      var input = Choices(input)
      codecs[Int(input.byte()) % codecs.count].decode(input.rest, format)
    } check: { input in
      var input = Choices(input)
      try codecs[Int(input.byte()) % codecs.count].check(input.rest, format)
    }
  }
}

/// A Swift type with a type of the server that it is read from.
private struct ValueCodec: Sendable {
  let decode: @Sendable (UnsafeRawBufferPointer, PostgresFormat) -> Void
  let check: @Sendable (UnsafeRawBufferPointer, PostgresFormat) throws -> Void

  init<T: PostgresCodable & PostgresTextRepresentable>(
    _: T.Type, _ type: PostgresType = T.postgresParameterType,
    hasText: @escaping @Sendable (T) -> Bool = { _ in true }
  ) {
    decode = { bytes, format in _ = try? Self.decode(T.self, bytes, type, format) }
    check = { bytes, format in
      guard let value = try? Self.decode(T.self, bytes, type, format) else { return }
      try Self.checkBytes(value, type)
      if hasText(value) { try Self.checkText(value, type) }
    }
  }

  /// A type that is only read.
  init<T: PostgresDecodable & Sendable>(reading _: T.Type, _ type: PostgresType) {
    decode = { bytes, format in _ = try? Self.decode(T.self, bytes, type, format) }
    check = { _, _ in }
  }

  private static func decode<T: PostgresDecodable>(
    _: T.Type, _ bytes: UnsafeRawBufferPointer, _ type: PostgresType, _ format: PostgresFormat
  ) throws -> T {
    try T.decode(
      PostgresCell(bytes: bytes, type: type, format: format, catalogue: FuzzTypes.catalogue))
  }

  private static func encode<T: PostgresEncodable>(_ value: T) throws -> [UInt8] {
    var writer = PostgresValueWriter()
    try value.encode(into: &writer)
    return writer.bytes
  }

  /// What is written is read again, and written alike. Compared as bytes, since NaN is not NaN.
  private static func checkBytes<T: PostgresCodable>(_ value: T, _ type: PostgresType) throws {
    // A text with a NUL comes from no server, and goes to none.
    guard !value.isPostgresNull, let bytes = try? encode(value) else { return }
    let sent = T.postgresParameterType
    let again = try mustSucceed("\(value) read again") {
      try bytes.withUnsafeBytes {
        try decode(T.self, $0, sent == .unspecified ? type : sent, sent.parameterFormat)
      }
    }
    let second = try mustSucceed("\(value) written again") { try encode(again) }
    try require(second == bytes, "\(value) is other bytes after a round trip")
  }

  /// The text of a value is read again, and is the text of what was read.
  private static func checkText<T: PostgresCodable & PostgresTextRepresentable>(
    _ value: T, _ type: PostgresType
  ) throws {
    guard let text = value.postgresText, !text.utf8.contains(0) else { return }
    let again = try mustSucceed("\(value) read from its text") {
      try Array(text.utf8).withUnsafeBytes { try decode(T.self, $0, type, .text) }
    }
    try require(again.postgresText == text, "\(value) has another text after a round trip")
  }

  /// Whether the server knows such a time; one beyond is kept as it came, and has no text to read.
  private static func isInRange(_ time: Timestamp) -> Bool {
    !time.isFinite || (time >= .minimum && time <= .maximum)
  }

  private static func isInRange(_ date: CalendarDate) -> Bool {
    !date.isFinite || (date >= .minimum && date <= .maximum)
  }

  private static func isInRange<Bound>(
    _ range: PostgresRange<Bound>, _ check: (Bound) -> Bool
  ) -> Bool {
    [range.lower, range.upper].allSatisfy { limit in limit.value.map(check) ?? true }
  }

  static let scalars: [ValueCodec] = [
    .init(Bool.self), .init(Int.self), .init(Int64.self), .init(Int32.self), .init(Int16.self),
    .init(UInt32.self), .init(Double.self), .init(Float.self), .init(Numeric.self),
    .init(String.self, .text), .init(String.self, .jsonb),
    .init(JSON.self), .init(JSON.self, .json), .init(UUID.self), .init(Data.self),
    .init(Timestamp.self, hasText: isInRange),
    .init(PostgresTimestamp.self, hasText: { isInRange($0.utc) }),
    .init(CalendarDate.self, hasText: isInRange),
    .init(Date.self), .init(PostgresTime.self), .init(PostgresTimeTZ.self),
    .init(PostgresInterval.self), .init(PostgresInet.self), .init(PostgresCIDR.self),
    .init(PostgresInet.self, .cidr), .init(PostgresMACAddress.self),
    .init(PostgresMACAddress8.self), .init(PostgresBits.self), .init(PostgresMoney.self),
    .init(PostgresPoint.self), .init(PostgresLine.self), .init(PostgresLineSegment.self),
    .init(PostgresBox.self), .init(PostgresPath.self), .init(PostgresPolygon.self),
    .init(PostgresCircle.self), .init(PostgresLSN.self), .init(PostgresXID.self),
    .init(PostgresXID8.self), .init(PostgresCID.self), .init(PostgresTID.self),
    .init(PostgresSnapshot.self), .init(PostgresChar.self), .init(PostgresXML.self),
    .init(PostgresJSONPath.self),
  ]

  static let textSearch: [ValueCodec] = [.init(PostgresTSVector.self), .init(PostgresTSQuery.self)]

  static let arrays: [ValueCodec] = [
    .init([Int].self), .init([Int32?].self), .init([String?].self),
    .init(reading: [[Int32]].self, PostgresType(1_007)),
    .init(PostgresArray<Int64?>.self), .init(PostgresArray<String?>.self),
    .init(PostgresArray<PostgresBox>.self), .init([Numeric?].self),
    .init([Timestamp].self, hasText: { $0.allSatisfy(isInRange) }),
    .init([JSON?].self), .init([Data].self), .init([Bool?].self), .init([UUID].self),
    .init([PostgresInet].self), .init([PostgresTSVector].self),
  ]

  static let ranges: [ValueCodec] = [
    .init(PostgresRange<Int32>.self), .init(PostgresRange<Int64>.self),
    .init(PostgresRange<Numeric>.self),
    .init(PostgresRange<Timestamp>.self, hasText: { isInRange($0, isInRange) }),
    .init(PostgresRange<PostgresTimestamp>.self, hasText: { isInRange($0) { isInRange($0.utc) } }),
    .init(PostgresRange<CalendarDate>.self, hasText: { isInRange($0, isInRange) }),
    .init(PostgresMultirange<Int32>.self), .init(PostgresMultirange<Numeric>.self),
    .init(
      PostgresMultirange<Timestamp>.self,
      hasText: { $0.ranges.allSatisfy { isInRange($0, isInRange) } }),
    .init([PostgresRange<Int32>].self),
  ]

  static let composites: [ValueCodec] = [
    .init(PostgresComposite.self, FuzzTypes.composite), .init(PostgresComposite.self, .record),
    .init([PostgresComposite?].self, FuzzTypes.compositeArray),
    .init([String: String?].self, FuzzTypes.hstore),
    .init(reading: [[String: String?]].self, FuzzTypes.hstoreArray),
  ]
}
