public import Foundation
public import RoostCore

/// One cell of a row, the same on every backend.
///
/// Values are lossless: 64-bit integers, numerics with their scale, microsecond timestamps, and
/// text that is compared by its UTF-8 bytes, never by canonical equivalence.
public enum Value: Sendable {
  /// SQL's NULL: an unknown value, not an empty one.
  case null
  /// A boolean.
  case bool(Bool)
  /// A smallint, integer or bigint.
  case int(Int64)
  /// A real or double precision number.
  case double(Double)
  /// An exact decimal.
  case numeric(Numeric)
  /// A text or varchar.
  case text(String)
  /// A bytea.
  case bytes([UInt8])
  /// A uuid.
  case uuid(UUID)
  /// A day without a time.
  case date(CalendarDate)
  /// A timestamp or timestamptz, in microseconds.
  case timestamp(Timestamp)
  /// A jsonb document.
  case json(JSON)
  /// A label of an enum type.
  case label(EnumLabel)
  /// An array; its elements are all of one type or null.
  case array([Value])

  /// Whether this is SQL's NULL.
  @inlinable
  public var isNull: Bool {
    if case .null = self { return true }
    return false
  }
}

/// A label of an enum type, with its place in the order of declaration.
///
/// An immutable class, so that a value stays small and all rows share one copy.
public final class EnumLabel: Sendable {
  /// The label's text.
  public let text: String
  /// The place in the type's order. Labels that are added later between two others get a
  /// fraction between theirs, so stored rows keep their order.
  public let position: Double

  /// Makes a label.
  public init(text: String, position: Double) {
    self.text = text
    self.position = position
  }
}

extension Value: Hashable {
  /// Equality as `IS NOT DISTINCT FROM` has it between values of one type: NULL equals NULL, NaN
  /// equals NaN, text by its bytes.
  public static func == (left: Value, right: Value) -> Bool {
    Value.order(left, right) == .same
  }

  /// Feeds what equality compares.
  public func hash(into hasher: inout Hasher) {
    switch self {
    case .null: hasher.combine(0 as UInt8)
    case .bool(let value): hasher.combine(value)
    case .int(let value): hasher.combine(value)
    case .double(let value): hasher.combine(value.isNaN ? Double.nan.bitPattern : value.hashBits)
    case .numeric(let value): hasher.combine(value)
    case .text(let value): TextOrder.hash(value, into: &hasher)
    case .bytes(let value): hasher.combine(value)
    case .uuid(let value): hasher.combine(value)
    case .date(let value): hasher.combine(value)
    case .timestamp(let value): hasher.combine(value)
    case .json(let value): hasher.combine(value)
    case .label(let value): TextOrder.hash(value.text, into: &hasher)
    case .array(let values): for value in values { value.hash(into: &hasher) }
    }
  }
}

extension Double {
  /// Bits that are equal for the two zeros.
  fileprivate var hashBits: UInt64 { self == 0 ? 0 : bitPattern }
}

extension Value: CustomStringConvertible {
  /// A short text for messages: a value longer than 40 characters is cut.
  public var description: String {
    let text =
      switch self {
      case .null: "null"
      case .bool(let value): "\(value)"
      case .int(let value): "\(value)"
      case .double(let value): "\(value)"
      case .numeric(let value): "\(value)"
      case .text(let value): "'\(value)'"
      case .bytes(let value): "\(value.count) bytes"
      case .uuid(let value): value.uuidString.lowercased()
      case .date(let value): "\(value)"
      case .timestamp(let value): "\(value)"
      case .json(let value): "\(value)"
      case .label(let value): "'\(value.text)'"
      case .array(let values): "[\(values.map(\.description).joined(separator: ", "))]"
      }
    return text.count > 40 ? text.prefix(40) + "..." : text
  }
}
