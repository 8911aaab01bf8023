import Foundation
import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct WireTraceTests {
  private func traced(
    _ configuration: PostgresConfiguration, showsValues: Bool = false,
    _ body: (PostgresConnection) async throws -> Void
  ) async throws -> [PostgresWireMessage] {
    let heard = Heard<PostgresWireMessage>()
    var configuration = configuration
    configuration.observer = PostgresObserver()
    configuration.observer?.trace = PostgresWireTrace(heard.note)
    configuration.observer?.trace?.showsValues = showsValues
    let connection = try await PostgresConnection.connect(configuration)
    try await body(connection)
    await connection.close()
    return heard.all
  }

  private func configuration(
    _ authentication: ThrowawayPostgres.Authentication = .trust
  ) async throws -> PostgresConfiguration {
    let server = try await ThrowawayPostgres.shared(authentication)
    return try PostgresConfiguration(server.url(), environment: [:])
  }

  /// The lines as libpq 15's PQtrace writes them, but for quotes within quotes and lengths of -1.
  @Test func aTraceHasTheFormOfLibpqs() async throws {
    let messages = try await traced(try await configuration(), showsValues: true) { connection in
      try await connection.simple("SELECT 'a' AS x, NULL AS y")
      try await connection.execute("SELECT \("it's")")
      await #expect(throws: PostgresError.self) { try await connection.simple("SELECT 1/0") }
    }
    let lines = messages.map(\.description)
    let query = try #require(lines.firstIndex { $0.contains("\tQuery\t") })
    #expect(
      lines[query..<query + 5] == [
        "F\t31\tQuery\t \"SELECT 'a' AS x, NULL AS y\"",
        "B\t46\tRowDescription\t 2 \"x\" 0 0 25 -1 -1 0 \"y\" 0 0 25 -1 -1 0",
        "B\t15\tDataRow\t 2 1 'a' -1",
        "B\t13\tCommandComplete\t \"SELECT 1\"",
        "B\t5\tReadyForQuery\t I",
      ])
    // A statement's name has eleven characters, most of them random.
    let anonymous = lines[(query + 5)..<(query + 17)].map { line in
      line.replacing(/"s[A-Za-z0-9+\/]{8}_1"/, with: "\"NAME\"")
    }
    #expect(
      anonymous == [
        "F\t32\tParse\t \"NAME\" \"SELECT $1\" 1 0", "F\t17\tDescribe\t S \"NAME\"",
        "F\t4\tSync",
        "B\t4\tParseComplete", "B\t10\tParameterDescription\t 1 25",
        "B\t33\tRowDescription\t 1 \"?column?\" 0 0 25 -1 -1 0", "B\t5\tReadyForQuery\t I",
        "F\t35\tBind\t \"\" \"NAME\" 1 0 1 4 'it\\x27s' 1 1", "F\t9\tExecute\t \"\" 0",
        "F\t4\tSync",
        "B\t4\tBindComplete", "B\t14\tDataRow\t 1 4 'it\\x27s'",
      ])
    let failure = try #require(lines.first { $0.contains("ErrorResponse") })
    #expect(failure.contains("C \"22012\""))
    #expect(failure.contains("M \"division by zero\""))
    #expect(lines.last == "F\t4\tTerminate")
    #expect(lines.first?.hasPrefix("F\t") == true)
    #expect(lines.first?.contains("\tStartupMessage\t 3 0 \"user\" \"roost\" \"database\"") == true)
  }

  @Test(arguments: ThrowawayPostgres.Authentication.allCases, [false, true])
  func secretsAreNeverShown(
    authentication: ThrowawayPostgres.Authentication, showsValues: Bool
  ) async throws {
    let configuration = try await configuration(authentication)
    let messages = try await traced(configuration, showsValues: showsValues) { _ in }
    let answers = messages.filter { $0.name == "AuthenticationResponse" }
    switch authentication {
    case .trust: #expect(answers.isEmpty)
    case .md5: #expect(answers.map(\.fields) == ["***"])
    case .scramSHA256: #expect(answers.map(\.fields) == ["***", "***"])
    }
    for message in messages where message.name == "Authentication" {
      #expect(["0", "5 ***", "10 \"SCRAM-SHA-256\"", "11 ***", "12 ***"].contains(message.fields))
    }
    let key = try #require(messages.first { $0.name == "BackendKeyData" })
    #expect(key.fields.hasSuffix(" ***"))
    #expect(messages.last?.processID != 0)
  }

  @Test func valuesAreMaskedUnlessAskedFor() async throws {
    for showsValues in [false, true] {
      let messages = try await traced(
        try await configuration(), showsValues: showsValues
      ) { connection in
        try await connection.execute("SELECT \("hidden")")
        try await connection.simple(
          "CREATE TEMP TABLE w (a text PRIMARY KEY); LISTEN w; SELECT pg_notify('w', 'hid' || 'den')"
        )
        for _ in 0..<2 {
          _ = try? await connection.copyIn("COPY w FROM STDIN", data: [Array("hidden\n".utf8)])
        }
        try await connection.copyOut("COPY w TO STDOUT") { _ in }
      }
      let text = messages.map(\.description).joined(separator: "\n")
      #expect(text.contains("hidden") == showsValues)
      for name in ["DataRow", "Bind", "CopyData", "NotificationResponse", "ErrorResponse"] {
        #expect(messages.contains { $0.name == name })
      }
    }
  }

  @Test func aFileHasALineAMessage() async throws {
    let path = "/tmp/roost-trace-\(UUID().uuidString)"
    #expect(FileManager.default.createFile(atPath: path, contents: nil))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let file = try #require(FileHandle(forWritingAtPath: path))
    var configuration = try await configuration()
    configuration.observer = PostgresObserver()
    configuration.observer?.trace = PostgresWireTrace(to: file)
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.simple("SELECT 1;\nSELECT 2")
    await connection.close()
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    #expect(lines.allSatisfy { $0.split(separator: "\t").count >= 5 })
    #expect(lines.last?.hasSuffix("F\t4\tTerminate") == true)
    #expect(lines.contains { $0.contains(#"Query"# + "\t " + #""SELECT 1;\x0aSELECT 2""#) })
  }

  /// A request that is bigger than what the socket takes at once.
  @Test func piecesAreShownWhole() async throws {
    let text = String(repeating: "x", count: 8 << 20)
    let messages = try await traced(try await configuration()) { connection in
      _ = try await connection.query("SELECT \(text), generate_series(1, 3)")
    }
    #expect(messages.count { $0.name == "Bind" && $0.byteCount > 8 << 20 } == 1)
    #expect(messages.count { $0.name == "DataRow" && $0.byteCount > 8 << 20 } == 3)
    #expect(!messages.contains { $0.name == "Unknown" })
  }
}
