import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// Tasks are cancelled at any moment; nobody else's query is ever hit by that, or gets another's
/// answer.
@Suite(.timeLimit(.minutes(3))) struct LateCancelTests {
  enum Place: CaseIterable {
    case plain
    case unixSocket
    case encrypted
    case unnamedStatements
  }

  private func configuration(_ place: Place) async throws -> PostgresConfiguration {
    var configuration: PostgresConfiguration
    switch place {
    case .plain, .unixSocket, .unnamedStatements:
      let server = try await ThrowawayPostgres.shared(.trust)
      configuration = try PostgresConfiguration(
        server.url(tcp: place != .unixSocket), environment: [:])
    case .encrypted:
      let fixture = try await TLSFixture()
      configuration = try fixture.configuration(
        database: "secure",
        ["sslmode": "verify-full", "sslrootcert": fixture.certificates.path("root.crt")])
    }
    if place == .unnamedStatements { configuration.statementCacheLimit = 0 }
    configuration.cancelTimeout = .seconds(30)
    return configuration
  }

  /// A query that takes a moment and returns its number.
  private func ask(_ number: Int, _ connection: PostgresConnection) async throws {
    let pause = Double.random(in: 0...0.004)
    let value: Int
    switch number % 3 {
    case 0:
      value = try await connection.queryOne(
        "SELECT \(number)::int4 FROM pg_sleep(\(pause))", as: Int.self)
    case 1:
      let results = try await connection.simple("SELECT \(number) FROM pg_sleep(\(pause))")
      value = try results[0].decode(as: Int.self).first ?? -1
    default:
      var batch = PostgresBatch()
      batch.execute("SELECT pg_sleep(\(pause))")
      let rows = batch.query("SELECT \(number)::int4", as: Int.self)
      value = try await connection.pipeline(batch)[rows].first ?? -1
    }
    #expect(value == number)
  }

  /// Cancels a task at a random moment; it ends well, or as cancelled. True when what it did last
  /// has no effect.
  private func cancel(_ body: @escaping @Sendable () async throws -> Void) async throws -> Bool {
    let task = Task { try await body() }
    try await Task.sleep(for: .microseconds(Int.random(in: 0...5_000)))
    task.cancel()
    guard case .failure(let error) = await task.result else { return false }
    #expect((error as? PostgresError)?.code == .cancelled, "\(error)")
    return (error as? PostgresError)?.ranToItsEnd == false
  }

  @Test(.enabled("needs a server with TLS") { try await ServerFeature.tls.isThere })
  func onOneConnectionWithTLS() async throws { try await onOneConnection(.encrypted) }

  @Test(arguments: Place.allCases.filter { $0 != .encrypted })
  func onOneConnection(_ place: Place) async throws {
    let connection = try await PostgresConnection.connect(try await configuration(place))
    let backend = try await connection.queryOne("SELECT pg_backend_pid()", as: Int.self)
    var cancelled = 0
    for number in 0..<100 {
      // Those who are not cancelled share the connection with those who are.
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await ask(number, connection) }
        if try await cancel({ try await ask(number, connection) }) { cancelled += 1 }
        try await group.waitForAll()
      }
      try await ask(number, connection)
    }
    #expect(cancelled > 0)
    #expect(try await connection.queryOne("SELECT pg_backend_pid()", as: Int.self) == backend)
    await connection.close()
  }

  @Test func inAPool() async throws {
    var options = PostgresPoolOptions()
    options.maximum = 3
    let pool = try PostgresPool(try await configuration(.plain), options: options)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<6 {
        group.addTask {
          for number in 0..<40 {
            let isCalm = (worker + number).isMultiple(of: 2)
            let body: @Sendable () async throws -> Void = {
              try await pool.withConnection { connection in try await ask(number, connection) }
            }
            if isCalm { try await body() } else { _ = try await cancel(body) }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(pool.statistics.connects <= 3)
    await pool.close()
  }

  /// What a cancelled transaction did is undone, all of it; the others' is there.
  @Test func inTransactions() async throws {
    let connection = try await PostgresConnection.connect(try await configuration(.plain))
    try await connection.simple("CREATE TEMP TABLE pairs (a int4)")
    var expected: [Int] = []
    for number in 0..<100 {
      let write: @Sendable () async throws -> Void = {
        try await connection.transaction { connection in
          try await connection.execute("INSERT INTO pairs VALUES (\(number)::int4)")
          try await ask(number, connection)
          try await connection.execute("INSERT INTO pairs VALUES (\(number)::int4)")
        }
      }
      if number.isMultiple(of: 3) {
        try await write()
        expected += [number, number]
      } else {
        _ = try await cancel(write)
        let count = try await connection.queryOne(
          "SELECT count(*) FROM pairs WHERE a = \(number)::int4", as: Int.self)
        #expect(count == 0 || count == 2)
        expected += Array(repeating: number, count: count)
      }
      #expect(connection.transactionStatus == .idle)
    }
    let rows = try await connection.query("SELECT a FROM pairs ORDER BY a", as: Int.self)
    #expect(rows == expected)
    await connection.close()
  }

  @Test func inCopiesAndCursors() async throws {
    let connection = try await PostgresConnection.connect(try await configuration(.plain))
    try await connection.simple("CREATE TEMP TABLE copies (a int4)")
    var expected = 0
    for number in 0..<60 {
      let isCancelled = try await cancel {
        switch number % 3 {
        case 0:
          try await connection.copyIn(into: "copies", columns: ["a"]) { copy in
            for value in 0..<3_000 { try await copy.write(Int32(value)) }
          }
        case 1:
          var next = 0
          try await connection.copyOut(rowsOf: "SELECT g FROM generate_series(0, 9999) g") { row in
            let value = try row.decode(as: Int.self)
            #expect(value == next)
            next += 1
          }
        default:
          try await connection.cursor(
            "SELECT g FROM generate_series(0, 999) g", as: Int.self, batchSize: 100
          ) { cursor in
            var next = 0
            for try await value in cursor {
              #expect(value == next)
              next += 1
            }
          }
        }
      }
      if number % 3 == 0, !isCancelled { expected += 3_000 }
      try await ask(number, connection)
      #expect(connection.transactionStatus == .idle)
    }
    #expect(try await connection.queryOne("SELECT count(*) FROM copies", as: Int.self) == expected)
    await connection.close()
  }
}
