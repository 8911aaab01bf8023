// Order and equality are by worth, as SQL's: 1.10 == 1.1, NaN == NaN, and NaN is the greatest.

extension Numeric: Comparable {
  /// Whether the two are worth the same, whatever their scales; NaN equals NaN.
  public static func == (left: Numeric, right: Numeric) -> Bool {
    left.compare(right) == 0
  }

  /// Whether `left` comes before `right` in SQL's order.
  public static func < (left: Numeric, right: Numeric) -> Bool {
    left.compare(right) < 0
  }

  /// Compares by worth: below zero when the receiver comes first, 0 when equal.
  package func compare(_ other: Numeric) -> Int {
    switch (storage, other.storage) {
    case (.small(let left, let leftScale), .small(let right, let rightScale)):
      if leftScale == rightScale { return left == right ? 0 : (left < right ? -1 : 1) }
      // At most 10^18 * 10^18: no overflow.
      let wideLeft =
        Int128(left) * Int128(PowersOfTen.value(Int(max(rightScale, leftScale) - leftScale)))
      let wideRight =
        Int128(right) * Int128(PowersOfTen.value(Int(max(rightScale, leftScale) - rightScale)))
      return wideLeft == wideRight ? 0 : (wideLeft < wideRight ? -1 : 1)
    default:
      let leftRank = rank
      let rightRank = other.rank
      guard leftRank == 0, rightRank == 0, let left = base10000, let right = other.base10000 else {
        return leftRank - rightRank
      }
      return left.compare(right)
    }
  }

  /// Where the value stands among the special values; 0 for a number.
  private var rank: Int {
    switch storage {
    case .negativeInfinity: return -1
    case .small, .large: return 0
    case .infinity: return 1
    case .nan: return 2
    }
  }
}

extension Numeric: Hashable {
  /// Hashes the worth, so that equal numbers of different scales hash alike.
  public func hash(into hasher: inout Hasher) {
    switch storage {
    case .small(let coefficient, let scale):
      Self.hash(coefficient, scale: scale, into: &hasher)
    case .large(let box):
      // Trailing zeros alone may have made it large: 1.0000000000000000000 equals 1.
      let scale = box.value.minimumScale
      if scale <= Self.smallDigits, let coefficient = box.value.coefficient(scale: scale) {
        Self.hash(coefficient, scale: UInt8(scale), into: &hasher)
      } else {
        hasher.combine(box.value.negative)
        hasher.combine(box.value.weight)
        hasher.combine(box.value.digits)
      }
    case .nan, .infinity, .negativeInfinity:
      hasher.combine(rank)
    }
  }

  private static func hash(_ coefficient: Int64, scale: UInt8, into hasher: inout Hasher) {
    var coefficient = coefficient
    var scale = scale
    while scale > 0, coefficient % 10 == 0 {
      coefficient /= 10
      scale -= 1
    }
    hasher.combine(coefficient)
    hasher.combine(scale)
  }
}

extension NumericDigits {
  /// Compares by worth: below zero when the receiver is less, 0 when equal.
  func compare(_ other: NumericDigits) -> Int {
    if negative != other.negative { return negative ? -1 : 1 }
    let magnitudes = compareMagnitude(other)
    return negative ? -magnitudes : magnitudes
  }

  /// Compares without the signs.
  func compareMagnitude(_ other: NumericDigits) -> Int {
    if digits.isEmpty || other.digits.isEmpty {
      return (digits.isEmpty ? 0 : 1) - (other.digits.isEmpty ? 0 : 1)
    }
    if weight != other.weight { return weight < other.weight ? -1 : 1 }
    for index in 0..<max(digits.count, other.digits.count) {
      let left = digit(at: index)
      let right = other.digit(at: index)
      if left != right { return left < right ? -1 : 1 }
    }
    return 0
  }
}
