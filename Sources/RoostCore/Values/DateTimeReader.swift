/// Reads the parts of a date's or a timestamp's text, front to back; each part nil when it is not
/// there or out of range.
package struct DateTimeReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private var position = 0

  package init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  /// A calendar day as written, before a BC suffix is known.
  struct Day {
    var year: Int
    var month: Int
    var day: Int
  }

  package var isAtEnd: Bool { position == bytes.count }

  /// The sign of an infinity, when the whole text is one.
  var infinity: Int? {
    if equalsASCIIFolded(bytes, "infinity") { return 1 }
    if equalsASCIIFolded(bytes, "-infinity") { return -1 }
    return nil
  }

  /// Skips one of the bytes, in either case for letters.
  mutating func skip(_ first: Unicode.Scalar, or second: Unicode.Scalar? = nil) -> Bool {
    guard position < bytes.count else { return false }
    let byte = UInt32(bytes[position])
    guard byte == first.value || byte == second?.value else { return false }
    position += 1
    return true
  }

  /// A number of so many digits; nil, with nothing read, when fewer are there.
  mutating func number(digits: ClosedRange<Int>) -> Int? {
    var value = 0
    var count = 0
    while position + count < bytes.count, count < digits.upperBound {
      let digit = bytes[position + count] &- UInt8(ascii: "0")
      guard digit <= 9 else { break }
      value = value * 10 + Int(digit)
      count += 1
    }
    guard count >= digits.lowerBound else { return nil }
    position += count
    return value
  }

  /// `year-month-day`: a year of four to seven digits, the others of two.
  mutating func day() -> Day? {
    guard let year = number(digits: 4...7), skip("-"), let month = number(digits: 2...2), skip("-"),
      let day = number(digits: 2...2), year > 0
    else { return nil }
    return Day(year: year, month: month, day: day)
  }

  /// `hh:mm[:ss[.fraction]]` in microseconds. Second 60 and the time 24:00:00 are read as Postgres
  /// reads them, as the beginning of the next minute and day.
  package mutating func timeOfDay() -> Int? {
    guard let hour = number(digits: 2...2), skip(":"), let minute = number(digits: 2...2) else {
      return nil
    }
    var second = 0
    var fraction = 0
    if skip(":") {
      guard let value = number(digits: 2...2) else { return nil }
      second = value
      if skip(".", or: ",") {
        guard let value = fractionOfSecond() else { return nil }
        fraction = value
      }
    }
    guard hour <= 24, minute <= 59, second <= 60,
      hour < 24 || (minute == 0 && second == 0 && fraction == 0)
    else { return nil }
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
  }

  /// Digits after the point, in microseconds. Beyond six digits the value is rounded as Postgres
  /// does: through a double, ties to even.
  private mutating func fractionOfSecond() -> Int? {
    let start = position
    while position < bytes.count, bytes[position] &- UInt8(ascii: "0") <= 9 { position += 1 }
    let digits = bytes[start..<position]
    guard !digits.isEmpty else { return nil }
    if digits.count <= 6 {
      var value = 0
      for digit in digits { value = value * 10 + Int(digit - UInt8(ascii: "0")) }
      for _ in digits.count..<6 { value *= 10 }
      return value
    }
    guard let value = Double("0." + String(decoding: digits, as: UTF8.self)) else { return nil }
    return Int((value * 1_000_000).rounded(.toNearestOrEven))
  }

  /// The greatest hour of an offset. Source: PostgreSQL, MAX_TZDISP_HOUR.
  private static let maximumOffsetHours = 15

  /// `Z`, `±hh`, `±hhmm`, `±hh:mm` or `±hh:mm:ss` in seconds east of Greenwich; 0 when none of them
  /// follows. Nil when one follows but is wrong.
  package mutating func offset() -> Int? {
    let start = position
    _ = skip(" ")
    if skip("Z", or: "z") { return 0 }
    var sign = 1
    if skip("-") {
      sign = -1
    } else if !skip("+") {
      position = start
      return 0
    }
    guard let hours = number(digits: 2...2), hours <= Self.maximumOffsetHours else { return nil }
    var minutes = 0
    var seconds = 0
    if skip(":") {
      guard let value = number(digits: 2...2) else { return nil }
      minutes = value
      if skip(":") {
        guard let value = number(digits: 2...2) else { return nil }
        seconds = value
      }
    } else if let value = number(digits: 2...2) {
      minutes = value
    }
    guard minutes <= 59, seconds <= 59 else { return nil }
    return sign * ((hours * 60 + minutes) * 60 + seconds)
  }

  /// The days since 2000-01-01, after an optional ` BC` or ` AD` that must end the text.
  mutating func finish(_ day: Day) -> Int? {
    var year = day.year
    if !isAtEnd {
      let rest = UnsafeBufferPointer(rebasing: bytes[position...])
      if equalsASCIIFolded(rest, " bc") {
        year = 1 - year
      } else if !equalsASCIIFolded(rest, " ad") {
        return nil
      }
    }
    guard day.day >= 1, day.day <= CalendarArithmetic.daysInMonth(year: year, month: day.month)
    else { return nil }
    return CalendarArithmetic.days(year: year, month: day.month, day: day.day)
  }
}
