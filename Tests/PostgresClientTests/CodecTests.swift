import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

private enum Mood: String, PostgresCodable, PostgresArrayDecodable {
  case happy
  case sad
}

private enum Level: Int, PostgresCodable {
  case low = 1
  case high = 2
}

/// Values go to a server and come back, in both formats, and are compared with what the server
/// itself reads from SQL literals.
@Suite(.timeLimit(.minutes(5))) struct CodecTests {
  private func connect() async throws -> PostgresConnection {
    let server = try await ThrowawayPostgres.shared(.trust)
    return try await PostgresConnection.connect(
      PostgresConfiguration(server.url(tcp: false), environment: [:]))
  }

  /// The literal's value, once in binary and once as text.
  private func check<T: PostgresCodable & Equatable>(
    _ value: T, _ literal: String, _ connection: PostgresConnection,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let query: PostgresQuery =
      """
      SELECT \(unsafeSQL: literal), \(value),
        (\(value) IS NOT DISTINCT FROM \(unsafeSQL: literal))
      """
    let (read, back, same) = try await connection.queryOne(query, as: (T, T, Bool).self)
    #expect(read == value, sourceLocation: sourceLocation)
    #expect(back == value, sourceLocation: sourceLocation)
    #expect(same, "\(literal)", sourceLocation: sourceLocation)
    let text = try await connection.simple("SELECT \(literal)")
    #expect(try text[0].decode(as: T.self) == [value], sourceLocation: sourceLocation)
  }

  @Test func integersAndBooleans() async throws {
    let connection = try await connect()
    try await check(true, "true", connection)
    try await check(false, "false", connection)
    for value in [Int16.min, -1, 0, .max] { try await check(value, "'\(value)'::int2", connection) }
    for value in [Int32.min, -1, 0, .max] { try await check(value, "'\(value)'::int4", connection) }
    for value in [Int64.min, -1, 0, .max] { try await check(value, "'\(value)'::int8", connection) }
    try await check(Int.max, "'\(Int.max)'::int8", connection)
    try await check(UInt32.max, "'4294967295'::oid", connection)
  }

  @Test func floats() async throws {
    let connection = try await connect()
    for value in [0.0, 1.5, -1e308, Double.leastNonzeroMagnitude, .infinity, -.infinity, 0.1 + 0.2]
    {
      try await check(value, "'\(value)'::float8", connection)
    }
    for value: Float in [0, 1.5, -3e38, Float.leastNonzeroMagnitude, .infinity, 0.1] {
      try await check(value, "'\(value)'::float4", connection)
    }
    let (nan, zero) = try await connection.queryOne(
      "SELECT 'NaN'::float8, '-0'::float8", as: (Double, Double).self)
    #expect(nan.isNaN)
    #expect(zero.sign == .minus)
  }

  @Test(arguments: [
    "0", "0.00", "1", "-1", "10000", "9999.9999", "-0.0001", "1.10", "100000000000000000000000.5",
    "0.000000000000000000000000000001", "NaN", "Infinity", "-Infinity", "123456789.000000",
  ])
  func numeric(_ text: String) async throws {
    let connection = try await connect()
    let value = try #require(Numeric(text))
    try await check(value, "'\(text)'::numeric", connection)
    let shown = try await connection.queryOne("SELECT (\(value))::text", as: String.self)
    #expect(shown == text)
    #expect(value.description == text)
  }

  @Test func aNumericOfAThousandDigits() async throws {
    let connection = try await connect()
    let text = String(repeating: "1234567890", count: 100) + ".000123"
    let value = try #require(Numeric(text))
    let (back, shown) = try await connection.queryOne(
      "SELECT \(value), (\(value))::text", as: (Numeric, String).self)
    #expect(back == value)
    #expect(shown == text)
  }

  @Test func decimals() async throws {
    let connection = try await connect()
    let value = try #require(Decimal(string: "12345.6789"))
    let (back, shown) = try await connection.queryOne(
      "SELECT \(value), (\(value))::text", as: (Decimal, String).self)
    #expect(back == value)
    #expect(shown == "12345.6789")
  }

  @Test func textsAndBytes() async throws {
    let connection = try await connect()
    for value in ["", "a", "naïve 🐔", String(repeating: "x", count: 100_000)] {
      try await check(value, "'\(value)'::text", connection)
    }
    let (varchar, padded, name, letter, nothing) = try await connection.queryOne(
      "SELECT 'a'::varchar(5), 'a'::char(3), 'n'::name, 'c'::\"char\", pg_sleep(0)",
      as: (String, String, String, String, String).self)
    #expect([varchar, padded, name, letter, nothing] == ["a", "a  ", "n", "c", ""])
    let bytes = (0...255).map { UInt8($0) }
    let hex = bytes.map { String(format: "%02x", $0) }.joined()
    try await check(bytes, "'\\x\(hex)'::bytea", connection)
    try await check(Data(bytes), "'\\x\(hex)'::bytea", connection)
    try await check([UInt8](), "''::bytea", connection)
  }

  @Test func identifiersAndMoments() async throws {
    let connection = try await connect()
    let uuid = UUID()
    try await check(uuid, "'\(uuid)'::uuid", connection)
    for literal in [
      "2000-01-01 00:00:00+00", "1999-12-31 23:59:59.999999+00", "0044-03-15 12:00:00+00 BC",
      "294276-12-31 23:59:59.999999+00", "infinity", "-infinity",
      "2024-02-29 12:34:56.789012+05:30",
    ] {
      let value = try await connection.queryOne(
        "SELECT \(unsafeSQL: "'\(literal)'")::timestamptz", as: Timestamp.self)
      try await check(value, "'\(literal)'::timestamptz", connection)
    }
    for literal in ["2000-01-01", "0044-03-15 BC", "5874897-12-31", "infinity", "-infinity"] {
      let value = try await connection.queryOne(
        "SELECT \(unsafeSQL: "'\(literal)'")::date", as: CalendarDate.self)
      try await check(value, "'\(literal)'::date", connection)
    }
    let date = Date(timeIntervalSince1970: 1_700_000_000.123456)
    let back = try await connection.queryOne("SELECT \(date)", as: Date.self)
    #expect(abs(back.timeIntervalSince(date)) < 0.000_001)
    let infinite = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne("SELECT 'infinity'::timestamptz", as: Date.self)
    }
    #expect(infinite?.code == .decoding)
  }

  @Test func json() async throws {
    let connection = try await connect()
    let value = try JSON(parsing: #"{"a": [1, 2.50, null, true], "b": "é"}"#)
    let (read, back, text) = try await connection.queryOne(
      #"SELECT '{"b": "é", "a": [1, 2.50, null, true]}'::json, \#(value), (\#(value))::text"#,
      as: (JSON, JSON, String).self)
    #expect(read == value)
    #expect(back == value)
    #expect(text == #"{"a": [1, 2.50, null, true], "b": "é"}"#)
    #expect(
      try await connection.queryOne("SELECT \(value)", as: String.self)
        == #"{"a": [1, 2.50, null, true], "b": "é"}"#)
  }

  @Test func enums() async throws {
    let connection = try await connect()
    try await connection.simple(
      "DROP TYPE IF EXISTS codec_mood; CREATE TYPE codec_mood AS ENUM ('happy', 'sad')")
    let (read, back) = try await connection.queryOne(
      "SELECT 'sad'::codec_mood, \(Mood.happy)::codec_mood", as: (Mood, Mood).self)
    #expect(read == .sad)
    #expect(back == .happy)
    let level = try await connection.queryOne("SELECT \(Level.high)", as: Level.self)
    #expect(level == .high)
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne("SELECT 3", as: Level.self)
    }
    #expect(error?.decoding?.reason == "there is no such case")
    let moods = try await connection.queryOne(
      "SELECT ARRAY['sad', NULL, 'happy']::codec_mood[]", as: [Mood?].self)
    #expect(moods == [.sad, nil, .happy])
    try await connection.simple("DROP TYPE codec_mood")
  }

  @Test func arrays() async throws {
    let connection = try await connect()
    let (ints, texts, empty, none) = try await connection.queryOne(
      """
      SELECT ARRAY[1, NULL, 3], ARRAY['a', '', NULL, '{"x"}'], '{}'::int8[], NULL::int4[]
      """, as: ([Int?], [String?], [Int], [Int]?).self)
    #expect(ints == [1, nil, 3])
    #expect(texts == ["a", "", nil, "{\"x\"}"])
    #expect(empty == [])
    #expect(none == nil)
    let nested = try await connection.queryOne(
      "SELECT '{{1,2,3},{4,5,6}}'::int4[]", as: [[Int]].self)
    #expect(nested == [[1, 2, 3], [4, 5, 6]])
    let wrong = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne("SELECT '{{1},{2}}'::int4[]", as: [Int].self)
    }
    #expect(wrong?.code == .decoding)
    let null = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne("SELECT ARRAY[1, NULL]", as: [Int].self)
    }
    #expect(null?.code == .decoding)
    let uuids = [UUID(), UUID()]
    let numbers = [Numeric(1), nil]
    let blobs = [[UInt8]]([[1], []])
    let (a, b, c, d) = try await connection.queryOne(
      "SELECT \(uuids), \(numbers), \(["x", nil] as [String?]), ARRAY['\\x01', '']::bytea[]",
      as: ([UUID], [Numeric?], [String?], [[UInt8]]).self)
    #expect(a == uuids)
    #expect(b == numbers)
    #expect(c == ["x", nil])
    #expect(d == blobs)
    let found = try await connection.query(
      "SELECT g FROM generate_series(1, 5) g WHERE g = ANY(\([2, 4])) ORDER BY g", as: Int.self)
    #expect(found == [2, 4])
  }

  @Test func unknownTypesComeAsText() async throws {
    let connection = try await connect()
    let (interval, address) = try await connection.queryOne(
      "SELECT '1 day'::interval, '10.0.0.1/8'::inet", as: (String, String).self)
    #expect(interval == "1 day")
    #expect(address == "10.0.0.1/8")
  }

  @Test func theDynamicPath() async throws {
    let connection = try await connect()
    var parameters = PostgresParameters()
    try parameters.append(type: .int4, bytes: [0, 0, 0, 7])
    parameters.appendNull(type: .text)
    try parameters.append(type: .unspecified, bytes: Array("2024-01-01".utf8))
    let seen = Seen()
    let tag = try await connection.read(
      "SELECT $1 AS a, $2 AS b, $3::date AS c", parameters,
      columns: { seen.columns = $0.map { "\($0.name):\($0.type):\($0.format)" } },
      row: { row in
        for index in row.columns.indices {
          seen.cells.append(row.bytes(at: index).map { Array($0) })
        }
      })
    #expect(tag.rowCount == 1)
    #expect(seen.columns == ["a:integer:binary", "b:text:binary", "c:date:binary"])
    #expect(seen.cells == [[0, 0, 0, 7], nil, [0, 0, 0x22, 0x3e]])
  }

  private final class Seen {
    var columns: [String] = []
    var cells: [[UInt8]?] = []
  }
}
