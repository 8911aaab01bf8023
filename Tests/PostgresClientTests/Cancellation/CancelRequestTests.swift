import Foundation
import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// What the sessions and the cancel connections of a scripted server tell each other.
private final class Stage: Sendable {
  private let events = Mutex<[String]>([])

  func note(_ event: String) {
    events.withLock { $0.append(event) }
  }

  var all: [String] { events.withLock { $0 } }

  /// Waits, blocking, until an event has been noted.
  func wait(for event: String) throws {
    for _ in 0..<30_000 {
      if all.contains(event) { return }
      Thread.sleep(forTimeInterval: 0.001)
    }
    throw ScriptedConversation.Ended()
  }
}

private let cancelled = BackendMessage.errorResponse(
  PostgresServerMessage(severity: .error, sqlState: .queryCanceled, message: "canceling"))

/// The second connection, with the CancelRequest.
@Suite(.timeLimit(.minutes(5))) struct CancelRequestTests {
  /// A server whose first connection is the session and whose others are for cancels.
  private func server(
    _ stage: Stage, session: @escaping ScriptedServer.Script,
    cancel: @escaping ScriptedServer.Script
  ) throws -> ScriptedServer {
    let isFirst = Atomic(true)
    return try ScriptedServer { conversation in
      if isFirst.exchange(false, ordering: .relaxed) {
        try conversation.logIn()
        try session(conversation)
      } else {
        try cancel(conversation)
      }
    }
  }

  private func failure(_ body: () async throws -> Void) async -> PostgresError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? PostgresError
    }
  }

  private let late = PostgresQuery("SELECT a").timeout(.milliseconds(500))

  /// A server that answers at once and takes its time to close the cancel connection: as long as it
  /// has not, nothing else is asked.
  @Test func nothingIsSentBeforeTheCancelConnectionHasEnded() async throws {
    let stage = Stage()
    let server = try server(stage) { conversation in
      try conversation.describe([])
      try conversation.readRequest()
      try stage.wait(for: "request")
      try conversation.send(.bindComplete, cancelled, .readyForQuery(.idle))
      stage.note("answer")
      try conversation.readRequest()
      stage.note("next")
      try conversation.send(.bindComplete, .commandComplete(tag: "OK"), .readyForQuery(.idle))
      conversation.waitForEnd()
    } cancel: { conversation in
      #expect(
        try conversation.readStartup() == .cancelRequest(processID: 1, secretKey: [1, 2, 3, 4]))
      stage.note("request")
      try stage.wait(for: "answer")
      Thread.sleep(forTimeInterval: 0.3)
      stage.note("end")
    }
    var configuration = server.configuration()
    configuration.cancelTimeout = .seconds(30)
    let connection = try await PostgresConnection.connect(configuration)
    let first = Task { try await connection.execute(late) }
    let next = Task { try await connection.execute(late.timeout(.seconds(30))) }
    let error = await failure { _ = try await first.value }
    #expect(error?.code == .deadlineExceeded)
    #expect(error?.cause?.sqlState == .queryCanceled)
    _ = try await next.value
    #expect(stage.all == ["request", "answer", "end", "next"])
    await connection.close()
  }

  /// The statement is done before the server hears of the cancel: that is said, and the cancel is
  /// waited for all the same.
  @Test(arguments: ["UPDATE 1", "COMMIT", "ROLLBACK"], [false, true])
  func aStatementThatRanToItsEnd(_ tag: String, hasToldBefore: Bool) async throws {
    let stage = Stage()
    let isCommit = tag != "UPDATE 1"
    let server = try server(stage) { conversation in
      if !isCommit { try conversation.describe([]) }
      try conversation.readRequest()
      // Only that it is ready is told after the cancel, or all.
      if !hasToldBefore { try stage.wait(for: "request") }
      if !isCommit { try conversation.send(.bindComplete) }
      try conversation.send(.commandComplete(tag: tag))
      try stage.wait(for: "request")
      try conversation.send(.readyForQuery(.idle))
      conversation.waitForEnd()
    } cancel: { conversation in
      _ = try conversation.readStartup()
      stage.note("request")
    }
    var configuration = server.configuration()
    configuration.queryTimeout = .milliseconds(200)
    let connection = try await PostgresConnection.connect(configuration)
    let error = await failure {
      if isCommit { try await connection.commit() } else { try await connection.execute("UPDATE") }
    }
    switch tag {
    case "COMMIT": #expect(error == nil)
    case "ROLLBACK": #expect(error?.code == .transactionRolledBack)
    default:
      #expect(error?.code == .deadlineExceeded && error?.cause == nil)
      #expect(error?.ranToItsEnd == true)
    }
    #expect(!connection.isClosed)
    await connection.close()
  }

  /// A cancel that the server did not see in time is sent again.
  @Test func aServerThatIsDeafAtFirst() async throws {
    let stage = Stage()
    let server = try server(stage) { conversation in
      try conversation.describe([])
      try conversation.readRequest()
      while stage.all.count < 3 { Thread.sleep(forTimeInterval: 0.01) }
      try conversation.send(.bindComplete, cancelled, .readyForQuery(.idle))
      conversation.waitForEnd()
    } cancel: { conversation in
      _ = try conversation.readStartup()
      stage.note("request")
    }
    var configuration = server.configuration()
    configuration.cancelTimeout = .seconds(30)
    let connection = try await PostgresConnection.connect(configuration)
    #expect(await failure { try await connection.execute(late) }?.cause != nil)
    #expect(stage.all == ["request", "request", "request"])
    #expect(!connection.isClosed)
    await connection.close()
  }

  enum Trouble: CaseIterable {
    case silenceBefore, silenceAfter, end, garbage, flood
  }

  /// Whatever becomes of the cancel connection: the call returns, with its own error, and where it
  /// is not known that the cancel is over the session is closed.
  @Test(arguments: Trouble.allCases) func troubleOnTheCancelConnection(
    _ trouble: Trouble
  ) async throws {
    let stage = Stage()
    let server = try server(stage) { conversation in
      try conversation.describe([])
      try conversation.readRequest()
      conversation.waitForEnd()
      stage.note("closed")
    } cancel: { conversation in
      if trouble != .silenceBefore, trouble != .end { _ = try conversation.readStartup() }
      switch trouble {
      case .end: return
      case .garbage: try conversation.send(raw: [0x4e])
      case .flood: while true { try conversation.send(raw: [UInt8](repeating: 0, count: 1_000)) }
      case .silenceBefore, .silenceAfter: break
      }
      conversation.waitForEnd()
    }
    var configuration = server.configuration()
    configuration.cancelTimeout = .milliseconds(500)
    let connection = try await PostgresConnection.connect(configuration)
    let error = await failure { try await connection.execute(late) }
    #expect(error?.code == .deadlineExceeded)
    #expect(connection.isClosed)
    try stage.wait(for: "closed")
  }

  /// Without a way to cancel, the rest of the time is the statement's: it may come to an end.
  @Test func nobodyListensAnyMore() async throws {
    let stage = Stage()
    var server: ScriptedServer? = try server(stage) { conversation in
      try conversation.describe([])
      try conversation.readRequest()
      try stage.wait(for: "gone")
      Thread.sleep(forTimeInterval: 1)
      try conversation.send(.bindComplete, .commandComplete(tag: "OK"), .readyForQuery(.idle))
      conversation.waitForEnd()
    } cancel: { _ in
      stage.note("never")
    }
    guard var configuration = server?.configuration() else { return }
    configuration.cancelTimeout = .seconds(30)
    let connection = try await PostgresConnection.connect(configuration)
    server = nil
    stage.note("gone")
    let error = await failure { try await connection.execute(late) }
    #expect(error?.code == .deadlineExceeded && error?.ranToItsEnd == true)
    #expect(!connection.isClosed)
    #expect(stage.all == ["gone"])
    await connection.close()
  }

  /// No key, streams that were handed in, no time: the session is closed at once.
  @Test(arguments: 0..<3) func noWayToCancel(_ way: Int) async throws {
    let stage = Stage()
    let server = try ScriptedServer { conversation in
      guard case .startup = try conversation.readStartup() else { return stage.note("request") }
      if way == 0 {
        try conversation.send(.authentication(.ok), .readyForQuery(.idle))
      } else {
        try conversation.letIn()
      }
      try conversation.describe([])
      conversation.waitForEnd()
    }
    var configuration = server.configuration()
    configuration.cancelTimeout = way == 2 ? .zero : .milliseconds(100)
    let port = server.port
    let connection =
      try await way == 1
      ? PostgresConnection.connect(configuration) { try loopbackStreams(port: port) }
      : PostgresConnection.connect(configuration)
    let error = await failure { try await connection.execute(late) }
    #expect(error?.code == .deadlineExceeded)
    #expect(connection.isClosed)
    #expect(stage.all == [])
  }

  // MARK: TLS

  private func encryptedServer(
    _ stage: Stage, cancelCertificate: String, cancelSpeaksTLS: Bool = true
  ) async throws -> (ScriptedServer, PostgresConfiguration) {
    let fixture = try await TLSFixture()
    let session = try fixture.certificates.serverContext("server.crt")
    let cancel = try fixture.certificates.serverContext(cancelCertificate + ".crt")
    let isFirst = Atomic(true)
    let server = try ScriptedServer { conversation in
      if isFirst.exchange(false, ordering: .relaxed) {
        _ = try conversation.acceptTLS(session)
        try conversation.logIn()
        try conversation.describe([])
        try conversation.readRequest()
        try stage.wait(for: "end")
        try conversation.send(.bindComplete, cancelled, .readyForQuery(.idle))
        conversation.waitForEnd()
        return
      }
      defer { stage.note("end") }
      guard cancelSpeaksTLS else {
        guard try conversation.readStartup() == .sslRequest else { return stage.note("plain") }
        try conversation.send(raw: [UInt8(ascii: "N")])
        if let more = try? conversation.receiveSome() { stage.note("plain \(more)") }
        return
      }
      _ = try conversation.acceptTLS(cancel)
      guard case .cancelRequest = try conversation.readStartup() else { return }
      stage.note("request within TLS")
    }
    let root = fixture.certificates.path("root.crt")
    let uri =
      "postgres://u@localhost:\(server.port)/d?hostaddr=127.0.0.1&sslmode=verify-full"
      + "&sslrootcert=\(root)"
    var configuration = try PostgresConfiguration(uri, environment: [:])
    configuration.cancelTimeout = .seconds(2)
    return (server, configuration)
  }

  @Test(.enabled("needs a server with TLS") { try await ServerFeature.tls.isThere })
  func aSessionWithTLSIsCancelledWithTLS() async throws {
    let stage = Stage()
    let (server, configuration) = try await encryptedServer(stage, cancelCertificate: "server")
    let connection = try await PostgresConnection.connect(configuration)
    let error = await failure { try await connection.execute(late) }
    #expect(error?.cause?.sqlState == .queryCanceled)
    #expect(stage.all == ["request within TLS", "end"])
    #expect(!connection.isClosed)
    await connection.close()
    withExtendedLifetime(server) {}
  }

  /// Neither in the clear, nor to somebody else who has the address.
  @Test(
    .enabled("needs a server with TLS") { try await ServerFeature.tls.isThere },
    arguments: [("server", false), ("elsewhere", true), ("self", true)])
  func theKeyIsNotGivenAway(certificate: String, speaksTLS: Bool) async throws {
    let stage = Stage()
    let (server, configuration) = try await encryptedServer(
      stage, cancelCertificate: certificate, cancelSpeaksTLS: speaksTLS)
    let connection = try await PostgresConnection.connect(configuration)
    let error = await failure { try await connection.execute(late) }
    #expect(error?.code == .deadlineExceeded)
    #expect(stage.all == ["end"])
    await connection.close()
    withExtendedLifetime(server) {}
  }
}
