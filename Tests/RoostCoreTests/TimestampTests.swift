import Foundation
import RoostCore
import Testing

@Suite struct TimestampTests {
  /// Texts with the microseconds that PostgreSQL 15 reads from them, in UTC.
  @Test(
    arguments: [
      ("2000-01-01T00:00:00Z", 0), ("2026-11-20T11:35:00.123456Z", 848_489_700_123_456),
      ("2026-11-20 12:35:00.123456+01", 848_489_700_123_456),
      ("2026-11-20 17:05:00.5+05:30", 848_489_700_500_000),
      ("2026-11-20 17:05:00+0530", 848_489_700_000_000),
      ("2026-11-20 11:35:00", 848_489_700_000_000), ("2026-11-20 11:35", 848_489_700_000_000),
      ("2026-11-20", 848_448_000_000_000), ("1999-12-31 23:59:59.999999", -1),
      ("1999-12-31 24:00:00", 0), ("1999-12-31 23:59:60", 0),
      ("2000-01-01 00:00:00.9999996", 1_000_000),
      ("2000-01-01 00:00:00.0000005", 0), ("2000-01-01 00:00:00.0000015", 2),
      ("1880-01-01 00:00:00-00:19:32", -3_786_824_428_000_000),
      ("0044-03-15 12:00:00 BC", -64_464_465_600_000_000),
      ("0044-03-15 BC", -64_464_508_800_000_000),
      ("0001-01-01 00:00:00+00 BC", -63_113_904_000_000_000),
      ("4714-11-24 00:00:00+00 BC", -211_813_488_000_000_000),
      ("294276-12-31 23:59:59.999999", 9_223_371_331_199_999_999),
      ("infinity", Int64.max), ("-Infinity", Int64.min),
    ] as [(String, Int64)])
  func reads(text: String, microseconds: Int64) throws {
    #expect(try #require(Timestamp(text)).microsecondsSince2000 == microseconds)
  }

  @Test(arguments: [
    "", "2026", "2026-11", "2026-1-5", "2026-13-01", "2026-02-29", "2100-02-29", "0000-01-01",
    "2026-11-20T", "2026-11-20T25:00:00Z", "2026-11-20T24:00:01Z", "2026-11-20T11:60:00Z",
    "2026-11-20T11:35:61Z", "2026-11-20T11:35:00.Z", "2026-11-20T11:35:00+16",
    "2026-11-20T11:35:00+01:60", "2026-11-20T11:35:00Zx", "2026-11-20T11:35:00 CET",
    "294277-01-01 00:00:00", "4714-11-23 23:59:59 BC", "294276-12-31 23:59:59.9999999",
    "99999999-01-01", " 2026-11-20", "now", "-2026-11-20", "2026-11-20 11:35:00 XX",
  ])
  func refuses(text: String) {
    #expect(Timestamp(text) == nil)
  }

  @Test func printsSixDigitsAlways() throws {
    #expect(Timestamp(microsecondsSince2000: 0).description == "2000-01-01T00:00:00.000000Z")
    #expect(Timestamp(microsecondsSince2000: -1).description == "1999-12-31T23:59:59.999999Z")
    #expect(Timestamp("0044-03-15 BC")?.description == "0044-03-15T00:00:00.000000Z BC")
    for text in [
      "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "10000-01-01T00:00:00.000000Z",
      "0001-12-31T23:59:59.999999Z BC",
    ] {
      #expect(Timestamp(text)?.description == text)
    }
    #expect(Timestamp.maximum.description == "294276-12-31T23:59:59.999999Z")
    #expect(Timestamp.minimum.description == "4714-11-24T00:00:00.000000Z BC")
    #expect(Timestamp.infinity.description == "infinity")
    #expect(Timestamp.negativeInfinity.description == "-infinity")
    for value in [Timestamp.maximum, .minimum, .infinity, .negativeInfinity] {
      #expect(Timestamp(value.description) == value)
    }
    // Outside the range, as a broken server might send it: printed, and not trapped upon.
    #expect(!Timestamp(microsecondsSince2000: .min + 1).description.isEmpty)
    #expect(!Timestamp(microsecondsSince2000: .max - 1).description.isEmpty)
  }

