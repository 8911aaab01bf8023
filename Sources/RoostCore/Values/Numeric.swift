public import Foundation

/// An exact decimal number with a display scale: SQL's `numeric`.
///
/// The scale is part of the value's text and not of its worth: `1.10` and `1.1` are equal, and each
/// prints as it was written. `NaN` equals itself and is greater than every other value, as in
/// Postgres. A value has at most 131072 digits before and 16383 digits after the decimal point.
///
/// Values of up to 18 digits live inside the structure; longer ones share a heap object.
public struct Numeric: Sendable {
  /// The most digits before the decimal point. Source: PostgreSQL manual, "Numeric Types".
  public static let maximumIntegerDigits = 131_072

  /// The most digits after the decimal point. Source: PostgreSQL manual, "Numeric Types".
  public static let maximumScale = 16_383

  /// What the value is made of. A value that can be `small` always is, so that equal texts have
  /// equal storage.
  enum Storage: Sendable {
    /// coefficient / 10^scale; magnitude below 10^18 and scale at most 18.
    case small(coefficient: Int64, scale: UInt8)
    case large(NumericBox)
    case nan
    case infinity
    case negativeInfinity
  }

  let storage: Storage

  init(storage: Storage) {
    self.storage = storage
  }

  /// Makes coefficient / 10^scale. The scale must be in 0...36 and the magnitude below 10^37.
  init(coefficient: Int128, scale: Int) {
    if scale <= Self.smallDigits, coefficient.magnitude < Self.smallLimit {
      storage = .small(coefficient: Int64(coefficient), scale: UInt8(scale))
    } else {
      storage = .large(NumericBox(NumericDigits(coefficient: coefficient, scale: scale)))
    }
  }

  /// Takes normalised digits that are within the limits of the format.
  init(_ digits: NumericDigits) {
    if let coefficient = digits.smallCoefficient {
      storage = .small(coefficient: coefficient, scale: UInt8(digits.scale))
    } else {
      storage = .large(NumericBox(digits))
    }
  }

  /// The number of decimal digits that the inline form holds.
  static let smallDigits = 18
  /// 10^18, which the magnitude of an inline coefficient stays below.
  static let smallLimit: UInt128 = 1_000_000_000_000_000_000
}

// MARK: - Special values

extension Numeric {
  /// Not a number. It equals itself and sorts after everything, as in Postgres.
  public static let nan = Numeric(storage: .nan)
  /// Greater than every number except NaN.
  public static let infinity = Numeric(storage: .infinity)
  /// Less than every number.
  public static let negativeInfinity = Numeric(storage: .negativeInfinity)
  /// Zero with scale 0.
  public static let zero = Numeric(storage: .small(coefficient: 0, scale: 0))

  /// Whether the value is NaN.
  public var isNaN: Bool {
    if case .nan = storage { return true }
    return false
  }

  /// Whether the value is infinity or minus infinity.
  public var isInfinite: Bool {
    switch storage {
    case .infinity, .negativeInfinity: return true
    default: return false
    }
  }

  /// Whether the value is a number: neither NaN nor infinite.
  public var isFinite: Bool {
    switch storage {
    case .small, .large: return true
    default: return false
    }
  }

  /// Whether the value is less than zero; minus infinity is.
  public var isNegative: Bool {
    switch storage {
    case .small(let coefficient, _): return coefficient < 0
    case .large(let box): return box.value.negative
    case .negativeInfinity: return true
    case .nan, .infinity: return false
    }
  }

  /// Whether the value is zero, of any scale.
  public var isZero: Bool {
    switch storage {
    case .small(let coefficient, _): return coefficient == 0
    case .large(let box): return box.value.digits.isEmpty
    default: return false
    }
  }
}

// MARK: - From and to Swift's numbers

extension Numeric: ExpressibleByIntegerLiteral {
  /// Makes the integer, with scale 0.
  public init(_ value: Int64) {
    self.init(coefficient: Int128(value), scale: 0)
  }

  /// Makes the integer, with scale 0.
  public init(_ value: Int) {
    self.init(coefficient: Int128(value), scale: 0)
  }

  /// Makes the integer, with scale 0.
  public init(integerLiteral value: Int64) {
    self.init(value)
  }

  /// Makes the number whose text is the shortest that reads back as `value`; an integral value
  /// has scale 0.
  public init(_ value: Double) {
    if value.isNaN {
      self = .nan
    } else if value.isInfinite {
      self = value < 0 ? .negativeInfinity : .infinity
    } else if let integer = Int64(exactly: value) {
      self.init(integer)
    } else {
      // Every finite Double is within the limits: at most 309 digits before, 324 after the point.
      self = Numeric(value.description)?.reduced ?? .nan
    }
  }

