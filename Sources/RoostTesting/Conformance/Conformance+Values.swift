import Foundation
import Roost
import RoostCore

extension ConformanceSuite {
  static let values: [ConformanceCase] = [
    .init("values: every type comes back as it went", roundTrip),
    .init("values: numerics keep or get their scale", numerics),
    .init("values: NaN and infinities", infinities),
    .init("values: times in microseconds, BC, infinity", times),
    .init("values: jsonb is normalised", documents),
    .init("values: ranges", ranges),
    .init("texts: a varchar's excess spaces are cut", spaces),
    .init("values: arrays with NULLs", arrays),
  ]

  /// One column's stored value, written through the store.
  private static func stored(
    _ store: Store, _ column: String, _ change: (inout Sample) -> Void
  ) async throws -> String {
    let sample = try await store.upsert([Sample(id: 1, change)])
    try expect(sample.count, 1)
    let position = try store.schema.table("samples").requirePosition(of: column)
    let row = try await store.backend.query(Query(table: "samples", columns: [column]))
    let whole = try await store.backend.get("samples", keys: [[.int(1)]], lock: nil)
    try expect(ValueText.exact(row[0][0]), ValueText.exact(whole[0]?[position] ?? .null))
    return ValueText.exact(row[0][0])
  }

  private static func roundTrip(_ store: Store) async throws {
    let (low, high) = (try lowSample(1), try highSample(2))
    let returned = try await store.insert([low, high, Sample(id: 3)])
    let fetched = try await store.select(Sample.self).fetch()
    for (sent, got) in zip([low, high, Sample(id: 3)], returned) {
      try expect(String(reflecting: got), String(reflecting: sent))
    }
    for (sent, got) in zip(returned, fetched) {
      try expect(String(reflecting: got), String(reflecting: sent))
    }
    let lines = try await store.lines("samples")
    try await store.select(Sample.self).delete()
    try await store.load([low, high, Sample(id: 3)])
    try expect(try await store.lines("samples"), lines, "a load stores the same")
  }

  private static func numerics(_ store: Store) async throws {
    func price(_ text: String) async throws -> String {
      try await stored(store, "price") { $0.price = Numeric(text) }
    }
    func exact(_ text: String) async throws -> String {
      try await stored(store, "exact") { $0.exact = Numeric(text) }
    }
    try expect(try await price("1"), "1.00n")
    try expect(try await price("1.005"), "1.01n")
    try expect(try await price("-1.005"), "-1.01n")
    try expect(try await price("-0.001"), "0.00n")
    try expect(try await price("99999999.994"), "99999999.99n")
    try expect(try await exact("1.10"), "1.10n")
    try expect(try await exact("1.1"), "1.1n")
    try expect(try await exact("100"), "100n")
    try expect(
      try await exact("0.000000000000000000000000000001"), "0.000000000000000000000000000001n")
    try await expectError(.valueOutOfRange, column: "price") {
      _ = try await price("99999999.995")
    }
    try await store.insert(Sample(id: 2) { $0.exact = Numeric("1.100") })
    try await store.insert(Sample(id: 3) { $0.exact = Numeric("1.1") })
    let equal = try await store.select(Sample.self).where { $0.exact == Numeric("1.10") }
      .values { $0.id }
    try expect(equal, [2, 3], "equality passes the scale over")
  }

  private static func infinities(_ store: Store) async throws {
    for (number, text) in [(Double.nan, "nand"), (.infinity, "infd"), (-.infinity, "-infd")] {
      try expect(try await stored(store, "wide") { $0.wide = number }, text)
      try expect(try await stored(store, "single") { $0.single = number }, text)
    }
    for (number, text) in [("NaN", "NaNn"), ("Infinity", "Infinityn"), ("-Infinity", "-Infinityn")]
    {
      try expect(try await stored(store, "exact") { $0.exact = Numeric(number) }, text)
    }
    try expect(try await stored(store, "price") { $0.price = .nan }, "NaNn")
    try await expectError(.valueOutOfRange) {
      _ = try await stored(store, "price") { $0.price = Numeric("Infinity") }
    }
    try await store.select(Sample.self).delete()
    let numbers: [Double?] = [.nan, 1, -.infinity, nil, .infinity, .nan]
    try await store.insert(
      numbers.enumerated().map { place, number in Sample(id: place + 1) { $0.wide = number } })
    let order = try await store.select(Sample.self).order { $0.wide.ascending }.values { $0.id }
    try expect(order, [3, 2, 5, 1, 6, 4], "NaN is greater than every number")
    let nans = try await store.select(Sample.self).where { $0.wide == .some(.nan) }.values { $0.id }
    try expect(nans, [1, 6], "NaN equals NaN")
  }

