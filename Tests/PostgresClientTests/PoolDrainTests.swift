import PostgresClient
import RoostTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct PoolDrainTests {
  private func makePool(maximum: Int = 4) async throws -> PostgresPool {
    let server = try await ThrowawayPostgres.shared(.trust)
    var options = PostgresPoolOptions()
    options.maximum = maximum
    return try PostgresPool(
      PostgresConfiguration(server.url(), environment: [:]), options: options)
  }

  /// Starts a use and returns when it has the connection.
  private func use(
    _ pool: PostgresPool, _ body: @escaping @Sendable (PostgresConnection) async throws -> Void
  ) async throws -> Task<Void, any Error> {
    let hasBegun = Mutex(false)
    let task = Task {
      try await pool.withConnection { connection in
        hasBegun.withLock { $0 = true }
        try await body(connection)
      }
    }
    while !hasBegun.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
    return task
  }

  @Test func thoseInUseMayFinish() async throws {
    let pool = try await makePool(maximum: 1)
    let mayFinish = Mutex(false)
    let task = try await use(pool) { connection in
      while !mayFinish.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
      try await connection.execute("SELECT 1")
    }
    let waiter = Task { try await pool.withConnection { _ in } }
    while pool.statistics.waiting == 0 { try await Task.sleep(for: .milliseconds(2)) }
    async let isDrained = pool.drain(timeout: .seconds(30))
    // It has begun when nobody waits any more.
    while pool.statistics.waiting > 0 { try await Task.sleep(for: .milliseconds(2)) }
    mayFinish.withLock { $0 = true }
    #expect(await isDrained)
    try await task.value
    let refused = await #expect(throws: PostgresError.self) { try await waiter.value }
    #expect(refused?.code == .poolClosed)
    let later = await #expect(throws: PostgresError.self) { try await pool.withConnection { _ in } }
    #expect(later?.code == .poolClosed)
    #expect(pool.statistics.total == 0)
    #expect(await pool.drain(timeout: .zero), "again, it is nothing to wait for")
  }

  @Test func thoseWhoTakeTooLongAreClosed() async throws {
    let pool = try await makePool()
    let asking = try await use(pool) { try await $0.execute("SELECT pg_sleep(60)") }
    let start = ContinuousClock().now
    #expect(await pool.drain(timeout: .milliseconds(200)) == false)
    #expect(ContinuousClock().now - start < .seconds(20))
    let error = await #expect(throws: PostgresError.self) { try await asking.value }
    #expect(error?.code == .closed)
    #expect(pool.statistics.total == 0)
  }

  /// A closure that never comes back does not keep the pool from closing.
  @Test func aUserWhoKeepsTheConnectionIsNotWaitedForInVain() async throws {
    let pool = try await makePool()
    let sleeping = try await use(pool) { connection in
      try await Task.sleep(for: .seconds(600))
      try await connection.execute("SELECT 1")
    }
    #expect(await pool.drain(timeout: .milliseconds(100)) == false)
    #expect(pool.statistics.inUse == 1)
    sleeping.cancel()
    await #expect(throws: CancellationError.self) { try await sleeping.value }
    #expect(pool.statistics.total == 0)
  }

  /// A server that never lets anybody in does not either.
  @Test func connectsAreGivenUp() async throws {
    let server = try ScriptedServer { conversation in
      _ = try conversation.readStartup()
      conversation.waitForEnd()
    }
    var configuration = server.configuration()
    configuration.connectTimeout = .seconds(50)
    let pool = try PostgresPool(configuration)
    let waiter = Task { try await pool.withConnection { _ in } }
    while pool.statistics.connecting == 0 { try await Task.sleep(for: .milliseconds(2)) }
    #expect(await pool.drain(timeout: .seconds(20)))
    let refused = await #expect(throws: PostgresError.self) { try await waiter.value }
    #expect(refused?.code == .poolClosed)
  }

  @Test func connectionsAreReplacedOnDemand() async throws {
    let pool = try await makePool(maximum: 2)
    let process: PostgresQuery = "SELECT pg_backend_pid()"
    let idle = try await pool.withConnection { try await $0.queryOne(process, as: Int.self) }
    pool.replaceConnections()
    let used = try await pool.withConnection { connection in
      pool.replaceConnections()
      // Whoever has one keeps it.
      return try await connection.queryOne(process, as: Int.self)
    }
    let new = try await pool.withConnection { try await $0.queryOne(process, as: Int.self) }
    #expect(Set([idle, used, new]).count == 3)
    #expect(pool.statistics.discards.replaced == 2)
    await pool.close()
  }

  /// A thousand tasks that are cancelled or have their connection closed at random.
  @Test(arguments: [1, 2, 3] as [UInt64]) func aThousandTasksLeaveItWhole(seed: UInt64) async throws
  {
    let pool = try await makePool(maximum: 6)
    var generator = SeededGenerator(state: seed)
    let tasks = (0..<1_000).map { number in
      let closes = Int.random(in: 0..<10, using: &generator) == 0
      return Task {
        try await pool.withConnection { connection in
          let value = try await connection.queryOne("SELECT \(number)::int4", as: Int.self)
          if closes { await connection.close() }
          return value
        }
      }
    }
    for index in tasks.indices where Bool.random(using: &generator) {
      tasks[index].cancel()
      if index.isMultiple(of: 50) { try await Task.sleep(for: .milliseconds(1)) }
    }
    for (number, task) in tasks.enumerated() {
      switch await task.result {
      case .success(let value): #expect(value == number)
      case .failure(let error): #expect((error as? PostgresError)?.code == .cancelled)
      }
    }
    while pool.statistics.connecting > 0 { try await Task.sleep(for: .milliseconds(10)) }
    let figures = pool.statistics
    #expect(figures.waiting == 0)
    #expect(figures.total == figures.idle)
    #expect(figures.useTimes.count > 0)
    #expect(try await pool.withConnection { try await $0.queryOne("SELECT 1", as: Int.self) } == 1)
    #expect(await pool.drain(timeout: .seconds(20)))
  }
}
