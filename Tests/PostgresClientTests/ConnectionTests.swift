import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct ConnectionTests {
  private func connect(
    _ authentication: ThrowawayPostgres.Authentication = .trust, tcp: Bool = true
  ) async throws -> PostgresConnection {
    let server = try await ThrowawayPostgres.shared(authentication)
    let configuration = try PostgresConfiguration(server.url(tcp: tcp), environment: [:])
    return try await PostgresConnection.connect(configuration)
  }

  @Test(
    arguments: ThrowawayPostgres.Authentication.allCases, [true, false])
  func logsIn(_ authentication: ThrowawayPostgres.Authentication, tcp: Bool) async throws {
    let connection = try await connect(authentication, tcp: tcp)
    let (user, sum) = try await connection.queryOne(
      "SELECT current_user, \(40)::int4 + 2", as: (String, Int).self)
    #expect(user == "roost")
    #expect(sum == 42)
    #expect(connection.serverParameters["server_encoding"] == "UTF8")
    await connection.close()
    #expect(connection.isClosed)
    await #expect(throws: PostgresError.self) { try await connection.execute("SELECT 1") }
  }

  @Test func rowsAsTuplesAndStructs() async throws {
    let connection = try await connect()
    let rows = try await connection.query(
      """
      SELECT g, 'n' || g, CASE WHEN g = 2 THEN NULL ELSE g * 1.5 END::float8
      FROM generate_series(1, \(3)) g
      """, as: (Int, String, Double?).self)
    #expect(rows.map(\.0) == [1, 2, 3])
    #expect(rows.map(\.1) == ["n1", "n2", "n3"])
    #expect(rows.map(\.2) == [1.5, nil, 4.5])
    struct Person: Decodable, Equatable {
      var id: Int
      var fullName: String
      var homeURL: String?
    }
    let people = try await connection.query(
      "SELECT 7 AS id, 'Ada' AS full_name, NULL::text AS home_url", decoding: Person.self)
    #expect(people == [Person(id: 7, fullName: "Ada", homeURL: nil)])
  }

  @Test func errorsLeaveTheSessionUsable() async throws {
    let connection = try await connect()
    for _ in 0..<3 {
      let error = await #expect(throws: PostgresError.self) {
        try await connection.execute("SELECT 1 / \(0)")
      }
      #expect(error?.code == .server)
      #expect(error?.sqlState == SQLState("22012"))
      let syntax = await #expect(throws: PostgresError.self) {
        try await connection.execute("SELEKT 1")
      }
      #expect(syntax?.sqlState == .syntaxError)
      #expect(syntax?.server?.position == 1)
      #expect(try await connection.queryOne("SELECT 1", as: Int.self) == 1)
    }
  }

  @Test func scripts() async throws {
    let connection = try await connect()
    let results = try await connection.simple(
      """
      CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1), (2);
      SELECT a, a::text FROM t; SELECT NULL::int
      """
    )
    #expect(
      results.map(\.tag.description) == ["CREATE TABLE", "INSERT 0 2", "SELECT 2", "SELECT 1"])
    #expect(results.map(\.tag.rowCount) == [nil, 2, 2, 1])
    #expect(try results[2].decode(as: (Int, String).self).map(\.1) == ["1", "2"])
    #expect(try results[3].decode(as: Int?.self).first == .some(nil))
  }
}
