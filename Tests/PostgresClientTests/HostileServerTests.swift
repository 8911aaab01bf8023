import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// What a server may not do in the start-up, and what it gets for it.
private struct HostileStart: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let code: PostgresError.Code
  let script: ScriptedServer.Script

  init(
    _ name: String, _ code: PostgresError.Code = .authenticationFailed,
    _ script: @escaping ScriptedServer.Script
  ) {
    testDescription = name
    self.code = code
    self.script = script
  }
}

private let ok: [BackendMessage] = [.authentication(.ok), .readyForQuery(.idle)]

/// Runs SCRAM's first half, with the server's first message changed.
private func scram(
  _ conversation: ScriptedConversation, iterations: Int = 4_096,
  change: (String) -> String = { $0 }
) throws -> (SCRAMServer, clientFinal: [UInt8]) {
  var server = SCRAMServer(
    password: "secret", salt: [1, 2, 3, 4], iterations: min(iterations, 4_096), nonce: "server")
  _ = try conversation.readStartup()
  try conversation.send(.authentication(.sasl(mechanisms: ["SCRAM-SHA-256"])))
  guard case .authenticationResponse(let bytes) = try conversation.read() else {
    throw ScriptedConversation.Ended()
  }
  // The mechanism, its NUL and a length precede the client's message.
  let first = Array(bytes.dropFirst("SCRAM-SHA-256".utf8.count + 5))
  let text = String(decoding: try server.firstMessage(clientFirst: first), as: UTF8.self)
  try conversation.send(.authentication(.saslContinue(Array(change(text).utf8))))
  guard case .authenticationResponse(let final) = try conversation.read() else {
    throw ScriptedConversation.Ended()
  }
  return (server, final)
}

private let hostileStarts: [HostileStart] = [
  HostileStart("Ok right after SASL") { conversation in
    _ = try conversation.readStartup()
    try conversation.send(.authentication(.sasl(mechanisms: ["SCRAM-SHA-256"])))
    _ = try conversation.read()
    try conversation.send(.authentication(.ok), .readyForQuery(.idle))
  },
  HostileStart("channel binding offered without TLS") { conversation in
    _ = try conversation.readStartup()
    try conversation.send(
      .authentication(.sasl(mechanisms: ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])))
    _ = try conversation.read()
    try conversation.send(.authentication(.ok), .readyForQuery(.idle))
  },
  HostileStart("Ok instead of SASLFinal") { conversation in
    _ = try scram(conversation)
    try conversation.send(.authentication(.ok), .readyForQuery(.idle))
  },
  HostileStart("a wrong signature") { conversation in
    _ = try scram(conversation)
    try conversation.send(
      .authentication(.saslFinal(Array("v=AAAA".utf8))), .authentication(.ok),
      .readyForQuery(.idle))
  },
  HostileStart("an error in SASLFinal") { conversation in
    _ = try scram(conversation)
    try conversation.send(.authentication(.saslFinal(Array("e=other-error".utf8))))
  },
  HostileStart("a foreign nonce") { conversation in
    _ = try scram(conversation) {
      "r=foreign," + $0.split(separator: ",").dropFirst().joined(separator: ",")
    }
  },
  HostileStart("the client's nonce alone") { conversation in
    _ = try scram(conversation) { $0.replacingOccurrences(of: "server,", with: ",") }
  },
  HostileStart("an extension that is mandatory") { conversation in
    _ = try scram(conversation) { "m=x," + $0 }
  },
  HostileStart("a mandatory extension at the end") { conversation in
    _ = try scram(conversation) { $0 + ",m=x" }
  },
  HostileStart("attributes out of order") { conversation in
    _ = try scram(conversation) { text in
      let parts = text.split(separator: ",")
      return "\(parts[0]),\(parts[2]),\(parts[1])"
    }
  },
  HostileStart("too many iterations") { conversation in
    _ = try scram(conversation) { $0.replacingOccurrences(of: "i=4096", with: "i=2147483647") }
  },
  HostileStart("too few iterations") { conversation in
    _ = try scram(conversation) { $0.replacingOccurrences(of: "i=4096", with: "i=1") }
  },
  HostileStart("negative iterations") { conversation in
    _ = try scram(conversation) { $0.replacingOccurrences(of: "i=4096", with: "i=-1") }
  },
  HostileStart("a request for the password in clear text") { conversation in
    _ = try conversation.readStartup()
    try conversation.send(.authentication(.cleartextPassword))
    conversation.waitForEnd()
  },
  HostileStart("Kerberos") { conversation in
    _ = try conversation.readStartup()
    try conversation.send(.authentication(.gss))
  },
  HostileStart("an unknown mechanism") { conversation in
    _ = try conversation.readStartup()
    try conversation.send(.authentication(.sasl(mechanisms: ["X"])))
  },
  HostileStart("an end before a word", .closed) { _ in },
  HostileStart("an unknown message", .protocolViolation) { conversation in
    _ = try conversation.readStartup()
    try conversation.send(raw: [UInt8(ascii: "!"), 0, 0, 0, 4])
  },
  HostileStart("a negative length", .protocolViolation) { conversation in
    _ = try conversation.readStartup()
    try conversation.send(raw: [UInt8(ascii: "R"), 0xff, 0xff, 0xff, 0xff])
  },
  HostileStart("a message of 2 GiB", .protocolViolation) { conversation in
    _ = try conversation.readStartup()
    try conversation.send(raw: [UInt8(ascii: "R"), 0x7f, 0xff, 0xff, 0xff])
  },
  HostileStart("a row before the start-up is done", .protocolViolation) { conversation in
    _ = try conversation.readStartup()
    try conversation.send(.dataRow([nil]))
  },
  HostileStart("silence", .connectTimeout) { conversation in
    _ = try conversation.readStartup()
    conversation.waitForEnd()
  },
  HostileStart("no slot left", .tooManyConnections) { conversation in
    _ = try conversation.readStartup()
    try conversation.send(
      .errorResponse(
        PostgresServerMessage(
          severity: .fatal, sqlState: .tooManyConnections, message: "sorry, too many clients")))
  },
]

