import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct FailureTests {
  private func configuration() async throws -> PostgresConfiguration {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    configuration.cancelTimeout = .seconds(20)
    return configuration
  }

  private func connectError(_ configuration: PostgresConfiguration) async -> PostgresError? {
    do throws(PostgresError) {
      _ = try await PostgresConnection.connect(configuration)
      return nil
    } catch {
      return error
    }
  }

  @Test func nobodyListens() async throws {
    let tcp = PostgresConfiguration(host: "127.0.0.1", port: 1, user: "u", password: "hidden")
    let error = await connectError(tcp)
    #expect(error?.code == .connectionRefused)
    #expect(error?.description.contains("127.0.0.1:1") == true)
    #expect(error?.description.contains("hidden") == false)
    let unix = PostgresConfiguration(host: "/nonexistent", user: "u")
    #expect(await connectError(unix)?.code == .connectionRefused)
    let long = PostgresConfiguration(host: "/" + String(repeating: "x", count: 200), user: "u")
    #expect(await connectError(long)?.code == .invalidConfiguration)
  }

  @Test func unknownHost() async throws {
    let configuration = PostgresConfiguration(host: "nowhere.invalid", user: "u")
    #expect(await connectError(configuration)?.code == .unknownHost)
  }

  @Test func aQueryEndsAtItsDeadline() async throws {
    let connection = try await PostgresConnection.connect(try await configuration())
    // Parsed before, so that the time is over while it runs.
    try await connection.execute("SELECT pg_sleep(\(0.0))")
    let clock = ContinuousClock()
    let start = clock.now
    let query: PostgresQuery = "SELECT pg_sleep(\(50.0))"
    let error = await #expect(throws: PostgresError.self) {
      try await connection.execute(query.timeout(.milliseconds(500)))
    }
    #expect(error?.code == .deadlineExceeded)
    #expect(error?.cause?.sqlState == .queryCanceled)
    #expect(clock.now - start < .seconds(30))
    #expect(try await connection.queryOne("SELECT 40 + \(2)", as: Int.self) == 42)
  }

  @Test func aCancelledTaskEndsItsQuery() async throws {
    let connection = try await PostgresConnection.connect(try await configuration())
    let task = Task { try await connection.execute("SELECT pg_sleep(30)") }
    try await Task.sleep(for: .milliseconds(100))
    task.cancel()
    let error = await #expect(throws: PostgresError.self) { try await task.value }
    #expect(error?.code == .cancelled)
    #expect(error?.cause?.sqlState == .queryCanceled)
    #expect(try await connection.queryOne("SELECT 40 + \(2)", as: Int.self) == 42)
  }

  @Test func theCallersOwnErrorPasses() async throws {
    struct Own: Error, Equatable {}
    let connection = try await PostgresConnection.connect(try await configuration())
    await #expect(throws: Own()) {
      try await connection.forEachRow("SELECT generate_series(1, 1000)") { _ in throw Own() }
    }
    #expect(try await connection.queryOne("SELECT 1", as: Int.self) == 1)
  }

  @Test func severalTasksTakeTurns() async throws {
    let connection = try await PostgresConnection.connect(try await configuration())
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<100 {
        group.addTask { try await connection.queryOne("SELECT \(number)::int4", as: Int.self) }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 4_950)
  }

  @Test func decodingErrorsNameColumnAndTypes() async throws {
    let connection = try await PostgresConnection.connect(try await configuration())
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.query("SELECT 1 AS a, 'x' AS label", as: (Int, Int).self)
    }
    #expect(error?.code == .decoding)
    #expect(error?.decoding?.column == "label")
    #expect(error?.decoding?.type == .text)
    #expect(error?.decoding?.swiftType == "Int")
    let range = await #expect(throws: PostgresError.self) {
      _ = try await connection.query("SELECT 70000 AS big", as: Int16.self)
    }
    #expect(range?.decoding?.reason == "the number does not fit")
    let width = await #expect(throws: PostgresError.self) {
      _ = try await connection.query("SELECT 1", as: (Int, Int).self)
    }
    #expect(width?.code == .decoding)
    #expect(try await connection.queryOne("SELECT 1", as: Int.self) == 1)
  }

  @Test func copyThatNobodyAskedForIsRefused() async throws {
    let connection = try await PostgresConnection.connect(try await configuration())
    try await connection.simple("CREATE TEMP TABLE c (a int)")
    for _ in 0..<2 {
      for sql in ["COPY c FROM STDIN", "COPY (SELECT 1) TO STDOUT"] {
        let simple = await #expect(throws: PostgresError.self) { try await connection.simple(sql) }
        #expect(simple?.code == .unsupported)
        let extended = await #expect(throws: PostgresError.self) {
          try await connection.execute(PostgresQuery(unsafeSQL: sql))
        }
        #expect(extended?.code == .unsupported)
        #expect(try await connection.queryOne("SELECT 1", as: Int.self) == 1)
      }
    }
  }

  @Test func parametersThatCannotBeSent() async throws {
    let connection = try await PostgresConnection.connect(try await configuration())
    let nul = await #expect(throws: PostgresError.self) {
      try await connection.execute("SELECT \("a\0b")::text")
    }
    #expect(nul?.code == .encoding)
    let sql = await #expect(throws: PostgresError.self) {
      try await connection.execute("SELECT 1\0; SELECT 2")
    }
    #expect(sql?.code == .encoding)
    var parameters = PostgresParameters()
    for number in 0..<65_536 { try parameters.append(number) }
    await #expect(throws: PostgresError.self) {
      try await connection.read("SELECT 1", parameters) { _ in }
    }
    #expect(try await connection.queryOne("SELECT 1", as: Int.self) == 1)
  }

  @Test func statementsHeal() async throws {
    let connection = try await PostgresConnection.connect(try await configuration())
    try await connection.simple("CREATE TEMP TABLE h (a int); INSERT INTO h VALUES (1)")
    let query: PostgresQuery = "SELECT * FROM h"
    #expect(try await connection.query(query).columns.count == 1)
    try await connection.simple("ALTER TABLE h ADD b text")
    #expect(try await connection.query(query).columns.count == 2)
    try await connection.simple("DEALLOCATE ALL")
    #expect(try await connection.query(query).columns.count == 2)
  }

  @Test func theStatementCacheIsBounded() async throws {
    var configuration = try await configuration()
    configuration.statementCacheLimit = 4
    let connection = try await PostgresConnection.connect(configuration)
    for number in 0..<20 {
      let value = try await connection.queryOne(
        PostgresQuery(unsafeSQL: "SELECT \(number)"), as: Int.self)
      #expect(value == number)
    }
    let kept = try await connection.queryOne(
      "SELECT count(*) FROM pg_prepared_statements", as: Int.self)
    #expect(kept <= 5)
    configuration.statementCacheLimit = 0
    let none = try await PostgresConnection.connect(configuration)
    #expect(try await none.queryOne("SELECT 1", as: Int.self) == 1)
    #expect(try await none.queryOne("SELECT \(2)", as: Int.self) == 2)
  }
}

@Suite(.timeLimit(.minutes(5))) struct StreamTests {
  @Test(arguments: [nil, 1, 7] as [Int?])
  func anyStreamsServe(sliceByteCount: Int?) async throws {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    let configuration = try PostgresConfiguration(server.url(), environment: [:])
    let faults = StreamFaults(sliceByteCount: sliceByteCount)
    let connection = try await PostgresConnection.connect(configuration) {
      try loopbackStreams(port: server.port, faults: faults)
    }
    #expect(
      try await connection.query("SELECT generate_series(1, 100)", as: Int.self)
        == Array(1...100))
    await connection.close()
  }

  /// The conversation is cut at every point up to the first rows: an error each time, and no hang.
  @Test func aCutAtAnyByteIsAnError() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    configuration.connectTimeout = .seconds(5)
    configuration.queryTimeout = .seconds(5)
    for end in stride(from: 0, to: 500, by: 7) {
      let faults = StreamFaults(endAfterByteCount: end)
      await #expect(throws: PostgresError.self) {
        let connection = try await PostgresConnection.connect(configuration) {
          try loopbackStreams(port: server.port, faults: faults)
        }
        for _ in 0..<100 { try await connection.execute("SELECT 1") }
      }
    }
  }
}
