public import RoostCore

extension Timestamp: PostgresCodable {
  /// `timestamptz`.
  @inlinable public static var postgresParameterType: PostgresType { .timestamptz }

  /// From timestamptz and timestamp (which counts as UTC), infinities included.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Timestamp {
    guard cell.type == .timestamptz || cell.type == .timestamp else {
      throw cell.mismatch(as: Timestamp.self)
    }
    if cell.format == .binary, let microseconds = cell.load(Int64.self) {
      return Timestamp(microsecondsSince2000: microseconds)
    }
    guard cell.format == .text, let value = Timestamp(try cell.text(as: Timestamp.self)) else {
      throw cell.malformed("it is no point in time", as: Timestamp.self)
    }
    return value
  }

  /// Microseconds since 2000, eight bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(microsecondsSince2000)
  }
}

extension CalendarDate: PostgresCodable {
  /// `date`.
  @inlinable public static var postgresParameterType: PostgresType { .date }

  /// From date, infinities included.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> CalendarDate {
    guard cell.type == .date else { throw cell.mismatch(as: CalendarDate.self) }
    if cell.format == .binary, let days = cell.load(Int32.self) {
      return CalendarDate(daysSince2000: days)
    }
    guard cell.format == .text,
      let value = CalendarDate(try cell.text(as: CalendarDate.self))
    else {
      throw cell.malformed("it is no date", as: CalendarDate.self)
    }
    return value
  }

  /// Days since 2000, four bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(daysSince2000)
  }
}

extension Numeric: PostgresCodable {
  // The sign field's values. Source: the server's `src/backend/utils/adt/numeric.c`.
  private static let positiveSign: UInt16 = 0x0000
  private static let negativeSign: UInt16 = 0x4000
  private static let nanSign: UInt16 = 0xC000
  private static let infinitySign: UInt16 = 0xD000
  private static let negativeInfinitySign: UInt16 = 0xF000

  /// `numeric`.
  public static var postgresParameterType: PostgresType { .numeric }

  /// From numeric with its scale, NaN and infinities, and from the integers.
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Numeric {
    switch cell.type {
    case .int2, .int4, .int8: return Numeric(try cell.integer(Int64.self))
    case .numeric: break
    default: throw cell.mismatch(as: Numeric.self)
    }
    if cell.format == .text {
      guard let value = Numeric(try cell.text(as: Numeric.self)) else {
        throw cell.malformed("it is no number", as: Numeric.self)
      }
      return value
    }
    var reader = WireReader(try cell.requireBytes(as: Numeric.self), name: "numeric")
    do throws(WireError) {
      if let value = try Numeric(&reader) { return value }
    } catch {
      throw cell.malformed(error.description, as: Numeric.self)
    }
    throw cell.malformed("it has digits, a sign or a scale that cannot be", as: Numeric.self)
  }

  private init?(_ reader: inout WireReader) throws(WireError) {
    let count = try reader.count()
    let weight = try reader.integer(Int16.self)
    let sign = try reader.integer(UInt16.self)
    let scale = try reader.integer(Int16.self)
    var digits: [UInt16] = []
    digits.reserveCapacity(min(count, reader.remaining / 2))
    for _ in 0..<count { digits.append(try reader.integer(UInt16.self)) }
    try reader.finish()
    switch sign {
    case Self.nanSign: self = .nan
    case Self.infinitySign: self = .infinity
    case Self.negativeInfinitySign: self = .negativeInfinity
    case Self.positiveSign, Self.negativeSign:
      guard
        let value = Numeric(
          negative: sign == Self.negativeSign, weight: weight, scale: scale, digits: digits)
      else { return nil }
      self = value
    default: return nil
    }
  }

  /// Base-10000 digits with weight, sign and scale.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    guard isFinite else {
      writer.write(UInt32(0))
      writer.write(
        isNaN ? Self.nanSign : isNegative ? Self.negativeInfinitySign : Self.infinitySign)
      writer.write(UInt16(0))
      return
    }
    let digits = digits
    guard let count = Int16(exactly: digits.count), let scale = Int16(exactly: scale) else {
      throw PostgresEncodingError("a number has more digits than numeric can hold")
    }
    writer.write(count)
    writer.write(weight)
    writer.write(negative ? Self.negativeSign : Self.positiveSign)
    writer.write(scale)
    for digit in digits { writer.write(digit) }
  }
}

extension JSON: PostgresCodable {
  /// `jsonb`.
  public static var postgresParameterType: PostgresType { .jsonb }

  /// The version that precedes jsonb's text.
  private static let jsonbVersion: UInt8 = 1

  /// From jsonb and json.
  public static func decode(_ cell: borrowing PostgresCell) throws(PostgresDecodingError) -> JSON {
    guard cell.type == .json || cell.type == .jsonb else { throw cell.mismatch(as: JSON.self) }
    var bytes = try cell.requireBytes(as: JSON.self)[...]
    if cell.type == .jsonb, cell.format == .binary {
      guard bytes.popFirst() == jsonbVersion else {
        throw cell.malformed("its version is not 1", as: JSON.self)
      }
    }
    do throws(JSONError) {
      return try JSON(parsing: Array(bytes))
    } catch {
      throw cell.malformed(error.description, as: JSON.self)
    }
  }

  /// The version and the text.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(Self.jsonbVersion)
    writer.write(bytes: encoded())
  }
}
