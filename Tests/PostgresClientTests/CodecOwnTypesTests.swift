import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

private enum Mood: String, PostgresCodable, PostgresArrayDecodable, PostgresTextRepresentable {
  case happy
  case sad
  case odd = "so, so"

  var postgresText: String? { rawValue }
}

private struct Item: Decodable, Equatable {
  var id: Int
  var label: String
  var mood: Mood?
  var sizes: [Int]
}

extension Mood: Decodable {}

private struct Order: Decodable, Equatable {
  var number: Int
  var first: Item
  var others: [Item]
}

/// Types that the server has numbered itself: they are looked up once, and read in binary.
@Suite(
  .enabled("needs the extension hstore") { try await ServerFeature.extension("hstore").isThere },
  .timeLimit(.minutes(2)))
struct CodecOwnTypesTests {
  private static let script = """
    CREATE EXTENSION hstore;
    CREATE EXTENSION citext;
    CREATE TYPE mood AS ENUM ('happy', 'sad', 'so, so');
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE DOMAIN small_positive AS positive CHECK (VALUE < 100);
    CREATE DOMAIN tags AS text[];
    CREATE TYPE item AS (id int, label text, mood mood, sizes small_positive[]);
    CREATE TYPE shipment AS (item item, "when" tstzrange, note hstore, weight numeric);
    CREATE TYPE floatrange AS RANGE (subtype = float8);
    CREATE SCHEMA "Other One";
    CREATE TYPE "Other One"."Pair" AS (a int, b int);
    """

  private func connect() async throws -> PostgresConnection {
    let connection = try await CodecServer.connectToOwnDatabase()
    try await connection.simple(Self.script)
    return connection
  }

  @Test func enumsAndDomains() async throws {
    let connection = try await connect()
    let (mood, moods, domain, domains, tags) = try await connection.queryOne(
      """
      SELECT 'so, so'::mood, ARRAY['sad', NULL, 'so, so']::mood[], 5::positive,
        ARRAY[1, 2]::small_positive[], ARRAY['a']::tags
      """, as: (Mood, [Mood?], Int, [Int], [String]).self)
    #expect(mood == .odd && moods == [.sad, nil, .odd])
    #expect(domain == 5 && domains == [1, 2] && tags == ["a"])
    let columns = try await connection.query("SELECT ARRAY['sad']::mood[], 'sad'::mood").columns
    #expect(columns.map(\.format) == [.binary, .binary])
    #expect(columns.map { columns.catalogue.name(of: $0.type) } == ["mood[]", "mood"])
    let back = try await connection.queryOne(
      "SELECT \(Mood.odd)::mood, \(3)::positive", as: (Mood, Int).self)
    #expect(back == (.odd, 3))
    let simple = try await connection.simple("SELECT ARRAY['so, so']::mood[], ARRAY[1]::tags")
    let (first, second) = try #require(try simple[0].decode(as: ([Mood], [String]).self).first)
    #expect(first == [.odd] && second == ["1"])
    await connection.close()
  }

