import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// Alone, since it counts what the whole process has open.
@Suite(.serialized, .timeLimit(.minutes(2))) struct StressTests {
  private func makePool(maximum: Int) async throws -> PostgresPool {
    let server = try await ThrowawayPostgres.shared(.trust)
    var options = PostgresPoolOptions()
    options.maximum = maximum
    return try PostgresPool(
      PostgresConfiguration(server.url(), environment: [:]), options: options)
  }

  /// Tasks that are cancelled at any point: each call ends, and the pool stays whole.
  @Test func cancellationAtAnyPoint() async throws {
    let pool = try await makePool(maximum: 4)
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<150 {
      let tasks = (0..<8).map { number in
        Task {
          try await pool.withConnection { connection in
            try await connection.transaction { connection in
              let value = try await connection.queryOne(
                "SELECT \(number)::int4 FROM pg_sleep(0.001)", as: Int.self)
              #expect(value == number)
            }
          }
        }
      }
      try await Task.sleep(for: .microseconds(Int.random(in: 0...3_000, using: &generator)))
      for task in tasks { task.cancel() }
      for task in tasks { _ = await task.result }
    }
    let sum = try await pool.withConnection { connection in
      try await connection.queryOne("SELECT 40 + \(2)", as: Int.self)
    }
    #expect(sum == 42)
    #expect(pool.statistics.waiting == 0)
    #expect(pool.statistics.inUse == 0)
    await pool.close()
    #expect(pool.statistics.total == 0)
  }

  /// Child tasks inside of one closure, timers among them, share the connection's thread.
  @Test func manyChildrenInOneClosure() async throws {
    let pool = try await makePool(maximum: 1)
    try await pool.withConnection { connection in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<300 {
          group.addTask {
            if number.isMultiple(of: 3) { try await Task.sleep(for: .microseconds(500)) }
            if number.isMultiple(of: 5) { await Task.yield() }
            return try await connection.queryOne("SELECT \(number)::int4", as: Int.self)
          }
        }
        let sum = try await group.reduce(0, +)
        #expect(sum == 299 * 300 / 2)
      }
    }
    await pool.close()
  }

  #if os(Linux)
    private func count(_ folder: String) throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: folder).count
    }

    @Test func closedConnectionsLeaveNothingBehind() async throws {
      let server = try await ThrowawayPostgres.shared(.trust)
      let configuration = try PostgresConfiguration(server.url(), environment: [:])
      func openAndClose(_ rounds: Int) async throws {
        for round in 0..<rounds {
          let connection = try await PostgresConnection.connect(configuration)
          try await connection.execute("SELECT 1")
          // Half of them are only let go.
          if round.isMultiple(of: 2) { await connection.close() }
        }
      }
      try await openAndClose(5)
      let descriptors = try count("/proc/self/fd")
      let threads = try count("/proc/self/task")
      try await openAndClose(100)
      var left = 0
      // Other suites run beside this one; what they have open comes and goes.
      for _ in 0..<100 {
        try await Task.sleep(for: .milliseconds(50))
        left = max(try count("/proc/self/fd") - descriptors, try count("/proc/self/task") - threads)
        if left < 40 { break }
      }
      #expect(left < 40)
    }
  #endif
}
