// A numeric's text, both ways.
//
//   [sign] digits [. digits] [e [sign] digits]      1.10   -5   .5   5.   1e2   1.5E-3
//   NaN | [sign] inf | [sign] infinity              in any letter case
//
// Source: PostgreSQL, numeric_in and get_str_from_var.

extension Numeric: LosslessStringConvertible {
  /// Reads a number in Postgres's syntax, without spaces around it.
  ///
  /// - Returns: nil when the text is not a number or is beyond the limits of the format.
  public init?(_ text: String) {
    var text = text
    let parsed = text.withUTF8 { Numeric(utf8: $0) }
    guard let parsed else { return nil }
    self = parsed
  }

  /// Reads a number from UTF-8 bytes; as `init?(_:)`.
  package init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
    if let small = Self.parseSmall(bytes) {
      self.init(storage: .small(coefficient: small.coefficient, scale: small.scale))
    } else if let parsed = Self.parseAny(bytes) {
      self = parsed
    } else {
      return nil
    }
  }

  /// The common case: at most 18 digits without an exponent. Nil means "take the long way".
  static func parseSmall(
    _ bytes: UnsafeBufferPointer<UInt8>
  ) -> (coefficient: Int64, scale: UInt8)? {
    guard let first = bytes.first, bytes.count <= smallDigits + 2 else { return nil }
    let negative = first == UInt8(ascii: "-")
    let start = negative || first == UInt8(ascii: "+") ? 1 : 0
    var coefficient: Int64 = 0
    let point = appendDigits(of: bytes, from: start, to: &coefficient)
    var end = point
    if point < bytes.count, bytes[point] == UInt8(ascii: ".") {
      end = appendDigits(of: bytes, from: point + 1, to: &coefficient)
    }
    let scale = max(end - point - 1, 0)
    guard end == bytes.count, 1...smallDigits ~= point - start + scale else { return nil }
    return (negative ? -coefficient : coefficient, UInt8(truncatingIfNeeded: scale))
  }

  /// Appends digits to a number, and gives their end. With more digits than `smallDigits` the
  /// number is a wrong one, and not to be used.
  private static func appendDigits(
    of bytes: UnsafeBufferPointer<UInt8>, from start: Int, to number: inout Int64
  ) -> Int {
    var index = start
    while index < bytes.count {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit <= 9 else { break }
      number = number &* 10 &+ Int64(digit)
      index += 1
    }
    return index
  }

  private static func parseAny(_ bytes: UnsafeBufferPointer<UInt8>) -> Numeric? {
    var index = 0
    var negative = false
    if let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
      negative = first == UInt8(ascii: "-")
      index = 1
    }
    guard index < bytes.count else { return nil }
    let lead = bytes[index]
    guard lead == UInt8(ascii: ".") || (lead &- UInt8(ascii: "0")) <= 9 else {
      return parseWord(bytes, from: index, negative: negative)
    }
    var decimals: [UInt8] = []
    decimals.reserveCapacity(min(bytes.count, maximumIntegerDigits + maximumScale))
    var integerDigits = 0
    var fractionDigits = 0
    var digitSeen = false
    var afterPoint = false
    scan: while index < bytes.count {
      let byte = bytes[index]
      let digit = byte &- UInt8(ascii: "0")
      if digit <= 9 {
        digitSeen = true
        // Leading zeros count for the scale only; memory then follows what the value needs.
        if digit != 0 || !decimals.isEmpty {
          decimals.append(digit)
          if !afterPoint { integerDigits += 1 }
        } else if afterPoint {
          integerDigits -= 1
        }
        if afterPoint { fractionDigits += 1 }
      } else if byte == UInt8(ascii: "."), !afterPoint {
        afterPoint = true
      } else {
        break scan
      }
      index += 1
    }
    guard digitSeen, let exponent = parseExponent(bytes, from: index) else { return nil }
    let scale = max(fractionDigits - exponent, 0)
    guard scale <= maximumScale else { return nil }
    integerDigits += exponent
    guard decimals.isEmpty || integerDigits <= maximumIntegerDigits else { return nil }
    return Numeric(
      NumericDigits(
        negative: negative, decimals: decimals, integerDigits: decimals.isEmpty ? 0 : integerDigits,
        scale: scale))
  }

  /// The greatest exponent read: far beyond what the format holds, far below an overflow.
  private static let maximumExponent = 1_000_000_000

  /// Reads `e[sign]digits` up to the end of the text, or 0 when the text ends at `start`.
  private static func parseExponent(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> Int? {
    guard start < bytes.count else { return 0 }
    guard bytes[start] | 0x20 == UInt8(ascii: "e") else { return nil }
    var index = start + 1
    var negative = false
    if index < bytes.count,
      bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+")
    {
      negative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    guard index < bytes.count else { return nil }
    var exponent = 0
    while index < bytes.count {
      let digit = bytes[index] &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      exponent = exponent * 10 + Int(digit)
      guard exponent <= maximumExponent else { return nil }
      index += 1
    }
    return negative ? -exponent : exponent
  }

  private static func parseWord(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, negative: Bool
  ) -> Numeric? {
    let word = UnsafeBufferPointer(rebasing: bytes[start...])
    if equalsASCIIFolded(word, "infinity") || equalsASCIIFolded(word, "inf") {
      return negative ? .negativeInfinity : .infinity
    }
    // Postgres takes no sign before NaN.
    return start == 0 && equalsASCIIFolded(word, "nan") ? .nan : nil
  }

  /// The number as Postgres prints it: all digits of its scale, no exponent, `NaN`, `Infinity` or
  /// `-Infinity`.
  public var description: String {
    switch storage {
    case .small(let coefficient, let scale):
      if scale == 0 { return String(coefficient) }
      var buffer: [UInt8] = []
      append(to: &buffer)
      return String(decoding: buffer, as: UTF8.self)
    case .large:
      var buffer: [UInt8] = []
      append(to: &buffer)
      return String(decoding: buffer, as: UTF8.self)
    case .nan: return "NaN"
    case .infinity: return "Infinity"
    case .negativeInfinity: return "-Infinity"
    }
  }

  /// Appends `description` as UTF-8.
  package func append(to buffer: inout [UInt8]) {
    switch storage {
    case .small(let coefficient, let scale):
      Self.appendSmall(coefficient, scale: Int(scale), to: &buffer)
    case .large(let box):
      box.value.append(to: &buffer)
    case .nan, .infinity, .negativeInfinity:
      buffer.append(contentsOf: description.utf8)
    }
  }

  private static func appendSmall(_ coefficient: Int64, scale: Int, to buffer: inout [UInt8]) {
    if coefficient < 0 { buffer.append(UInt8(ascii: "-")) }
    // Digits come out lowest first; write them backwards into a tuple-sized stack buffer.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { digits in
      var magnitude = coefficient.magnitude
      var position = 24
      var produced = 0
      while magnitude > 0 || produced <= scale {
        if produced == scale, scale > 0 {
          position -= 1
          digits[position] = UInt8(ascii: ".")
        }
        position -= 1
        digits[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
        magnitude /= 10
        produced += 1
      }
      buffer.append(
        contentsOf: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(digits)[position...]))
    }
  }
}

