package import PostgresWire
import RoostCore

/// What a server in memory answers to a statement.
package struct ScriptedAnswer: Sendable {
  /// What the statement does beside returning rows.
  package enum Kind: Sendable {
    case rows
    case copyIn
    case copyOut
    case failure(PostgresServerMessage)
  }

  package var kind = Kind.rows
  package var parameters: [PostgresType] = []
  package var columns: [PostgresColumn] = []
  package var rows: [[[UInt8]?]] = []
  package var tag: String
  /// Whether a transaction is open afterwards.
  package var status = TransactionStatus.idle

  /// No rows and this command tag, unless more is said.
  package init(tag: String) {
    self.tag = tag
  }
}

/// A server's part of a session, as a value: the client's bytes in, the server's out.
///
/// It lets one role in by SCRAM and knows a few statements, by their text.
package struct ScriptedSession: Sendable {
  private enum Phase {
    case startup
    case mechanism
    case proof
    case open
    case ended
  }

  private let answers: [String: ScriptedAnswer]
  private var scram: SCRAMServer
  private var phase = Phase.startup
  private var pending: [UInt8] = []
  private var output = WireWriter()
  private var statements: [String: String] = [:]
  private var portals: [String: String] = [:]
  private var status = TransactionStatus.idle
  private var hasFailed = false
  /// The answer of the COPY whose data the client sends.
  private var copying: ScriptedAnswer?

  /// The iterations and the salt of the role's password.
  private static let iterations = 4_096
  private static let salt: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

  /// A server that knows these statements, and the password.
  package init(password: String, answers: [String: ScriptedAnswer]) {
    self.answers = answers
    scram = SCRAMServer(
      password: password, salt: Self.salt, iterations: Self.iterations, nonce: "server")
  }

  /// Takes the client's bytes and returns what is said to them. Throws on what is no message.
  package mutating func receive(_ bytes: UnsafeRawBufferPointer) throws -> [UInt8] {
    pending.append(contentsOf: bytes)
    let isTagged = phase != .startup
    var framer = MessageFramer(limit: WireLimits.messageByteCount, isTagged: isTagged)
    framer.append(pending)
    while let frame = try framer.next() {
      if phase == .startup {
        pending.removeFirst(frame.body.count + 4)
        try start(StartupMessage(body: frame.body))
        return try output.take() + receive(UnsafeRawBufferPointer(start: nil, count: 0))
      }
      try answer(FrontendMessage(tag: frame.tag, body: frame.body))
      pending.removeFirst(frame.body.count + 5)
    }
    return output.take()
  }

  private mutating func send(_ messages: BackendMessage...) throws {
    for message in messages { try message.encode(into: &output) }
  }

  private mutating func start(_ message: StartupMessage) throws {
    guard case .startup = message else { throw ScriptedConversation.Ended() }
    try send(.authentication(.sasl(mechanisms: [SCRAMClient.Header.unboundMechanism])))
    phase = .mechanism
  }

  private mutating func answer(_ message: FrontendMessage) throws {
    switch (phase, message) {
    case (.mechanism, .authenticationResponse(let bytes)):
      // The mechanism, its NUL and a length precede the client's message.
      let first = Array(bytes.dropFirst(SCRAMClient.Header.unboundMechanism.utf8.count + 5))
      try send(.authentication(.saslContinue(try scram.firstMessage(clientFirst: first))))
      phase = .proof
    case (.proof, .authenticationResponse(let final)):
      try send(
        .authentication(.saslFinal(try scram.finalMessage(clientFinal: final))),
        .authentication(.ok), .parameterStatus(name: "server_version", value: "16.2"),
        .parameterStatus(name: "server_encoding", value: "UTF8"),
        .backendKeyData(processID: 1, secretKey: [1, 2, 3, 4]), .readyForQuery(.idle))
      phase = .open
    case (_, .terminate): phase = .ended
    case (.open, _): try answerRequest(message)
    default: throw ScriptedConversation.Ended()
    }
  }

  private mutating func answerRequest(_ message: FrontendMessage) throws {
    switch message {
    case .query(let sql):
      for statement in sql.split(separator: ";") where !hasFailed {
        try run(String(statement).trimmingPrefix(" ").description, isDescribed: true)
      }
      if copying == nil { try ready() }
    case .copyData: break
    case .copyDone:
      if let copying { try send(.commandComplete(tag: copying.tag)) }
      copying = nil
      try ready()
    case .copyFail(let reason):
      copying = nil
      try fail(
        PostgresServerMessage(severity: .error, sqlState: .queryCanceled, message: reason))
      try ready()
    case .sync: try ready()
    default: if !hasFailed { try answerExtended(message) }
    }
  }

  private mutating func answerExtended(_ message: FrontendMessage) throws {
    switch message {
    case .parse(let name, let sql, _):
      statements[name] = sql
      try send(.parseComplete)
    case .describe(.statement(let name)):
      let known = answers[statements[name] ?? ""]
      try send(
        .parameterDescription(known?.parameters ?? []),
        known.flatMap { $0.columns.isEmpty ? nil : .rowDescription($0.columns) } ?? .noData)
    case .bind(let bind):
      portals[bind.portal] = statements[bind.statement]
      try send(.bindComplete)
    case .execute(let portal, _): try run(portals[portal] ?? "", isDescribed: false)
    case .close: try send(.closeComplete)
    default: throw ScriptedConversation.Ended()
    }
  }

  private mutating func run(_ sql: String, isDescribed: Bool) throws {
    guard let answer = answers[sql] else {
      return try fail(
        PostgresServerMessage(severity: .error, sqlState: .syntaxError, message: "unknown: \(sql)"))
    }
    status = answer.status
    switch answer.kind {
    case .failure(let message): return try fail(message)
    case .copyIn:
      copying = answer
      return try send(.copyInResponse(CopyFormat(overall: .text, columns: [.text])))
    case .copyOut:
      try send(.copyOutResponse(CopyFormat(overall: .text, columns: [.text])))
      for row in answer.rows { try send(.copyData(row.flatMap { $0 ?? [] })) }
      try send(.copyDone)
    case .rows:
      if isDescribed, !answer.columns.isEmpty { try send(.rowDescription(answer.columns)) }
      for row in answer.rows { try send(.dataRow(row)) }
    }
    try send(.commandComplete(tag: answer.tag))
  }

  private mutating func fail(_ message: PostgresServerMessage) throws {
    hasFailed = true
    try send(.errorResponse(message))
  }

  private mutating func ready() throws {
    hasFailed = false
    try send(.readyForQuery(status))
  }
}

extension WireWriter {
  /// The bytes, which are then forgotten.
  fileprivate mutating func take() -> [UInt8] {
    defer { removeAll() }
    return bytes
  }
}
