import PostgresClient
import RoostTesting
import Testing

/// Connections that are used within each other's closures: what one of them waits for must go on
/// where it belongs, or a connection sleeps for ever.
@Suite(.timeLimit(.minutes(5))) struct NestedConnectionTests {
  @Test func eachGoesOnOnItsOwnLoop() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let configuration = try PostgresConfiguration(server.url(), environment: [:])
    try await withThrowingTaskGroup { group in
      for _ in 0..<4 {
        group.addTask {
          let outer = try await PostgresConnection.connect(configuration)
          let inner = try await PostgresConnection.connect(configuration)
          for number in 0..<100 {
            // Longer than anybody waits without letting go of the thread.
            let pause = number.isMultiple(of: 2) ? 0.003 : 0
            let sum = try await outer.run { outer in
              let one = try await outer.queryOne("SELECT 1", as: Int.self)
              let others = try await inner.run { inner in
                let two = try await outer.queryOne("SELECT 2 FROM pg_sleep(\(pause))", as: Int.self)
                return two + (try await inner.queryOne("SELECT 3", as: Int.self))
              }
              return one + others
            }
            #expect(sum == 6)
          }
          await outer.close()
          await inner.close()
        }
      }
      try await group.waitForAll()
    }
  }
}
