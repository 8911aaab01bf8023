/// A finite number in base 10000: the sum of digits[i] * 10000^(weight - i), with a display scale.
///
/// This is Postgres's own form of a numeric, and the one its binary protocol carries. It is always
/// normalised: the first and the last digit are not zero, and zero has no digit, weight 0 and no
/// sign.
package struct NumericDigits: Sendable, Equatable {
  /// Whether the number is below zero.
  package var negative: Bool
  /// The power of 10000 of the first digit.
  package var weight: Int
  /// The number of decimal digits shown after the point.
  package var scale: Int
  /// Base-10000 digits, the most significant first.
  package var digits: [UInt16]

  /// Normalises the digits given.
  package init(negative: Bool, weight: Int, scale: Int, digits: [UInt16]) {
    self.scale = scale
    guard let first = digits.firstIndex(where: { $0 != 0 }),
      let last = digits.lastIndex(where: { $0 != 0 })
    else {
      self.negative = false
      self.weight = 0
      self.digits = []
      return
    }
    self.negative = negative
    self.weight = weight - first
    self.digits =
      first == 0 && last == digits.count - 1 ? digits : Array(digits[first...last])
  }

  /// Splits coefficient / 10^scale into base-10000 digits; the scale must be in 0...36.
  package init(coefficient: Int128, scale: Int) {
    let divisor = PowersOfTen.value(scale)
    var (integer, fraction) = coefficient.magnitude.quotientAndRemainder(dividingBy: divisor)
    let groups = (scale + 3) / 4
    // At most 10^36 after padding, because a fraction has no more digits than its scale.
    fraction *= PowersOfTen.value(groups * 4 - scale)
    var reversed: [UInt16] = []
    reversed.reserveCapacity(groups + 10)
    for _ in 0..<groups {
      reversed.append(UInt16(fraction % 10_000))
      fraction /= 10_000
    }
    while integer > 0 {
      reversed.append(UInt16(integer % 10_000))
      integer /= 10_000
    }
    self.init(
      negative: coefficient < 0, weight: reversed.count - groups - 1, scale: scale,
      digits: reversed.reversed())
  }

  /// Groups decimal digits (values 0...9), the first of which stands for 10^(integerDigits - 1).
  init(negative: Bool, decimals: [UInt8], integerDigits: Int, scale: Int) {
    // Align the decimal point to a group of four: pad in front so that integerDigits is a multiple.
    let remainder = integerDigits % 4
    let lead = remainder == 0 ? 0 : (remainder > 0 ? 4 - remainder : -remainder)
    let groupCount = (lead + decimals.count + 3) / 4
    var groups: [UInt16] = []
    groups.reserveCapacity(groupCount)
    for group in 0..<groupCount {
      var value: UInt16 = 0
      for position in (group * 4 - lead)..<(group * 4 - lead + 4) {
        value *= 10
        if position >= 0, position < decimals.count { value += UInt16(decimals[position]) }
      }
      groups.append(value)
    }
    self.init(
      negative: negative, weight: (integerDigits + lead) / 4 - 1, scale: scale, digits: groups)
  }

  /// Whether the format can hold the number: 131072 digits before and 16383 after the point.
  var isRepresentable: Bool {
    weight < Numeric.maximumIntegerDigits / 4 && scale <= Numeric.maximumScale && scale >= 0
  }

  /// The least scale that shows every digit.
  var minimumScale: Int {
    guard let last = digits.last else { return 0 }
    let groupsAfterPoint = digits.count - 1 - weight
    guard groupsAfterPoint > 0 else { return 0 }
    var scale = groupsAfterPoint * 4
    var value = last
    while value % 10 == 0, value > 0 {
      value /= 10
      scale -= 1
    }
    return max(scale, 0)
  }

  /// The coefficient of the inline form with this scale; nil when that cannot hold the number.
  var smallCoefficient: Int64? {
    guard scale <= Numeric.smallDigits else { return nil }
    return coefficient(scale: scale)
  }

  /// The number as a coefficient of `scale` decimal places: nil when its magnitude reaches 10^18
  /// or a digit would be lost.
  func coefficient(scale: Int) -> Int64? {
    // Eighteen decimal digits around a decimal point touch six groups of four at most.
    guard digits.count <= 6, weight <= 4 else { return nil }
    if digits.isEmpty { return 0 }
    guard minimumScale <= scale else { return nil }
    var magnitude: UInt128 = 0
    for digit in digits { magnitude = magnitude * 10_000 + UInt128(digit) }
    // The last digit stands for 10^exponent; bring it to 10^-scale.
    let exponent = (weight - digits.count + 1) * 4
    let shift = exponent + scale
    if shift >= 0 {
      guard shift <= Numeric.smallDigits, magnitude < Numeric.smallLimit else { return nil }
      magnitude *= PowersOfTen.value(shift)
    } else {
      guard -shift <= PowersOfTen.maximumExponent else { return nil }
      magnitude /= PowersOfTen.value(-shift)
    }
    guard magnitude < Numeric.smallLimit else { return nil }
    return negative ? -Int64(magnitude) : Int64(magnitude)
  }

  /// The number as an `Int64`, or nil when it has a fraction or is out of range.
  var int64: Int64? {
    guard digits.count <= 5, weight <= 4, minimumScale == 0 else { return nil }
    var magnitude: UInt128 = 0
    for index in 0..<max(weight + 1, 0) {
      magnitude = magnitude * 10_000 + (index < digits.count ? UInt128(digits[index]) : 0)
    }
    return Int64(exactly: negative ? -Int128(magnitude) : Int128(magnitude))
  }
}

/// A heap object around the long form, so that `Numeric` itself stays at 16 bytes.
final class NumericBox: Sendable {
  let value: NumericDigits

  init(_ value: NumericDigits) {
    self.value = value
  }
}

/// Powers of ten as integers and as doubles.
enum PowersOfTen {
  /// The greatest exponent that `value` knows.
  static let maximumExponent = 38

  private static let table: [UInt128] = {
    var result: [UInt128] = [1]
    for _ in 0..<maximumExponent { result.append((result.last ?? 1) * 10) }
    return result
  }()

  /// 10^exponent; the exponent must be in 0...38.
  static func value(_ exponent: Int) -> UInt128 {
    table[exponent]
  }

  private static let doubles: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// 10^exponent as an exact double; the exponent must be in 0...22.
  static func doubleValue(_ exponent: Int) -> Double {
    doubles[exponent]
  }
}