  private static func times(_ store: Store) async throws {
    for text in [
      "2026-11-20 12:34:56.789012+00", "0044-03-15 00:00:00+00 BC", "infinity", "-infinity",
      "1969-12-31 23:59:59.999999+00", "294276-12-31 23:59:59.999999+00",
      "4713-11-24 00:00:00+00 BC",
    ] {
      guard let time = Timestamp(text) else { throw ConformanceFailure("no time: \(text)") }
      try expect(try await stored(store, "moment") { $0.moment = time }, "\(time)")
      try expect(try await stored(store, "local") { $0.local = time }, "\(time)")
    }
    for text in ["2026-02-28", "0001-01-01 BC", "infinity", "-infinity", "5874897-12-31"] {
      guard let day = CalendarDate(text) else { throw ConformanceFailure("no day: \(text)") }
      try expect(try await stored(store, "day") { $0.day = day }, "\(day)")
    }
    let before = Timestamp("2026-11-20 12:34:56.789011")
    let after = Timestamp("2026-11-20 12:34:56.789012")
    try await store.upsert([Sample(id: 1) { $0.moment = after }])
    try expect(try await store.select(Sample.self).where { $0.moment > before }.count(), 1)
    try expect(try await store.select(Sample.self).where { $0.moment > after }.count(), 0)
  }

  private static func documents(_ store: Store) async throws {
    for (given, expected) in [
      (#"{"bb": 1, "a": 2, "c": 3}"#, #"{"a": 2, "c": 3, "bb": 1}"#),
      (#"{"a": 1, "a": 2}"#, #"{"a": 2}"#), ("1e2", "100"), ("1.10", "1.10"), ("-0", "0"),
      ("[1, [], {}, null, true]", "[1, [], {}, null, true]"), (#""\u00e9\n""#, #""é\n""#),
      ("1e-3", "0.001"), ("12345678901234567890.5", "12345678901234567890.5"),
    ] {
      let document = try JSON(parsing: given)
      let json = try JSON(parsing: expected)
      try expect(
        try await stored(store, "document") { $0.document = document },
        ValueText.exact(.json(json)), given)
    }
    let null = try await stored(store, "document") { $0.document = .null }
    try expect(null, "json'null'", "JSON's null is no SQL NULL")
    try await store.upsert([Sample(id: 1) { $0.document = ["a": 1, "b": [true, .null]] }])
    let same = store.select(Sample.self).where { $0.document == ["b": [true, .null], "a": 1] }
    try expect(try await same.count(), 1, "equality passes the order of keys over")
  }

  private static func ranges(_ store: Store) async throws {
    let wrong: [(String, @Sendable (inout Sample) -> Void)] = [
      ("small", { $0.small = 32_768 }), ("small", { $0.small = -32_769 }),
      ("medium", { $0.medium = 1 << 31 }), ("single", { $0.single = 1e300 }),
      ("single", { $0.single = 1e-300 }),
    ]
    for (column, change) in wrong {
      try await expectError(.valueOutOfRange, column: column, column) {
        try await store.insert(Sample(id: 1, change))
      }
    }
    try expect(try await store.lines("samples"), [])
    try expect(try await stored(store, "single") { $0.single = 0.1 }, "\(Double(Float(0.1)))d")
    try expect(try await stored(store, "wide") { $0.wide = -0.0 }, "-0.0d")
    try expect(try await stored(store, "large") { $0.large = .min }, "-9223372036854775808")
  }

  private static func spaces(_ store: Store) async throws {
    try expect(try await stored(store, "short") { $0.short = "abc    " }, "'abc  '")
    try expect(try await stored(store, "short") { $0.short = "12345   " }, "'12345'")
    try expect(try await stored(store, "label") { $0.label = "abc    " }, "'abc    '")
    try await expectError(.valueTooLong, column: "short") {
      _ = try await stored(store, "short") { $0.short = "12345 6" }
    }
  }

  private static func arrays(_ store: Store) async throws {
    try expect(
      try await stored(store, "numbers") { $0.numbers = [1, nil, -2] }, "array[1, NULL, -2]")
    try expect(try await stored(store, "numbers") { $0.numbers = [] }, "array[]")
    try expect(try await stored(store, "numbers") { $0.numbers = nil }, "NULL")
    try expect(
      try await stored(store, "words") { $0.words = ["", nil, "NULL", "{\"\\,}", "é"] },
      "array['', NULL, 'NULL', '{\\\"\\\\,}', '\\u{00E9}']")
    try await expectError(.valueOutOfRange) {
      _ = try await stored(store, "numbers") { $0.numbers = [1 << 40] }
    }
    try await expectError(.invalidValue) {
      _ = try await stored(store, "words") { $0.words = ["a\0"] }
    }
  }
}
