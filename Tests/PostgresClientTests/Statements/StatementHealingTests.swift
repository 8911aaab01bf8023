import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// Prepared statements that are not what they were.
@Suite(.timeLimit(.minutes(5))) struct StatementHealingTests {
  private func connect(
    _ change: (inout PostgresConfiguration) -> Void = { _ in }
  ) async throws -> PostgresConnection {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    change(&configuration)
    return try await PostgresConnection.connect(configuration)
  }

  private func preparedCount(_ connection: PostgresConnection) async throws -> Int {
    let results = try await connection.simple(
      "SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql")
    return try results[0].decode(as: Int.self).first ?? -1
  }

  private func failure(_ body: () async throws -> Void) async -> PostgresError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? PostgresError
    }
  }

  enum Way: CaseIterable {
    case query, batch, cursor, executeMany, copyOut, copyIn
  }

  /// Uses the table; returns how many columns it saw.
  private func use(_ connection: PostgresConnection, _ way: Way) async throws -> Int {
    switch way {
    case .query: return try await connection.query("SELECT * FROM h").columns.count
    case .batch:
      var batch = PostgresBatch()
      batch.execute("SELECT 1")
      let rows = batch.query("SELECT * FROM h")
      return try await connection.pipeline(batch)[rows].columns.count
    case .cursor:
      return try await connection.cursor("SELECT to_jsonb(h) FROM h", as: String.self) { cursor in
        try await cursor.next()?.first?.split(separator: ",").count ?? 0
      }
    case .executeMany:
      try await connection.executeMany("UPDATE h SET a = a + $1 - $1 RETURNING *", [1, 2])
      return try await use(connection, .query)
    case .copyOut:
      var count = 0
      try await connection.copyOut(rowsOf: "SELECT * FROM h") { row in count = row.columns.count }
      return count
    case .copyIn:
      try await connection.copyIn(into: "h", columns: ["a"]) { copy in try await copy.write(2) }
      try await connection.execute("DELETE FROM h WHERE a = 2")
      return try await use(connection, .query)
    }
  }

  @Test(arguments: Way.allCases, [256, 0])
  func aTableThatChanges(_ way: Way, cacheLimit: Int) async throws {
    let connection = try await connect { $0.statementCacheLimit = cacheLimit }
    try await connection.simple("CREATE TEMP TABLE h (a int); INSERT INTO h VALUES (1)")
    for count in 1..<4 {
      for _ in 0..<2 { #expect(try await use(connection, way) == count) }
      try await connection.simple("ALTER TABLE h ADD c\(count) text")
    }
    // Other types, and one column less.
    try await connection.simple("ALTER TABLE h ALTER a TYPE int8, DROP c1")
    #expect(try await use(connection, way) == 3)
    #expect(try await connection.query("SELECT a FROM h", as: Int.self) == [1])
    await connection.close()
  }

  @Test func inATransactionItIsReportedAndThenHealed() async throws {
    let connection = try await connect()
    try await connection.simple("CREATE TEMP TABLE h (a int); INSERT INTO h VALUES (1)")
    for way in [Way.query, .batch] {
      _ = try await use(connection, way)
      try await connection.simple("ALTER TABLE h ADD c\(way) text")
      try await connection.begin()
      let error = await failure { _ = try await use(connection, way) }
      #expect(error?.sqlState == .featureNotSupported)
      try await connection.rollback()
      try await connection.transaction { connection in _ = try await use(connection, way) }
    }
    // What is parsed anew each time cannot be out of date.
    try await connection.begin()
    for way in [Way.cursor, .executeMany, .copyOut, .copyIn] {
      _ = try await use(connection, way)
      try await connection.simple("ALTER TABLE h ADD d\(way) text")
      // Not the query's fault.
      try await connection.simple("DEALLOCATE ALL")
      _ = try await use(connection, way)
    }
    try await connection.rollback()
    await connection.close()
  }

  @Test(arguments: ["DEALLOCATE ALL", "DISCARD ALL", "DEALLOCATE one"])
  func whatIsDroppedIsNoticed(_ command: String) async throws {
    let notices = Mutex<[PostgresServerMessage]>([])
    let connection = try await connect {
      $0.onNotice = { notice in notices.withLock { $0.append(notice) } }
    }
    let drop = PostgresQuery(unsafeSQL: command)
    for round in 0..<3 {
      for number in 0..<3 {
        let query = PostgresQuery(unsafeSQL: "SELECT \(number)")
        #expect(try await connection.queryOne(query, as: Int.self) == number)
      }
      try await connection.simple("PREPARE one AS SELECT 1")
      switch round {
      case 0: try await connection.simple(command)
      case 1: try await connection.execute(drop)
      default:
        // Alone, for DISCARD ALL takes no company.
        var batch = PostgresBatch()
        batch.execute(drop)
        batch.barrier()
        let row = batch.query("SELECT 1", as: Int.self)
        #expect(try await connection.pipeline(batch)[row] == [1])
      }
      // Also in a transaction, where nothing could be tried again.
      try await connection.transaction { connection async throws in
        #expect(try await connection.queryOne("SELECT 1", as: Int.self) == 1)
      }
    }
    #expect(notices.withLock { $0 }.isEmpty)
    await connection.close()
  }

  @Test func whatABatchDropsIsParsedAgainWithinIt() async throws {
    let connection = try await connect()
    _ = try await connection.queryOne("SELECT 1", as: Int.self)
    try await connection.transaction { connection async throws in
      var batch = PostgresBatch()
      var rows: [PostgresBatch.Rows<Int>] = []
      for command in ["DEALLOCATE ALL", " deallocate all"] {
        rows.append(batch.query("SELECT 1", as: Int.self))
        batch.execute(PostgresQuery(unsafeSQL: command))
        rows.append(batch.query("SELECT 1", as: Int.self))
      }
      let results = try await connection.pipeline(batch)
      for row in rows { #expect(try results[row] == [1]) }
    }
    await connection.close()
  }

  /// As many as the cache has, and no more, whatever happened to them.
  @Test func noNamesAreLeftBehind() async throws {
    let connection = try await connect { $0.statementCacheLimit = 4 }
    for round in 0..<30 {
      let query = PostgresQuery(unsafeSQL: "SELECT \(round)")
      switch round % 5 {
      case 0: #expect(try await connection.queryOne(query, as: Int.self) == round)
      case 1:
        var batch = PostgresBatch()
        for number in 0..<6 { batch.execute(PostgresQuery(unsafeSQL: "SELECT \(number)")) }
        batch.execute("SELECT 1 / 0")
        batch.execute(query)
        batch.barrier()
        batch.execute(query)
        _ = try await connection.pipeline(batch)
      case 2: await #expect(throws: PostgresError.self) { try await connection.execute("SELEKT") }
      case 3:
        _ = try await connection.cursor(query, as: Int.self) { cursor in try await cursor.next() }
      default:
        let error = await failure { try await connection.execute("SELECT 1\0") }
        #expect(error?.code == .encoding)
      }
      // The names that go are told with the next that comes.
      try await connection.execute(PostgresQuery(unsafeSQL: "SELECT \(round) + 1"))
      let count = try await preparedCount(connection)
      #expect(count <= 4 + 1, "round \(round)")
    }
    await connection.close()
  }

  @Test func aLongTextIsRunWithoutAName() async throws {
    let connection = try await connect { $0.statementCacheByteLimit = 8_000 }
    let long = PostgresQuery(
      unsafeSQL: "SELECT \(String(repeating: "1 + ", count: 1_000))0, 'x', ARRAY[1.5::float8]")
    for _ in 0..<2 {
      let row = try await connection.queryOne(long, as: (Int, String, [Double]).self)
      #expect(row.0 == 1_000 && row.1 == "x" && row.2 == [1.5])
      var batch = PostgresBatch()
      let before = batch.query("SELECT 1", as: Int.self)
      let rows = batch.query(long, as: (Int, String, [Double]).self)
      let again = batch.query(long, as: (Int, String, [Double]).self)
      let after = batch.query("SELECT 1", as: Int.self)
      let results = try await connection.pipeline(batch)
      #expect(try results[rows].map(\.0) == [1_000])
      #expect(try results[again].map(\.0) == [1_000])
      #expect(try results[before] == [1] && results[after] == [1])
    }
    #expect(try await preparedCount(connection) == 1)
    await connection.close()
  }

  // MARK: Names that another session has

  private final class Asked: Sendable {
    private let requests = Mutex<[String]>([])

    var all: [String] { requests.withLock { $0 } }

    func note(_ request: String) {
      requests.withLock { $0.append(request) }
    }
  }

  private func gone(_ name: String, _ state: SQLState = .invalidStatementName) -> BackendMessage {
    .errorResponse(
      PostgresServerMessage(
        severity: .error, sqlState: state, message: "prepared statement \"\(name)\" is not right"))
  }

  /// A server that knows no names: what it is asked for, by the names of Parse and Bind.
  private func forgetfulServer(
    _ state: SQLState, _ asked: Asked
  ) throws -> ScriptedServer {
    let column = PostgresColumn(name: "a", type: .int4)
    return try ScriptedServer { conversation in
      try conversation.logIn()
      var failed = false
      var answer: [BackendMessage] = []
      while true {
        let message = try conversation.read()
        let reply: [BackendMessage]
        switch message {
        case .parse(let name, _, _):
          asked.note(name.isEmpty ? "parse" : "parse by name")
          failed = failed || (state == .duplicatePreparedStatement && !name.isEmpty)
          reply = failed ? [gone(name, state)] : [.parseComplete]
        case .bind(let bind):
          asked.note(bind.statement.isEmpty ? "bind" : "bind by name")
          failed = failed || (state == .invalidStatementName && !bind.statement.isEmpty)
          reply = failed ? [gone(bind.statement, state)] : [.bindComplete]
        case .describe(.statement): reply = [.parameterDescription([]), .rowDescription([column])]
        case .describe(.portal): reply = [.rowDescription([column])]
        case .execute: reply = [.dataRow([[0, 0, 0, 7]]), .commandComplete(tag: "SELECT 1")]
        case .sync:
          failed = false
          for message in answer { try conversation.send(message) }
          try conversation.send(.readyForQuery(.idle))
          answer = []
          continue
        default: reply = []
        }
        // Behind an error there is nothing more.
        if case .errorResponse? = answer.last { continue }
        answer += reply
      }
    }
  }

  @Test(arguments: [SQLState.invalidStatementName, .duplicatePreparedStatement])
  func aPoolerIsNoticed(_ state: SQLState) async throws {
    let asked = Asked()
    let notices = Mutex<[PostgresServerMessage]>([])
    let server = try forgetfulServer(state, asked)
    var configuration = server.configuration()
    configuration.onNotice = { notice in notices.withLock { $0.append(notice) } }
    let connection = try await PostgresConnection.connect(configuration)
    #expect(try await connection.queryOne("SELECT a", as: Int.self) == 7)
    #expect(try await connection.queryOne("SELECT a", as: Int.self) == 7)
    // Another connection of the pool has no names from the start.
    let other = try await PostgresConnection.connect(configuration)
    #expect(try await other.queryOne("SELECT a", as: Int.self) == 7)
    let first =
      state == .invalidStatementName ? ["parse by name", "bind by name"] : ["parse by name"]
    #expect(
      asked.all == first + [
        "parse", "parse", "bind", "parse", "bind", "parse", "parse", "bind",
      ])
    let said = notices.withLock { $0 }
    #expect(said.count == 1 && said.first?.sqlState == state)
    #expect(said.first?.message.contains("pooler") == true)
    await connection.close()
    await other.close()
  }
}