extension NumericDigits {
  /// Appends the decimal text: all digits of the scale, at least one before the point.
  func append(to buffer: inout [UInt8]) {
    if negative { buffer.append(UInt8(ascii: "-")) }
    if weight < 0 || digits.isEmpty {
      buffer.append(UInt8(ascii: "0"))
    } else {
      for index in 0...weight {
        appendGroup(digit(at: index), keepingZeros: index > 0, to: &buffer)
      }
    }
    guard scale > 0 else { return }
    buffer.append(UInt8(ascii: "."))
    let end = buffer.count + scale
    var index = weight + 1
    while buffer.count < end {
      appendGroup(digit(at: index), keepingZeros: true, to: &buffer)
      index += 1
    }
    buffer.removeLast(buffer.count - end)
  }

  /// The digit at an index that may be outside the array, where digits are zero.
  func digit(at index: Int) -> UInt16 {
    index >= 0 && index < digits.count ? digits[index] : 0
  }

  private func appendGroup(_ group: UInt16, keepingZeros: Bool, to buffer: inout [UInt8]) {
    var started = keepingZeros
    for divisor: UInt16 in [1000, 100, 10, 1] {
      let digit = UInt8(truncatingIfNeeded: group / divisor % 10)
      started = started || digit != 0 || divisor == 1
      if started { buffer.append(UInt8(ascii: "0") + digit) }
    }
  }
}
