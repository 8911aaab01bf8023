import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// Keeps what a hook is told.
final class Heard<Event: Sendable>: Sendable {
  private let events = Mutex<[Event]>([])

  var all: [Event] { events.withLock { $0 } }

  func note(_ event: Event) { events.withLock { $0.append(event) } }

  /// Waits until enough has been heard.
  func wait(for count: Int) async throws {
    while all.count < count { try await Task.sleep(for: .milliseconds(5)) }
  }
}

@Suite(.timeLimit(.minutes(5))) struct ObserverTests {
  private func configuration(
    database: String = "postgres", _ change: (inout PostgresObserver) -> Void
  ) async throws -> PostgresConfiguration {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(
      server.url(database: database), environment: [:])
    var observer = PostgresObserver()
    change(&observer)
    configuration.observer = observer
    return configuration
  }

  private func connect(
    _ change: (inout PostgresObserver) -> Void
  ) async throws -> PostgresConnection {
    try await PostgresConnection.connect(try await configuration(change))
  }

  @Test func everyWayToRunAStatementIsTold() async throws {
    let heard = Heard<PostgresQueryEvent>()
    let connection = try await connect { $0.onQuery = heard.note }
    let process = try await connection.queryOne("SELECT pg_backend_pid()", as: Int32.self)
    try await connection.simple("CREATE TEMP TABLE o (a int4, b text); SELECT 1")
    for _ in 0..<2 {
      try await connection.execute("INSERT INTO o SELECT g, \("text") FROM generate_series(1, 3) g")
    }
    try await connection.copyIn(into: "o", columns: ["a"]) { copy in
      for number in 0..<4 { try await copy.write(Int32(number)) }
    }
    try await connection.copyOut("COPY o TO STDOUT") { _ in }
    try await connection.begin()
    try await connection.cursor("SELECT a FROM o", as: Int?.self, batchSize: 8) { cursor in
      while let rows = try await cursor.next() { #expect(!rows.isEmpty) }
    }
    try await connection.rollback()
    await #expect(throws: PostgresError.self) { try await connection.execute("SELECT 1/0") }

    let told = heard.all
    let texts = told.map { "\($0.kind.rawValue) \($0.rowCount.map(String.init) ?? "-")" }
    #expect(
      texts == [
        "statement 1", "script 1", "statement 3", "statement 3", "copyIn 4", "copyOut 10",
        "script -", "cursor 8", "cursor 2", "cursor 0", "script -", "statement -",
      ])
    #expect(told.allSatisfy { $0.processID == process })
    #expect(told.allSatisfy { $0.parameters == nil && $0.parameterTexts.isEmpty })
    #expect(told.dropLast().allSatisfy { $0.error == nil })
    #expect(told.last?.error?.sqlState == SQLState("22012"))
    #expect(told[2].sql == "INSERT INTO o SELECT g, $1 FROM generate_series(1, 3) g")
    #expect(told[2].wasParsed)
    #expect(!told[3].wasParsed)
    #expect(told[2].sentByteCount > told[3].sentByteCount)
    #expect(told[4].sentByteCount >= 4 * (2 + 4 + 4))
    #expect(told[5].receivedByteCount >= 10 * 5)
    #expect(told.allSatisfy { $0.duration > .zero })
    await connection.close()
  }

  /// Each byte of the wire belongs to the query that moved it.
  @Test func bytesAreExact() async throws {
    let server = try ScriptedServer { conversation in
      try conversation.logIn()
      try conversation.describe([])
      try conversation.readRequest()
      try conversation.send(
        .bindComplete, .commandComplete(tag: "INSERT 0 5"), .readyForQuery(.idle))
      conversation.waitForEnd()
    }
    let heard = Heard<PostgresQueryEvent>()
    var configuration = server.configuration()
    var observer = PostgresObserver()
    observer.onQuery = heard.note
    configuration.observer = observer
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.execute("INSERT")
    let event = try #require(heard.all.first)
    // Parse, Describe and Sync, then Bind, Execute and Sync; of a statement whose name takes 12.
    #expect(
      event.sentByteCount == (5 + 12 + 7 + 2) + (5 + 1 + 12) + 5 + (5 + 1 + 12 + 6) + 10 + 5)
    // ParseComplete, ParameterDescription, NoData, ReadyForQuery; BindComplete, CommandComplete.
    #expect(event.receivedByteCount == (5 + 7 + 5 + 6) + (5 + (5 + 11) + 6))
    #expect(event.rowCount == 5)
    await connection.close()
  }

  @Test func parametersAreShownOnlyWhenAskedFor() async throws {
    let heard = Heard<PostgresQueryEvent>()
    let connection = try await connect {
      $0.onQuery = heard.note
      $0.showsParameters = true
    }
    var parameters = PostgresParameters()
    try parameters.append(42)
    try parameters.append("a'b")
    parameters.appendNull(type: .text)
    try parameters.append([1, 2])
    try parameters.append(true)
    try await connection.execute(
      PostgresQuery(unsafeSQL: "SELECT $1, $2, $3, $4, $5", parameters: parameters))
    #expect(heard.all.last?.parameters?.count == 5)
    #expect(heard.all.last?.parameterTexts == ["42", "a'b", nil, "{1,2}", "t"])
    await connection.close()
  }

  @Test func passwordsInSQLAreMasked() async throws {
    let heard = Heard<PostgresQueryEvent>()
    let shown = Heard<PostgresWireMessage>()
    let connection = try await connect {
      $0.onQuery = heard.note
      $0.trace = PostgresWireTrace(shown.note)
      $0.trace?.showsValues = true
    }
    try await connection.simple("CREATE ROLE masked_role PASSWORD 'sesame''s 1'; SELECT 'kept'")
    try await connection.execute("ALTER ROLE masked_role WITH ENCRYPTED password\n E'sesame\\'2'")
    try await connection.simple("DROP ROLE masked_role")
    #expect(
      heard.all.first?.sql == "CREATE ROLE masked_role PASSWORD '***'; SELECT 'kept'")
    #expect(heard.all[1].sql == "ALTER ROLE masked_role WITH ENCRYPTED password\n E'***'")
    #expect(!shown.all.contains { $0.fields.contains("sesame") })
    #expect(shown.all.contains { $0.fields.contains("kept") })
    await connection.close()
  }

  @Test func eachStatementOfAPipelineIsTold() async throws {
    let heard = Heard<PostgresQueryEvent>()
    let connection = try await connect { $0.onQuery = heard.note }
    var batch = PostgresBatch()
    batch.execute("SELECT generate_series(1, 4)")
    batch.execute("SELECT 1/0")
    batch.execute("SELECT 'never'")
    batch.barrier()
    batch.execute("SELECT generate_series(1, 4)")
    batch.execute("SELECT \(1)")
    _ = try await connection.pipeline(batch)
    let told = heard.all
    #expect(told.map(\.rowCount) == [4, nil, nil, 4, 1])
    #expect(told.allSatisfy { $0.kind == .pipelined && $0.sentByteCount > 0 })
    #expect(told[1].error?.sqlState == SQLState("22012"))
    #expect(told[2].error?.code == .pipelineAborted)
    #expect(told[2].sql == "SELECT 'never'")
    #expect(told[0].receivedByteCount > 0)
    try await connection.executeMany("SELECT $1::int4", (0..<100).map { Int32($0) })
    #expect(heard.all.count == 105)
    #expect(heard.all.suffix(99).allSatisfy { $0.error == nil && $0.rowCount == 1 })
    await connection.close()
  }

  @Test func aPipelineThatIsCutIsToldToItsEnd() async throws {
    let server = try ScriptedServer { conversation in
      try conversation.logIn()
      try conversation.readRequest()
    }
    let heard = Heard<PostgresQueryEvent>()
    var configuration = server.configuration()
    configuration.observer = PostgresObserver()
    configuration.observer?.onQuery = heard.note
    let connection = try await PostgresConnection.connect(configuration)
    var batch = PostgresBatch()
    for _ in 0..<3 { batch.execute("SELECT 1") }
    await #expect(throws: PostgresError.self) { try await connection.pipeline(batch) }
    #expect(heard.all.map { $0.error?.code } == [.closed, .closed, .closed])
  }

  @Test func connectionsAreToldFromOpeningToEnd() async throws {
    let heard = Heard<PostgresConnectionEvent>()
    let connection = try await connect { $0.onConnection = heard.note }
    let process = try await connection.queryOne("SELECT pg_backend_pid()", as: Int32.self)
    await connection.close()
    #expect(heard.all.map(\.kind) == [.opened, .closed])
    #expect(heard.all.allSatisfy { $0.processID == process && $0.duration > .zero })
    #expect(heard.all.allSatisfy { $0.error == nil && $0.host?.name == "127.0.0.1" })

    let lost = Heard<PostgresConnectionEvent>()
    let victim = try await connect { $0.onConnection = lost.note }
    await #expect(throws: PostgresError.self) {
      try await victim.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    }
    #expect(lost.all.map(\.kind) == [.opened, .closed])
    #expect(lost.all.last?.error?.sqlState == .adminShutdown)

    let failed = Heard<PostgresConnectionEvent>()
    let nowhere = try await configuration(database: "nowhere") { $0.onConnection = failed.note }
    await #expect(throws: PostgresError.self) { try await PostgresConnection.connect(nowhere) }
    #expect(failed.all.map(\.kind) == [.failed])
    #expect(failed.all.first?.error?.code == .unknownDatabase)

    let forgotten = Heard<PostgresConnectionEvent>()
    _ = try await connect { $0.onConnection = forgotten.note }
    try await forgotten.wait(for: 2)
    #expect(forgotten.all.map(\.kind) == [.opened, .closed])
  }

  @Test func changedParametersAreTold() async throws {
    let heard = Heard<PostgresParameterChange>()
    let connection = try await connect { $0.onParameterChange = heard.note }
    #expect(heard.all.isEmpty, "what is so at the start has not changed")
    try await connection.simple("SET TimeZone = 'Asia/Tokyo'; SET work_mem = '5MB'")
    #expect(heard.all.map(\.name) == ["TimeZone"])
    #expect(heard.all.first?.value == "Asia/Tokyo")
    #expect(connection.serverParameters["TimeZone"] == "Asia/Tokyo")
    await connection.close()
  }
}
