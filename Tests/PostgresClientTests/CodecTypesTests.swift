import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// The server generates values of each built-in type, the awkward ones among them; each goes there
/// and back in both formats.
@Suite(.timeLimit(.minutes(2))) struct CodecTypesTests {
  private func quoted(_ texts: String...) -> [String] { texts.map { "'\($0)'" } }

  @Test func datesAndTimes() async throws {
    let connection = try await CodecServer.connect()
    let moments = quoted(
      "2000-01-01 00:00:00", "1999-12-31 23:59:59.999999", "1999-12-31 23:59:59.5",
      "1969-07-20 20:17:40.000001", "0001-01-01 00:00:00", "0044-03-15 12:00:00.25 BC",
      "4714-11-24 00:00:00 BC", "9999-12-31 23:59:59.999999", "10000-01-01 00:00:00",
      "294276-12-31 23:59:59.999999", "infinity", "-infinity")
    try await connection.checkRoundTrips(PostgresTimestamp.self, "timestamp", moments)
    try await connection.checkRoundTrips(Timestamp.self, "timestamptz", moments)
    try await connection.checkRoundTrips(
      CalendarDate.self, "date",
      quoted(
        "2000-01-01", "1999-12-31", "0044-03-15 BC", "4714-11-24 BC", "5874897-12-31",
        "2024-02-29", "infinity", "-infinity"))
    let times = ["00:00:00", "00:00:00.000001", "12:34:56.7", "23:59:59.999999", "24:00:00"]
    try await connection.checkRoundTrips(PostgresTime.self, "time", times.map { "'\($0)'" })
    try await connection.checkRoundTrips(
      PostgresTimeTZ.self, "timetz",
      times.map { "'\($0)+00'" }
        + quoted("12:00:00+05:30", "12:00:00-03:30:15", "00:00:00+15:59:59", "12:00:00-08"))
  }

  @Test func intervals() async throws {
    let connection = try await CodecServer.connect()
    try await connection.checkRoundTrips(
      PostgresInterval.self, "interval",
      quoted(
        "0", "1 year 2 mons 3 days 04:05:06.7", "-1 year", "-1 mons", "1 day", "-1 days",
        "1 mon -1 days", "-1 year 2 days", "1 year -00:00:01", "-1 days +00:00:00.000001",
        "-00:00:00.5", "-1 mons -1 days -00:00:01", "2562047788:00:54.775807",
        "178000000 years", "-178000000 years", "2147483647 days",
        "-2147483648 days", "11 mons 30 days 23:59:59.999999", "100:00:00"))
  }

  @Test func numbers() async throws {
    let connection = try await CodecServer.connect()
    let long = String(repeating: "1234567890", count: 100)
    try await connection.checkRoundTrips(
      Numeric.self, "numeric",
      quoted(
        "0", "0.00", "-1", "1.10", "10000", "0.0001", "-0.00010", "NaN", "Infinity", "-Infinity",
        long, "-\(long).\(long)", "0.\(long)0000", "1e1000", "1.50e-100"))
    try await connection.checkRoundTrips(
      Double.self, "float8",
      quoted(
        "0", "-0", "1", "0.1", "-1.5", "1e15", "1e14", "123456789012345", "1e-4", "1e-5", "1e300",
        "1.7976931348623157e308", "4.9e-324", "Infinity", "-Infinity", "0.30000000000000004"))
    try await connection.checkRoundTrips(
      Float.self, "float4",
      quoted(
        "0", "-0", "0.1", "1e5", "1e6", "123456", "1234567", "3.4e38", "1e-45", "1e-4", "1e-5",
        "Infinity", "-Infinity"))
    let (nan, text) = try await connection.queryOne(
      "SELECT 'NaN'::float8, (\(Double.nan))::text", as: (Double, String).self)
    #expect(nan.isNaN && nan.postgresText == text)
    try await connection.checkRoundTrips(
      Int64.self, "int8", quoted("0", "-1", "9223372036854775807", "-9223372036854775808"))
    try await connection.checkRoundTrips(Bool.self, "bool", quoted("t", "f"))
    try await connection.checkRoundTrips(
      PostgresMoney.self, "money", quoted("0", "-1234.56", "92233720368547758.07"),
      comparing: "the text is the server's affair")
  }

  @Test func addresses() async throws {
    let connection = try await CodecServer.connect()
    let hosts = [
      "0.0.0.0", "192.168.1.5/24", "10.0.0.1", "255.255.255.255/0", "::", "::1", "::1/64",
      "2001:db8::8a2e:370:7334", "fe80::/10", "::ffff:1.2.3.4", "::1.2.3.4", "1:0:0:2::3",
      "1:2:3:4:5:6:7:8", "0:0:1::", "::2:0", "1::", "1:0:3:0:5:0:7:0", "::ffff:0:1",
    ]
    try await connection.checkRoundTrips(PostgresInet.self, "inet", hosts.map { "'\($0)'" })
    try await connection.checkRoundTrips(
      PostgresCIDR.self, "cidr",
      quoted("10.0.0.0/8", "192.168.1.5/32", "0.0.0.0/0", "2001:db8::/32", "::/0", "::1/128"))
    try await connection.checkRoundTrips(
      PostgresMACAddress.self, "macaddr", quoted("08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"))
    try await connection.checkRoundTrips(
      PostgresMACAddress8.self, "macaddr8",
      quoted("08:00:2b:01:02:03:04:05", "ff:ff:ff:ff:ff:ff:ff:ff"))
    try await connection.checkRoundTrips(
      UUID.self, "uuid", quoted("00000000-0000-0000-0000-000000000000", "\(UUID())"))
  }

  @Test func bitsAndBytes() async throws {
    let connection = try await CodecServer.connect()
    try await connection.checkRoundTrips(
      PostgresBits.self, "varbit", quoted("", "0", "1", "10110", "11111111", "000000001"))
    try await connection.checkRoundTrips(PostgresBits.self, "bit(9)", quoted("101010101"))
    try await connection.checkRoundTrips(
      Data.self, "bytea", quoted("", "\\x00", "\\xdeadbeef00ff"))
    try await connection.checkRoundTrips(
      PostgresChar.self, "\"char\"", quoted("a", "", "z"))
    try await connection.checkRoundTrips(
      String.self, "text", quoted("", "naïve 🐔", "a''b\"c\\d", "NULL"))
  }

  @Test func shapes() async throws {
    let connection = try await CodecServer.connect()
    try await connection.checkRoundTrips(
      PostgresPoint.self, "point",
      quoted("(0,0)", "(-0,1.5)", "(1e300,-1e-300)", "(Infinity,-Infinity)", "(0.1,123456.75)"))
    try await connection.checkRoundTrips(
      PostgresLine.self, "line", quoted("{1,-1,0}", "{0,1,-2.5}"))
    try await connection.checkRoundTrips(
      PostgresLineSegment.self, "lseg", quoted("[(0,0),(1,2)]", "[(-1,1e20),(0.5,0)]"))
    try await connection.checkRoundTrips(
      PostgresBox.self, "box", quoted("(0,0),(1,2)", "(5,1),(2,7)"))
    try await connection.checkRoundTrips(
      PostgresPath.self, "path", quoted("((0,0),(1,1))", "[(0,0),(1,1),(2,0)]", "((1,1))"))
    try await connection.checkRoundTrips(
      PostgresPolygon.self, "polygon", quoted("((0,0),(1,1),(1,0))", "((1,2))"))
    try await connection.checkRoundTrips(
      PostgresCircle.self, "circle", quoted("<(0,0),1.5>", "<(-1,2),0>"))
  }

  @Test func textSearch() async throws {
    let connection = try await CodecServer.connect()
    try await connection.checkRoundTrips(
      PostgresTSVector.self, "tsvector",
      quoted(
        "", "a fat cat", "fat:2A,4 cat:3B,5C dog:16383", "''a b''", "''it''''''''s''",
        "''back\\\\\\\\slash''", "naïve:1 🐔:2"))
    try await connection.checkRoundTrips(
      PostgresTSQuery.self, "tsquery",
      quoted(
        "fat", "fat & rat", "fat & rat | cat", "fat & (rat | cat)", "!fat", "!(fat & rat)",
        "!!fat", "fat <-> rat", "fat <3> rat <-> cat", "fat <-> (rat <2> cat)", "(a | b) <-> c",
        "fat:AB & rat:*", "sup:*C", "(a & b) & c", "''it''''s'' | ''a b''",
        "!(a <-> b) | c & d", "a <0> b"))
    let vector = try await connection.queryOne(
      "SELECT to_tsvector('english', 'The fat rats ate')", as: PostgresTSVector.self)
    #expect(vector.lexemes.map(\.text) == ["ate", "fat", "rat"])
    let query = try #require(PostgresTSQuery("'fat' <-> 'rat'"))
    #expect(try await connection.queryOne("SELECT \(vector) @@ \(query)", as: Bool.self))
    // The text does not show which of two equal operators is joined first; the binary form does.
    let right = try await connection.queryOne(
      "SELECT 'a & (b & c)'::tsquery", as: PostgresTSQuery.self)
    #expect(try await connection.queryOne("SELECT \(right)", as: PostgresTSQuery.self) == right)
    #expect(right != PostgresTSQuery(right.description))
    let nothing = try await connection.queryOne("SELECT ''::tsquery", as: PostgresTSQuery.self)
    #expect(nothing.nodes.isEmpty && nothing.description == "")
    // The server sends the empty query in binary and does not take it back.
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.query("SELECT \(nothing)")
    }
    #expect(error?.code == .encoding)
  }

  @Test(.enabled("needs a server with libxml") { try await ServerFeature.xml.isThere })
  func xml() async throws {
    let connection = try await CodecServer.connect()
    try await connection.checkRoundTrips(
      PostgresXML.self, "xml", quoted("<a>é</a>", "text only", "<a b=\"c\"/>"))
  }

  @Test func documents() async throws {
    let connection = try await CodecServer.connect()
    try await connection.checkRoundTrips(
      PostgresJSONPath.self, "jsonpath", quoted("$.a[*]?(@ > 1)", "strict $", "lax $.\"a b\""))
    try await connection.checkRoundTrips(
      JSON.self, "jsonb", quoted("null", "{\"a\": [1, 2.50, \"é\"]}", "1e400"),
      comparing: "the server puts blanks in")
  }

  @Test func theServersOwnThings() async throws {
    let connection = try await CodecServer.connect()
    try await connection.checkRoundTrips(
      PostgresLSN.self, "pg_lsn", quoted("0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"))
    try await connection.checkRoundTrips(PostgresXID.self, "xid", quoted("0", "4294967295"))
    try await connection.checkRoundTrips(
      PostgresXID8.self, "xid8", quoted("0", "18446744073709551615"))
    try await connection.checkRoundTrips(PostgresCID.self, "cid", quoted("0", "4294967295"))
    try await connection.checkRoundTrips(
      PostgresTID.self, "tid", quoted("(0,1)", "(4294967295,65535)"))
    try await connection.checkRoundTrips(
      PostgresSnapshot.self, "pg_snapshot", quoted("10:20:10,14,15", "10:10:"))
    try await connection.checkRoundTrips(
      UInt32.self, "oid", quoted("0", "4294967295"))
    let (table, type, vector, array) = try await connection.queryOne(
      """
      SELECT 'pg_class'::regclass, 'int4'::regtype, '1 2 3'::int2vector, '1 4294967295'::oidvector
      """, as: (UInt32, UInt32, [Int16], [UInt32]).self)
    #expect(table == 1_259 && type == 23)
    #expect(vector == [1, 2, 3] && array == [1, .max])
    let texts = try await connection.simple("SELECT '1 2 3'::int2vector, ''::oidvector")
    let (first, second) = try #require(try texts[0].decode(as: ([Int16], [UInt32]).self).first)
    #expect(first == [1, 2, 3] && second == [])
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne("SELECT 'pg_class'::regclass AS c", as: String.self)
    }
    #expect(error?.decoding?.reason.contains("cast it to text") == true)
  }

  @Test func arraysOfAllShapes() async throws {
    let connection = try await CodecServer.connect()
    try await connection.checkRoundTrips(
      PostgresArray<Int32?>.self, "int4[]",
      quoted(
        "{}", "{1}", "{NULL}", "{1,NULL,3}", "[0:2]={1,2,3}", "[-5:-4][3:3]={{1},{2}}",
        "{{1,2},{3,NULL}}", "{{{{{{1},{2}}}}}}", "[2147483646:2147483646]={1}"))
    try await connection.checkRoundTrips(
      PostgresArray<String?>.self, "text[]",
      quoted(
        "{}", "{\"\"}", "{NULL,\"NULL\",null,nullable}", "{\"a b\",\"c,d\",\"{e}\",\"f\\\"g\"}",
        "{\"back\\\\\\\\slash\",\"\\\\\\\"\"}", "{naïve,🐔,\"\n\"}", "[0:1]={a,b}"))
    try await connection.checkRoundTrips(
      PostgresArray<PostgresBox>.self, "box[]", quoted("{(1,2),(0,0);(3,4),(1,1)}"))
    try await connection.checkRoundTrips(
      PostgresArray<Timestamp>.self, "timestamptz[]",
      quoted("{\"1999-12-31 23:59:59.5\",infinity}"))
    try await connection.checkRoundTrips(
      [PostgresInterval?].self, "interval[]", quoted("{\"1 day\",NULL,00:00:01}"))
    let (nested, bytes) = try await connection.queryOne(
      #"SELECT '{{1,2},{3,4}}'::int8[], '{"\\x01",NULL}'::bytea[]"#,
      as: ([[Int]], PostgresArray<Data?>).self)
    #expect(nested == [[1, 2], [3, 4]])
    #expect(bytes.elements == [Data([1]), nil])
    let text = try await connection.simple("SELECT '{{1,2},{3,4}}'::int8[]")
    #expect(try text[0].decode(as: [[Int]].self) == [[[1, 2], [3, 4]]])
  }

  @Test func ranges() async throws {
    let connection = try await CodecServer.connect()
    try await connection.checkRoundTrips(
      PostgresRange<Int32>.self, "int4range",
      quoted("empty", "[1,5)", "[1,5]", "(1,5)", "(,5)", "[1,)", "(,)", "[-2147483648,0)"))
    try await connection.checkRoundTrips(
      PostgresRange<Int>.self, "int8range", quoted("[1,9223372036854775807)"))
    try await connection.checkRoundTrips(
      PostgresRange<Numeric>.self, "numrange", quoted("(1.10,2.50]", "[NaN,NaN]", "(,-0.5)"))
    try await connection.checkRoundTrips(
      PostgresRange<PostgresTimestamp>.self, "tsrange",
      quoted("[1999-12-31 23:59:59.5,infinity)", "(0044-03-15 00:00:00 BC,)"))
    try await connection.checkRoundTrips(
      PostgresRange<Timestamp>.self, "tstzrange", quoted("[-infinity,2024-01-01]", "empty"))
    try await connection.checkRoundTrips(
      PostgresRange<CalendarDate>.self, "daterange", quoted("[2024-01-01,2024-12-31]", "(,)"))
    try await connection.checkRoundTrips(
      PostgresMultirange<Int32>.self, "int4multirange",
      quoted("{}", "{[1,3),[5,9)}", "{(,1),[7,)}", "{(,)}"))
    try await connection.checkRoundTrips(
      PostgresMultirange<Int64>.self, "int8multirange", quoted("{[1,3)}"))
    try await connection.checkRoundTrips(
      PostgresMultirange<Numeric>.self, "nummultirange", quoted("{[1.1,2.2],(3,4)}"))
    try await connection.checkRoundTrips(
      PostgresMultirange<PostgresTimestamp>.self, "tsmultirange",
      quoted("{[2024-01-01,2024-02-01),[2025-01-01,infinity]}"))
    try await connection.checkRoundTrips(
      PostgresMultirange<Timestamp>.self, "tstzmultirange", quoted("{[2024-01-01,2024-02-01)}"))
    try await connection.checkRoundTrips(
      PostgresMultirange<CalendarDate>.self, "datemultirange", quoted("{[2024-01-01,)}"))
    try await connection.checkRoundTrips(
      [PostgresRange<Int32>].self, "int4range[]", quoted("{\"[1,5)\",empty}"))
  }
}
