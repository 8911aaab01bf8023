import RoostCore
import RoostTesting
import Synchronization
import Testing

@testable import PostgresClient

@Suite(.timeLimit(.minutes(5))) struct SlowQueryTests {
  private struct Report: Sendable {
    let slow: PostgresSlowQuery
    let plan: Result<String, PostgresError>
  }

  private func slowQueries(
    _ threshold: Duration, _ heard: Heard<Report>
  ) -> PostgresSlowQueries {
    var slowQueries = PostgresSlowQueries(threshold: threshold) { slow in
      let plan: Result<String, PostgresError>
      do throws(PostgresError) {
        plan = .success(try await slow.plan(timeout: .seconds(30)))
      } catch {
        plan = .failure(error)
      }
      heard.note(Report(slow: slow, plan: plan))
    }
    // A report that is heard may not have ended yet, and others may be slow, too.
    slowQueries.limit = 10
    return slowQueries
  }

  private func configuration(_ slow: PostgresSlowQueries) async throws -> PostgresConfiguration {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    configuration.observer = PostgresObserver()
    configuration.observer?.slowQueries = slow
    return configuration
  }

  @Test func thePlanComesFromAnotherConnectionOfThePool() async throws {
    let heard = Heard<Report>()
    var options = PostgresPoolOptions()
    options.maximum = 2
    let pool = try PostgresPool(
      try await configuration(slowQueries(.milliseconds(200), heard)), options: options)
    try await pool.withConnection { connection in
      try await connection.simple(
        "CREATE TABLE IF NOT EXISTS slow_log (a int); TRUNCATE slow_log")
      try await connection.execute("SELECT 1")
      // The planner knows no more of the function than that it is to be called.
      try await connection.execute(
        "INSERT INTO slow_log SELECT 1 FROM pg_sleep(0.3) WHERE \(7)::int4 = \(7)::int4")
    }
    var report: Report?
    while report == nil {
      report = heard.all.first { $0.slow.event.sql.hasPrefix("INSERT") }
      try await Task.sleep(for: .milliseconds(5))
    }
    let insert = try #require(report)
    let plan = try insert.plan.get()
    #expect(plan.hasPrefix("Insert on slow_log"))
    #expect(plan.contains("Function Scan on pg_sleep"))
    #expect(insert.slow.event.duration >= .milliseconds(200))
    #expect(insert.slow.event.parameters == nil)
    #expect(pool.statistics.connects <= 2)
    // It was run once.
    let count = try await pool.withConnection {
      try await $0.queryOne("SELECT count(*) FROM slow_log", as: Int.self)
    }
    #expect(count == 1)
    await pool.close()
  }

  /// Everything is slow, also what the report asks itself: it is not reported again.
  @Test func aReportReportsNothing() async throws {
    let heard = Heard<Report>()
    let configuration = try await configuration(slowQueries(.zero, heard))
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.execute("SELECT \(1)::int4")
    try await heard.wait(for: 1)
    #expect(try heard.all[0].plan.get().hasPrefix("Result"))
    try await Task.sleep(for: .milliseconds(300))
    #expect(heard.all.count == 1)
    await connection.close()
  }

  @Test func reportsAreLimited() async throws {
    let passedOver = Heard<Int>()
    let gate = Mutex(false)
    let slow = PostgresSlowQueries(threshold: .zero) { slow in
      passedOver.note(slow.passedOver)
      while !gate.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(5)) }
    }
    let connection = try await PostgresConnection.connect(try await configuration(slow))
    for _ in 0..<10 { try await connection.execute("SELECT 1") }
    try await passedOver.wait(for: 1)
    gate.withLock { $0 = true }
    while passedOver.all.count < 2 {
      try await connection.execute("SELECT 1")
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect(passedOver.all[0] == 0)
    #expect(passedOver.all[1] >= 9)
    await connection.close()
  }

  @Test func whatHasNoPlanSaysSo() async throws {
    let heard = Heard<Report>()
    let configuration = try await configuration(slowQueries(.zero, heard))
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.simple("SELECT 1; SELECT 2")
    try await heard.wait(for: 1)
    try await connection.execute("CREATE TEMP TABLE only_here (a int)")
    try await heard.wait(for: 2)
    try await connection.execute("SELECT a FROM only_here")
    try await heard.wait(for: 3)
    let codes = heard.all.map { report in
      if case .failure(let error) = report.plan { return Optional(error.code) }
      return nil
    }
    #expect(codes == [.unsupported, .unsupported, .server])
    await connection.close()
  }

  @Test(arguments: [
    ("SELECT 1", true), ("  -- a comment\n select 1", true),
    ("/* a /* b */ c */(VALUES (1))", true),
    ("WITH a AS (SELECT 1) TABLE a", true), ("update t set a = 1", true), ("MERGE INTO t", true),
    ("ANALYZE t", false), ("EXPLAIN SELECT 1", false), ("CREATE TABLE t AS SELECT 1", false),
    ("selective", false), ("", false), ("/* open", false), ("-- open", false),
  ])
  func firstWordsSayWhatHasAPlan(sql: String, isPlanned: Bool) {
    #expect(PostgresSlowQuery.hasPlan(sql) == isPlanned)
  }

  /// The server does not answer: the report ends all the same.
  @Test func aPlanHasADeadline() async throws {
    let connections = Mutex(0)
    let server = try ScriptedServer { conversation in
      try conversation.logIn()
      let isFirst = connections.withLock { count in
        count += 1
        return count == 1
      }
      guard isFirst else { return conversation.waitForEnd() }
      try conversation.describe([])
      try conversation.readRequest()
      try conversation.send(.bindComplete, .commandComplete(tag: "SELECT 0"), .readyForQuery(.idle))
      conversation.waitForEnd()
    }
    let heard = Heard<PostgresError?>()
    var configuration = server.configuration()
    configuration.observer = PostgresObserver()
    configuration.observer?.slowQueries = PostgresSlowQueries(threshold: .zero) { slow in
      do throws(PostgresError) {
        _ = try await slow.plan(timeout: .milliseconds(100))
        heard.note(nil)
      } catch {
        heard.note(error)
      }
    }
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.execute("SELECT 1")
    try await heard.wait(for: 1)
    #expect(heard.all[0]?.code == .deadlineExceeded)
    await connection.close()
  }
}
