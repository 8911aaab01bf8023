public import Foundation
import RoostCore

extension UUID: PostgresCodable {
  /// `uuid`.
  @inlinable public static var postgresParameterType: PostgresType { .uuid }

  /// From uuid.
  public static func decode(_ cell: borrowing PostgresCell) throws(PostgresDecodingError) -> UUID {
    guard cell.type == .uuid else { throw cell.mismatch(as: UUID.self) }
    let bytes = try cell.requireBytes(as: UUID.self)
    if cell.format == .binary, bytes.count == MemoryLayout<uuid_t>.size {
      return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
    guard cell.format == .text, let value = UUID(uuidString: try cell.text(as: UUID.self)) else {
      throw cell.malformed("it is no UUID", as: UUID.self)
    }
    return value
  }

  /// Sixteen bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    withUnsafeBytes(of: uuid) { writer.write(bytes: $0) }
  }
}

extension PostgresCell {
  /// The bytes of a bytea.
  @usableFromInline
  func bytea<T>(as swiftType: T.Type) throws(PostgresDecodingError) -> [UInt8] {
    guard type == .bytea else { throw mismatch(as: swiftType) }
    let bytes = try requireBytes(as: swiftType)
    if format == .binary { return Array(bytes) }
    // The text format: \x and two hexadecimal digits a byte.
    guard bytes.count >= 2, bytes.count.isMultiple(of: 2), bytes[0] == UInt8(ascii: "\\"),
      bytes[1] == UInt8(ascii: "x")
    else { throw malformed("it is not in hexadecimal", as: swiftType) }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count / 2 - 1)
    for index in stride(from: 2, to: bytes.count, by: 2) {
      guard let high = Self.digit(bytes[index]), let low = Self.digit(bytes[index + 1]) else {
        throw malformed("it is not in hexadecimal", as: swiftType)
      }
      result.append(high << 4 | low)
    }
    return result
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

extension Data: PostgresCodable {
  /// `bytea`.
  public static var postgresParameterType: PostgresType { .bytea }

  /// From bytea.
  public static func decode(_ cell: borrowing PostgresCell) throws(PostgresDecodingError) -> Data {
    Data(try cell.bytea(as: Data.self))
  }

  /// The bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(bytes: self)
  }
}

extension Date: PostgresCodable {
  /// `timestamptz`.
  public static var postgresParameterType: PostgresType { .timestamptz }

  /// From timestamptz and timestamp (which counts as UTC). Throws for infinities, which a `Date`
  /// has no form for; `Timestamp` has. Throws also for what is out of the server's own range.
  public static func decode(_ cell: borrowing PostgresCell) throws(PostgresDecodingError) -> Date {
    guard cell.type == .timestamptz || cell.type == .timestamp else {
      throw cell.mismatch(as: Date.self)
    }
    let timestamp = try Timestamp.decode(cell)
    guard timestamp >= .minimum, timestamp <= .maximum else {
      throw cell.malformed(
        timestamp.isFinite ? "it is out of range" : "it is infinite", as: Date.self)
    }
    return timestamp.date
  }

  /// Microseconds since 2000, rounded to the nearest.
  public func encode(into writer: inout PostgresValueWriter) {
    Timestamp(self).encode(into: &writer)
  }
}

extension Decimal: PostgresCodable {
  /// `numeric`.
  public static var postgresParameterType: PostgresType { .numeric }

  /// From numeric and the integers. Throws for what a `Decimal` cannot hold exactly.
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Decimal {
    guard [.numeric, .int2, .int4, .int8].contains(cell.type) else {
      throw cell.mismatch(as: Decimal.self)
    }
    guard let value = try Numeric.decode(cell).decimal else {
      throw cell.malformed("it is infinite or has too many digits", as: Decimal.self)
    }
    return value
  }

  /// As numeric.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    try Numeric(self).encode(into: &writer)
  }
}
