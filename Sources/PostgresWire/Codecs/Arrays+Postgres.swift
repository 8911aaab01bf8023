public import Foundation
public import RoostCore

extension Array: PostgresDecodable where Element: PostgresArrayDecodable {
  /// From an array of what the element can be read from; nested arrays are its dimensions. An
  /// array of bytes is read from bytea.
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> [Element] {
    try Element.decodeArray(cell)
  }
}

extension Array: PostgresEncodable where Element: PostgresArrayEncodable {
  /// The array of the element's type; `bytea` for bytes.
  public static var postgresParameterType: PostgresType { Element.postgresArrayType }

  /// An array of one dimension.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    try Element.encodeArray(self, into: &writer)
  }
}

extension Array: PostgresArrayDecodable where Element: PostgresArrayDecodable {
  /// Reads one dimension of arrays.
  public static func decodeElements(
    _ reader: inout PostgresArrayReader, dimension: Int
  ) throws(PostgresDecodingError) -> [[Element]] {
    guard dimension < reader.dimensions.count else {
      throw reader.malformed("it has \(reader.dimensions.count) dimensions", Self.self)
    }
    var elements: [[Element]] = []
    for _ in 0..<reader.dimensions[dimension] {
      elements.append(try Element.decodeElements(&reader, dimension: dimension + 1))
    }
    return elements
  }
}

extension UInt8: PostgresArrayDecodable, PostgresArrayEncodable {
  /// `bytea`: bytes are no array of numbers.
  public static var postgresArrayType: PostgresType { .bytea }

  /// Reads one element of an array of bytea.
  public static func decodeElements(
    _ reader: inout PostgresArrayReader, dimension: Int
  ) throws(PostgresDecodingError) -> [UInt8] {
    guard dimension == reader.dimensions.count else {
      throw reader.malformed("it has \(reader.dimensions.count) dimensions", [[UInt8]].self)
    }
    return try reader.nextCell([UInt8].self).bytea(as: [UInt8].self)
  }

  /// Reads a bytea.
  public static func decodeArray(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> [UInt8] {
    try cell.bytea(as: [UInt8].self)
  }

  /// Appends the bytes.
  public static func encodeArray(
    _ elements: [UInt8], into writer: inout PostgresValueWriter
  ) throws(PostgresEncodingError) {
    writer.write(bytes: elements)
  }
}

extension Optional: PostgresArrayDecodable where Wrapped: PostgresDecodable {}
extension Optional: PostgresArrayEncodable where Wrapped: PostgresEncodable {}
extension Bool: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Int: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Int64: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Int32: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Int16: PostgresArrayDecodable, PostgresArrayEncodable {}
extension UInt32: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Double: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Float: PostgresArrayDecodable, PostgresArrayEncodable {}
extension String: PostgresArrayDecodable, PostgresArrayEncodable {}
extension UUID: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Data: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Date: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Decimal: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Timestamp: PostgresArrayDecodable, PostgresArrayEncodable {}
extension CalendarDate: PostgresArrayDecodable, PostgresArrayEncodable {}
extension Numeric: PostgresArrayDecodable, PostgresArrayEncodable {}
extension JSON: PostgresArrayDecodable, PostgresArrayEncodable {}
