import Foundation
import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// Servers that cheat, with TLS and before it.
@Suite(
  .enabled("needs a server with TLS") { try await ServerFeature.tls.isThere },
  .timeLimit(.minutes(2)))
struct TLSHostileTests {
  private func connectError(_ configuration: PostgresConfiguration) async -> PostgresError? {
    do throws(PostgresError) {
      await (try PostgresConnection.connect(configuration)).close()
      return nil
    } catch {
      return error
    }
  }

  private func configuration(
    _ server: ScriptedServer, mode: PostgresConfiguration.SSLMode = .require
  ) -> PostgresConfiguration {
    var configuration = server.configuration()
    configuration.sslMode = mode
    configuration.connectTimeout = .seconds(30)
    configuration.tls.userFolder = nil
    return configuration
  }

  // MARK: Before TLS

  /// CVE-2021-23222: what comes with the S belongs to TLS, or to somebody in between.
  @Test(arguments: [
    BackendMessage.authentication(.ok), .readyForQuery(.idle),
    .errorResponse(
      PostgresServerMessage(severity: .fatal, sqlState: .adminShutdown, message: "planted")),
  ])
  func plaintextWithTheAnswer(_ message: BackendMessage) async throws {
    let context = try await TLSFixture().certificates.serverContext("server.crt")
    let server = try ScriptedServer { conversation in
      guard try conversation.readStartup() == .sslRequest else { return }
      var writer = WireWriter()
      try message.encode(into: &writer)
      try conversation.send(raw: [UInt8(ascii: "S")] + writer.bytes)
      _ = try conversation.beginTLS(context)
      try conversation.logIn()
    }
    let error = await connectError(configuration(server))
    #expect(error?.code == .tlsFailed, "\(String(describing: error))")
    #expect(error?.description.contains("planted") == false)
  }

  /// CVE-2024-10977: an error before TLS is anybody's, and its text is not shown.
  @Test(arguments: PostgresConfiguration.SSLMode.allCases.filter { $0 != .disable && $0 != .allow })
  func answersOtherThanYesAndNo(_ mode: PostgresConfiguration.SSLMode) async throws {
    let root = try await TLSFixture().certificates.path("root.crt")
    for answer in ["Eplanted\0", "X", "s", "\0"] {
      let server = try ScriptedServer { conversation in
        guard try conversation.readStartup() == .sslRequest else { return }
        try conversation.send(raw: Array(answer.utf8))
        conversation.waitForEnd()
      }
      var configuration = configuration(server, mode: mode)
      configuration.tls.trustedRoots = .file(root)
      let error = await connectError(configuration)
      #expect(error?.code == .protocolViolation)
      #expect(error?.description.contains("planted") == false)
    }
  }

  @Test(arguments: [PostgresConfiguration.SSLMode.require, .verifyCA, .verifyFull])
  func aServerWithoutTLSGetsNothing(_ mode: PostgresConfiguration.SSLMode) async throws {
    let root = try await TLSFixture().certificates.path("root.crt")
    let startups = Mutex(0)
    let server = try ScriptedServer { conversation in
      guard try conversation.readStartup() == .sslRequest else { return }
      try conversation.send(raw: [UInt8(ascii: "N")])
      _ = try conversation.readStartup()
      startups.withLock { $0 += 1 }
    }
    var configuration = configuration(server, mode: mode)
    configuration.tls.trustedRoots = .file(root)
    let error = await connectError(configuration)
    #expect(error?.code == .tlsFailed)
    #expect(startups.withLock { $0 } == 0)
  }

