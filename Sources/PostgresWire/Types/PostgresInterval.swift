/// A span of months, days and microseconds: SQL's `interval`.
///
/// The three are kept apart, as in the server: a month has no fixed number of days, nor a day of
/// hours. So `1 mon` and `30 days` are not equal here, though the server's `=` says that they are.
/// Source: `interval_send` and `EncodeInterval` in the server's `src/backend/utils/adt`.
public struct PostgresInterval: PostgresScalar {
  /// Months, twelve a year.
  public var months: Int32
  /// Days.
  public var days: Int32
  /// Microseconds.
  public var microseconds: Int64

  /// A span of these parts; no part is turned into another.
  public init(months: Int32 = 0, days: Int32 = 0, microseconds: Int64 = 0) {
    self.months = months
    self.days = days
    self.microseconds = microseconds
  }

  /// Longer than every other span; servers have it from version 17 on.
  public static let infinity = PostgresInterval(months: .max, days: .max, microseconds: .max)

  /// More negative than every other span; servers have it from version 17 on.
  public static let negativeInfinity = PostgresInterval(
    months: .min, days: .min, microseconds: .min)

  /// Whether it is a span, not an infinity.
  public var isFinite: Bool { self != .infinity && self != .negativeInfinity }

  /// A duration, cut to whole microseconds; nil when it is out of range.
  public init?(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let (scaled, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
    let (sum, overflowsToo) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000)
    guard !overflows, !overflowsToo else { return nil }
    self.init(microseconds: sum)
  }

  /// The duration, nil when there are months or days, which have no fixed length.
  public var duration: Duration? {
    months == 0 && days == 0 ? .microseconds(microseconds) : nil
  }

  /// `interval`.
  public static var postgresParameterType: PostgresType { .interval }

  /// Microseconds, days, months.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    microseconds = try reader.integer()
    days = try reader.integer()
    months = try reader.integer()
  }

  /// Sixteen bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(microseconds)
    writer.write(days)
    writer.write(months)
  }

  /// The text in the style `postgres`, the server's default: `1 year 2 mons -3 days +04:05:06.7`.
  public var description: String {
    guard isFinite else { return self == .infinity ? "infinity" : "-infinity" }
    var text = ""
    var wasNegative = false
    func append(_ value: Int32, _ unit: String) {
      guard value != 0 else { return }
      text += text.isEmpty ? "" : " "
      text += wasNegative && value > 0 ? "+" : ""
      text += "\(value) \(unit)\(value == 1 ? "" : "s")"
      wasNegative = value < 0
    }
    append(months / 12, "year")
    append(months % 12, "mon")
    append(days, "day")
    guard text.isEmpty || microseconds != 0 else { return text }
    text += text.isEmpty ? "" : " "
    text += microseconds < 0 ? "-" : wasNegative ? "+" : ""
    let seconds = (microseconds / 1_000_000).magnitude
    let fraction = (microseconds % 1_000_000).magnitude
    text += "\(PostgresTime.padded(seconds / 3_600)):"
    // The hours are written above: a magnitude of 2^63 microseconds would not fit a time.
    text += PostgresTime.text(microseconds: Int64(seconds % 3_600 * 1_000_000 + fraction))
      .dropFirst(3)
    return text
  }

  /// Reads what `description` writes; nil when the text has another form, such as another
  /// `IntervalStyle`.
  public init?(_ text: String) {
    self.init()
    switch text {
    case "infinity": self = .infinity
    case "-infinity": self = .negativeInfinity
    default:
      // Three units with their numbers and a time; with more, the last part is no part.
      var parts = text.split(separator: " ", maxSplits: 7)[...]
      guard !parts.isEmpty else { return nil }
      var total = 0
      while let part = parts.popFirst() {
        guard !part.contains(":") else {
          guard parts.isEmpty, let value = Self.time(part) else { return nil }
          microseconds = value
          break
        }
        guard let value = Int32(part), let unit = parts.popFirst() else { return nil }
        switch unit {
        case "year", "years": total += Int(value) * 12
        case "mon", "mons": total += Int(value)
        case "day", "days": days = value
        default: return nil
        }
      }
      guard let months = Int32(exactly: total) else { return nil }
      self.months = months
    }
  }

  /// `±hhhh:mm:ss.ffffff` in microseconds.
  private static func time(_ text: Substring) -> Int64? {
    let isNegative = text.hasPrefix("-")
    let parts = text.drop { $0 == "-" || $0 == "+" }.split(
      separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3, let hours = UInt64(parts[0]), let minutes = UInt64(parts[1]),
      hours < 1 << 32, minutes < 60
    else { return nil }
    let second = parts[2].split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
    guard second.count <= 2, let seconds = UInt64(second[0]), seconds < 60 else { return nil }
    var fraction = 0
    if second.count == 2 {
      let digits = second[1]
      guard (1...6).contains(digits.count), digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }),
        let value = Int(digits + String(repeating: "0", count: 6 - digits.count))
      else { return nil }
      fraction = value
    }
    let total = Int128((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + Int128(fraction)
    return Int64(exactly: isNegative ? -total : total)
  }
}
