package import Roost

/// The key of a row in a tree: a primary key, or an index's values followed by the primary key.
///
/// The first value stands inline, so that most comparisons touch no other memory.
package struct RowKey: OrderedKey, Hashable {
  /// The first value.
  package let first: Value
  /// The values behind it; mostly none.
  package let rest: [Value]

  /// Makes a key of at least one value; of none, a key of one NULL.
  package init(_ values: some Collection<Value>) {
    first = values.first ?? .null
    rest = values.count > 1 ? Array(values.dropFirst()) : []
  }

  /// Makes a key of one value.
  package init(_ value: Value) {
    first = value
    rest = []
  }

  /// A row's values at some places.
  init(_ row: [Value], at positions: [Int]) {
    first = row[positions[0]]
    rest = positions.count > 1 ? positions.dropFirst().map { row[$0] } : []
  }

  /// All values.
  package var values: [Value] { [first] + rest }

  /// How many values there are.
  var count: Int { 1 + rest.count }

  subscript(index: Int) -> Value { index == 0 ? first : rest[index - 1] }

  /// Value by value, NULLs last.
  package static func order(_ left: RowKey, _ right: RowKey) -> Int {
    let lead = Value.order(left.first, right.first)
    if lead != .same { return Int(lead.rawValue) }
    let count = min(left.rest.count, right.rest.count)
    for index in 0..<count {
      let result = Value.order(left.rest[index], right.rest[index])
      if result != .same { return Int(result.rawValue) }
    }
    return left.rest.count - right.rest.count
  }

  /// How the first values stand to a prefix.
  func orderOfPrefix(_ prefix: [Value]) -> Int {
    for (index, value) in prefix.enumerated() {
      let result = Value.order(self[index], value)
      if result != .same { return Int(result.rawValue) }
    }
    return 0
  }
}
