public import RoostCore

/// A time of the day without a date or a zone: SQL's `time`.
///
/// Source: `time_send` and `time_out` in the server's `src/backend/utils/adt/date.c`.
public struct PostgresTime: PostgresScalar {
  /// Microseconds since midnight, `0...86_400_000_000`: 24:00:00 is a time of its own.
  public let microsecondsSinceMidnight: Int64

  /// The last time, 24:00:00, in microseconds since midnight.
  static let lastMicrosecond: Int64 = 86_400_000_000

  /// A time so many microseconds after midnight; nil outside of the day.
  public init?(microsecondsSinceMidnight: Int64) {
    guard (0...Self.lastMicrosecond).contains(microsecondsSinceMidnight) else { return nil }
    self.microsecondsSinceMidnight = microsecondsSinceMidnight
  }

  /// A time from its parts; nil when there is no such time.
  public init?(hour: Int, minute: Int, second: Int = 0, microsecond: Int = 0) {
    guard (0...24).contains(hour), (0...59).contains(minute), (0...59).contains(second),
      (0...999_999).contains(microsecond)
    else { return nil }
    let seconds = (hour * 60 + minute) * 60 + second
    self.init(microsecondsSinceMidnight: Int64(seconds * 1_000_000 + microsecond))
  }

  /// Reads `12:34:56.789`; nil when the text has another form.
  public init?(_ text: String) {
    var text = text
    let microseconds = text.withUTF8 { bytes -> Int? in
      var reader = DateTimeReader(bytes)
      guard let time = reader.timeOfDay(), reader.isAtEnd else { return nil }
      return time
    }
    guard let microseconds else { return nil }
    self.init(microsecondsSinceMidnight: Int64(microseconds))
  }

  /// `12:34:56`, with up to six digits after the point.
  public var description: String { Self.text(microseconds: microsecondsSinceMidnight) }

  /// `time`.
  public static var postgresParameterType: PostgresType { .time }

  /// Microseconds since midnight.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    guard let time = PostgresTime(microsecondsSinceMidnight: try reader.integer()) else {
      throw reader.malformed("it is outside of the day")
    }
    self = time
  }

  /// Eight bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(microsecondsSinceMidnight)
  }

  /// Hours, minutes and seconds of a span that is not negative, as the server writes them.
  static func text(microseconds: Int64) -> String {
    let seconds = microseconds / 1_000_000
    let text =
      "\(padded(seconds / 3_600)):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
    var fraction = String(microseconds % 1_000_000 + 1_000_000).dropFirst()
    while fraction.last == "0" { fraction.removeLast() }
    return fraction.isEmpty ? text : text + "." + fraction
  }

  /// A number that is not negative, with at least two digits.
  static func padded(_ value: some BinaryInteger) -> String {
    value < 10 ? "0\(value)" : "\(value)"
  }
}

extension PostgresTime: Comparable {
  /// Whether `left` is earlier in the day.
  public static func < (left: PostgresTime, right: PostgresTime) -> Bool {
    left.microsecondsSinceMidnight < right.microsecondsSinceMidnight
  }
}

/// A time of the day with an offset from UTC: SQL's `timetz`.
///
/// Two that mean the same moment with other offsets are not equal, as in Postgres. Source:
/// `timetz_send` and `timetz_out` in the server's `src/backend/utils/adt/date.c`.
public struct PostgresTimeTZ: PostgresScalar {
  /// The time as the clock there shows it.
  public let time: PostgresTime
  /// Seconds east of UTC, within 16 hours.
  public let secondsEast: Int32

  /// The offset at which the range ends, in seconds. Source: `TZDISP_LIMIT`.
  private static let offsetLimit: Int32 = 16 * 3_600

  /// A time at this offset; nil when the offset is 16 hours or more.
  public init?(time: PostgresTime, secondsEast: Int32) {
    guard secondsEast > -Self.offsetLimit, secondsEast < Self.offsetLimit else { return nil }
    self.time = time
    self.secondsEast = secondsEast
  }

  /// Reads `12:34:56.789+05:30`; nil when the text has another form.
  public init?(_ text: String) {
    var text = text
    let parts = text.withUTF8 { bytes -> (Int, Int)? in
      var reader = DateTimeReader(bytes)
      guard let time = reader.timeOfDay(), !reader.isAtEnd, let offset = reader.offset(),
        reader.isAtEnd
      else { return nil }
      return (time, offset)
    }
    guard let (microseconds, offset) = parts,
      let time = PostgresTime(microsecondsSinceMidnight: Int64(microseconds))
    else { return nil }
    self.init(time: time, secondsEast: Int32(offset))
  }

  /// `12:34:56+05:30`: minutes and seconds of the offset only where there are some.
  public var description: String {
    let size = secondsEast.magnitude
    var text = "\(time)\(secondsEast < 0 ? "-" : "+")\(PostgresTime.padded(size / 3_600))"
    if size % 3_600 != 0 { text += ":\(PostgresTime.padded(size / 60 % 60))" }
    if size % 60 != 0 { text += ":\(PostgresTime.padded(size % 60))" }
    return text
  }

  /// `timetz`.
  public static var postgresParameterType: PostgresType { .timetz }

  /// The time, and seconds west of UTC.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    let time = try PostgresTime(from: &reader)
    let west: Int32 = try reader.integer()
    guard west != .min, let value = PostgresTimeTZ(time: time, secondsEast: -west) else {
      throw reader.malformed("its offset is 16 hours or more")
    }
    self = value
  }

  /// Twelve bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    time.encode(into: &writer)
    writer.write(-secondsEast)
  }
}

/// A date and a time without a zone: SQL's `timestamp`.
///
/// `Timestamp` reads it too, as UTC; as a parameter a `Timestamp` is a `timestamptz`, which the
/// server converts by the session's time zone.
public struct PostgresTimestamp: PostgresScalar {
  /// The point in time that it would be in UTC.
  public let utc: Timestamp

  /// What a clock in UTC shows at that time.
  public init(utc: Timestamp) {
    self.utc = utc
  }

  /// Reads `2026-11-20 11:35:00.5`, `0044-03-15 12:00:00 BC`, `infinity` or `-infinity`; nil when
  /// the text has another form.
  public init?(_ text: String) {
    guard let utc = Timestamp(text) else { return nil }
    self.utc = utc
  }

  /// The text as the server writes it.
  public var description: String { utc.postgresText(zone: "") }

  /// `timestamp`.
  public static var postgresParameterType: PostgresType { .timestamp }

  /// Microseconds since 2000.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    utc = Timestamp(microsecondsSince2000: try reader.integer())
  }

  /// Eight bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(utc.microsecondsSince2000)
  }
}

extension PostgresTimestamp: Comparable {
  /// Whether `left` is earlier.
  public static func < (left: PostgresTimestamp, right: PostgresTimestamp) -> Bool {
    left.utc < right.utc
  }
}
