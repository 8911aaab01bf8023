import PostgresClient
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// A primary and a hot standby that follows it, and what a pool over both does when they change
/// their parts.
@Suite(.serialized, .timeLimit(.minutes(3))) struct FailoverTests {
  private struct Pair {
    let primary: ThrowawayPostgres
    let standby: ThrowawayPostgres

    func stop() {
      standby.stop()
      primary.stop()
    }

    func configuration(
      _ target: PostgresConfiguration.TargetSession
    ) throws -> PostgresConfiguration {
      var configuration = try PostgresConfiguration(primary.url(), environment: [:])
      configuration.hosts = [primary, standby].map { server in
        PostgresConfiguration.Host("127.0.0.1", port: server.port)
      }
      configuration.targetSession = target
      configuration.connectTimeout = .seconds(5)
      configuration.queryTimeout = .seconds(20)
      return configuration
    }
  }

  private func makePair() async throws -> Pair {
    let primary = try await ThrowawayPostgres.start(
      .trust, settings: ["synchronous_commit": "on"])
    return Pair(primary: primary, standby: try await primary.startStandby())
  }

  private func run(_ script: String, on server: ThrowawayPostgres) async throws {
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(server.url(), environment: [:]))
    for statement in script.split(separator: ";") {
      try await connection.simple(String(statement))
    }
    await connection.close()
  }

  /// What writers were told of the rows that they wrote.
  private final class Ledger: Sendable {
    struct State {
      var nextID = 0
      var acknowledged: Set<Int> = []
      var inDoubt: Set<Int> = []
      var unexpected: [String] = []
      var isPromoted = false
      var writersAfterPromotion: Set<Int> = []
    }

    let state = Mutex(State())
    var isOver: Bool { state.withLock { $0.writersAfterPromotion.count == FailoverTests.writers } }

    func makeID() -> Int {
      state.withLock { state in
        state.nextID += 1
        return state.nextID
      }
    }

    func note(_ id: Int, of writer: Int, _ outcome: Result<Void, any Error>) {
      state.withLock { state in
        switch outcome {
        case .success:
          state.acknowledged.insert(id)
          if state.isPromoted { state.writersAfterPromotion.insert(writer) }
        case .failure(let error as PostgresError):
          switch error.code {
          case .outcomeUnknown: state.inDoubt.insert(id)
          case .closed, .acquireTimeout: break
          // Who still writes when all have got through is called off.
          case .cancelled where state.writersAfterPromotion.count == FailoverTests.writers: break
          // A statement that the crash ends, before the connection is.
          case .server where error.sqlState == .adminShutdown || error.sqlState == .crashShutdown:
            break
          default: state.unexpected.append("\(error)")
          }
        case .failure(let error): state.unexpected.append("\(error)")
        }
      }
    }
  }

  private static let writers = 8

  private func write(_ pool: PostgresPool, _ ledger: Ledger, writer: Int) async {
    while !ledger.isOver, !Task.isCancelled {
      let id = ledger.makeID()
      let outcome: Result<Void, any Error>
      do {
        try await pool.withConnection { connection in
          try await connection.transaction { connection in
            try await connection.execute("INSERT INTO ledger VALUES (\(id))")
          }
        }
        outcome = .success(())
      } catch {
        outcome = .failure(error)
      }
      ledger.note(id, of: writer, outcome)
    }
  }

  /// The primary crashes under writers and the standby takes over: all get through again, and with
  /// synchronous replication no commit that was acknowledged is lost.
  @Test func aPoolFollowsThePrimary() async throws {
    let pair = try await makePair()
    defer { pair.stop() }
    try await run(
      """
      CREATE TABLE ledger (id int8 PRIMARY KEY); ALTER SYSTEM SET synchronous_standby_names = '*';
      SELECT pg_reload_conf()
      """, on: pair.primary)
    var options = PostgresPoolOptions()
    options.maximum = 4
    let pool = try PostgresPool(try pair.configuration(.readWrite), options: options)
    let ledger = Ledger()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<Self.writers { group.addTask { await write(pool, ledger, writer: writer) } }
      while ledger.state.withLock({ $0.acknowledged.count }) < 200 {
        try await Task.sleep(for: .milliseconds(10))
      }
      try pair.primary.crash()
      try await Task.sleep(for: .milliseconds(300))
      try await pair.standby.promote()
      ledger.state.withLock { $0.isPromoted = true }
      group.addTask {
        try await Task.sleep(for: .seconds(60))
        throw TooLate(what: "not all writers got through after the promotion")
      }
      while !ledger.isOver { try await group.next() }
      group.cancelAll()
    }
    let state = ledger.state.withLock { $0 }
    #expect(state.unexpected == [])
    let rows = try await pool.withConnection { connection in
      #expect(connection.host.port == pair.standby.port)
      return try await connection.query("SELECT id FROM ledger", as: Int.self)
    }
    #expect(state.acknowledged.subtracting(rows).isEmpty, "an acknowledged commit is lost")
    #expect(Set(rows).subtracting(state.acknowledged).isSubset(of: state.inDoubt))
    #expect(pool.statistics.connectFailures < 100)
    #expect(await pool.drain(timeout: .seconds(20)))
  }

  private struct TooLate: Error { let what: String }

  private func ports(
    _ configuration: PostgresConfiguration, count: Int
  ) async throws -> Set<Int> {
    var ports: Set<Int> = []
    for _ in 0..<count {
      let connection = try await PostgresConnection.connect(configuration)
      ports.insert(connection.host.port)
      await connection.close()
    }
    return ports
  }

  /// Which server is chosen, and that a server that was demoted is left.
  @Test func serversThatChangeTheirPartsAreFollowed() async throws {
    let pair = try await makePair()
    defer { pair.stop() }
    let (first, second) = (pair.primary.port, pair.standby.port)
    var balanced = try pair.configuration(.any)
    balanced.loadBalancing = .random
    #expect(try await ports(balanced, count: 40) == [first, second])
    #expect(try await ports(pair.configuration(.preferStandby), count: 2) == [second])
    #expect(try await ports(pair.configuration(.readWrite), count: 2) == [first])

    // A session on a standby is reset as any other.
    var options = PostgresPoolOptions()
    options.maximum = 3
    let reader = try PostgresPool(try pair.configuration(.standby), options: options)
    for _ in 0..<2 {
      try await reader.withConnection { try await $0.simple("SET work_mem = '9MB'") }
    }
    #expect(reader.statistics.resets == 2)
    #expect(reader.statistics.connects == 1)
    await reader.close()

    let pool = try PostgresPool(try pair.configuration(.readWrite), options: options)
    try await pool.withConnection { connection in
      try await connection.simple("CREATE TABLE kept (a int)")
      try await pool.withConnection { _ in try await pool.withConnection { _ in } }
      // A write where the user wants none is the user's affair.
      try await connection.begin(PostgresTransactionOptions(readOnly: true))
      let error = await #expect(throws: PostgresError.self) {
        try await connection.execute("INSERT INTO kept VALUES (0)")
      }
      #expect(error?.sqlState == .readOnlyTransaction)
    }
    #expect(pool.statistics.idle == 3)
    try await run(
      "ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf()",
      on: pair.primary)
    try await pair.standby.promote()
    try await Task.sleep(for: .milliseconds(300))
    let demoted = await #expect(throws: PostgresError.self) {
      try await pool.withConnection { try await $0.execute("INSERT INTO kept VALUES (1)") }
    }
    #expect(demoted?.sqlState == .readOnlyTransaction)
    for number in 2..<6 {
      try await pool.withConnection { connection in
        #expect(connection.host.port == second)
        try await connection.execute("INSERT INTO kept VALUES (\(number))")
      }
    }
    #expect(pool.statistics.discards.replaced == 3)
    #expect(try await ports(pair.configuration(.preferStandby), count: 2) == [first])
    #expect(try await ports(pair.configuration(.readOnly), count: 2) == [first])
    #expect(await pool.drain(timeout: .seconds(20)))
  }
}
