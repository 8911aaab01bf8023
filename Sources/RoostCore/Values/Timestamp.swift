public import Foundation

/// A point in time to the microsecond: SQL's `timestamptz`, and `timestamp` read as UTC.
public struct Timestamp: Sendable, Hashable {
  /// Microseconds from 2000-01-01T00:00:00Z, negative before; `Int64.max` and `Int64.min` are the
  /// infinities.
  public let microsecondsSince2000: Int64

  /// Makes the time that is so many microseconds after 2000-01-01T00:00:00Z.
  public init(microsecondsSince2000: Int64) {
    self.microsecondsSince2000 = microsecondsSince2000
  }

  /// Later than every other time.
  public static let infinity = Timestamp(microsecondsSince2000: .max)

  /// Earlier than every other time.
  public static let negativeInfinity = Timestamp(microsecondsSince2000: .min)

  /// The first finite time, midnight of 24 November 4714 BC. Source: PostgreSQL, MIN_TIMESTAMP.
  public static let minimum = Timestamp(microsecondsSince2000: -211_813_488_000_000_000)

  /// The last finite time, a microsecond before the year 294277. Source: PostgreSQL,
  /// END_TIMESTAMP.
  public static let maximum = Timestamp(microsecondsSince2000: 9_223_371_331_199_999_999)

  /// Whether the value is a time, not an infinity.
  public var isFinite: Bool { self != .infinity && self != .negativeInfinity }

  /// The present, by the system's clock.
  public static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(time)
  }

  /// The system's form of a time; one that is too far away is the last or first that there is.
  init(_ time: timespec) {
    let (seconds, overflows) = (Int64(time.tv_sec) - Self.secondsFrom1970To2000)
      .multipliedReportingOverflow(by: 1_000_000)
    let rest = Int64(time.tv_nsec) / 1_000
    self =
      overflows
      ? (time.tv_sec < 0 ? .minimum : .maximum)
      : Timestamp(microsecondsSince2000: seconds).advanced(byMicroseconds: rest)
  }

  /// Seconds from 1970-01-01 to 2000-01-01.
  private static let secondsFrom1970To2000: Int64 = 946_684_800
  /// Seconds from 2000-01-01 to 2001-01-01, where `Date` begins to count.
  private static let secondsFrom2000To2001: Int64 = 31_622_400
  private static let microsecondsPerDay: Int64 = 86_400_000_000

  /// The time so many microseconds later. An infinity stays; a result outside
  /// `minimum ... maximum` is the infinity on that side.
  public func advanced(byMicroseconds count: Int64) -> Timestamp {
    guard isFinite else { return self }
    let (sum, overflows) = microsecondsSince2000.addingReportingOverflow(count)
    let time = Timestamp(microsecondsSince2000: sum)
    if overflows ? count > 0 : time > .maximum { return .infinity }
    if overflows || time < .minimum { return .negativeInfinity }
    return time
  }
}

extension Timestamp {
  /// Makes the time nearest to a date; outside `minimum ... maximum` it is the infinity on that
  /// side, and a date that is not a number counts as infinity.
  public init(_ date: Date) {
    let interval = date.timeIntervalSinceReferenceDate
    // 10^13 seconds are past both ends of the range, and far from an overflow below.
    guard interval > -1e13 else {
      self = interval.isNaN ? .infinity : .negativeInfinity
      return
    }
    guard interval < 1e13 else {
      self = .infinity
      return
    }
    let whole = interval.rounded(.down)
    let microseconds = Int64(((interval - whole) * 1_000_000).rounded())
    let base = Int128(whole) + Int128(Self.secondsFrom2000To2001)
    let total = base * 1_000_000 + Int128(microseconds)
    let clamped = Int64(clamping: total)
    let time = Timestamp(microsecondsSince2000: clamped)
    self = time > .maximum ? .infinity : time < .minimum ? .negativeInfinity : time
  }

  /// The nearest `Date`, which is exact to the microsecond within some 140 years of 2001; the
  /// infinities are `Date.distantFuture` and `Date.distantPast`.
  public var date: Date {
    guard isFinite else { return self == .infinity ? .distantFuture : .distantPast }
    let seconds = microsecondsSince2000.floorDivided(by: 1_000_000)
    let rest = microsecondsSince2000.floorRemainder(by: 1_000_000)
    return Date(
      timeIntervalSinceReferenceDate: Double(seconds - Self.secondsFrom2000To2001)
        + Double(rest) / 1_000_000)
  }

  /// The day in UTC; the infinities give the infinities.
  public var utcDay: CalendarDate {
    guard isFinite else { return self == .infinity ? .infinity : .negativeInfinity }
    return CalendarDate(
      daysSince2000: Int32(
        clamping: microsecondsSince2000.floorDivided(by: Self.microsecondsPerDay)))
  }

  /// The beginning of a day in UTC; nil when it is past the range of times.
  public init?(midnightOf day: CalendarDate) {
    if !day.isFinite {
      self = day == .infinity ? .infinity : .negativeInfinity
      return
    }
    let (product, overflows) = Int64(day.daysSince2000).multipliedReportingOverflow(
      by: Self.microsecondsPerDay)
    let time = Timestamp(microsecondsSince2000: product)
    guard !overflows, time >= .minimum, time <= .maximum else { return nil }
    self = time
  }
}

extension Timestamp: Comparable {
  /// Whether `left` is the earlier time.
  public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.microsecondsSince2000 < right.microsecondsSince2000
  }
}