  /// Silent before the answer, in the handshake, and after it.
  @Test(arguments: [0, 1, 2]) func silence(after steps: Int) async throws {
    let context = try await TLSFixture().certificates.serverContext("server.crt")
    let server = try ScriptedServer { conversation in
      guard try conversation.readStartup() == .sslRequest else { return }
      if steps == 1 { try conversation.send(raw: [UInt8(ascii: "S")]) }
      if steps == 2 {
        try conversation.send(raw: [UInt8(ascii: "S")])
        _ = try conversation.beginTLS(context)
      }
      conversation.waitForEnd()
    }
    var configuration = configuration(server)
    configuration.connectTimeout = .milliseconds(300)
    #expect(await connectError(configuration)?.code == .connectTimeout)
    configuration.connectTimeout = .seconds(50)
    let task = Task { [configuration] in await connectError(configuration) }
    try await Task.sleep(for: .milliseconds(100))
    task.cancel()
    #expect(await task.value?.code == .cancelled)
  }

  /// A peer that always has one more byte, but never a whole message, is not waited for for ever.
  @Test func drips() async throws {
    let server = try ScriptedServer { conversation in
      guard try conversation.readStartup() == .sslRequest else { return }
      // The begin of a record of 16 KiB.
      try conversation.send(raw: Array("S".utf8) + [0x16, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xf0])
      while true {
        try conversation.send(raw: [0])
        Thread.sleep(forTimeInterval: 0.005)
      }
    }
    var configuration = configuration(server)
    configuration.connectTimeout = .milliseconds(500)
    #expect(await connectError(configuration)?.code == .connectTimeout)
  }

  @Test(arguments: [0, 1, 5, 50]) func anEndInTheHandshake(after count: Int) async throws {
    let server = try ScriptedServer { conversation in
      guard try conversation.readStartup() == .sslRequest else { return }
      let record: [UInt8] = [0x16, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3]
      let all = record + [UInt8](repeating: 7, count: 39)
      try conversation.send(raw: Array("S".utf8) + all.prefix(count))
    }
    let error = await connectError(configuration(server))
    #expect(error?.code == .closed || error?.code == .tlsFailed)
  }

  // MARK: Within TLS

  private func answering(
    _ body: @escaping @Sendable (ScriptedConversation, TLSSession) throws -> Void
  ) async throws -> PostgresConnection {
    let context = try await TLSFixture().certificates.serverContext("server.crt")
    let server = try ScriptedServer { conversation in
      let session = try conversation.acceptTLS(context)
      try conversation.logIn()
      try body(conversation, session)
    }
    var configuration = configuration(server)
    configuration.queryTimeout = .seconds(20)
    return try await PostgresConnection.connect(configuration)
  }

  private static let columns = [PostgresColumn(name: "a", type: .text)]

  /// `poll` sees nothing of what OpenSSL has decrypted: an answer of several records that arrives
  /// at once, and then silence.
  @Test(arguments: [1_000, 32 << 10, 300_000]) func silenceAfterARow(byteCount: Int) async throws {
    let row = [UInt8](repeating: UInt8(ascii: "x"), count: byteCount)
    let connection = try await answering { conversation, _ in
      try conversation.describe(Self.columns)
      for _ in 0..<3 {
        try conversation.readRequest()
        try conversation.send(
          .bindComplete, .dataRow([row]), .commandComplete(tag: "SELECT 1"), .readyForQuery(.idle))
      }
      conversation.waitForEnd()
    }
    for _ in 0..<3 {
      let text = try await connection.queryOne("SELECT a", as: String.self)
      #expect(text.utf8.count == byteCount)
    }
    await connection.close()
  }

  /// The same, when the first records are taken while a request is still being sent.
  @Test func anAnswerThatComesWhileWeSend() async throws {
    // Each message is a record of its own, and all fit into what is received at a time.
    let rows = [BackendMessage](repeating: .dataRow([[UInt8(ascii: "x")]]), count: 1_200)
    let answer = [.bindComplete] + rows + [.commandComplete(tag: "S"), .readyForQuery(.idle)]
    let connection = try await answering { conversation, _ in
      // Slow answers, so that the client no longer expects to be answered while it spins.
      Thread.sleep(forTimeInterval: 0.01)
      try conversation.describe(Self.columns, parameters: [.bytea])
      for _ in 0..<4 {
        try conversation.readRequest()
        Thread.sleep(forTimeInterval: 0.01)
        for message in answer { try conversation.send(message) }
      }
      // The last request is answered before it is made.
      for message in answer { try conversation.send(message) }
      Thread.sleep(forTimeInterval: 0.3)
      try conversation.readRequest()
      conversation.waitForEnd()
    }
    for _ in 0..<4 {
      _ = try await connection.query("SELECT a WHERE \([UInt8]())", as: String.self)
    }
    try await Task.sleep(for: .milliseconds(100))
    let big = [UInt8](repeating: 0, count: 16 << 20)
    let texts = try await connection.query("SELECT a WHERE \(big)", as: String.self)
    #expect(texts.count == rows.count)
    await connection.close()
  }

