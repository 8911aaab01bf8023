import Foundation
import RoostCore

/// The outcome of comparing two values.
public enum ValueOrdering: Int8, Sendable {
  /// The left comes first.
  case before = -1
  /// Both are equal.
  case same = 0
  /// The right comes first.
  case after = 1

  /// The same comparison seen from the other side.
  @inlinable
  public var reversed: ValueOrdering {
    switch self {
    case .before: .after
    case .same: .same
    case .after: .before
    }
  }

  @inlinable
  init<T: Comparable>(_ left: T, _ right: T) {
    self = left < right ? .before : (left == right ? .same : .after)
  }
}

extension UUID {
  /// The sixteen bytes as two numbers whose order is the bytes' order.
  fileprivate var bigEndianHalves: (UInt64, UInt64) {
    withUnsafeBytes(of: uuid) { bytes in
      (
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }
}

extension Value {
  /// The total order of an index: as a btree of Postgres with the C collation, NULL last.
  ///
  /// Integers, doubles and numerics compare by number. Values of types that SQL cannot compare
  /// have a fixed but meaningless order; expressions refuse them before they come here.
  public static func order(_ left: Value, _ right: Value) -> ValueOrdering {
    switch (left, right) {
    case (.int(let a), .int(let b)): ValueOrdering(a, b)
    case (.text(let a), .text(let b)): ValueOrdering(TextOrder.compare(a, b), 0)
    case (.uuid(let a), .uuid(let b)): order(a, b)
    case (.timestamp(let a), .timestamp(let b)):
      ValueOrdering(a.microsecondsSince2000, b.microsecondsSince2000)
    case (.null, .null): .same
    case (.null, _): .after
    case (_, .null): .before
    case (.bool(let a), .bool(let b)): ValueOrdering(a ? 1 : 0, b ? 1 : 0)
    case (.double(let a), .double(let b)): order(a, b)
    case (.numeric(let a), .numeric(let b)): ValueOrdering(a, b)
    case (.date(let a), .date(let b)): ValueOrdering(a.daysSince2000, b.daysSince2000)
    case (.label(let a), .label(let b)): ValueOrdering(a.position, b.position)
    case (.bytes(let a), .bytes(let b)): order(bytes: a, b)
    case (.json(let a), .json(let b)): ValueOrdering(a, b)
    case (.array(let a), .array(let b)): order(arrays: a, b)
    default: orderMixed(left, right)
    }
  }

  private static func order(_ left: UUID, _ right: UUID) -> ValueOrdering {
    let (a, b) = (left.bigEndianHalves, right.bigEndianHalves)
    return a.0 == b.0 ? ValueOrdering(a.1, b.1) : ValueOrdering(a.0, b.0)
  }

  /// NaN equals NaN and is greater than every number; the two zeros are equal.
  private static func order(_ left: Double, _ right: Double) -> ValueOrdering {
    if left.isNaN || right.isNaN {
      return ValueOrdering(left.isNaN ? 1 : 0, right.isNaN ? 1 : 0)
    }
    return ValueOrdering(left, right)
  }

  private static func order(bytes left: [UInt8], _ right: [UInt8]) -> ValueOrdering {
    for (a, b) in zip(left, right) where a != b { return ValueOrdering(a, b) }
    return ValueOrdering(left.count, right.count)
  }

  private static func order(arrays left: [Value], _ right: [Value]) -> ValueOrdering {
    for (a, b) in zip(left, right) {
      let result = order(a, b)
      if result != .same { return result }
    }
    return ValueOrdering(left.count, right.count)
  }

  /// Numbers of different types by number; anything else by the rank of its type.
  private static func orderMixed(_ left: Value, _ right: Value) -> ValueOrdering {
    switch (left, right) {
    case (.double(let a), _):
      if let b = right.asDouble { return order(a, b) }
    case (_, .double(let b)):
      if let a = left.asDouble { return order(a, b) }
    case (.int(let a), .numeric(let b)): return ValueOrdering(Numeric(a), b)
    case (.numeric(let a), .int(let b)): return ValueOrdering(a, Numeric(b))
    case (.text(let a), .label(let b)): return ValueOrdering(TextOrder.compare(a, b.text), 0)
    case (.label(let a), .text(let b)): return ValueOrdering(TextOrder.compare(a.text, b), 0)
    default: break
    }
    return ValueOrdering(left.typeRank, right.typeRank)
  }

  /// The number as a double, nil when this is no number.
  var asDouble: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    case .numeric(let value): value.double
    default: nil
    }
  }

  private var typeRank: Int {
    switch self {
    case .bool: 0
    case .int: 1
    case .double: 2
    case .numeric: 3
    case .text: 4
    case .bytes: 5
    case .uuid: 6
    case .date: 7
    case .timestamp: 8
    case .json: 9
    case .label: 10
    case .array: 11
    case .null: 12
    }
  }
}
