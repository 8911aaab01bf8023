import Foundation
import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// How a pool opens connections, against a server that counts them.
@Suite(.timeLimit(.minutes(5))) struct PoolConnectTests {
  private final class Counter: Sendable {
    private let counts = Mutex((now: 0, all: 0, most: 0))

    var all: Int { counts.withLock { $0.all } }
    var most: Int { counts.withLock { $0.most } }

    func begin() -> Int {
      counts.withLock { counts in
        counts.all += 1
        counts.now += 1
        counts.most = max(counts.most, counts.now)
        return counts.all
      }
    }

    func end() { counts.withLock { $0.now -= 1 } }
  }

  private func refusal(_ sqlState: SQLState) -> BackendMessage {
    .errorResponse(PostgresServerMessage(severity: .fatal, sqlState: sqlState, message: "no"))
  }

  /// Serves empty queries until the client goes.
  private static func serve(_ conversation: ScriptedConversation) throws {
    while true {
      if case .query = try conversation.read() {
        try conversation.send(.emptyQueryResponse, .readyForQuery(.idle))
      }
    }
  }

  private static func loseAtFirstRequest(_ conversation: ScriptedConversation) throws {
    try conversation.logIn()
    _ = try conversation.read()
  }

  private func outcomes(
    _ pool: PostgresPool, callers: Int,
    _ body: @escaping @Sendable (PostgresConnection) async throws -> Void = { _ in }
  ) async -> [PostgresError?] {
    await withTaskGroup(of: PostgresError?.self) { group in
      for _ in 0..<callers {
        group.addTask {
          do {
            try await pool.withConnection(body)
            return nil
          } catch {
            return error as? PostgresError
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  @Test func aThousandCallersDoNotHammerAServerThatIsDown() async throws {
    let counter = Counter()
    let server = try ScriptedServer { conversation in
      // It lets one in, which then is lost, and nobody after that.
      let isFirst = counter.begin() == 1
      defer { counter.end() }
      if isFirst { return try Self.loseAtFirstRequest(conversation) }
      _ = try conversation.readStartup()
      try conversation.send(refusal(.cannotConnectNow))
    }
    var options = PostgresPoolOptions()
    options.maximum = 50
    options.acquireTimeout = .seconds(2)
    let pool = try PostgresPool(server.configuration(), options: options)
    try await pool.withConnection { _ in }
    let errors = await outcomes(pool, callers: 1_000) { try await $0.simple("") }
    #expect(errors.allSatisfy { $0?.code == .acquireTimeout || $0?.code == .closed })
    let late = errors.compactMap { $0 }.filter { $0.code == .acquireTimeout }
    #expect(late.count >= 999)
    #expect(late.allSatisfy { $0.cause?.sqlState == .cannotConnectNow })
    // In two seconds: four side by side at most, then pauses of 25 to 50 ms, and so on.
    #expect(counter.all <= 5 + 10)
    #expect(counter.all >= 3)
    #expect(counter.most <= 5)
    #expect(pool.statistics.total == pool.statistics.connecting)
    #expect(pool.statistics.waiting == 0)
    await pool.close()
  }

  @Test func onlySoManyConnectAtATime() async throws {
    let counter = Counter()
    let server = try ScriptedServer { conversation in
      _ = counter.begin()
      Thread.sleep(forTimeInterval: 0.05)
      // Before the client can know that it is in, and let the next one begin.
      counter.end()
      try conversation.logIn()
      try Self.serve(conversation)
    }
    var options = PostgresPoolOptions()
    options.maximum = 12
    options.connectLimit = 3
    let pool = try PostgresPool(server.configuration(), options: options)
    let errors = await outcomes(pool, callers: 100) { connection in
      try await connection.simple("")
      try await Task.sleep(for: .milliseconds(100))
    }
    #expect(errors.allSatisfy { $0 == nil })
    #expect(counter.all == 12)
    #expect(counter.most <= 3)
    #expect(pool.statistics.connectTimes.count == 12)
    #expect(pool.statistics.waitTimes.count == 100)
    await pool.close()
  }

  static let permanent: [(SQLState, PostgresError.Code)] = [
    (.invalidPassword, .authenticationFailed), (.invalidAuthorization, .authenticationFailed),
    (.invalidCatalogName, .unknownDatabase),
  ]

  /// Also when the pool has had connections, and for all who wait behind the first.
  @Test(arguments: permanent)
  func permanentErrorsFailAtOnce(sqlState: SQLState, code: PostgresError.Code) async throws {
    let counter = Counter()
    let server = try ScriptedServer { conversation in
      let isFirst = counter.begin() == 1
      if isFirst { return try Self.loseAtFirstRequest(conversation) }
      _ = try conversation.readStartup()
      try conversation.send(refusal(sqlState))
    }
    for mustConnectBefore in [false, true] {
      var options = PostgresPoolOptions()
      options.maximum = 3
      let pool = try PostgresPool(server.configuration(), options: options)
      if !mustConnectBefore { try await pool.withConnection { _ in } }
      let start = ContinuousClock().now
      // The first may still find the connection that was lost.
      let errors = await outcomes(pool, callers: 100) { try await $0.simple("") }
      #expect(errors.count { $0?.code == code } >= 99)
      #expect(ContinuousClock().now - start < .seconds(10), "long before the acquire timeout")
      await pool.close()
    }
    #expect(counter.all <= 20)
  }

  @Test func aWrongConfigurationFailsAtOnce() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    configuration.sslMode = .require
    let pool = try PostgresPool(configuration)
    let errors = await outcomes(pool, callers: 10)
    #expect(errors.allSatisfy { $0?.code == .tlsFailed })
    #expect(pool.statistics.connectFailures <= 4)
    await pool.close()
    configuration.port = 0
    let wrong = #expect(throws: PostgresError.self) { try PostgresPool(configuration) }
    #expect(wrong?.code == .invalidConfiguration)
  }

  /// While others are there to come back, a permanent failure is only the first one's.
  @Test func thoseWhoCanBeServedAreServed() async throws {
    let counter = Counter()
    let server = try ScriptedServer { conversation in
      if counter.begin() == 1 {
        try conversation.logIn()
        return try Self.serve(conversation)
      }
      _ = try conversation.readStartup()
      try conversation.send(refusal(.invalidPassword))
    }
    var options = PostgresPoolOptions()
    options.maximum = 2
    let pool = try PostgresPool(server.configuration(), options: options)
    let others = try await pool.withConnection { connection in
      let others = Task { await outcomes(pool, callers: 5) { try await $0.simple("") } }
      while pool.statistics.connectFailures == 0 { try await Task.sleep(for: .milliseconds(5)) }
      try await connection.simple("")
      return others
    }
    // Our own connection serves them from here on.
    let errors = await others.value
    #expect(errors.contains { $0?.code == .authenticationFailed })
    #expect(errors.contains { $0 == nil })
    #expect(errors.allSatisfy { $0 == nil || $0?.code == .authenticationFailed })
    await pool.close()
  }

  @Test func lifetimesDiffer() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    var options = PostgresPoolOptions()
    options.maximum = 8
    options.minimum = 8
    options.maximumLifetime = .seconds(2)
    options.lifetimeJitter = 0.9
    let pool = try PostgresPool(
      PostgresConfiguration(server.url(), environment: [:]), options: options)
    // They were opened together, and are not replaced together.
    var replaced: Set<Int> = []
    for _ in 0..<200 where replaced.count < 4 {
      try await Task.sleep(for: .milliseconds(20))
      replaced.insert(pool.statistics.discards.expired)
    }
    #expect(replaced.count >= 4)
    await pool.close()
  }
}