/// What a server may not answer to a query, and what it gets for it.
private struct HostileAnswer: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let code: PostgresError.Code
  let keepsSession: Bool
  let script: ScriptedServer.Script

  init(
    _ name: String, _ code: PostgresError.Code = .protocolViolation, keepsSession: Bool = false,
    _ script: @escaping ScriptedServer.Script
  ) {
    testDescription = name
    self.code = code
    self.keepsSession = keepsSession
    self.script = script
  }
}

private let oneColumn = [PostgresColumn(name: "a", type: .int4)]

private let hostileAnswers: [HostileAnswer] = [
  HostileAnswer("a row with a value too many") { conversation in
    try conversation.describe(oneColumn)
    try conversation.readRequest()
    try conversation.send(.bindComplete, .dataRow([[0, 0, 0, 1], [0, 0, 0, 1]]))
  },
  HostileAnswer("a row with -1 values") { conversation in
    try conversation.describe(oneColumn)
    try conversation.readRequest()
    try conversation.send(.bindComplete)
    try conversation.send(raw: [UInt8(ascii: "D"), 0, 0, 0, 6, 0xff, 0xff])
  },
  HostileAnswer("a value of length -2") { conversation in
    try conversation.describe(oneColumn)
    try conversation.readRequest()
    try conversation.send(.bindComplete)
    try conversation.send(
      raw: [UInt8(ascii: "D"), 0, 0, 0, 10, 0, 1, 0xff, 0xff, 0xff, 0xfe])
  },
  HostileAnswer("a value longer than its message") { conversation in
    try conversation.describe(oneColumn)
    try conversation.readRequest()
    try conversation.send(.bindComplete)
    try conversation.send(raw: [UInt8(ascii: "D"), 0, 0, 0, 10, 0, 1, 0x7f, 0xff, 0xff, 0xff])
  },
  HostileAnswer("a row before Bind is done") { conversation in
    try conversation.describe(oneColumn)
    try conversation.readRequest()
    try conversation.send(.dataRow([nil]))
  },
  HostileAnswer("RowDescription with a count that lies") { conversation in
    try conversation.readRequest()
    try conversation.send(.parseComplete, .parameterDescription([]))
    try conversation.send(raw: [UInt8(ascii: "T"), 0, 0, 0, 6, 0x7f, 0xff])
  },
  HostileAnswer("ReadyForQuery too early") { conversation in
    try conversation.describe(oneColumn)
    try conversation.readRequest()
    try conversation.send(.readyForQuery(.idle))
  },
  HostileAnswer("an authentication request in mid-session") { conversation in
    try conversation.readRequest()
    try conversation.send(.authentication(.cleartextPassword))
    conversation.waitForEnd()
  },
  HostileAnswer("CopyBothResponse") { conversation in
    try conversation.describe([])
    try conversation.readRequest()
    try conversation.send(
      .bindComplete, .copyBothResponse(CopyFormat(overall: .text, columns: [])))
  },
  HostileAnswer("an end in the middle of a message", .closed) { conversation in
    try conversation.describe(oneColumn)
    try conversation.readRequest()
    try conversation.send(raw: [UInt8(ascii: "2"), 0, 0])
  },
  HostileAnswer("silence", .deadlineExceeded) { conversation in
    try conversation.describe(oneColumn)
    conversation.waitForEnd()
  },
  HostileAnswer("an administrator's shutdown", .closed) { conversation in
    try conversation.describe(oneColumn)
    try conversation.readRequest()
    try conversation.send(
      .errorResponse(
        PostgresServerMessage(
          severity: .fatal, sqlState: .adminShutdown, message: "terminating connection")))
  },
  HostileAnswer("notices and parameters at any time", .server, keepsSession: true) {
    conversation in
    try conversation.describe(oneColumn)
    try conversation.readRequest()
    try conversation.send(
      .noticeResponse(
        PostgresServerMessage(severity: .notice, sqlState: SQLState("00000"), message: "hello")),
      .bindComplete, .parameterStatus(name: "TimeZone", value: "UTC"),
      .notificationResponse(processID: 1, channel: "c", payload: "p"),
      .errorResponse(
        PostgresServerMessage(
          severity: .error, sqlState: SQLState("22012"), message: "division by zero")),
      .readyForQuery(.idle))
    try conversation.readRequest()
    try conversation.send(.bindComplete, .commandComplete(tag: "OK"), .readyForQuery(.idle))
    conversation.waitForEnd()
  },
]