  @Test func convertsDates() throws {
    let date = try #require(Timestamp("2026-11-20T11:35:00.123456Z"))
    #expect(Timestamp(date.date) == date)
    #expect(Timestamp(Date(timeIntervalSince1970: 0)).description == "1970-01-01T00:00:00.000000Z")
    #expect(
      Timestamp(Date(timeIntervalSince1970: -0.000_001)).description
        == "1969-12-31T23:59:59.999999Z")
    #expect(Timestamp(Date(timeIntervalSinceReferenceDate: 1e300)) == .infinity)
    #expect(Timestamp(Date(timeIntervalSinceReferenceDate: -1e12)) == .negativeInfinity)
    #expect(Timestamp(Date(timeIntervalSinceReferenceDate: -.infinity)) == .negativeInfinity)
    #expect(Timestamp(Date(timeIntervalSinceReferenceDate: .nan)) == .infinity)
    #expect(Timestamp.infinity.date == .distantFuture)
    let difference = Timestamp.now().date.timeIntervalSinceNow
    #expect(abs(difference) < 5)
  }

  @Test func advancesWithoutOverflow() {
    #expect(Timestamp.maximum.advanced(byMicroseconds: 1) == .infinity)
    #expect(Timestamp.maximum.advanced(byMicroseconds: .max) == .infinity)
    #expect(Timestamp.minimum.advanced(byMicroseconds: .min) == .negativeInfinity)
    #expect(Timestamp.minimum.advanced(byMicroseconds: -1) == .negativeInfinity)
    #expect(Timestamp.infinity.advanced(byMicroseconds: -5) == .infinity)
    #expect(
      Timestamp(microsecondsSince2000: 5).advanced(byMicroseconds: -6).microsecondsSince2000 == -1)
  }

  @Test func codesAsText() throws {
    let value = try #require(Timestamp("2026-11-20T11:35:00.5Z"))
    let data = try JSONEncoder().encode([value])
    #expect(String(decoding: data, as: UTF8.self) == #"["2026-11-20T11:35:00.500000Z"]"#)
    #expect(try JSONDecoder().decode([Timestamp].self, from: data) == [value])
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([Timestamp].self, from: Data(#"["soon"]"#.utf8))
    }
  }
}

@Suite struct CalendarDateTests {
  /// Days as PostgreSQL 15 counts them: date - date '2000-01-01'.
  @Test(
    arguments: [
      ("2000-01-01", 0), ("1999-12-31", -1), ("2000-02-29", 59), ("2000-03-01", 60),
      ("2026-11-20", 9_820), ("1600-12-31", -145_732), ("0001-01-01", -730_119),
      ("0001-12-31 BC", -730_120), ("0044-03-15 BC", -746_117), ("4714-11-24 BC", -2_451_545),
      ("5874897-12-31", 2_145_031_948), ("infinity", Int32.max), ("-infinity", Int32.min),
    ] as [(String, Int32)])
  func readsAndPrints(text: String, days: Int32) throws {
    let date = try #require(CalendarDate(text))
    #expect(date.daysSince2000 == days)
    #expect(date.description == text)
  }

  @Test(arguments: [
    "", "2026-11-31", "2026-00-01", "2026-01-00", "20261120", "2026-11-20T00:00:00",
    "4714-11-23 BC",
    "5874898-01-01", "2026-11-20 ", "0000-01-01",
  ])
  func refuses(text: String) {
    #expect(CalendarDate(text) == nil)
  }

  @Test func everyDayOfAnEraComesBack() throws {
    for days in stride(from: Int32(-800_000), through: 800_000, by: 1) {
      let date = CalendarDate(daysSince2000: days)
      let parts = try #require(date.parts)
      #expect(CalendarDate(year: parts.year, month: parts.month, day: parts.day) == date)
    }
  }

  @Test func partsAreChecked() {
    #expect(CalendarDate(year: 0, month: 12, day: 31)?.description == "0001-12-31 BC")
    #expect(CalendarDate(year: Int.max, month: 1, day: 1) == nil)
    #expect(CalendarDate(year: Int.min, month: 1, day: 1) == nil)
    #expect(CalendarDate(year: 2026, month: 13, day: 1) == nil)
    #expect(CalendarDate(year: 2026, month: 2, day: 29) == nil)
    #expect(CalendarDate(year: 2024, month: 2, day: 29) != nil)
    #expect(CalendarDate.infinity.year == nil)
  }

  @Test func meetsTimestamps() throws {
    let day = try #require(CalendarDate("2026-11-20"))
    #expect(Timestamp(midnightOf: day)?.description == "2026-11-20T00:00:00.000000Z")
    #expect(Timestamp("2026-11-20T23:59:59.999999Z")?.utcDay == day)
    #expect(Timestamp(microsecondsSince2000: -1).utcDay.description == "1999-12-31")
    #expect(Timestamp(midnightOf: .maximum) == nil)
    #expect(Timestamp(midnightOf: .infinity) == .infinity)
  }
}
