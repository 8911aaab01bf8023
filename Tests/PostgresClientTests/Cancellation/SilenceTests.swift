import Foundation
import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// A server that says so many messages and then nothing more: every wait of the client ends.
@Suite(.timeLimit(.minutes(4))) struct SilenceTests {
  /// Says what a script says, as long as there is something left to say.
  private final class Voice {
    private let conversation: ScriptedConversation
    private let endsInHalf: Bool
    private let limit: Int
    private let onSilence: @Sendable () -> Void
    private(set) var count = 0

    init(
      _ conversation: ScriptedConversation, limit: Int, endsInHalf: Bool,
      onSilence: @escaping @Sendable () -> Void
    ) {
      self.onSilence = onSilence
      self.conversation = conversation
      self.limit = limit
      self.endsInHalf = endsInHalf
    }

    func say(_ messages: BackendMessage...) throws {
      for message in messages {
        if count == limit {
          if endsInHalf {
            var writer = WireWriter()
            try message.encode(into: &writer)
            try conversation.send(raw: Array(writer.bytes.prefix(writer.bytes.count / 2)))
          }
          onSilence()
          conversation.waitForEnd()
          throw ScriptedConversation.Ended()
        }
        count += 1
        try conversation.send(message)
      }
    }
  }

  private static let columns = [PostgresColumn(name: "a", type: .int4)]
  private static let row = BackendMessage.dataRow([[0, 0, 0, 1]])
  private static let copyFormat = CopyFormat(overall: .text, columns: [.text])

  /// The server's part of `session`.
  private static func serve(_ conversation: ScriptedConversation, _ voice: Voice) throws {
    _ = try conversation.readStartup()
    var scram = SCRAMServer(
      password: "secret", salt: [1, 2, 3, 4], iterations: 4_096, nonce: "server")
    try voice.say(.authentication(.sasl(mechanisms: ["SCRAM-SHA-256"])))
    guard case .authenticationResponse(let bytes) = try conversation.read() else { return }
    let first = Array(bytes.dropFirst("SCRAM-SHA-256".utf8.count + 5))
    try voice.say(.authentication(.saslContinue(try scram.firstMessage(clientFirst: first))))
    guard case .authenticationResponse(let final) = try conversation.read() else { return }
    try voice.say(
      .authentication(.saslFinal(try scram.finalMessage(clientFinal: final))),
      .authentication(.ok), .parameterStatus(name: "server_encoding", value: "UTF8"),
      .backendKeyData(processID: 1, secretKey: [1, 2, 3, 4]), .readyForQuery(.idle))
    // A query.
    try conversation.readRequest()
    try voice.say(
      .parseComplete, .parameterDescription([]), .rowDescription(columns), .readyForQuery(.idle))
    try conversation.readRequest()
    try voice.say(
      .bindComplete, row, row, .commandComplete(tag: "SELECT 2"), .readyForQuery(.idle))
    // BEGIN, a cursor's two batches, ROLLBACK.
    try conversation.readRequest()
    try voice.say(.commandComplete(tag: "BEGIN"), .readyForQuery(.inTransaction))
    try conversation.readRequest()
    try voice.say(
      .parseComplete, .parameterDescription([]), .rowDescription(columns),
      .readyForQuery(.inTransaction))
    try conversation.readRequest()
    try voice.say(.bindComplete, row, .portalSuspended, .readyForQuery(.inTransaction))
    try conversation.readRequest()
    try voice.say(row, .commandComplete(tag: "SELECT 1"), .readyForQuery(.inTransaction))
    try conversation.readRequest()
    try voice.say(.commandComplete(tag: "ROLLBACK"), .readyForQuery(.idle))
    // COPY in and out.
    try conversation.readRequest()
    try voice.say(.copyInResponse(copyFormat))
    while try conversation.read() != .copyDone {}
    try voice.say(.commandComplete(tag: "COPY 1"), .readyForQuery(.idle))
    try conversation.readRequest()
    try voice.say(
      .copyOutResponse(copyFormat), .copyData([0x31, 0x0a]), .copyData([0x32, 0x0a]), .copyDone,
      .commandComplete(tag: "COPY 2"), .readyForQuery(.idle))
    // Two segments.
    for _ in 0..<2 {
      try conversation.readRequest()
      try voice.say(
        .parseComplete, .parameterDescription([]), .rowDescription([textColumn]), .bindComplete,
        .dataRow([[0x31]]), .commandComplete(tag: "SELECT 1"), .readyForQuery(.idle))
    }
    conversation.waitForEnd()
  }

  private static let textColumn = PostgresColumn(name: "a", type: .int4, format: .text)

  /// All kinds of calls.
  private func session(_ configuration: PostgresConfiguration) async throws {
    let connection = try await PostgresConnection.connect(configuration)
    do {
      #expect(try await connection.query("SELECT a", as: Int.self) == [1, 1])
      let rows = try await connection.cursor("SELECT b", as: Int.self, batchSize: 1) { cursor in
        var rows: [Int] = []
        for try await row in cursor { rows.append(row) }
        return rows
      }
      #expect(rows == [1, 1])
      try await connection.copyIn("COPY a FROM STDIN", data: [[0x31, 0x0a]])
      #expect(try await connection.copyOut("COPY a TO STDOUT") { _ in } == 2)
      var batch = PostgresBatch()
      batch.execute("SELECT c")
      batch.barrier()
      batch.execute("SELECT d")
      _ = try await connection.pipeline(batch)
    } catch {
      // Who is silent does not stop either.
      #expect(connection.isClosed)
      await connection.close()
      throw error
    }
    // It does not wait for an answer.
    await connection.close()
  }

  private func failure(_ configuration: PostgresConfiguration) async -> PostgresError? {
    do {
      try await session(configuration)
      return nil
    } catch {
      return error as? PostgresError
    }
  }

  /// A server that falls silent behind so many messages; it never lets go of a cancel connection.
  private func server(
    _ limit: Int, endsInHalf: Bool, onSilence: @escaping @Sendable () -> Void = {}
  ) throws -> ScriptedServer {
    let isFirst = Atomic(true)
    return try ScriptedServer { conversation in
      guard isFirst.exchange(false, ordering: .relaxed) else { return conversation.waitForEnd() }
      let voice = Voice(
        conversation, limit: limit, endsInHalf: endsInHalf, onSilence: onSilence)
      try Self.serve(conversation, voice)
    }
  }

  /// How many messages `serve` says.
  private static let messageCount = 54

  @Test func allOfTheScript() async throws {
    let server = try self.server(Self.messageCount, endsInHalf: false)
    try await session(server.configuration())
    let short = try self.server(Self.messageCount - 1, endsInHalf: false)
    var configuration = short.configuration()
    configuration.queryTimeout = .milliseconds(300)
    configuration.cancelTimeout = .milliseconds(100)
    #expect(await failure(configuration)?.code == .deadlineExceeded)
  }

  @Test(arguments: [false, true]) func behindEveryMessage(endsInHalf: Bool) async throws {
    let clock = ContinuousClock()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for limit in 0..<Self.messageCount {
        if limit >= 8 { try await group.next() }
        group.addTask {
          let server = try self.server(limit, endsInHalf: endsInHalf)
          var configuration = server.configuration()
          configuration.connectTimeout = .milliseconds(500)
          configuration.queryTimeout = .milliseconds(300)
          configuration.cancelTimeout = .milliseconds(200)
          let start = clock.now
          let error = await failure(configuration)
          let codes: [PostgresError.Code] = [.connectTimeout, .deadlineExceeded]
          // The end of a cursor's transaction is nobody's call: the next one tells.
          let code = error?.code == .closed ? error?.cause?.code : error?.code
          #expect(codes.contains { $0 == code }, "\(limit): \(String(describing: error))")
          #expect(clock.now - start < .seconds(30))
        }
      }
      try await group.waitForAll()
    }
  }

  /// The same for a task that is cancelled while nobody says anything.
  @Test(arguments: [8, 13, 20, 30, 36, 45]) func aCancelledTask(_ limit: Int) async throws {
    let (silence, source) = AsyncStream<Void>.makeStream()
    let server = try self.server(limit, endsInHalf: true) { source.finish() }
    var configuration = server.configuration()
    configuration.connectTimeout = .seconds(60)
    configuration.queryTimeout = .seconds(60)
    configuration.cancelTimeout = .milliseconds(200)
    let clock = ContinuousClock()
    let task = Task { [configuration] in try await session(configuration) }
    for await _ in silence {}
    let start = clock.now
    task.cancel()
    let result = await task.result
    #expect(throws: PostgresError.self) { try result.get() }
    #expect(clock.now - start < .seconds(30))
  }

  /// A pool gives up, too.
  @Test func acquiring() async throws {
    let server = try ScriptedServer { conversation in conversation.waitForEnd() }
    var configuration = server.configuration()
    configuration.connectTimeout = .seconds(60)
    var options = PostgresPoolOptions()
    options.acquireTimeout = .milliseconds(300)
    let pool = try PostgresPool(configuration, options: options)
    let clock = ContinuousClock()
    let start = clock.now
    await #expect(throws: PostgresError.self) {
      try await pool.withConnection { connection in try await connection.execute("SELECT 1") }
    }
    #expect(clock.now - start < .seconds(30))
    await pool.close()
  }
}
