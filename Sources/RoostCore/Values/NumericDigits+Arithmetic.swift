// Schoolbook arithmetic in base 10000. Postgres's lengths bound it: 36,864 digits.

extension NumericDigits {
  /// The exact sum, with the greater scale.
  func adding(_ other: NumericDigits) -> NumericDigits {
    let scale = max(scale, other.scale)
    if digits.isEmpty { return other.showing(scale: scale) }
    if other.digits.isEmpty { return showing(scale: scale) }
    let top = max(weight, other.weight)
    let bottom = min(weight - digits.count + 1, other.weight - other.digits.count + 1)
    let count = top - bottom + 1
    let order = negative == other.negative ? 1 : compareMagnitude(other)
    if order == 0 { return NumericDigits(negative: false, weight: 0, scale: scale, digits: []) }
    // The greater magnitude comes first, so that a difference never goes below zero.
    let greater = order > 0 ? self : other
    let lesser = order > 0 ? other : self
    var result = [UInt16](repeating: 0, count: count + 1)
    var carry = 0
    for position in 0..<count {
      let power = bottom + position
      let a = Int(greater.digit(at: greater.weight - power))
      let b = Int(lesser.digit(at: lesser.weight - power))
      var sum = (negative == other.negative ? a + b : a - b) + carry
      carry = 0
      if sum >= 10_000 {
        sum -= 10_000
        carry = 1
      } else if sum < 0 {
        sum += 10_000
        carry = -1
      }
      result[count - position] = UInt16(sum)
    }
    result[0] = UInt16(max(carry, 0))
    return NumericDigits(
      negative: greater.negative, weight: top + 1, scale: scale, digits: result)
  }

  /// The exact difference, with the greater scale.
  func subtracting(_ other: NumericDigits) -> NumericDigits {
    var negated = other
    negated.negative = !other.negative && !other.digits.isEmpty
    return adding(negated)
  }

  private func showing(scale: Int) -> NumericDigits {
    var copy = self
    copy.scale = scale
    return copy
  }

  /// The exact product, with the sum of the scales.
  func multiplied(by other: NumericDigits) -> NumericDigits {
    let scale = scale + other.scale
    guard !digits.isEmpty, !other.digits.isEmpty else {
      return NumericDigits(negative: false, weight: 0, scale: scale, digits: [])
    }
    var sums = [UInt32](repeating: 0, count: digits.count + other.digits.count)
    for i in digits.indices.reversed() {
      // From the lowest row up, the place that takes a row's last carry is still empty.
      let a = digits[i]
      var carry: UInt32 = 0
      for j in stride(from: other.digits.count - 1, through: 0, by: -1) {
        let sum = sums[i + j + 1] + UInt32(a) * UInt32(other.digits[j]) + carry
        sums[i + j + 1] = sum % 10_000
        carry = sum / 10_000
      }
      sums[i] = carry
    }
    return NumericDigits(
      negative: negative != other.negative, weight: weight + other.weight + 1, scale: scale,
      digits: sums.map { UInt16(truncatingIfNeeded: $0) })
  }

  /// The scale that Postgres gives a quotient. Source: PostgreSQL, select_div_scale in numeric.c.
  func quotientScale(_ divisor: NumericDigits) -> Int {
    let minimumSignificantDigits = 16
    let maximumDisplayScale = 1000
    var quotientWeight = (digits.isEmpty ? 0 : weight) - divisor.weight
    if (digits.first ?? 0) <= (divisor.digits.first ?? 0) { quotientWeight -= 1 }
    return min(
      max(minimumSignificantDigits - quotientWeight * 4, scale, divisor.scale, 0),
      maximumDisplayScale)
  }

  /// The quotient rounded to a scale; the divisor is not zero.
  func divided(by divisor: NumericDigits, scale: Int) -> NumericDigits {
    longDivision(by: divisor, fractionGroups: scale / 4 + 2).rounded(toScale: scale)
  }

  /// The quotient cut toward zero, with scale 0; the divisor is not zero.
  func dividedTruncating(by divisor: NumericDigits) -> NumericDigits {
    longDivision(by: divisor, fractionGroups: 0)
  }

