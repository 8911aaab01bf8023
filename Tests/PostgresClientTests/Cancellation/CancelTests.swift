import PostgresClient
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// What a cancelled task, and a deadline, do to a query and to its connection.
@Suite(.timeLimit(.minutes(2))) struct CancelTests {
  private struct Stop: Error, Equatable {}

  /// Long enough for whoever is slow, far below what the queries here would take.
  private static let soon = Duration.seconds(30)

  private func connect() async throws -> PostgresConnection {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    configuration.cancelTimeout = .seconds(20)
    return try await PostgresConnection.connect(configuration)
  }

  private func backendID(_ connection: PostgresConnection) async throws -> Int {
    try await connection.queryOne("SELECT pg_backend_pid()", as: Int.self)
  }

  /// Runs something that would take a minute, ends it, and expects that it ended soon, that the
  /// server has stopped, and that the same session goes on.
  private func stop(
    _ connection: PostgresConnection, byDeadline: Bool = false,
    _ body: @escaping @Sendable (PostgresConnection, Duration?) async throws -> Void
  ) async throws -> PostgresError? {
    let backend = try await backendID(connection)
    let observer = try await connect()
    let clock = ContinuousClock()
    let start = clock.now
    // Long enough for a busy server to be in the midst of it.
    let pause = Duration.seconds(1)
    let task = Task { try await body(connection, byDeadline ? pause : nil) }
    if !byDeadline {
      try await Task.sleep(for: pause)
      task.cancel()
    }
    let result = await task.result
    #expect(clock.now - start < Self.soon)
    let error = #expect(throws: PostgresError.self) { try result.get() }
    #expect(error?.code == (byDeadline ? .deadlineExceeded : .cancelled))
    #expect(!connection.isClosed)
    let state = try await observer.queryOne(
      "SELECT state FROM pg_stat_activity WHERE pid = \(backend)::int4", as: String.self)
    #expect(state.hasPrefix("idle"))
    if connection.transactionStatus != .idle { try await connection.rollback() }
    #expect(try await backendID(connection) == backend)
    await observer.close()
    return error
  }

  @Test(arguments: [false, true]) func aQuery(byDeadline: Bool) async throws {
    let connection = try await connect()
    for _ in 0..<3 {
      let error = try await stop(connection, byDeadline: byDeadline) { connection, timeout in
        var query: PostgresQuery = "SELECT pg_sleep(60)"
        query.timeout = timeout
        try await connection.execute(query)
      }
      #expect(error?.cause?.sqlState == .queryCanceled)
      #expect(error?.ranToItsEnd == false)
    }
    await connection.close()
  }

  @Test(arguments: [false, true]) func aScript(byDeadline: Bool) async throws {
    let connection = try await connect()
    _ = try await stop(connection, byDeadline: byDeadline) { connection, timeout in
      try await connection.simple("SELECT 1; SELECT pg_sleep(60); SELECT 2", timeout: timeout)
    }
    await connection.close()
  }

  /// Rows that come without a pause, and rows that stop coming.
  @Test(
    arguments: [false, true],
    [
      "SELECT generate_series(1, 1000000000)",
      "SELECT pg_sleep(g) FROM generate_series(0, 60, 30) g",
    ])
  func rows(byDeadline: Bool, sql: String) async throws {
    let connection = try await connect()
    let error = try await stop(connection, byDeadline: byDeadline) { connection, timeout in
      var count = 0
      try await connection.forEachRow(PostgresQuery(unsafeSQL: sql, timeout: timeout)) { _ in
        count += 1
      }
    }
    #expect(error?.cause?.sqlState == .queryCanceled)
    await connection.close()
  }

  /// While it waits for a lock, Parse takes as long as anything else.
  @Test func aStatementThatIsPrepared() async throws {
    let connection = try await connect()
    let blocker = try await connect()
    try await blocker.simple("CREATE TABLE IF NOT EXISTS locked (a int4)")
    try await blocker.begin()
    try await blocker.simple("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
    _ = try await stop(connection) { connection, _ in
      try await connection.execute("SELECT * FROM locked")
    }
    try await blocker.rollback()
    try await connection.execute("SELECT * FROM locked")
    let names = try await connection.query(
      "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%FROM locked'",
      as: String.self)
    #expect(names.count == 1)
    await blocker.close()
    await connection.close()
  }

  @Test(arguments: [false, true]) func aCursor(inTransaction: Bool) async throws {
    let connection = try await connect()
    if inTransaction { try await connection.begin() }
    let error = try await stop(connection) { connection, _ in
      try await connection.cursor(
        "SELECT g, pg_sleep(CASE WHEN g = 3 THEN 60 ELSE 0 END) IS NULL FROM generate_series(1, 9) g",
        as: (Int, Bool).self, batchSize: 2
      ) { cursor in
        while let batch = try await cursor.next() { #expect(batch.count == 2) }
      }
    }
    #expect(error?.cause?.sqlState == .queryCanceled)
    await connection.close()
  }

  /// A cancel ends the segment that runs: it takes one for each that sleeps.
  @Test(arguments: [false, true]) func aPipeline(withBarriers: Bool) async throws {
    let connection = try await connect()
    _ = try await stop(connection) { connection, _ in
      var batch = PostgresBatch()
      for _ in 0..<3 {
        batch.execute("SELECT 1")
        batch.execute("SELECT pg_sleep(60)")
        if withBarriers { batch.barrier() }
      }
      _ = try await connection.pipeline(batch)
    }
    await connection.close()
  }

  /// In the middle of what is still being written.
  @Test func aLongPipeline() async throws {
    let connection = try await connect()
    try await connection.simple("CREATE TEMP TABLE many (a int4)")
    _ = try await stop(connection) { connection, _ in
      try await connection.executeMany(
        "INSERT INTO many VALUES ($1)", (0...).lazy.map { Int32(truncatingIfNeeded: $0) })
    }
    #expect(try await connection.queryOne("SELECT count(*) FROM many", as: Int.self) == 0)
    await connection.close()
  }

  @Test(arguments: [false, true]) func aCopyIn(byDeadline: Bool) async throws {
    let connection = try await connect()
    try await connection.simple("CREATE TEMP TABLE copied (a int4)")
    let (never, source) = AsyncStream<[UInt8]>.makeStream()
    source.yield(Array("1\n2\n".utf8))
    if !byDeadline {
      // The client does not send; the task is cancelled while it waits for data of its own.
      let task = Task { try await connection.copyIn("COPY copied FROM STDIN", data: never) }
      try await Task.sleep(for: .milliseconds(200))
      task.cancel()
      let result = await task.result
      let error = #expect(throws: PostgresError.self) { try result.get() }
      #expect(error?.code == .cancelled)
      #expect(try await connection.queryOne("SELECT count(*) FROM copied", as: Int.self) == 0)
    }
    // The server does not read.
    try await connection.simple(
      """
      CREATE OR REPLACE FUNCTION pg_temp.slow() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
      CREATE TRIGGER slow BEFORE INSERT ON copied FOR EACH ROW EXECUTE FUNCTION pg_temp.slow()
      """)
    let error = try await stop(connection, byDeadline: byDeadline) { connection, timeout in
      var statement: PostgresQuery = "COPY copied FROM STDIN"
      statement.timeout = timeout
      let line = Array(String(repeating: "1\n", count: 500_000).utf8)
      try await connection.copyIn(statement, data: repeatElement(line, count: 100_000))
    }
    #expect(error != nil)
    #expect(try await connection.queryOne("SELECT count(*) FROM copied", as: Int.self) == 0)
    await connection.close()
  }

  @Test(arguments: [false, true]) func aCopyOut(byDeadline: Bool) async throws {
    let connection = try await connect()
    for sql in ["SELECT generate_series(1, 1000000000)", "SELECT pg_sleep(60)"] {
      // The time of a COPY is for each part: without a pause it may go on.
      if byDeadline, sql.contains("series") { continue }
      _ = try await stop(connection, byDeadline: byDeadline) { connection, timeout in
        let copy = PostgresQuery(unsafeSQL: "COPY (\(sql)) TO STDOUT", timeout: timeout)
        try await connection.copyOut(copy) { _ in }
      }
    }
    await connection.close()
  }

  // MARK: The caller's own error

  @Test func aRestThatNobodyWants() async throws {
    let connection = try await connect()
    let backend = try await backendID(connection)
    for sql in [
      "SELECT generate_series(1, 10)", "SELECT generate_series(1, 1000000000)",
      // The server sends a row when its buffer of 8 KiB is full.
      "SELECT repeat('x', 20000), pg_sleep(g) FROM generate_series(0, 60, 30) g",
    ] {
      await #expect(throws: Stop()) {
        try await connection.forEachRow(PostgresQuery(unsafeSQL: sql)) { _ in throw Stop() }
      }
      await #expect(throws: Stop()) {
        try await connection.copyOut(PostgresQuery(unsafeSQL: "COPY (\(sql)) TO STDOUT")) { _ in
          throw Stop()
        }
      }
      #expect(try await backendID(connection) == backend)
    }
    await #expect(throws: Stop()) {
      try await connection.copyOut(rowsOf: "SELECT generate_series(1, 1000000000)") { _ in
        throw Stop()
      }
    }
    #expect(try await backendID(connection) == backend)
    // A small rest is received, so that a transaction is not failed by it.
    try await connection.transaction { connection async throws in
      await #expect(throws: Stop()) {
        try await connection.forEachRow("SELECT generate_series(1, 10)") { _ in throw Stop() }
      }
      #expect(try await connection.queryOne("SELECT 1", as: Int.self) == 1)
    }
    await connection.close()
  }

  // MARK: Transactions

  @Test func inATransaction() async throws {
    let connection = try await connect()
    let backend = try await backendID(connection)
    try await connection.simple("CREATE TEMP TABLE kept (a int4)")
    let task = Task {
      try await connection.transaction { connection in
        try await connection.execute("INSERT INTO kept VALUES (1)")
        try await connection.execute("SELECT pg_sleep(60)")
      }
    }
    try await Task.sleep(for: .milliseconds(200))
    task.cancel()
    let result = await task.result
    let error = #expect(throws: PostgresError.self) { try result.get() }
    #expect(error?.code == .cancelled)
    #expect(connection.transactionStatus == .idle)
    // A deadline fails what it is in; a savepoint survives it.
    try await connection.transaction { connection in
      try await connection.execute("INSERT INTO kept VALUES (2)")
      let late = await #expect(throws: PostgresError.self) {
        try await connection.savepoint { connection in
          try await connection.execute("INSERT INTO kept VALUES (3)")
          let query: PostgresQuery = "SELECT pg_sleep(60)"
          try await connection.execute(query.timeout(.milliseconds(100)))
        }
      }
      #expect(late?.code == .deadlineExceeded)
      // So does one of a child that is cancelled.
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await connection.savepoint { connection in
            try await connection.execute("INSERT INTO kept VALUES (4)")
            try await connection.execute("SELECT pg_sleep(60)")
          }
        }
        try await Task.sleep(for: .milliseconds(200))
        group.cancelAll()
        await #expect(throws: PostgresError.self) { try await group.next() }
      }
    }
    #expect(try await connection.query("SELECT a FROM kept", as: Int.self) == [2])
    #expect(try await backendID(connection) == backend)
    await connection.close()
  }

  /// COMMIT takes long, because of a deferred trigger; it is cancelled, and nothing is committed.
  @Test func aCommit() async throws {
    let connection = try await connect()
    let table = "slow_commit_\(UInt32.random(in: 0 ... .max))"
    try await connection.simple(
      """
      CREATE TABLE \(table) (a int4);
      CREATE FUNCTION \(table)() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON \(table) DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION \(table)()
      """)
    let task = Task {
      try await connection.transaction { connection in
        try await connection.execute("INSERT INTO \(identifier: table) VALUES (1)")
      }
    }
    try await Task.sleep(for: .milliseconds(300))
    task.cancel()
    let result = await task.result
    let error = #expect(throws: PostgresError.self) { try result.get() }
    #expect(error?.code == .cancelled)
    #expect(connection.transactionStatus == .idle)
    let count = try await connection.queryOne(
      "SELECT count(*) FROM \(identifier: table)", as: Int.self)
    #expect(count == 0)
    await connection.close()
  }
}
