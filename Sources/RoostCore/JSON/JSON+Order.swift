// Equality and order as Postgres's jsonb has them.
//
// Source: PostgreSQL manual, "jsonb Indexing", and compareJsonbContainers in jsonb_util.c:
//   Object > Array > Boolean > Number > String > Null
//   more members or elements > fewer, before any of them is compared
// with the one historical exception that an empty array at the top comes before every scalar.

extension JSON: Hashable {
  /// Whether jsonb calls the two equal: numbers by worth, strings and keys by bytes.
  public static func == (left: JSON, right: JSON) -> Bool {
    switch (left, right) {
    case (.null, .null): return true
    case (.bool(let left), .bool(let right)): return left == right
    case (.number(let left), .number(let right)): return left == right
    case (.string(let left), .string(let right)): return TextOrder.areEqual(left, right)
    case (.array(let left), .array(let right)): return left == right
    case (.object(let left), .object(let right)): return left == right
    default: return false
    }
  }

  /// Hashes what `==` compares.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(rank)
    switch self {
    case .null: break
    case .bool(let value): hasher.combine(value)
    case .number(let value): hasher.combine(value)
    case .string(let value): TextOrder.hash(value, into: &hasher)
    case .array(let value): hasher.combine(value)
    case .object(let value): hasher.combine(value)
    }
  }

  private var rank: Int {
    switch self {
    case .null: return 0
    case .string: return 1
    case .number: return 2
    case .bool: return 3
    case .array: return 4
    case .object: return 5
    }
  }
}

extension JSON: Comparable {
  /// Whether `left` comes before `right` in jsonb's B-tree order, strings by bytes.
  public static func < (left: JSON, right: JSON) -> Bool {
    left.compare(right) < 0
  }

  /// Compares as jsonb's B-tree order: below zero when the receiver comes first.
  package func compare(_ other: JSON) -> Int {
    switch (self, other) {
    case (.array(let elements), _) where elements.isEmpty && other.rank < 4: return -1
    case (_, .array(let elements)) where elements.isEmpty && rank < 4: return 1
    default: return compareNested(other)
    }
  }

  private func compareNested(_ other: JSON) -> Int {
    switch (self, other) {
    case (.bool(let left), .bool(let right)):
      return (left ? 1 : 0) - (right ? 1 : 0)
    case (.number(let left), .number(let right)):
      return left.compare(right)
    case (.string(let left), .string(let right)):
      return TextOrder.compare(left, right)
    case (.array(let left), .array(let right)):
      if left.count != right.count { return left.count - right.count }
      for (leftElement, rightElement) in zip(left, right) {
        let order = leftElement.compareNested(rightElement)
        if order != 0 { return order }
      }
      return 0
    case (.object(let left), .object(let right)):
      if left.count != right.count { return left.count - right.count }
      for (leftMember, rightMember) in zip(left, right) {
        // Keys compare as strings here, not by their length first.
        let keys = TextOrder.compare(leftMember.key, rightMember.key)
        if keys != 0 { return keys }
        let values = leftMember.value.compareNested(rightMember.value)
        if values != 0 { return values }
      }
      return 0
    default:
      return rank - other.rank
    }
  }
}
