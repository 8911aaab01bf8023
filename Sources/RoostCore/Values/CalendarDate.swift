/// A day of the proleptic Gregorian calendar, without a time or a time zone: SQL's `date`.
public struct CalendarDate: Sendable, Hashable {
  /// Days from 2000-01-01, negative before; `Int32.max` and `Int32.min` are the infinities.
  public let daysSince2000: Int32

  /// Makes the day that is so many days after 2000-01-01.
  public init(daysSince2000: Int32) {
    self.daysSince2000 = daysSince2000
  }

  /// Makes a day from its parts; the year is astronomical, so that 0 is 1 BC.
  ///
  /// - Returns: nil when there is no such day or it is outside `minimum ... maximum`.
  public init?(year: Int, month: Int, day: Int) {
    guard Self.years.contains(year), day >= 1,
      day <= CalendarArithmetic.daysInMonth(year: year, month: month)
    else { return nil }
    self.init(days: CalendarArithmetic.days(year: year, month: month, day: day))
  }

  private init?(days: Int) {
    guard days >= Int(Self.minimum.daysSince2000), days <= Int(Self.maximum.daysSince2000) else {
      return nil
    }
    daysSince2000 = Int32(days)
  }

  private static let years = -4713...5_874_897

  /// The first finite day, 24 November 4714 BC: day 0 of the Julian count. Source: PostgreSQL,
  /// DATETIME_MIN_JULIAN.
  public static let minimum = CalendarDate(daysSince2000: -2_451_545)

  /// The last finite day, 31 December 5874897. Source: PostgreSQL, DATE_END_JULIAN.
  public static let maximum = CalendarDate(daysSince2000: 2_145_031_948)

  /// Later than every other day.
  public static let infinity = CalendarDate(daysSince2000: .max)

  /// Earlier than every other day.
  public static let negativeInfinity = CalendarDate(daysSince2000: .min)

  /// Whether the value is a day, not an infinity.
  public var isFinite: Bool { daysSince2000 != .max && daysSince2000 != .min }

  /// The year, month (1...12) and day (1...31); nil for an infinity. The year is astronomical.
  public var parts: (year: Int, month: Int, day: Int)? {
    isFinite ? CalendarArithmetic.date(days: Int(daysSince2000)) : nil
  }

  /// The astronomical year, 0 for 1 BC; nil for an infinity.
  public var year: Int? { parts?.year }

  /// The month, 1...12; nil for an infinity.
  public var month: Int? { parts?.month }

  /// The day of the month, 1...31; nil for an infinity.
  public var day: Int? { parts?.day }
}

extension CalendarDate: Comparable {
  /// Whether `left` is the earlier day.
  public static func < (left: CalendarDate, right: CalendarDate) -> Bool {
    left.daysSince2000 < right.daysSince2000
  }
}

extension CalendarDate: LosslessStringConvertible {
  /// Reads `2026-11-20`, `0044-03-15 BC`, `infinity` or `-infinity`.
  ///
  /// - Returns: nil when the text has another form, or the day does not exist or is out of range.
  public init?(_ text: String) {
    var text = text
    let parsed = text.withUTF8 { bytes -> CalendarDate? in
      var reader = DateTimeReader(bytes)
      if let sign = reader.infinity { return sign > 0 ? .infinity : .negativeInfinity }
      guard let day = reader.day(), let days = reader.finish(day) else { return nil }
      return CalendarDate(days: days)
    }
    guard let parsed else { return nil }
    self = parsed
  }

  /// The text as Postgres prints it in its ISO style: `2026-11-20`, `0044-03-15 BC`, `infinity`.
  public var description: String {
    guard isFinite else { return daysSince2000 == .max ? "infinity" : "-infinity" }
    var buffer: [UInt8] = []
    if CalendarArithmetic.append(days: Int(daysSince2000), to: &buffer) {
      buffer.append(contentsOf: " BC".utf8)
    }
    return String(decoding: buffer, as: UTF8.self)
  }
}

extension CalendarDate: Codable {
  /// Reads the day's text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = CalendarDate(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a date")
    }
    self = value
  }

  /// Writes the day's text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
