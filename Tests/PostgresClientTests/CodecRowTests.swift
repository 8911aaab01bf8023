import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

private struct Person: PostgresRowDecodable, Equatable {
  var id: Int
  var name: String?

  init(row: borrowing PostgresRow) throws {
    id = try row.decode(named: "id")
    name = try row.decode(at: 1)
  }
}

/// Both by hand and by names: what is written by hand counts.
private struct Both: PostgresRowDecodable, Decodable {
  var id: Int

  init(row: borrowing PostgresRow) throws {
    id = try row.decode(Int.self, named: "id") + 1_000
  }
}

private struct Named: Codable, Equatable {
  var id: Int
  var fullName: String?
  var span: PostgresInterval
  var hosts: [PostgresInet]
  var grid: PostgresArray<Int>
  var days: PostgresRange<CalendarDate>
}

/// Rows as structs, single values and texts, and what is said when they do not fit.
@Suite(.timeLimit(.minutes(5))) struct CodecRowTests {
  private let query: PostgresQuery =
    "SELECT id, 'n' || id AS name FROM generate_series(1, 2) AS g(id) ORDER BY id"

  @Test func structsThatReadThemselves() async throws {
    let connection = try await CodecServer.connect()
    let persons = try await connection.query(query, decoding: Person.self)
    #expect(persons.map(\.id) == [1, 2] && persons.map(\.name) == ["n1", "n2"])
    #expect(try await connection.query(query).decode(structures: Person.self) == persons)
    #expect(try await connection.query(query, decoding: Both.self).map(\.id) == [1_001, 1_002])
    let none = try await connection.queryOptional(
      "SELECT 1 AS id, 'a' AS name WHERE false", decoding: Person.self)
    #expect(none == nil)
    let many = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne(self.query, decoding: Person.self)
    }
    #expect(many?.code == .unexpectedRowCount)
    let missing = await #expect(throws: PostgresError.self) {
      _ = try await connection.query("SELECT 1 AS other, 'a'", decoding: Person.self)
    }
    #expect(missing?.decoding?.column == "id")
    #expect(missing?.decoding?.swiftType == "Int")
    await connection.close()
  }

  @Test func structsByNames() async throws {
    let connection = try await CodecServer.connect()
    let named = try await connection.queryOne(
      """
      SELECT 1 AS id, NULL AS full_name, '1 mon'::interval AS span, '{10.0.0.1}'::inet[] AS hosts,
        '[0:0]={5}'::int[] AS grid, '[2024-01-01,)'::daterange AS days
      """, decoding: Named.self)
    #expect(named.id == 1 && named.fullName == nil)
    #expect(named.span == PostgresInterval(months: 1))
    #expect(named.hosts.map(\.description) == ["10.0.0.1"])
    #expect(named.grid.description == "[0:0]={5}")
    #expect(named.days.description == "[2024-01-01,)")
    let json = try JSONEncoder().encode(named)
    #expect(try JSONDecoder().decode(Named.self, from: json) == named)
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne(
        "SELECT 1 AS id, '' AS full_name, 5 AS span", decoding: Named.self)
    }
    #expect(error?.decoding?.column == "span")
    #expect(error?.decoding?.columnIndex == 2)
    #expect(error?.decoding?.typeName == "integer")
    let missing = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne("SELECT 1 AS id", decoding: Named.self)
    }
    #expect(missing?.decoding?.column == "span")
    #expect(missing?.decoding?.swiftType == "PostgresInterval")
    await connection.close()
  }

  @Test func errorsNameColumnAndTypes() async throws {
    let connection = try await CodecServer.connect()
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.query(
        "SELECT 1 AS id, '10.0.0.1'::inet AS host", as: (Int, PostgresInterval).self)
    }
    #expect(
      error?.message
        == "column 1, \"host\", of type inet cannot be read as PostgresInterval: "
        + "the types do not fit")
    let null = await #expect(throws: PostgresError.self) {
      _ = try await connection.query("SELECT NULL::int AS id", as: Int.self)
    }
    #expect(null?.decoding?.reason == "it is NULL")
    await connection.close()
  }

  @Test func textsForTools() async throws {
    let connection = try await CodecServer.connect()
    let columns: [(sql: String, text: String?)] = [
      ("true", "t"), ("1::int2", "1"), ("1.50::numeric", "1.50"), ("1e20::float8", "1e+20"),
      ("0.1::float4", "0.1"), ("'\\xff'::bytea", "\\xff"), ("NULL::int", nil), ("'é'::text", "é"),
      ("'2024-02-29 12:00:00.5'::timestamptz", "2024-02-29 12:00:00.5+00"),
      ("'1999-01-01'::date", "1999-01-01"), ("'1 day'::interval", "1 day"),
      ("ARRAY['a b', NULL]", "{\"a b\",NULL}"), ("'[0:0]={5}'::int[]", "[0:0]={5}"),
      ("'{(1,1),(0,0)}'::box[]", "{(1,1),(0,0)}"), ("'[1,2]'::int4range", "[1,3)"),
      ("'{[1,2]}'::int4multirange", "{[1,3)}"),
      (
        "'{\"(,\\\"2024-01-01 00:00:00\\\"]\"}'::tsrange[]",
        "{\"(,\\\"2024-01-01 00:00:00\\\"]\"}"
      ), ("ROW(1, ARRAY[2, NULL], NULL)", "(1,\"{2,NULL}\",)"),
      ("ROW(ROW('a b', 'c\"d'))", #"("(""a b"",""c""""d"")")"#),
      ("'{\"a\": 1}'::jsonb", "{\"a\": 1}"),
      ("'1 2'::int2vector", "1 2"), ("'c'::\"char\"", "c"), ("'10.0.0.0/8'::cidr", "10.0.0.0/8"),
    ]
    let sql = columns.enumerated().map { "\($1.sql) AS c\($0)" }.joined(separator: ", ")
    let rows = try await connection.query(PostgresQuery(unsafeSQL: "SELECT \(sql)")).texts()
    for (index, column) in columns.enumerated() {
      #expect(rows[0]["c\(index)"] == .some(column.text), "\(column.sql)")
    }
    let simple = try await connection.simple("SELECT \(sql)")[0].texts()
    #expect(simple == rows)
    await connection.close()
  }
}
