import Foundation
package import Roost
import RoostCore

/// The key of a row in a tree: a primary key, or an index's values followed by the primary key.
///
/// The first value stands inline, so that most comparisons touch no other memory.
package struct RowKey: OrderedKey, Hashable {
  /// The first value.
  package let first: Value
  /// The values behind it; mostly none.
  package let rest: [Value]

  package init(first: Value, rest: [Value]) {
    self.first = first
    self.rest = rest
  }

  /// Makes a key of at least one value; of none, a key of one NULL.
  package init(_ values: some Collection<Value>) {
    self.init(
      first: values.first ?? .null, rest: values.count > 1 ? Array(values.dropFirst()) : [])
  }

  /// A row's values at some places.
  init(_ row: [Value], at positions: [Int]) {
    self.init(
      first: row[positions[0]],
      rest: positions.count > 1 ? positions.dropFirst().map { row[$0] } : [])
  }

  package var rank: UInt64 { first.rank }

  /// Integers are ranked as doubles, which are exact up to here; a key of several values is not
  /// known by its first.
  package var isKnownByRank: Bool {
    guard case .int(let number) = first else { return false }
    return number.magnitude <= 1 << 53 && rest.isEmpty
  }

  /// All values.
  package var values: [Value] { [first] + rest }

  subscript(index: Int) -> Value { index == 0 ? first : rest[index - 1] }

  /// Value by value, NULLs last.
  package static func order(_ left: RowKey, _ right: RowKey) -> Int {
    let lead = Value.order(left.first, right.first)
    if lead != .same { return Int(lead.rawValue) }
    if left.rest.isEmpty && right.rest.isEmpty { return 0 }
    for index in 0..<min(left.rest.count, right.rest.count) {
      let result = Value.order(left.rest[index], right.rest[index])
      if result != .same { return Int(result.rawValue) }
    }
    return left.rest.count - right.rest.count
  }

  /// How the first values stand to a prefix.
  func orderOfPrefix(_ prefix: [Value]) -> Int {
    for index in prefix.indices {
      let result = Value.order(self[index], prefix[index])
      if result != .same { return Int(result.rawValue) }
    }
    return 0
  }

  /// Whether the first values are those of a shorter key.
  func starts(with prefix: RowKey) -> Bool {
    guard Value.order(first, prefix.first) == .same else { return false }
    for index in prefix.rest.indices where rest[index] != prefix.rest[index] { return false }
    return true
  }

  /// Whether one of the values is NULL.
  var hasNull: Bool { first.isNull || rest.contains(where: \.isNull) }
}

extension Value {
  /// A number in the order of values of one type; equal for values that it cannot tell apart.
  fileprivate var rank: UInt64 {
    switch self {
    case .int(let number): Self.rank(Double(number))
    case .double(let number): Self.rank(number)
    case .numeric(let number): Self.rank(number.double)
    case .text(let text): Self.rank(text.utf8)
    case .bytes(let bytes): Self.rank(bytes)
    case .uuid(let uuid): withUnsafeBytes(of: uuid) { Self.rank($0) }
    case .timestamp(let timestamp): Self.rank(timestamp.microsecondsSince2000)
    case .date(let date): Self.rank(Int64(date.daysSince2000))
    case .bool(let bool): bool ? 1 : 0
    case .label(let label): Self.rank(label.position)
    case .json, .array: 0
    case .null: .max
    }
  }

  private static func rank(_ number: Int64) -> UInt64 {
    UInt64(bitPattern: number) ^ (1 << 63)
  }

  /// Integers, too, are ranked as doubles, since a numeric or double may be compared with them;
  /// the conversion never turns their order around.
  private static func rank(_ number: Double) -> UInt64 {
    if number.isNaN { return .max }
    // Zero is added for the sake of minus zero.
    let bits = (number + 0).bitPattern
    return bits >> 63 == 0 ? bits | (1 << 63) : ~bits
  }

  /// The first eight bytes.
  private static func rank(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var rank: UInt64 = 0
    var shift: UInt64 = 64
    for byte in bytes {
      shift -= 8
      rank |= UInt64(byte) << shift
      if shift == 0 { break }
    }
    return rank
  }
}