  /// Makes the number of the shortest text that reads back as `value`, with the smallest scale; nil
  /// when that has more than 6 digits after the point or 15 in all.
  init?(short value: Double) {
    // Two decimals of at most 15 digits are never the same double. One of that length that reads
    // back, as the exact division says, is then the shortest one with zeros at its end.
    let millionths = (value * 1e6).rounded()
    guard millionths.magnitude < 1e15, millionths / 1e6 == value else { return nil }
    var coefficient = Int64(millionths)
    var scale: UInt8 = 6
    while scale > 0, coefficient % 10 == 0 {
      coefficient /= 10
      scale -= 1
    }
    storage = .small(coefficient: coefficient, scale: scale)
  }

  /// Makes the same number; a `Decimal` has no scale of its own, so trailing zeros are absent.
  public init(_ value: Decimal) {
    self = value.isNaN ? .nan : Numeric(value.description) ?? .nan
  }

  /// The value as an `Int64`, or nil when it has a fraction, is out of range or is not finite.
  public var int64: Int64? {
    switch storage {
    case .small(let coefficient, let scale):
      if scale == 0 { return coefficient }
      let (quotient, remainder) = coefficient.quotientAndRemainder(
        dividingBy: Int64(PowersOfTen.value(Int(scale))))
      return remainder == 0 ? quotient : nil
    case .large(let box):
      return box.value.int64
    default:
      return nil
    }
  }

  /// The nearest `Double`; infinite when the value is beyond its range.
  public var double: Double {
    switch storage {
    case .small(let coefficient, let scale):
      return Self.double(coefficient, scale: scale) ?? Double(description) ?? .nan
    case .large: return Double(description) ?? .nan
    case .nan: return .nan
    case .infinity: return .infinity
    case .negativeInfinity: return -.infinity
    }
  }

  /// The nearest double of a small number; nil when that takes more than a division.
  static func double(_ coefficient: Int64, scale: UInt8) -> Double? {
    // Both are exact in a Double up to here, so that one division rounds correctly.
    guard scale <= 22, coefficient.magnitude <= 1 << 53 else { return nil }
    return Double(coefficient) / PowersOfTen.doubleValue(Int(scale))
  }

  /// The value as a `Decimal`, or nil when a `Decimal` cannot hold it exactly (38 digits) or it is
  /// infinite; NaN is `Decimal.nan`. The scale is lost.
  public var decimal: Decimal? {
    switch storage {
    case .small(let coefficient, let scale):
      return Decimal(
        sign: coefficient < 0 ? .minus : .plus, exponent: -Int(scale),
        significand: Decimal(coefficient.magnitude))
    case .large:
      guard
        let result = Decimal(string: description, locale: Locale(identifier: "en_US_POSIX")),
        Numeric(result) == self
      else { return nil }
      return result
    case .nan: return Decimal.nan
    case .infinity, .negativeInfinity: return nil
    }
  }

  /// The number of digits after the decimal point; 0 for NaN and the infinities.
  public var scale: Int {
    switch storage {
    case .small(_, let scale): return Int(scale)
    case .large(let box): return box.value.scale
    default: return 0
    }
  }

  /// The same number with the smallest scale that holds it: `1.10` gives `1.1`, `2.00` gives `2`.
  public var reduced: Numeric {
    switch storage {
    case .small(var coefficient, var scale):
      while scale > 0, coefficient % 10 == 0 {
        coefficient /= 10
        scale -= 1
      }
      return Numeric(storage: .small(coefficient: coefficient, scale: scale))
    case .large(let box):
      var digits = box.value
      digits.scale = digits.minimumScale
      return Numeric(digits)
    default:
      return self
    }
  }
}

// MARK: - The wire's form

extension Numeric {
  /// Makes a number from base-10000 digits, the most significant first, as Postgres sends them:
  /// the sum of digits[i] * 10000^(weight - i).
  ///
  /// Leading and trailing zero digits are dropped. The result is nil when a digit is above 9999,
  /// the scale is negative or above 16383, or a digit below the scale is not zero.
  package init?(negative: Bool, weight: Int16, scale: Int16, digits: [UInt16]) {
    guard scale >= 0, scale <= Self.maximumScale, digits.allSatisfy({ $0 <= 9999 }) else {
      return nil
    }
    let normal = NumericDigits(
      negative: negative, weight: Int(weight), scale: Int(scale), digits: digits)
    guard normal.scale >= normal.minimumScale else { return nil }
    self.init(normal)
  }

  /// Whether the sign is minus; false for zero, NaN and the infinities.
  package var negative: Bool { isFinite && isNegative }

  /// The power of 10000 of the first of `digits`; 0 for zero, NaN and the infinities.
  package var weight: Int16 { Int16(truncatingIfNeeded: base10000?.weight ?? 0) }

  /// The base-10000 digits, the most significant first, without leading and trailing zeros; empty
  /// for zero, NaN and the infinities.
  package var digits: [UInt16] { base10000?.digits ?? [] }

  /// The base-10000 form; nil for NaN and the infinities.
  package var base10000: NumericDigits? {
    switch storage {
    case .small(let coefficient, let scale):
      return NumericDigits(coefficient: Int128(coefficient), scale: Int(scale))
    case .large(let box):
      return box.value
    default:
      return nil
    }
  }
}
