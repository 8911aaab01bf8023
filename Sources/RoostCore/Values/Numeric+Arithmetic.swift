// Exact arithmetic with Postgres's scales: the sum has the greater scale of the two, the product
// the sum of the scales, the quotient at least 16 significant digits.
//
// Postgres raises 22003 where a result is beyond the format; here it is infinite, as in IEEE
// arithmetic, and the caller who must raise asks `isInfinite`.

extension Numeric {
  /// The negative; NaN stays NaN.
  public static prefix func - (value: Numeric) -> Numeric {
    switch value.storage {
    case .small(let coefficient, let scale):
      return Numeric(storage: .small(coefficient: -coefficient, scale: scale))
    case .large(let box):
      var digits = box.value
      digits.negative.toggle()
      return Numeric(storage: .large(NumericBox(digits.digits.isEmpty ? box.value : digits)))
    case .nan: return .nan
    case .infinity: return .negativeInfinity
    case .negativeInfinity: return .infinity
    }
  }

  /// The value without its sign.
  public var magnitude: Numeric {
    isNegative ? -self : self
  }

  /// The exact sum; infinite when it is beyond the format, NaN for infinity plus minus infinity.
  public static func + (left: Numeric, right: Numeric) -> Numeric {
    if case .small(let a, let aScale) = left.storage, case .small(let b, let bScale) = right.storage
    {
      let scale = max(aScale, bScale)
      if aScale == bScale { return Numeric(coefficient: Int128(a) + Int128(b), scale: Int(scale)) }
      // At most 2 * 10^36.
      return Numeric(
        coefficient: Int128(a) * Int128(PowersOfTen.value(Int(scale - aScale)))
          + Int128(b) * Int128(PowersOfTen.value(Int(scale - bScale))), scale: Int(scale))
    }
    guard let a = left.base10000, let b = right.base10000 else {
      if left.isNaN || right.isNaN { return .nan }
      if left.isFinite { return right }
      if right.isFinite { return left }
      return left.isNegative == right.isNegative ? left : .nan
    }
    return Numeric(bounded: a.adding(b))
  }

  /// The exact difference; infinite when it is beyond the format.
  public static func - (left: Numeric, right: Numeric) -> Numeric {
    left + -right
  }

  /// The product, exact up to 16383 digits after the point; infinite when it is beyond the format.
  ///
  /// Complexity: the product of the numbers' lengths.
  public static func * (left: Numeric, right: Numeric) -> Numeric {
    if case .small(let a, let aScale) = left.storage, case .small(let b, let bScale) = right.storage
    {
      return Numeric(coefficient: Int128(a) * Int128(b), scale: Int(aScale) + Int(bScale))
    }
    guard let a = left.base10000, let b = right.base10000 else {
      if left.isNaN || right.isNaN || left.isZero || right.isZero { return .nan }
      return left.isNegative == right.isNegative ? .infinity : .negativeInfinity
    }
    let product = a.multiplied(by: b)
    return Numeric(bounded: product.rounded(toScale: min(product.scale, maximumScale)))
  }

  /// The quotient with the scale that Postgres chooses: 16 significant digits or more, at most
  /// 1000 after the point, half away from zero.
  ///
  /// - Returns: nil when the divisor is zero, where Postgres raises 22012.
  public func divided(by divisor: Numeric) -> Numeric? {
    if divisor.isZero { return isNaN ? .nan : nil }
    guard let a = base10000, let b = divisor.base10000 else {
      if isNaN || divisor.isNaN || (isInfinite && divisor.isInfinite) { return .nan }
      if divisor.isInfinite { return .zero }
      return isNegative == divisor.isNegative ? .infinity : .negativeInfinity
    }
    return Numeric(bounded: a.divided(by: b, scale: a.quotientScale(b)))
  }

  /// What is left after a division that is cut toward zero; it has the sign of the receiver.
  ///
  /// - Returns: nil when the divisor is zero, where Postgres raises 22012.
  public func remainder(dividingBy divisor: Numeric) -> Numeric? {
    if divisor.isZero { return isNaN ? .nan : nil }
    guard let a = base10000, let b = divisor.base10000 else {
      if isNaN || divisor.isNaN || isInfinite { return .nan }
      return self
    }
    return Numeric(bounded: a.subtracting(a.dividedTruncating(by: b).multiplied(by: b)))
  }

  /// The value with exactly `scale` digits after the point, half away from zero.
  ///
  /// A negative scale rounds to tens, hundreds and so on, and shows no digit after the point. A
  /// scale above 16383 counts as 16383. NaN and the infinities stay.
  public func rounded(toScale scale: Int) -> Numeric {
    let scale = min(max(scale, -Self.maximumIntegerDigits - 1), Self.maximumScale)
    if case .small(let coefficient, let oldScale) = storage, scale >= 0, scale <= Self.smallDigits {
      if scale == oldScale { return self }
      if scale > oldScale {
        return Numeric(
          coefficient: Int128(coefficient) * Int128(PowersOfTen.value(scale - Int(oldScale))),
          scale: scale)
      }
      let divisor = Int64(PowersOfTen.value(Int(oldScale) - scale))
      let (quotient, remainder) = coefficient.quotientAndRemainder(dividingBy: divisor)
      let carry: Int64 =
        remainder.magnitude * 2 >= divisor.magnitude ? (coefficient < 0 ? -1 : 1) : 0
      return Numeric(coefficient: Int128(quotient + carry), scale: scale)
    }
    guard let digits = base10000 else { return self }
    return Numeric(bounded: digits.rounded(toScale: scale))
  }

  /// Whether `numeric(precision, scale)` holds the value once it is rounded to the scale.
  ///
  /// NaN fits everywhere, an infinity nowhere, as in Postgres.
  public func fits(precision: Int, scale: Int) -> Bool {
    if isNaN { return true }
    guard let digits = rounded(toScale: scale).base10000 else { return false }
    return digits.decimalExponent <= precision - scale
  }

  /// Takes a result of arithmetic, infinite when it is beyond the format.
  private init(bounded digits: NumericDigits) {
    if digits.isRepresentable {
      self.init(digits)
    } else {
      self = digits.negative ? .negativeInfinity : .infinity
    }
  }
}
