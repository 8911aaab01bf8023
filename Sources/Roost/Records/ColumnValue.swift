public import Foundation
public import RoostCore

/// A Swift type that a column can hold.
public protocol ColumnValue: Sendable {
  /// The value to store.
  var value: Value { get }
  /// Reads a stored value; nil when it is not of this type or out of its range.
  init?(value: Value)
  /// Whether NULL is a value of the type.
  static var isOptional: Bool { get }
}

extension ColumnValue {
  /// False but for optionals.
  @inlinable
  public static var isOptional: Bool { false }
}

extension Optional: ColumnValue where Wrapped: ColumnValue {
  /// NULL for nil.
  @inlinable
  public var value: Value { self?.value ?? .null }

  /// Nil inside for NULL; nil outside when the value is of another type.
  @inlinable
  public init?(value: Value) {
    if value.isNull {
      self = Self.none
      return
    }
    guard let wrapped = Wrapped(value: value) else { return nil }
    self = .some(wrapped)
  }

  /// True.
  @inlinable
  public static var isOptional: Bool { true }
}

extension Bool: ColumnValue {
  /// A boolean.
  @inlinable
  public var value: Value { .bool(self) }
  /// Reads a boolean.
  @inlinable
  public init?(value: Value) {
    guard case .bool(let bool) = value else { return nil }
    self = bool
  }
}

extension ColumnValue where Self: FixedWidthInteger {
  /// An integer; one beyond 64 bits is stored as the nearest bigint and then refused by its range.
  @inlinable
  public var value: Value { .int(Int64(clamping: self)) }
  /// Reads an integer within the type's range.
  @inlinable
  public init?(value: Value) {
    switch value {
    case .int(let number): self.init(exactly: number)
    case .numeric(let number):
      guard let whole = number.int64 else { return nil }
      self.init(exactly: whole)
    default: return nil
    }
  }
}

extension Int: ColumnValue {}
extension Int64: ColumnValue {}
extension Int32: ColumnValue {}
extension Int16: ColumnValue {}

extension Double: ColumnValue {
  /// A double precision number.
  public var value: Value { .double(self) }
  /// Reads a number.
  public init?(value: Value) {
    guard let number = value.asDouble else { return nil }
    self = number
  }
}

extension Float: ColumnValue {
  /// A number.
  public var value: Value { .double(Double(self)) }
  /// Reads a number.
  public init?(value: Value) {
    guard let number = value.asDouble else { return nil }
    self = Float(number)
  }
}

extension String: ColumnValue {
  /// A text.
  @inlinable
  public var value: Value { .text(self) }
  /// Reads a text or an enum's label.
  @inlinable
  public init?(value: Value) {
    switch value {
    case .text(let text): self = text
    case .label(let label): self = label.text
    default: return nil
    }
  }
}

extension UUID: ColumnValue {
  /// A uuid.
  @inlinable
  public var value: Value { .uuid(self) }
  /// Reads a uuid.
  @inlinable
  public init?(value: Value) {
    guard case .uuid(let uuid) = value else { return nil }
    self = uuid
  }
}

extension Timestamp: ColumnValue {
  /// A timestamp.
  @inlinable
  public var value: Value { .timestamp(self) }
  /// Reads a timestamp.
  @inlinable
  public init?(value: Value) {
    guard case .timestamp(let timestamp) = value else { return nil }
    self = timestamp
  }
}

extension Date: ColumnValue {
  /// A timestamp, rounded to a microsecond.
  public var value: Value { .timestamp(Timestamp(self)) }
  /// Reads a timestamp.
  public init?(value: Value) {
    guard case .timestamp(let timestamp) = value else { return nil }
    self = timestamp.date
  }
}

extension CalendarDate: ColumnValue {
  /// A day.
  public var value: Value { .date(self) }
  /// Reads a day.
  public init?(value: Value) {
    guard case .date(let date) = value else { return nil }
    self = date
  }
}

extension Numeric: ColumnValue {
  /// A decimal.
  public var value: Value { .numeric(self) }
  /// Reads a decimal or an integer.
  public init?(value: Value) {
    guard let number = value.asNumeric else { return nil }
    self = number
  }
}

extension Decimal: ColumnValue {
  /// A decimal.
  public var value: Value { .numeric(Numeric(self)) }
  /// Reads a decimal that Foundation's type can hold exactly.
  public init?(value: Value) {
    guard let number = value.asNumeric?.decimal else { return nil }
    self = number
  }
}

extension JSON: ColumnValue {
  /// A document.
  public var value: Roost.Value { .json(self) }
  /// Reads a document.
  public init?(value: Roost.Value) {
    guard case .json(let json) = value else { return nil }
    self = json
  }
}

extension Data: ColumnValue {
  /// Bytes.
  public var value: Value { .bytes(Array(self)) }
  /// Reads bytes.
  public init?(value: Value) {
    guard case .bytes(let bytes) = value else { return nil }
    self = Data(bytes)
  }
}

extension Array: ColumnValue where Element: ColumnValue {
  /// An array of the elements' values.
  public var value: Value { .array(map(\.value)) }
  /// Reads an array whose elements are all of the type.
  public init?(value: Value) {
    guard case .array(let values) = value else { return nil }
    var elements: [Element] = []
    elements.reserveCapacity(values.count)
    for value in values {
      guard let element = Element(value: value) else { return nil }
      elements.append(element)
    }
    self = elements
  }
}

extension ColumnValue where Self: RawRepresentable, RawValue: ColumnValue {
  /// The raw value's.
  @inlinable
  public var value: Value { rawValue.value }
  /// Reads the raw value; nil when no case has it.
  @inlinable
  public init?(value: Value) {
    guard let raw = RawValue(value: value) else { return nil }
    self.init(rawValue: raw)
  }
}
