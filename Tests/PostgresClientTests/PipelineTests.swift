import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// Batches of statements: their results, their errors, and that neither side waits for the other.
@Suite(.timeLimit(.minutes(2))) struct PipelineTests {
  private func withConnection(
    cacheLimit: Int = 256, _ body: @Sendable (PostgresConnection) async throws -> Void
  ) async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    configuration.statementCacheLimit = cacheLimit
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.simple(
      """
      CREATE TEMP TABLE things (id int4 PRIMARY KEY, name text, document jsonb);
      CREATE TEMP TABLE late (id int4 UNIQUE DEFERRABLE INITIALLY DEFERRED)
      """)
    do {
      try await connection.run(body)
      #expect(try await connection.queryOne("SELECT 40 + \(2)", as: Int.self) == 42)
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  private func ids(_ connection: PostgresConnection) async throws -> [Int] {
    try await connection.query("SELECT id FROM things ORDER BY id", as: Int.self)
  }

  private func failure<T>(_ body: () throws -> T) -> PostgresError? {
    do {
      _ = try body()
      return nil
    } catch {
      return error as? PostgresError
    }
  }

  @Test(arguments: [256, 2, 0])
  func typedResults(cacheLimit: Int) async throws {
    try await withConnection(cacheLimit: cacheLimit) { connection async throws in
      // Twice: parsed in the same flight, then known.
      for round in 0..<2 {
        var batch = PostgresBatch()
        let made = batch.execute(
          "INSERT INTO things VALUES (\(round), \("n\(round)"), \(JSON.object(["a": 1])))")
        let rows = batch.query(
          "SELECT id, name, 1.5::float8, true, now() FROM things WHERE id <= \(round) ORDER BY id",
          as: (Int, String, Double, Bool, Timestamp).self)
        let count = batch.queryOne("SELECT count(*) FROM things", as: Int.self)
        let nothing = batch.query("SELECT 1 WHERE false", as: Int.self)
        let empty = batch.execute("")
        let again = batch.queryOne("SELECT count(*) FROM things", as: Int.self)
        let whole = batch.query("SELECT id AS number FROM things")
        let results = try await connection.pipeline(batch)
        #expect(try results[made].rowCount == 1)
        #expect(try results[rows].map(\.0) == Array(0...round))
        #expect(try results[rows].map(\.1) == (0...round).map { "n\($0)" })
        #expect(try results[rows].allSatisfy { $0.2 == 1.5 && $0.3 })
        #expect(try results[count] == round + 1)
        #expect(try results[again] == round + 1)
        #expect(try results[nothing].isEmpty)
        #expect(try results[empty].description == "")
        #expect(try results[whole].columns.map(\.name) == ["number"])
        #expect(results.failures.isEmpty)
      }
    }
  }

  @Test func aStatementMayNeedTheOneBeforeIt() async throws {
    try await withConnection { connection async throws in
      var batch = PostgresBatch()
      batch.execute("CREATE TEMP TABLE fresh (a int4)")
      batch.execute("INSERT INTO fresh VALUES (\(7))")
      let value = batch.queryOne("SELECT a FROM fresh", as: Int.self)
      #expect(try await connection.pipeline(batch)[value] == 7)
    }
  }

  @Test func withoutBarriersItIsAllOrNothing() async throws {
    try await withConnection { connection async throws in
      var batch = PostgresBatch()
      batch.execute("INSERT INTO things VALUES (1)")
      batch.execute("INSERT INTO things VALUES (1)")
      batch.execute("INSERT INTO things VALUES (2)")
      let error = await #expect(throws: PostgresError.self) {
        _ = try await connection.pipeline(batch)
      }
      #expect(error?.code == .server && error?.sqlState == .uniqueViolation)
      #expect(error?.message.hasPrefix("statement 1: ") == true)
      #expect(try await ids(connection) == [])
      #expect(connection.transactionStatus == .idle)
    }
  }

  @Test func barriersBoundAnError() async throws {
    try await withConnection { connection async throws in
      var batch = PostgresBatch()
      let first = batch.execute("INSERT INTO things VALUES (1)")
      batch.barrier()
      let undone = batch.execute("INSERT INTO things VALUES (2)")
      let bad = batch.queryOne("SELECT 1 / \(0)", as: Int.self)
      let void = batch.execute("INSERT INTO things VALUES (\(3))")
      batch.barrier()
      // Its text was to be parsed in the part that failed.
      let behind = batch.execute("INSERT INTO things VALUES (\(4))")
      batch.barrier()
      let unparsable = batch.execute("SELEKT")
      let results = try await connection.pipeline(batch)
      #expect(try results[first].rowCount == 1)
      #expect(try results[behind].rowCount == 1)
      #expect(failure { try results[bad] }?.sqlState == SQLState("22012"))
      for error in [failure { try results[void] }, failure { try results[undone] }] {
        #expect(error?.code == .pipelineAborted)
        #expect(error?.cause?.sqlState == SQLState("22012"))
        #expect(error?.message.contains("statement 2 ") == true)
      }
      #expect(failure { try results[unparsable] }?.sqlState == .syntaxError)
      #expect(results.failures.count == 2)
      #expect(throws: PostgresError.self) { try results.check() }
      #expect(try await ids(connection) == [1, 4])
    }
  }

  @Test func aCommitThatFailsUndoesItsSegment() async throws {
    try await withConnection { connection async throws in
      var batch = PostgresBatch()
      let one = batch.execute("INSERT INTO late VALUES (1)")
      let two = batch.execute("INSERT INTO late VALUES (1)")
      batch.barrier()
      let three = batch.execute("INSERT INTO late VALUES (3)")
      let results = try await connection.pipeline(batch)
      for handle in [one, two] {
        let error = failure { try results[handle] }
        #expect(error?.code == .pipelineAborted)
        #expect(error?.cause?.sqlState == .uniqueViolation)
      }
      #expect(try results[three].rowCount == 1)
    }
  }

  @Test func inATransactionOfOnesOwn() async throws {
    try await withConnection { connection async throws in
      await #expect(throws: PostgresError.self) {
        try await connection.transaction { connection in
          var batch = PostgresBatch()
          let made = batch.execute("INSERT INTO things VALUES (1)")
          batch.execute("SELECT 1 / 0")
          batch.barrier()
          let late = batch.execute("SELECT 1")
          let results = try await connection.pipeline(batch)
          #expect(try results[made].rowCount == 1)
          #expect(failure { try results[late] }?.sqlState == SQLState("25P02"))
          try results.check()
        }
      }
      #expect(try await ids(connection) == [])
      // What is committed inside of the batch stands.
      var batch = PostgresBatch()
      batch.execute("BEGIN")
      let made = batch.execute("INSERT INTO things VALUES (1)")
      batch.execute("COMMIT")
      let bad = batch.execute("SELECT 1 / 0")
      batch.barrier()
      batch.execute("SELECT 1")
      let results = try await connection.pipeline(batch)
      #expect(try results[made].rowCount == 1)
      #expect(failure { try results[bad] }?.code == .server)
      #expect(try await ids(connection) == [1])
    }
  }

  /// What is behind a barrier has run when what is before it fails: nothing is run again.
  @Test func aStaleStatementBehindABarrierIsReportedAndHealed() async throws {
    try await withConnection { connection async throws in
      var batch = PostgresBatch()
      batch.execute("SELECT \(1)::int4")
      batch.barrier()
      let rows = batch.query("SELECT * FROM things")
      batch.barrier()
      _ = try await connection.pipeline(batch)
      try await connection.simple("ALTER TABLE things ADD extra int4")
      let stale = try await connection.pipeline(batch)
      #expect(failure { try stale[rows] }?.server != nil)
      let healed = try await connection.pipeline(batch)
      #expect(try healed[rows].count == 0)
      #expect(healed.failures.isEmpty)
    }
  }

  @Test func whatIsWrongIsRefusedBeforeAByteIsSent() async throws {
    try await withConnection { connection async throws in
      for bad in [
        "SELECT '\0'", " \n cOPY things FROM STDIN", "COPY(SELECT 1) TO STDOUT",
      ] {
        var batch = PostgresBatch()
        batch.execute("INSERT INTO things VALUES (1)")
        batch.execute(PostgresQuery(unsafeSQL: bad))
        let error = await #expect(throws: PostgresError.self) {
          _ = try await connection.pipeline(batch)
        }
        #expect(error?.message.hasPrefix("statement 1: ") == true)
        await #expect(throws: PostgresError.self) {
          try await connection.executeMany(PostgresQuery(unsafeSQL: bad), [1, 2])
        }
      }
      #expect(try await ids(connection) == [])
      var empty = PostgresBatch()
      empty.barrier()
      #expect(try await connection.pipeline(empty).failures.isEmpty)
      var other = PostgresBatch()
      let foreign = other.execute("SELECT 1")
      let results = try await connection.pipeline(empty)
      #expect(failure { try results[foreign] }?.code == .unsupported)
    }
  }

  @Test func aCopyInDisguiseClosesTheConnection() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(server.url(), environment: [:]))
    var batch = PostgresBatch()
    batch.execute("CREATE TEMP TABLE a (b int)")
    batch.execute("/* a comment */ COPY a FROM STDIN")
    batch.execute("SELECT 1")
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.pipeline(batch)
    }
    #expect(error?.code == .unsupported)
    #expect(connection.isClosed)
  }

  // MARK: executeMany

  @Test(arguments: [256, 0])
  func manyRows(cacheLimit: Int) async throws {
    try await withConnection(cacheLimit: cacheLimit) { connection async throws in
      let count = try await connection.executeMany(
        "INSERT INTO things VALUES ($1, $2, $3)",
        (0..<10_000).lazy.map {
          (Int32($0), "name \($0)", JSON.object(["n": .number(Numeric($0))]))
        })
      #expect(count == 10_000)
      let (rows, sum) = try await connection.queryOne(
        "SELECT count(*), sum((document->>'n')::int8)::int8 FROM things WHERE name = 'name ' || id",
        as: (Int, Int).self)
      #expect(rows == 10_000 && sum == 49_995_000)
      #expect(
        try await connection.executeMany("DELETE FROM things WHERE id = $1", [1, 2, -1]) == 2)
      #expect(try await connection.executeMany("DELETE FROM things WHERE id = $1", [Int]()) == 0)
    }
  }

  @Test func manyRowsAreAllOrNothing() async throws {
    try await withConnection { connection async throws in
      let numbers = Array(0..<500) + [7] + Array(500..<100_000)
      var error = await #expect(throws: PostgresError.self) {
        try await connection.executeMany("INSERT INTO things VALUES ($1)", numbers)
      }
      #expect(error?.sqlState == .uniqueViolation)
      #expect(error?.message.hasPrefix("row 500: ") == true)
      #expect(try await ids(connection) == [])
      error = await #expect(throws: PostgresError.self) {
        try await connection.executeMany(
          "INSERT INTO things VALUES ($1)", [1, 2, 2, 3, 4, 5, 6], commitEvery: 2)
      }
      #expect(error?.message.hasPrefix("row 2: ") == true)
      #expect(try await ids(connection) == [1, 2, 4, 5, 6])
    }
  }

  private struct Stop: Error {}

  @Test func whatTheClosureThrowsUndoesAll() async throws {
    try await withConnection { connection async throws in
      await #expect(throws: Stop.self) {
        try await connection.executeMany("INSERT INTO things VALUES ($1, $2)", 0..<50_000) {
          number in
          if number == 49_000 { throw Stop() }
          return (number, "name")
        }
      }
      #expect(try await ids(connection) == [])
      #expect(connection.transactionStatus == .idle)
      for bad in [PostgresQuery("SELECT \(1)"), "SELECT $1"] {
        await #expect(throws: PostgresError.self) {
          try await connection.executeMany(bad, [1], commitEvery: 0)
        }
      }
    }
  }

  // MARK: Both sides write

  @Test func manyStatementsAndBigRepliesOverSmallBuffers() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let configuration = try PostgresConfiguration(server.url(), environment: [:])
    let connection = try await PostgresConnection.connect(configuration) {
      try loopbackStreams(port: server.port, bufferByteCount: 4_096)
    }
    var batch = PostgresBatch()
    let text = String(repeating: "x", count: 500)
    let handles = (0..<10_000).map { number in
      batch.queryOne("SELECT \(number)::int4, repeat(\(text), 4)", as: (Int, String).self)
    }
    let results = try await connection.pipeline(batch)
    for (number, handle) in handles.enumerated() where number.isMultiple(of: 97) {
      let (value, long) = try results[handle]
      #expect(value == number && long.utf8.count == 2_000)
    }
    await connection.close()
  }

  /// A server that reads nothing more until all that it writes has been taken.
  @Test func aServerThatWritesBeforeItReads() async throws {
    let count = 10_000
    let big = [UInt8](repeating: 0x78, count: 2_000)
    let server = try ScriptedServer { conversation in
      try conversation.logIn()
      var isKnown = false
      while true {
        switch try conversation.read() {
        case .parse:
          try conversation.send(
            .parseComplete, .parameterDescription([PostgresType(23)]),
            .rowDescription([PostgresColumn(name: "a", type: .text, format: .text)]))
          isKnown = true
        case .execute where isKnown:
          try conversation.send(.bindComplete, .dataRow([big]), .commandComplete(tag: "SELECT 1"))
        case .sync: try conversation.send(.readyForQuery(.idle))
        default: break
        }
      }
    }
    let port = server.port
    let connection = try await PostgresConnection.connect(server.configuration()) {
      try loopbackStreams(port: port, bufferByteCount: 4_096)
    }
    var batch = PostgresBatch(timeout: .seconds(60))
    let handles = (0..<count).map { batch.queryOne("SELECT \($0)", as: String.self) }
    let results = try await connection.pipeline(batch)
    #expect(try handles.allSatisfy { try results[$0].utf8.count == big.count })
    await connection.close()
  }

  /// The end, a fatal error, nonsense and silence in the middle of a pipeline.
  @Test(arguments: 0..<5) func aServerThatGoesWrong(_ way: Int) async throws {
    let server = try ScriptedServer { conversation in
      try conversation.logIn()
      while true {
        guard case .execute = try conversation.read() else { continue }
        switch way {
        case 0: return
        case 1:
          try conversation.send(
            .errorResponse(
              PostgresServerMessage(severity: .fatal, sqlState: .adminShutdown, message: "going")))
          conversation.waitForEnd()
        case 2: try conversation.send(.commandComplete(tag: "SELECT 1"))
        case 3: try conversation.send(.readyForQuery(.idle))
        default: conversation.waitForEnd()
        }
      }
    }
    var configuration = server.configuration()
    configuration.queryTimeout = way == 4 ? .milliseconds(300) : .seconds(30)
    let connection = try await PostgresConnection.connect(configuration)
    var batch = PostgresBatch()
    for number in 0..<1_000 { batch.execute("SELECT \(number)") }
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.pipeline(batch)
    }
    let codes: [PostgresError.Code] = [
      .closed, .closed, .protocolViolation, .protocolViolation, .deadlineExceeded,
    ]
    #expect(error?.code == codes[way])
    #expect(connection.isClosed)
  }
}
