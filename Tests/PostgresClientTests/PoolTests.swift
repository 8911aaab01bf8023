import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// Remembers a duration for another task.
private final class Elapsed: Sendable {
  private let duration = Mutex(Duration.zero)

  var value: Duration { duration.withLock { $0 } }

  func note(_ value: Duration) {
    duration.withLock { $0 = value }
  }
}

@Suite(.timeLimit(.minutes(5))) struct PoolTests {
  private func makePool(
    _ authentication: ThrowawayPostgres.Authentication = .trust,
    _ change: @Sendable (inout PostgresPoolOptions) -> Void = { _ in }
  ) async throws -> PostgresPool {
    let server = try await ThrowawayPostgres.shared(authentication)
    var options = PostgresPoolOptions()
    change(&options)
    return try PostgresPool(
      PostgresConfiguration(server.url(), environment: [:]), options: options)
  }

  private func backendID(_ pool: PostgresPool) async throws -> Int {
    try await pool.withConnection { connection in
      try await connection.queryOne("SELECT pg_backend_pid()", as: Int.self)
    }
  }

  @Test func connectionsAreUsedAgain() async throws {
    let pool = try await makePool()
    let first = try await backendID(pool)
    #expect(try await backendID(pool) == first)
    #expect(pool.statistics.connects == 1)
    #expect(pool.statistics.idle == 1)
    await pool.close()
    #expect(pool.statistics.total == 0)
    let error = await #expect(throws: PostgresError.self) { try await backendID(pool) }
    #expect(error?.code == .poolClosed)
  }

  @Test func manyTasksShareFewConnections() async throws {
    let pool = try await makePool(.scramSHA256) { $0.maximum = 4 }
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<200 {
        group.addTask {
          try await pool.withConnection { connection in
            try await connection.queryOne("SELECT \(number)::int4", as: Int.self)
          }
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 199 * 200 / 2)
    #expect(pool.statistics.connects <= 4)
    await pool.close()
  }

  @Test func anAcquireTimeoutIsOnTime() async throws {
    let pool = try await makePool {
      $0.minimum = 1
      $0.maximum = 1
      $0.acquireTimeout = .milliseconds(1_000)
    }
    // Only the wait is to be on time, not connecting.
    while pool.statistics.idle == 0 { try await Task.sleep(for: .milliseconds(5)) }
    try await pool.withConnection { _ in
      let clock = ContinuousClock()
      let start = clock.now
      let error = await #expect(throws: PostgresError.self) { try await backendID(pool) }
      #expect(error?.code == .acquireTimeout)
      #expect(clock.now - start < .seconds(20))
    }
    #expect(pool.statistics.timeouts == 1)
    await pool.close()
  }

  @Test func theWaitingQueueIsBounded() async throws {
    let pool = try await makePool {
      $0.maximum = 1
      $0.waitingLimit = 0
    }
    try await pool.withConnection { _ in
      let error = await #expect(throws: PostgresError.self) { try await backendID(pool) }
      #expect(error?.code == .poolExhausted)
    }
    await pool.close()
  }

  @Test func overflowIsClosedWhenGivenBack() async throws {
    let pool = try await makePool {
      $0.maximum = 1
      $0.overflow = 1
    }
    try await pool.withConnection { _ in
      _ = try await backendID(pool)
      #expect(pool.statistics.total == 1)
    }
    #expect(pool.statistics.connects == 2)
    await pool.close()
  }

  @Test func aTransactionLeftOpenIsRolledBack() async throws {
    let pool = try await makePool { $0.maximum = 1 }
    try await pool.withConnection { connection in
      try await connection.begin()
      try await connection.execute("CREATE TEMP TABLE left_open (a int)")
    }
    try await pool.withConnection { connection in
      #expect(connection.transactionStatus == .idle)
      let isGone = try await connection.queryOne(
        "SELECT to_regclass('left_open') IS NULL", as: Bool.self)
      #expect(isGone)
    }
    await pool.close()
  }

  @Test func aConnectionThatDiedInThePoolIsReplaced() async throws {
    let pool = try await makePool { $0.maximum = 2 }
    let victim = try await backendID(pool)
    let other = try await makePool()
    try await other.withConnection { connection in
      _ = try await connection.queryOne(
        "SELECT pg_terminate_backend(\(victim)::int4)", as: Bool.self)
      let isThere: PostgresQuery =
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid = \(victim)::int4"
      while try await connection.queryOne(isThere, as: Bool.self) {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
    #expect(try await backendID(pool) != victim)
    await pool.close()
    await other.close()
  }

  @Test func idleConnectionsEnd() async throws {
    let pool = try await makePool { $0.idleLifetime = .milliseconds(100) }
    _ = try await backendID(pool)
    while pool.statistics.total > 0 { try await Task.sleep(for: .milliseconds(50)) }
    await pool.close()
  }

  @Test func theMinimumIsKept() async throws {
    let pool = try await makePool { $0.minimum = 2 }
    while pool.statistics.idle < 2 { try await Task.sleep(for: .milliseconds(50)) }
    #expect(pool.statistics.idle == 2)
    await pool.close()
  }

  @Test func permanentErrorsFailAtOnce() async throws {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    configuration.password = "wrong"
    let wrong = try PostgresPool(configuration)
    let refused = await #expect(throws: PostgresError.self) { try await backendID(wrong) }
    #expect(refused?.code == .authenticationFailed)
    #expect(refused?.sqlState == .invalidPassword)
    let nowhere = try PostgresPool(
      PostgresConfiguration(server.url(database: "nowhere"), environment: [:]))
    let unknown = await #expect(throws: PostgresError.self) { try await backendID(nowhere) }
    #expect(unknown?.code == .unknownDatabase)
    #expect(unknown?.sqlState == .invalidCatalogName)
  }

  /// The reason for the loop's design: a read must not hold up what else runs in the closure.
  @Test func aTaskGroupTimeoutFiresOnTime() async throws {
    let pool = try await makePool()
    _ = try await backendID(pool)
    let clock = ContinuousClock()
    let start = clock.now
    let elapsed = Elapsed()
    await #expect(throws: (any Error).self) {
      try await pool.withConnection { connection in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await connection.execute("SELECT pg_sleep(50)") }
          group.addTask {
            try await Task.sleep(for: .milliseconds(150))
            elapsed.note(clock.now - start)
            throw CancellationError()
          }
          defer { group.cancelAll() }
          try await group.next()
        }
      }
    }
    #expect(elapsed.value > .zero)
    #expect(elapsed.value < .seconds(30))
    #expect(clock.now - start < .seconds(30))
    #expect(try await backendID(pool) > 0)
    await pool.close()
  }

  @MainActor @Test func worksFromTheMainActorAndTasks() async throws {
    let pool = try await makePool { $0.maximum = 2 }
    let fromMain = try await pool.withConnection { connection in
      try await connection.queryOne("SELECT 1", as: Int.self)
    }
    #expect(fromMain == 1)
    let kept = try await pool.withConnection { $0 }
    let task = Task { try await kept.queryOne("SELECT 2", as: Int.self) }
    #expect(try await task.value == 2)
    #expect(try await kept.queryOne("SELECT 3", as: Int.self) == 3)
    await pool.close()
  }
}
