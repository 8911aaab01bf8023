import Foundation
import RoostCore

/// Rows as bytes that are equal exactly when the rows are: a numeric's scale, the sign of a zero
/// and every byte of a text count. NaN is one value, whatever its bits.
///
/// The form is what Postgres's `record_send` makes of the columns under the casts that `wireType`
/// stands for, so that a server can hash its rows by itself: the number of columns, then for each
/// its type, its length (-1 for NULL) and its bytes, all numbers big-endian.
package struct RowBytes: Sendable {
  private let types: [ColumnType]

  /// Rows with these columns, in their order.
  package init(_ columns: [ColumnDefinition]) {
    types = columns.map(\.type)
  }

  /// Appends a row with a value for each column.
  package func append(_ row: [Value], to bytes: inout [UInt8]) {
    bytes.append(bigEndian: Int32(truncatingIfNeeded: types.count))
    for (type, value) in zip(types, row) {
      bytes.append(bigEndian: type.wireType)
      Self.append(value, of: type, to: &bytes)
    }
  }

  /// Whether two rows are exactly equal.
  package func areEqual(_ left: [Value], _ right: [Value]) -> Bool {
    var (leftBytes, rightBytes): ([UInt8], [UInt8]) = ([], [])
    append(left, to: &leftBytes)
    append(right, to: &rightBytes)
    return leftBytes == rightBytes
  }

  /// Appends a length and a value's bytes.
  private static func append(_ value: Value, of type: ColumnType, to bytes: inout [UInt8]) {
    guard !value.isNull else { return bytes.append(bigEndian: Int32(-1)) }
    let start = bytes.count
    bytes.append(bigEndian: Int32(0))
    if case .array(let values) = value, case .array(let element) = type {
      append(values, of: element, to: &bytes)
    } else {
      appendScalar(value, to: &bytes)
    }
    let length = UInt32(truncatingIfNeeded: bytes.count - start - 4)
    for place in 0..<4 {
      bytes[start + place] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * place))
    }
  }

  private static func appendScalar(_ value: Value, to bytes: inout [UInt8]) {
    switch value {
    case .null, .array: break
    case .bool(let bool): bytes.append(bool ? 1 : 0)
    case .int(let number): bytes.append(bigEndian: number)
    case .double(let number):
      bytes.append(bigEndian: number.isNaN ? Double.nan.bitPattern : number.bitPattern)
    case .numeric(let number): bytes += number.description.utf8
    case .text(let text): bytes += text.utf8
    case .bytes(let content): bytes += content
    case .uuid(let uuid): withUnsafeBytes(of: uuid.uuid) { bytes += $0 }
    case .date(let date): bytes.append(bigEndian: date.daysSince2000)
    case .timestamp(let time): bytes.append(bigEndian: time.microsecondsSince2000)
    case .json(let document): bytes += document.encoded(.spaced)
    case .label(let label): bytes += label.text.utf8
    }
  }

  /// As `array_send` has it: dimensions, whether there are NULLs, the elements' type; then, unless
  /// it is empty, its length, its first index and the elements.
  private static func append(
    _ values: [Value], of element: ColumnType, to bytes: inout [UInt8]
  ) {
    bytes.append(bigEndian: Int32(values.isEmpty ? 0 : 1))
    bytes.append(bigEndian: Int32(values.contains(where: \.isNull) ? 1 : 0))
    bytes.append(bigEndian: element.wireType)
    guard !values.isEmpty else { return }
    bytes.append(bigEndian: Int32(truncatingIfNeeded: values.count))
    bytes.append(bigEndian: Int32(1))
    for value in values { append(value, of: element, to: &bytes) }
  }
}

extension ColumnType {
  /// The OID of the type that stands for this one in a row's bytes: all integers are bigint,
  /// doubles are their eight bytes, and what has no fixed form is its text. Source: PostgreSQL,
  /// pg_type.dat.
  package var wireType: UInt32 {
    switch self {
    case .boolean: 16
    case .real, .double, .bytes: 17
    case .smallint, .integer, .bigint: 20
    case .numeric, .unlimitedNumeric, .text, .varchar, .json, .enumeration: 25
    case .date: 1_082
    case .timestamp: 1_114
    case .timestamptz: 1_184
    case .uuid: 2_950
    case .array(let element): element.wireArrayType
    }
  }

  private var wireArrayType: UInt32 {
    switch wireType {
    case 16: 1_000
    case 17: 1_001
    case 20: 1_016
    case 1_082: 1_182
    case 1_114: 1_115
    case 1_184: 1_185
    case 2_950: 2_951
    default: 1_009
    }
  }
}

extension [UInt8] {
  fileprivate mutating func append(bigEndian number: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: number.bigEndian) { self += $0 }
  }
}
