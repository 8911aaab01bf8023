import RoostCore
import RoostTesting
import Synchronization
import Testing

@testable import PostgresClient

/// What one user does to a session, the next does not find.
@Suite(.timeLimit(.minutes(5))) struct PoolResetTests {
  private func makePool(
    _ change: (inout PostgresPoolOptions) -> Void = { _ in },
    onConnect: PostgresPool.ConnectHook? = nil
  ) async throws -> PostgresPool {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    configuration.runtimeParameters["work_mem"] = "5MB"
    configuration.runtimeParameters["TimeZone"] = "Asia/Tokyo"
    var options = PostgresPoolOptions()
    options.maximum = 1
    change(&options)
    return try PostgresPool(configuration, options: options, onConnect: onConnect)
  }

  /// What a session shows of its user, in one row of texts.
  private static let looks: PostgresQuery = """
    SELECT current_setting('work_mem'), current_setting('TimeZone'), current_user::text,
      session_user::text, (SELECT count(*) FROM pg_listening_channels()),
      (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
      (SELECT count(*) FROM pg_class
        WHERE relpersistence = 't' AND pg_table_is_visible(oid) AND relname LIKE 'dirty%'),
      (SELECT count(*) FROM pg_cursors WHERE is_holdable),
      (SELECT count(*) FROM pg_prepared_statements WHERE name = 'dirty'), pg_backend_pid()
    """

  private typealias Looks = (String, String, String, String, Int, Int, Int, Int, Int, Int)

  private func look(_ pool: PostgresPool) async throws -> (text: String, process: Int) {
    let row = try await pool.withConnection { connection in
      try await connection.queryOne(Self.looks, as: Looks.self)
    }
    let numbers = [row.4, row.5, row.6, row.7, row.8].map(String.init).joined(separator: ",")
    return ("\(row.0) \(row.1) \(row.2) \(row.3) \(numbers)", row.9)
  }

  static let visible = [
    "SET work_mem = '9MB'", "SET TimeZone = 'UTC'", "SELECT set_config('work_mem', '9MB', false)",
    "LISTEN dirt", "SELECT pg_advisory_lock(77)", "SELECT pg_try_advisory_lock_shared(78)",
    "CREATE TEMP TABLE dirty_table (a int)", "SELECT 1 AS a INTO TEMPORARY dirty_into",
    "CREATE TABLE pg_temp.dirty_pg_temp AS SELECT 1 AS a", "SET ROLE pg_monitor",
    "SET SESSION AUTHORIZATION pg_monitor", "DO $$ BEGIN SET work_mem = '9MB'; END $$",
    "PREPARE dirty AS SELECT 1",
  ]

  @Test(arguments: visible, [false, true]) func changesThatShowAreUndone(
    sql: String, asScript: Bool
  ) async throws {
    let pool = try await makePool()
    let clean = try await look(pool)
    #expect(pool.statistics.resets == 0)
    try await pool.withConnection { connection in
      if asScript {
        try await connection.simple(sql)
      } else {
        try await connection.execute(PostgresQuery(unsafeSQL: sql))
      }
    }
    let after = try await look(pool)
    #expect(after.text == clean.text)
    #expect(after.process == clean.process, "the connection itself is kept")
    #expect(pool.statistics.resets == 1)
    await pool.close()
  }

  @Test(arguments: [
    ("SELECT Set_Config('a', 'b', true)", true), ("CREATE\tTEMP TABLE a (b int)", true),
    ("/* temp */", true), ("SELECT pg_advisory_xact_lock(1)", false), ("temperature", false),
    ("SELECT template FROM temps", false), ("COMMIT", false), ("", false), ("€temp", false),
    ("SELECT 1 INTO temp", true), ("SAVEPOINT roost", false),
  ])
  func wordsTell(sql: String, isTold: Bool) {
    #expect(SessionChanges.showsChange(sql) == isTold)
  }

  @Test func aHoldableCursorIsClosed() async throws {
    let pool = try await makePool()
    let clean = try await look(pool)
    try await pool.withConnection { connection in
      try await connection.simple("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT")
    }
    #expect(try await look(pool).text == clean.text)
    await pool.close()
  }

  @Test func changesInAPipelineAndACopyAreUndone() async throws {
    let pool = try await makePool()
    let clean = try await look(pool)
    try await pool.withConnection { connection in
      var batch = PostgresBatch()
      batch.execute("SELECT set_config('work_mem', '9MB', false)")
      _ = try await connection.pipeline(batch)
    }
    #expect(try await look(pool).text == clean.text)
    try await pool.withConnection { connection in
      try await connection.copyOut("COPY (SELECT pg_advisory_lock(5)::text) TO STDOUT") { _ in }
    }
    #expect(try await look(pool).text == clean.text)
    #expect(pool.statistics.resets == 2)
    await pool.close()
  }

  /// The plain path pays nothing, and prepared statements outlive a reset.
  @Test func whatChangesNothingCostsNothing() async throws {
    let pool = try await makePool()
    try await pool.withConnection { connection in
      try await connection.simple("DROP TABLE IF EXISTS plain; CREATE TABLE plain (a int)")
    }
    #expect(pool.statistics.resets == 1)
    for number in 0..<3 {
      try await pool.withConnection { connection in
        try await connection.transaction { connection in
          try await connection.execute("INSERT INTO plain VALUES (\(number))")
          try await connection.savepoint { try await $0.execute("UPDATE plain SET a = a + 1") }
          try await connection.cursor("SELECT a FROM plain", as: Int.self) {
            _ = try await $0.next()
          }
        }
        try await connection.copyIn(into: "plain", columns: ["a"]) { try await $0.write(Int32(1)) }
        try await connection.execute("DELETE FROM plain")
        try await connection.execute("SELECT pg_advisory_xact_lock(5)")
      }
    }
    #expect(pool.statistics.resets == 1)
    let kept: PostgresQuery =
      "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO plain%'"
    try await pool.withConnection { connection in
      try await connection.execute("SET work_mem = '9MB'")
    }
    #expect(try await pool.withConnection { try await $0.queryOne(kept, as: Int.self) } == 1)
    #expect(pool.statistics.resets == 2)
    await pool.close()
  }

  /// What a function of one's own does is not to be seen; two ways to say so.
  @Test func hiddenChangesAreUndoneWhenAskedFor() async throws {
    let define = """
      CREATE OR REPLACE FUNCTION hide() RETURNS text LANGUAGE sql
      AS $$ SELECT set_config('work_mem', '9MB', false) $$
      """
    let plain = try await makePool()
    try await plain.withConnection { try await $0.simple(define) }
    let clean = try await look(plain)
    try await plain.withConnection { connection in
      try await connection.execute("SELECT hide()")
      await connection.resetAfterUse()
    }
    #expect(try await look(plain).text == clean.text)
    let always = try await makePool { $0.reset = .always }
    try await always.withConnection { try await $0.execute("SELECT hide()") }
    #expect(try await look(always).text == clean.text)
    #expect(always.statistics.resets == 2)
    let never = try await makePool { $0.reset = .never }
    try await never.withConnection { try await $0.execute("SET work_mem = '9MB'") }
    #expect(try await look(never).text != clean.text)
    for pool in [plain, always, never] { await pool.close() }
  }

  /// The statements that the cache knew are parsed again after DISCARD ALL.
  @Test func theCacheLearnsOfDiscardAll() async throws {
    let pool = try await makePool()
    for _ in 0..<3 {
      try await pool.withConnection { connection in
        #expect(try await connection.queryOne("SELECT \(7)::int4", as: Int.self) == 7)
        try await connection.execute("PREPARE dirty AS SELECT 1")
      }
    }
    #expect(pool.statistics.resets == 3)
    #expect(pool.statistics.connects == 1)
    await pool.close()
  }

  @Test func theHookRunsBeforeTheFirstUseAndAfterEachReset() async throws {
    let runs = Mutex(0)
    let pool = try await makePool(onConnect: { connection in
      runs.withLock { $0 += 1 }
      try await connection.simple("SET work_mem = '7MB'; LISTEN hooked")
    })
    #expect(try await look(pool).text.hasPrefix("7MB Asia/Tokyo roost roost 1,"))
    #expect(pool.statistics.resets == 0, "what the hook sets is no change")
    try await pool.withConnection { try await $0.simple("SET work_mem = '9MB'; UNLISTEN *") }
    #expect(try await look(pool).text.hasPrefix("7MB Asia/Tokyo roost roost 1,"))
    #expect(runs.withLock { $0 } == 2)
    await pool.close()
  }

  @Test func whatTheHookThrowsReachesTheCaller() async throws {
    struct Own: Error, Equatable {}
    let fails = Mutex(true)
    let pool = try await makePool(onConnect: { _ in if fails.withLock({ $0 }) { throw Own() } })
    await #expect(throws: Own()) { try await look(pool) }
    #expect(pool.statistics.total == 0)
    #expect(pool.statistics.connectFailures == 1)
    let wrong = try await makePool(onConnect: { try await $0.execute("SELECT nonsense") })
    let error = await #expect(throws: PostgresError.self) { try await look(wrong) }
    #expect(error?.sqlState == .undefinedColumn)
    fails.withLock { $0 = false }
    let before = try await look(pool).process
    // Also when the pool has had connections.
    fails.withLock { $0 = true }
    pool.replaceConnections()
    await #expect(throws: Own()) { try await look(pool) }
    fails.withLock { $0 = false }
    #expect(try await look(pool).process != before)
    await pool.close()
  }

  /// The task is cancelled, and the session is clean all the same.
  @Test func aCancelledUserLeavesNothing() async throws {
    let pool = try await makePool()
    let clean = try await look(pool)
    let task = Task {
      try await pool.withConnection { connection in
        try await connection.execute("SET work_mem = '9MB'")
        withUnsafeCurrentTask { $0?.cancel() }
        try Task.checkCancellation()
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    let after = try await look(pool)
    #expect(after.text == clean.text)
    #expect(after.process == clean.process)
    await pool.close()
  }

  /// A session whose reset fails is nobody's.
  @Test func aFailedResetClosesTheConnection() async throws {
    let server = try ScriptedServer { conversation in
      try conversation.logIn()
      while true {
        guard case .query(let sql) = try conversation.read() else { continue }
        if sql.hasPrefix("CLOSE ALL") {
          try conversation.send(
            .errorResponse(
              .init(severity: .error, sqlState: .insufficientPrivilege, message: "no")),
            .readyForQuery(.idle))
        } else {
          try conversation.send(.commandComplete(tag: "SET"), .readyForQuery(.idle))
        }
      }
    }
    let pool = try PostgresPool(server.configuration())
    for _ in 0..<2 { try await pool.withConnection { try await $0.simple("SET a = 1") } }
    #expect(pool.statistics.discards.unreset == 2)
    #expect(pool.statistics.connects == 2)
    #expect(pool.statistics.total == 0)
    await pool.close()
  }
}
