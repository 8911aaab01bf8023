import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// COPY, pipelines, cursors and notifications over TLS, where bytes that are decrypted already do
/// not show in the socket, and both sides write at once.
@Suite(
  .enabled("needs a server with TLS") { try await ServerFeature.tls.isThere },
  .timeLimit(.minutes(2)))
struct TLSFeatureTests {
  private func withConnection(
    _ body: @Sendable (PostgresConnection, PostgresConfiguration) async throws -> Void
  ) async throws {
    let configuration = try await TLSFixture().configuration(["sslmode": "require"])
    let connection = try await PostgresConnection.connect(configuration)
    #expect(connection.encryption != nil)
    do {
      try await connection.run { try await body($0, configuration) }
      #expect(try await connection.queryOne("SELECT 40 + \(2)", as: Int.self) == 42)
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  @Test func copyThereAndBack() async throws {
    try await withConnection { connection, _ async throws in
      try await connection.simple("CREATE TEMPORARY TABLE copied (id int4, name text)")
      let copied = try await connection.copyIn(into: "copied", columns: ["id", "name"]) { copy in
        for number in 1...100_000 { try await copy.write(Int32(number), "name \(number)") }
      }
      #expect(copied == 100_000)
      var sum = 0
      var names = 0
      let read = try await connection.copyOut(rowsOf: "SELECT id, name FROM copied") { row in
        let (id, name) = try row.decode(as: (Int32, String).self)
        sum += Int(id)
        names += name == "name \(id)" ? 1 : 0
      }
      #expect(read == 100_000 && sum == 5_000_050_000 && names == 100_000)
    }
  }

  @Test func aCopyThatIsRefusedHalfWay() async throws {
    try await withConnection { connection, _ async throws in
      try await connection.simple("CREATE TEMPORARY TABLE small (id int4 CHECK (id < 1000))")
      var code: PostgresError?
      do {
        try await connection.copyIn(into: "small", columns: ["id"]) { copy in
          for number in 1...200_000 { try await copy.write(Int32(number)) }
        }
      } catch {
        code = error as? PostgresError
      }
      #expect(code?.sqlState == .checkViolation)
    }
  }

  @Test func pipelinesWithBigReplies() async throws {
    try await withConnection { connection, _ async throws in
      var batch = PostgresBatch()
      let replies = (0..<2_000).map { number in
        batch.queryOne("SELECT \(number)::int4, repeat('x', 2000)", as: (Int, String).self)
      }
      let results = try await connection.pipeline(batch)
      for (number, reply) in replies.enumerated() {
        let (back, text) = try results[reply]
        #expect(back == number && text.utf8.count == 2_000)
      }
      try await connection.simple("CREATE TEMPORARY TABLE many (id int4, text text)")
      let affected = try await connection.executeMany(
        "INSERT INTO many VALUES ($1, $2)", (0..<10_000).map { (Int32($0), "text \($0)") })
      #expect(affected == 10_000)
    }
  }

  @Test func cursors() async throws {
    try await withConnection { connection, _ async throws in
      let sum = try await connection.cursor(
        "SELECT g, repeat('y', 500) FROM generate_series(1, 5000) g", as: (Int, String).self,
        batchSize: 700
      ) { cursor in
        var sum = 0
        while let batch = try await cursor.next() { for (number, _) in batch { sum += number } }
        return sum
      }
      #expect(sum == 12_502_500)
    }
  }

  @Test func notifications() async throws {
    try await withConnection { connection, configuration async throws in
      let listener = try PostgresListener(configuration)
      var events = try await listener.listen("over TLS").makeAsyncIterator()
      // Many at once: all but the first may come with the same record.
      try await connection.simple(
        "SELECT pg_notify('over TLS', g::text) FROM generate_series(1, 500) g")
      for number in 1...500 {
        guard case .notification(_, let payload, _) = try await events.next() else {
          Issue.record("no notification")
          break
        }
        #expect(payload == "\(number)")
      }
      await listener.close()
    }
  }
}
