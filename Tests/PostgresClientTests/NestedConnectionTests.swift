import PostgresClient
import RoostTesting
import Testing

/// Connections that are used within each other's closures: what one of them waits for must go on
/// where it belongs, or a connection sleeps for ever. Where it does not, an assertion of
/// `ConnectionLoop` ends the run.
@Suite(.timeLimit(.minutes(5))) struct NestedConnectionTests {
  @Test func eachGoesOnOnItsOwnLoop() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let configuration = try PostgresConfiguration(server.url(), environment: [:])
    try await withThrowingTaskGroup { group in
      for _ in 0..<4 {
        group.addTask {
          let outer = try await PostgresConnection.connect(configuration)
          let inner = try await PostgresConnection.connect(configuration)
          // Rows that come in several pieces, the first later than anybody waits in place.
          let query: PostgresQuery =
            "SELECT repeat('x', 1000) FROM generate_series(1, 1000), pg_sleep(0.008)"
          for _ in 0..<30 {
            let sum = try await outer.run { outer in
              let one = try await outer.queryOne("SELECT 1", as: Int.self)
              let others = try await inner.run { inner in
                let rows = try await outer.query(query, as: String.self)
                return rows.count + (try await inner.queryOne("SELECT 3", as: Int.self))
              }
              return one + others
            }
            #expect(sum == 1_004)
          }
          await outer.close()
          await inner.close()
        }
      }
      try await group.waitForAll()
    }
  }
}