  /// The end in the middle of an answer, said (close_notify) or not.
  @Test(arguments: [true, false]) func anEndInTheMiddle(isSaid: Bool) async throws {
    let connection = try await answering { conversation, session in
      try conversation.describe(Self.columns)
      try conversation.readRequest()
      try conversation.send(raw: [UInt8(ascii: "2"), 0, 0, 0, 4, UInt8(ascii: "D"), 0, 0])
      if isSaid { session.shutDown() }
    }
    let error = await #expect(throws: PostgresError.self) {
      try await connection.execute("SELECT a")
    }
    #expect(error?.code == .closed)
    #expect(connection.isClosed)
  }

  @Test func plaintextInTheMiddle() async throws {
    let connection = try await answering { conversation, _ in
      try conversation.describe(Self.columns)
      try conversation.readRequest()
      try conversation.sendBelowTLS(Array("C\0\0\0\u{d}SELECT 1\0".utf8))
      conversation.waitForEnd()
    }
    let error = await #expect(throws: PostgresError.self) {
      try await connection.execute("SELECT a")
    }
    #expect(error?.code == .closed)
    #expect(error?.message.contains("wrong version number") == true, "\(String(describing: error))")
  }

  // MARK: Channel binding

  /// CVE-2025-49146: whatever a server behind TLS asks for instead, nothing is said that follows
  /// from the password.
  @Test(
    arguments: [
      .ok, .cleartextPassword, .md5Password(salt: [1, 2, 3, 4]), .gss,
      .sasl(mechanisms: ["SCRAM-SHA-256"]), .sasl(mechanisms: []),
    ] as [AuthenticationRequest])
  func requiredBindingCannotBeDowngraded(_ request: AuthenticationRequest) async throws {
    let context = try await TLSFixture().certificates.serverContext("server.crt")
    let answers = Mutex(0)
    let server = try ScriptedServer { conversation in
      _ = try conversation.acceptTLS(context)
      _ = try conversation.readStartup()
      try conversation.send(.authentication(request))
      if request == .ok { try conversation.send(.readyForQuery(.idle)) }
      if case .authenticationResponse = try conversation.read() { answers.withLock { $0 += 1 } }
    }
    var configuration = configuration(server)
    configuration.authentication.channelBinding = .require
    configuration.authentication.allowsCleartextPassword = true
    #expect(await connectError(configuration)?.code == .authenticationFailed)
    #expect(answers.withLock { $0 } == 0)
  }

  /// A server that wants SCRAM bound to this hash of its certificate, nil for not bound at all.
  private func scramServer(
    _ certificate: String, mechanisms: [String], serverEndPoint: [UInt8]?
  ) async throws -> ScriptedServer {
    let context = try await TLSFixture().certificates.serverContext(certificate)
    return try ScriptedServer { conversation in
      _ = try conversation.acceptTLS(context)
      _ = try conversation.readStartup()
      try conversation.send(.authentication(.sasl(mechanisms: mechanisms)))
      var scram = SCRAMServer(
        password: "secret", salt: [1, 2, 3, 4], iterations: 4_096, nonce: "server",
        serverEndPoint: serverEndPoint)
      guard case .authenticationResponse(let bytes) = try conversation.read() else { return }
      let name = try #require(bytes.firstIndex(of: 0))
      let expected = serverEndPoint == nil ? "SCRAM-SHA-256" : "SCRAM-SHA-256-PLUS"
      guard Array(bytes[..<name]) == Array(expected.utf8) else { return }
      let first = try scram.firstMessage(clientFirst: Array(bytes[(name + 5)...]))
      try conversation.send(.authentication(.saslContinue(first)))
      guard case .authenticationResponse(let final) = try conversation.read() else { return }
      try conversation.send(
        .authentication(.saslFinal(try scram.finalMessage(clientFinal: final))),
        .authentication(.ok), .readyForQuery(.idle))
      conversation.waitForEnd()
    }
  }

  /// The hash is of the certificate's own digest, but never of MD5 or SHA-1; another's is refused.
  @Test(arguments: [
    ("server.crt", "-sha256"), ("strong.crt", "-sha384"), ("self.crt", "-sha256"),
  ])
  func theHashOfACertificate(certificate: String, digest: String) async throws {
    let path = try await TLSFixture().certificates.path(certificate)
    let encoded = try #require(
      try output(of: ["openssl", "x509", "-in", path, "-outform", "der"]))
    let hash = try await withTemporaryFolder { folder in
      let file = folder + "/certificate"
      try encoded.write(to: URL(fileURLWithPath: file))
      return try #require(try output(of: ["openssl", "dgst", digest, "-binary", file]))
    }
    for isRight in [true, false] {
      let server = try await scramServer(
        certificate, mechanisms: ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"],
        serverEndPoint: isRight ? Array(hash) : [UInt8](repeating: 7, count: hash.count))
      var configuration = configuration(server)
      configuration.authentication.channelBinding = .require
      let error = await connectError(configuration)
      #expect((error == nil) == isRight, "\(String(describing: error))")
    }
  }

  /// CVE-2026-54291: a certificate that has no hash to bind to.
  @Test func aCertificateWithoutAHash() async throws {
    let server = try await scramServer(
      "edwards.crt", mechanisms: ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], serverEndPoint: nil)
    var configuration = configuration(server)
    configuration.authentication.channelBinding = .require
    #expect(await connectError(configuration)?.code == .authenticationFailed)
    configuration.authentication.channelBinding = .prefer
    #expect(await connectError(configuration) == nil)
  }

  // MARK: What the client says in the handshake

  @Test func theNameThatIsTold() async throws {
    let hello = Mutex<[UInt8]>([])
    let server = try ScriptedServer { conversation in
      guard try conversation.readStartup() == .sslRequest else { return }
      try conversation.send(raw: [UInt8(ascii: "S")])
      let bytes = try conversation.receiveSome()
      hello.withLock { $0 = bytes }
    }
    for (host, sendsName, isTold) in [
      ("db.example.test", true, true), ("db.example.test", false, false),
      ("127.0.0.1", true, false),
    ] {
      var configuration = configuration(server)
      configuration.host = host
      configuration.hostAddress = "127.0.0.1"
      configuration.tls.sendsServerName = sendsName
      _ = await connectError(configuration)
      let said = String(decoding: hello.withLock { $0 }, as: UTF8.self)
      #expect(said.contains("postgresql"))
      #expect(said.contains(host) == isTold)
    }
  }

  @Test(arguments: [true, false]) func directNegotiation(choosesProtocol: Bool) async throws {
    let certificates = try await TLSFixture().certificates
    let context = try certificates.serverContext("server.crt", choosesProtocol: choosesProtocol)
    let server = try ScriptedServer { conversation in
      _ = try conversation.beginTLS(context)
      try conversation.logIn()
      conversation.waitForEnd()
    }
    var configuration = configuration(server)
    configuration.tls.negotiation = .direct
    let error = await connectError(configuration)
    #expect(error?.code == (choosesProtocol ? nil : .tlsFailed), "\(String(describing: error))")
    configuration.sslMode = .prefer
    #expect(await connectError(configuration)?.code == .invalidConfiguration)
  }
}
