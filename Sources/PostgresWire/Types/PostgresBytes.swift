/// The text of network cards' addresses: two hexadecimal digits a byte, and colons.
private enum CardAddress {
  static func text(_ value: UInt64, byteCount: Int) -> String {
    (1...byteCount).map { index in
      let byte = value >> UInt64((byteCount - index) * 8) & 0xff
      return (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined(separator: ":")
  }

  static func parse(_ text: String, byteCount: Int) -> UInt64? {
    let parts = text.split(
      separator: ":", maxSplits: byteCount, omittingEmptySubsequences: false)
    guard parts.count == byteCount else { return nil }
    var value: UInt64 = 0
    for part in parts {
      guard part.utf8.count == 2, let byte = UInt8(part, radix: 16) else { return nil }
      value = value << 8 | UInt64(byte)
    }
    return value
  }
}

/// A network card's address of six bytes: SQL's `macaddr`.
public struct PostgresMACAddress: PostgresScalar {
  /// The address in the lower 48 bits, the first byte uppermost.
  public let rawValue: UInt64

  /// An address; nil when it has more than 48 bits.
  public init?(rawValue: UInt64) {
    guard rawValue < 1 << 48 else { return nil }
    self.rawValue = rawValue
  }

  /// Reads `08:00:2b:01:02:03`; nil when the text has another form.
  public init?(_ text: String) {
    guard let value = CardAddress.parse(text, byteCount: 6) else { return nil }
    rawValue = value
  }

  /// `08:00:2b:01:02:03`.
  public var description: String { CardAddress.text(rawValue, byteCount: 6) }

  /// `macaddr`.
  public static var postgresParameterType: PostgresType { .macaddr }

  /// Six bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    let high = try reader.integer(UInt16.self)
    rawValue = UInt64(high) << 32 | UInt64(try reader.integer(UInt32.self))
  }

  /// Six bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(UInt16(truncatingIfNeeded: rawValue >> 32))
    writer.write(UInt32(truncatingIfNeeded: rawValue))
  }
}

/// A network card's address of eight bytes: SQL's `macaddr8`.
public struct PostgresMACAddress8: PostgresScalar {
  /// The address, the first byte uppermost.
  public let rawValue: UInt64

  /// An address.
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// Reads `08:00:2b:01:02:03:04:05`; nil when the text has another form.
  public init?(_ text: String) {
    guard let value = CardAddress.parse(text, byteCount: 8) else { return nil }
    rawValue = value
  }

  /// `08:00:2b:01:02:03:04:05`.
  public var description: String { CardAddress.text(rawValue, byteCount: 8) }

  /// `macaddr8`.
  public static var postgresParameterType: PostgresType { .macaddr8 }

  /// Eight bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    rawValue = try reader.integer()
  }

  /// Eight bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(rawValue)
  }
}

/// A row of bits: SQL's `bit` and `bit varying`.
public struct PostgresBits: PostgresScalar {
  /// The number of bits.
  public let count: Int
  /// The bits, the first one uppermost; those behind the last are 0.
  public let bytes: [UInt8]

  /// The first `count` bits; nil when there are fewer. Bits behind the last are dropped.
  public init?(bytes: [UInt8], count: Int) {
    guard count >= 0, count <= Int(Int32.max), bytes.count >= (count + 7) / 8 else { return nil }
    self.count = count
    var kept = Array(bytes.prefix((count + 7) / 8))
    if count % 8 != 0 { kept[kept.count - 1] &= 0xff << UInt8(8 - count % 8) }
    self.bytes = kept
  }

  /// These bits.
  public init(_ bits: some Collection<Bool>) {
    var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
    for (index, bit) in bits.enumerated() where bit { bytes[index / 8] |= 0x80 >> UInt8(index % 8) }
    count = bits.count
    self.bytes = bytes
  }

  /// Reads ones and zeros; nil when there is something else.
  public init?(_ text: String) {
    guard text.utf8.allSatisfy({ $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "1") }) else {
      return nil
    }
    self.init(text.utf8.map { $0 == UInt8(ascii: "1") })
  }

  /// Whether the bit at this place is 1; false outside of `0..<count`.
  public subscript(index: Int) -> Bool {
    index >= 0 && index < count && bytes[index / 8] & (0x80 >> UInt8(index % 8)) != 0
  }

  /// Ones and zeros.
  public var description: String {
    String(decoding: (0..<count).map { self[$0] ? 0x31 : 0x30 } as [UInt8], as: UTF8.self)
  }

  /// `bit varying`.
  public static var postgresParameterType: PostgresType { .varbit }

  /// `bit`.
  public static var postgresOtherTypes: [PostgresType] { [.bit] }

  /// The number of bits and the bytes that hold them.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    let count = Int(try reader.integer(Int32.self))
    guard count >= 0, (count + 7) / 8 == reader.remaining,
      let value = PostgresBits(bytes: Array(try reader.bytes(reader.remaining)), count: count)
    else { throw reader.malformed("it promises \(count) bits") }
    self = value
  }

  /// Four bytes and the bits.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    guard let count = Int32(exactly: count) else {
      throw PostgresEncodingError("there are more bits than Postgres can hold")
    }
    writer.write(count)
    writer.write(bytes: bytes)
  }
}

/// An amount of money: SQL's `money`.
///
/// The server keeps a whole number of minor units, such as cents. How many there are to a major
/// unit is a setting of the server's, `lc_monetary`, that a value does not tell; the text form
/// depends on it too, so that `description` is the bare number.
public struct PostgresMoney: PostgresScalar {
  /// The amount in minor units.
  public var minorUnits: Int64

  /// So many minor units.
  public init(minorUnits: Int64) {
    self.minorUnits = minorUnits
  }

  /// Reads a whole number of minor units, or a text as the server writes it, `-$1,234.56`, whose
  /// digits are all that counts; nil when there are none or too many.
  public init?(_ text: String) {
    let digits = text.utf8.filter { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    guard let size = UInt64(String(decoding: digits, as: UTF8.self)) else { return nil }
    let isNegative = text.contains("-") || text.contains("(")
    let value = isNegative ? -Int128(size) : Int128(size)
    guard let units = Int64(exactly: value) else { return nil }
    minorUnits = units
  }

  /// The number of minor units.
  public var description: String { "\(minorUnits)" }

  /// `money`.
  public static var postgresParameterType: PostgresType { .money }

  /// Eight bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    minorUnits = try reader.integer()
  }

  /// Eight bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(minorUnits)
  }
}