  /// Long division with so many base-10000 digits after the point, cut toward zero. A later
  /// rounding half away from zero needs no more than the first digit that it drops.
  private func longDivision(by divisor: NumericDigits, fractionGroups: Int) -> NumericDigits {
    let topWeight = weight - divisor.weight
    let count = topWeight + fractionGroups + 1
    guard count > 0, !digits.isEmpty else {
      return NumericDigits(negative: false, weight: 0, scale: 0, digits: [])
    }
    let divisorDigits = divisor.digits.map { Int($0) }
    let size = divisorDigits.count
    // Working remainder with one digit of headroom in front, and zeros behind as needed.
    var remainder = [Int](repeating: 0, count: max(count + size, digits.count) + 2)
    for (index, digit) in digits.enumerated() { remainder[index + 1] = Int(digit) }
    var quotient = [UInt16](repeating: 0, count: count)
    let lead = divisorDigits[0] * 10_000 + (size > 1 ? divisorDigits[1] : 0)
    for position in 0..<count {
      // Estimate from the three leading digits; the estimate is at most a little too high.
      let head =
        (remainder[position] * 10_000 + remainder[position + 1]) * 10_000 + remainder[position + 2]
      var guess = min(head / lead, 9_999)
      guard guess > 0 else { continue }
      subtract(divisorDigits, times: guess, from: &remainder, at: position)
      while remainder[position] < 0 {
        guess -= 1
        subtract(divisorDigits, times: -1, from: &remainder, at: position)
      }
      quotient[position] = UInt16(guess)
    }
    return NumericDigits(
      negative: negative != divisor.negative, weight: topWeight, scale: fractionGroups * 4,
      digits: quotient)
  }

  /// remainder[position...] -= divisor * factor, leaving every digit but the first in 0..<10000.
  private func subtract(
    _ divisor: [Int], times factor: Int, from remainder: inout [Int], at position: Int
  ) {
    var carry = 0
    for index in stride(from: divisor.count - 1, through: 0, by: -1) {
      let value = remainder[position + 1 + index] - divisor[index] * factor + carry
      carry = value.floorDivided(by: 10_000)
      remainder[position + 1 + index] = value - carry * 10_000
    }
    remainder[position] += carry
  }

  /// The number with exactly `scale` digits shown, half away from zero; below zero, that power of
  /// ten is the last that may differ from zero.
  func rounded(toScale newScale: Int) -> NumericDigits {
    let shown = max(newScale, 0)
    guard minimumScale > newScale || newScale < 0 else { return showing(scale: shown) }
    // The decimal digit at 10^-newScale is kept; the next one decides.
    let power = -newScale
    let group = power.floorDivided(by: 4)
    let index = weight - group
    if index < -1 { return NumericDigits(negative: false, weight: 0, scale: shown, digits: []) }
    var kept = [UInt16](repeating: 0, count: 1)
    if index >= 0 { kept.append(contentsOf: digits.prefix(index + 1)) }
    while kept.count < index + 2 { kept.append(0) }
    let unit = [1, 10, 100, 1000][power - group * 4]
    let last = kept.count - 1
    let part = Int(kept[last]) % unit
    let next = Int(digit(at: index + 1))
    let roundsUp = unit == 1 ? next >= 5_000 : part >= unit / 2
    var value = Int(kept[last]) - part + (roundsUp ? unit : 0)
    var position = last
    while value >= 10_000, position > 0 {
      kept[position] = UInt16(value - 10_000)
      position -= 1
      value = Int(kept[position]) + 1
    }
    kept[position] = UInt16(value)
    // kept[0] is the headroom at weight + 1; with index -1 it is the group itself.
    return NumericDigits(negative: negative, weight: weight + 1, scale: shown, digits: kept)
  }

  /// The least n with magnitude < 10^n: the number of digits before the point, or minus the number
  /// of zeros that follow it; far below zero for zero itself.
  var decimalExponent: Int {
    guard let first = digits.first else { return .min }
    let lead = first >= 1000 ? 4 : first >= 100 ? 3 : first >= 10 ? 2 : 1
    return weight * 4 + lead
  }
}

extension BinaryInteger {
  /// The quotient rounded toward minus infinity; the divisor is above zero.
  func floorDivided(by divisor: Self) -> Self {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// What the quotient rounded toward minus infinity leaves, in 0..<divisor.
  func floorRemainder(by divisor: Self) -> Self {
    let remainder = self % divisor
    return remainder < 0 ? remainder + divisor : remainder
  }
}