extension Timestamp: LosslessStringConvertible {
  /// Reads an ISO 8601 time or one that Postgres prints in its ISO style.
  ///
  /// `2026-11-20T11:35:00.123456Z`, `2026-11-20 12:35:00+01`, `0044-03-15 12:00:00 BC`,
  /// `2026-11-20`, `infinity`, `-infinity`. Without an offset the time is UTC. Digits after the
  /// sixth are rounded.
  ///
  /// - Returns: nil when the text has another form, or the time does not exist or is out of range.
  public init?(_ text: String) {
    var text = text
    let parsed = text.withUTF8 { Timestamp(utf8: $0) }
    guard let parsed else { return nil }
    self = parsed
  }

  /// Reads UTF-8 bytes; as `init?(_:)`.
  package init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
    var reader = DateTimeReader(bytes)
    if let sign = reader.infinity {
      self = sign > 0 ? .infinity : .negativeInfinity
      return
    }
    guard let day = reader.day() else { return nil }
    var time = 0
    var offset = 0
    if reader.skip("T", or: "t") {
      guard let value = reader.timeOfDay(), let zone = reader.offset() else { return nil }
      (time, offset) = (value, zone)
    } else {
      var ahead = reader
      // A space may also begin ` BC`.
      if ahead.skip(" "), let value = ahead.timeOfDay() {
        guard let zone = ahead.offset() else { return nil }
        (time, offset) = (value, zone)
        reader = ahead
      }
    }
    guard let days = reader.finish(day) else { return nil }
    let total =
      Int128(days) * Int128(Self.microsecondsPerDay) + Int128(time - offset * 1_000_000)
    guard total >= Int128(Self.minimum.microsecondsSince2000),
      total <= Int128(Self.maximum.microsecondsSince2000)
    else { return nil }
    self.init(microsecondsSince2000: Int64(total))
  }

  /// The time in UTC as ISO 8601, always with six digits after the point, so that texts of our era
  /// sort as the times do: `2026-11-20T11:35:00.123456Z`.
  ///
  /// A year before 1 has the suffix ` BC`, as in Postgres; the infinities are `infinity` and
  /// `-infinity`.
  public var description: String {
    if isOfOurEra {
      return String(unsafeUninitializedCapacity: Self.textLength) { buffer in
        write(to: buffer)
        return Self.textLength
      }
    }
    return String(decoding: unusualText, as: UTF8.self)
  }

  /// The length of the text of a year with four digits.
  private static let textLength = 27

  /// Whether the year is in 1...9999.
  private var isOfOurEra: Bool {
    microsecondsSince2000 >= -63_082_281_600_000_000
      && microsecondsSince2000 < 252_455_616_000_000_000
  }

  /// Hands over `description` as UTF-8, for as long as the body runs.
  package func withText<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    guard isOfOurEra else { return unusualText.withUnsafeBufferPointer(body) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.textLength) { text in
      write(to: text)
      return body(UnsafeBufferPointer(text))
    }
  }

  /// The text of an infinity, or of a year with more digits or before the first one.
  private var unusualText: [UInt8] {
    guard isFinite else { return Array((self == .infinity ? "infinity" : "-infinity").utf8) }
    var buffer: [UInt8] = []
    let (days, time) = daysAndTime
    let isBC = CalendarArithmetic.append(days: days, to: &buffer)
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.textLength) { text in
      Self.write(time: time, to: text)
      buffer.append(contentsOf: UnsafeBufferPointer(rebasing: text[10...]))
    }
    if isBC { buffer.append(contentsOf: " BC".utf8) }
    return buffer
  }

  private var daysAndTime: (days: Int, time: Int) {
    (
      Int(microsecondsSince2000.floorDivided(by: Self.microsecondsPerDay)),
      Int(microsecondsSince2000.floorRemainder(by: Self.microsecondsPerDay))
    )
  }

  /// Writes the text of a time of our era into a buffer of its length.
  private func write(to text: UnsafeMutableBufferPointer<UInt8>) {
    let (days, time) = daysAndTime
    let (year, month, day) = CalendarArithmetic.date(days: days)
    Self.write(year, digits: 4, to: text, at: 0)
    text[4] = UInt8(ascii: "-")
    Self.write(month, digits: 2, to: text, at: 5)
    text[7] = UInt8(ascii: "-")
    Self.write(day, digits: 2, to: text, at: 8)
    Self.write(time: time, to: text)
  }

  /// Writes `Thh:mm:ss.ffffffZ` behind the date.
  private static func write(time: Int, to text: UnsafeMutableBufferPointer<UInt8>) {
    let seconds = time / 1_000_000
    text[10] = UInt8(ascii: "T")
    write(seconds / 3_600, digits: 2, to: text, at: 11)
    text[13] = UInt8(ascii: ":")
    write(seconds / 60 % 60, digits: 2, to: text, at: 14)
    text[16] = UInt8(ascii: ":")
    write(seconds % 60, digits: 2, to: text, at: 17)
    text[19] = UInt8(ascii: ".")
    write(time % 1_000_000, digits: 6, to: text, at: 20)
    text[26] = UInt8(ascii: "Z")
  }

  private static func write(
    _ value: Int, digits: Int, to text: UnsafeMutableBufferPointer<UInt8>, at start: Int
  ) {
    var rest = value
    for index in stride(from: start + digits - 1, through: start, by: -1) {
      text[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }
}

extension Timestamp: Codable {
  /// Reads the time's text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a timestamp")
    }
    self = value
  }

  /// Writes the time's text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