@Suite(.timeLimit(.minutes(5))) struct HostileServerTests {
  @Test(arguments: hostileStarts)
  private func start(_ hostile: HostileStart) async throws {
    let server = try ScriptedServer(hostile.script)
    var configuration = server.configuration()
    configuration.connectTimeout =
      hostile.code == .connectTimeout ? .milliseconds(300) : .seconds(50)
    let error = await #expect(throws: PostgresError.self) {
      _ = try await PostgresConnection.connect(configuration)
    }
    #expect(error?.code == hostile.code, "\(String(describing: error))")
    #expect(!String(describing: error).contains("secret"))
  }

  @Test(arguments: hostileAnswers)
  private func answer(_ hostile: HostileAnswer) async throws {
    let server = try ScriptedServer { conversation in
      try conversation.logIn()
      try hostile.script(conversation)
    }
    var configuration = server.configuration()
    configuration.queryTimeout =
      hostile.code == .deadlineExceeded ? .seconds(5) : .seconds(50)
    let connection = try await PostgresConnection.connect(configuration)
    let error = await #expect(throws: PostgresError.self) {
      try await connection.execute("SELECT a")
    }
    #expect(error?.code == hostile.code, "\(String(describing: error))")
    #expect(connection.isClosed != hostile.keepsSession)
    if hostile.keepsSession { try await connection.execute("SELECT a") }
  }

  @Test func passwordsGoWhereTheyAreAllowed() async throws {
    let server = try ScriptedServer { conversation in
      _ = try conversation.readStartup()
      try conversation.send(.authentication(.cleartextPassword))
      guard try conversation.read() == .authenticationResponse(Array("secret\0".utf8)) else {
        return
      }
      try conversation.send(ok[0], ok[1])
      conversation.waitForEnd()
    }
    var configuration = server.configuration()
    configuration.authentication.allowsCleartextPassword = true
    let connection = try await PostgresConnection.connect(configuration)
    #expect(!connection.isClosed)
  }

  @Test func anExcludedMethodGetsNoPassword() async throws {
    let server = try ScriptedServer { conversation in
      _ = try conversation.readStartup()
      try conversation.send(.authentication(.md5Password(salt: [1, 2, 3, 4])))
      // Whatever the client says now would be the password's digest.
      _ = try conversation.read()
      try conversation.send(ok[0], ok[1])
    }
    var configuration = server.configuration()
    configuration.authentication.allowedMethods = [.scramSHA256]
    let error = await #expect(throws: PostgresError.self) {
      _ = try await PostgresConnection.connect(configuration)
    }
    #expect(error?.code == .authenticationFailed)
  }

  @Test func iterationsInBillionsCostNothing() async throws {
    let server = try ScriptedServer { conversation in
      _ = try scram(conversation) { $0.replacingOccurrences(of: "i=4096", with: "i=2147483647") }
    }
    var configuration = server.configuration()
    configuration.connectTimeout = .seconds(50)
    let clock = ContinuousClock()
    let elapsed = await clock.measure { [configuration] in
      _ = try? await PostgresConnection.connect(configuration)
    }
    #expect(elapsed < .seconds(20))
  }
}