  @Test func composites() async throws {
    let connection = try await connect()
    let literal =
      #"ROW(ROW(7, 'a "b", (c)\', 'sad', '{1,2}')::item, '[2024-01-01,)'::tstzrange, 'k=>"v w", n=>NULL'::hstore, 1.50)::shipment"#
    let (value, text) = try await connection.queryOne(
      "SELECT \(unsafeSQL: literal), (\(unsafeSQL: literal))::text",
      as: (PostgresComposite, String).self)
    #expect(value.names == ["item", "when", "note", "weight"])
    #expect(value.description == text)
    let item = try value.decode(PostgresComposite.self, named: "item")
    let (id, label, mood, sizes) = try item.decode(as: (Int, String, Mood, [Int]).self)
    #expect(id == 7 && label == #"a "b", (c)\"# && mood == .sad && sizes == [1, 2])
    #expect(try value.decode([String: String?].self, named: "note") == ["k": "v w", "n": nil])
    #expect(try value.decode(Numeric.self, at: 3).description == "1.50")
    let isSame = try await connection.queryOne(
      "SELECT \(value)::shipment = \(unsafeSQL: literal)", as: Bool.self)
    #expect(isSame)
    let simple = try await connection.simple("SELECT \(literal)")
    let read = try #require(try simple[0].decode(as: PostgresComposite.self).first)
    #expect(read.description == text)
    let inner = try read.decode(PostgresComposite.self, named: "item")
    #expect(try inner.decode(Mood.self, named: "mood") == .sad)
    #expect(try inner.decode([Int].self, named: "sizes") == [1, 2])
    let made = PostgresComposite(1, #"x "y" \ ,"#, nil as String?, [3, 4])
    let made2 = try await connection.queryOne("SELECT \(made)::item", as: PostgresComposite.self)
    #expect(try made2.decode(as: (Int, String, Mood?, [Int]).self).1 == #"x "y" \ ,"#)
    #expect(try made2.decode(Mood?.self, at: 2) == nil)
    let record = try await connection.queryOne(
      "SELECT ROW(1, 'a'::text)", as: PostgresComposite.self)
    #expect(try record.decode(as: (Int, String).self) == (1, "a"))
    let row = try await connection.queryOne(
      #"SELECT ARRAY[ROW(1, 2)::"Other One"."Pair"]"#, as: [PostgresComposite].self)
    #expect(try row[0].decode(Int.self, named: "b") == 2)
    await connection.close()
  }

  @Test func structsInStructs() async throws {
    let connection = try await connect()
    let item = "ROW(7, 'a', 'sad', '{1}')::item"
    let query: PostgresQuery =
      """
      SELECT 5 AS number, \(unsafeSQL: item) AS first,
        ARRAY[\(unsafeSQL: item), ROW(8, 'b', NULL, '{}')::item] AS others
      """
    let order = try await connection.queryOne(query, decoding: Order.self)
    let first = Item(id: 7, label: "a", mood: .sad, sizes: [1])
    let second = Item(id: 8, label: "b", mood: nil, sizes: [])
    #expect(order == Order(number: 5, first: first, others: [first, second]))
    let simple = try await connection.simple(
      "SELECT 5 AS number, \(item) AS first, ARRAY[\(item), ROW(8, 'b', NULL, '{}')::item] AS others"
    )
    #expect(try simple[0].decode(structures: Order.self) == [order])
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne(
        "SELECT 5 AS number, ROW(7, NULL, 'sad', '{1}')::item AS first, '{}'::item[] AS others",
        decoding: Order.self)
    }
    #expect(error?.decoding?.column == "label")
    #expect(error?.decoding?.swiftType == "String")
    await connection.close()
  }

  @Test func extensions() async throws {
    let connection = try await connect()
    try await connection.checkRoundTrips(
      [String: String?].self, "hstore",
      [#"''"#, #"'a=>1'"#, #"'"k k"=>"v \"q\"", b=>NULL, "back\\slash"=>"", "é"=>"🐔"'"#])
    let (text, texts) = try await connection.queryOne(
      "SELECT 'Straße'::citext, ARRAY['A', NULL]::citext[]", as: (String, [String?]).self)
    #expect(text == "Straße" && texts == ["A", nil])
    #expect(try await connection.queryOne("SELECT \("a")::citext = 'A'", as: Bool.self))
    let stores = try await connection.queryOne(
      "SELECT ARRAY['a=>1', 'b=>NULL']::hstore[]", as: [[String: String?]].self)
    #expect(stores == [["a": "1"], ["b": nil]])
    let range = try await connection.queryOne(
      "SELECT '[1.5,2)'::floatrange, \(PostgresRange(1.5..<2.0))::floatrange",
      as: (PostgresRange<Double>, PostgresRange<Double>).self)
    #expect(range.0 == PostgresRange(1.5..<2) && range.1 == range.0)
    let multi = try await connection.queryOne(
      "SELECT '{[1,2),[3,4)}'::floatmultirange", as: PostgresMultirange<Double>.self)
    #expect(multi.ranges == [PostgresRange(1..<2), PostgresRange(3..<4)])
    await connection.close()
  }

  @Test func typesWithoutACodecSaySo() async throws {
    let connection = try await connect()
    let text = try await connection.queryOne(
      "SELECT acldefault('r', 10) AS rights", as: String.self)
    #expect(text.contains("="))
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne("SELECT acldefault('r', 10) AS rights", as: [Int].self)
    }
    #expect(error?.decoding?.type == PostgresType(1_033))
    let one = await #expect(throws: PostgresError.self) {
      _ = try await connection.queryOne("SELECT (acldefault('r', 10))[1] AS right", as: Int.self)
    }
    #expect(
      one?.message
        == """
        column 0, "right", of type aclitem cannot be read as Int: the driver has no codec for this \
        type, whose values come as text: read it as String
        """)
    await connection.close()
  }

  @Test func typesAreLookedUpOnceForAPool() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let database = try await server.createDatabase()
    var configuration = try PostgresConfiguration(
      server.url(database: database, tcp: false), environment: [:])
    configuration.statementCacheLimit = 0
    let first = try await PostgresConnection.connect(configuration)
    try await first.simple("CREATE TYPE mood AS ENUM ('happy'); CREATE TYPE pair AS (a int, b int)")
    let known = try await first.query("SELECT 'happy'::mood").columns.catalogue
    // The same catalogue, not only an equal one: nothing was asked in between.
    let second = try await PostgresConnection.connect(configuration)
    for connection in [first, second] {
      let again = try await connection.query("SELECT ARRAY['happy']::mood[] IS NULL, 'happy'::mood")
      #expect(again.columns.catalogue === known)
    }
    let more = try await second.query("SELECT ROW(1, 2)::pair AS p, 'happy'::mood")
    #expect(more.columns.catalogue !== known)
    #expect(
      try await first.query("SELECT 'happy'::mood m").columns.catalogue === more.columns.catalogue)
    #expect(try await first.query("SELECT 1").columns.catalogue === PostgresTypeCatalogue.builtIn)
    // A composite that was given another field is known again after the types were forgotten.
    try await first.simple("ALTER TYPE pair ADD ATTRIBUTE c int")
    let stale = try await first.queryOne("SELECT ROW(1, 2, 3)::pair", as: PostgresComposite.self)
    #expect(stale.names == nil)
    #expect(try stale.decode(as: (Int, Int, Int).self) == (1, 2, 3))
    await first.forgetTypes()
    let fresh = try await first.queryOne("SELECT ROW(1, 2, 3)::pair", as: PostgresComposite.self)
    #expect(fresh.names == ["a", "b", "c"])
    await first.close()
    await second.close()
  }

  @Test func typesAreLookedUpWithinATransaction() async throws {
    let connection = try await connect()
    try await connection.transaction { connection in
      try await connection.simple("CREATE TYPE inner_mood AS ENUM ('x')")
      let text = try await connection.queryOne("SELECT ARRAY['x']::inner_mood[]", as: [String].self)
      #expect(text == ["x"])
    }
    await connection.close()
  }
}
