import PostgresWire
import RoostCore

extension FuzzTarget {
  static let sessions: [FuzzTarget] = [
    FuzzTarget("session-start", allowance: framerByteCount + (160 << 10)) { input in
      var input = Choices(input)
      let choice = input.byte()
      var policy = AuthenticationPolicy()
      // What anyone could grant who does not know the password is excluded.
      policy.allowedMethods = [.scramSHA256]
      policy.channelBinding =
        switch choice & 3 {
        case 0: .disable
        case 1: .require
        default: .prefer
        }
      let run = SessionRun(policy, binding: choice & 4 == 0 ? .noTLS : .serverEndPoint([1, 2, 3]))
      try run.start()
      try run.receive(input.rest)
      try require(!run.session.isAuthenticated, "a server was believed without a proof")
      try require(!run.output.bytes.contains(subsequence: "pencil"), "the password was sent")
    } check: { _ in
    },
    FuzzTarget("session", allowance: framerByteCount + (160 << 10)) { input in
      var input = Choices(input)
      let run = SessionRun(AuthenticationPolicy(), binding: .noTLS)
      try run.start()
      try run.open()
      for _ in 0..<(input.byte() % 5) { try run.request(input.byte()) }
      try run.receive(input.rest)
    } check: { _ in
    },
  ]
}

extension [UInt8] {
  fileprivate func contains(subsequence text: String) -> Bool {
    let text = Array(text.utf8)
    return indices.contains { self[$0...].starts(with: text) }
  }
}

/// A session that is driven by an input, and what must hold of it at any time.
private final class SessionRun {
  private(set) var session: Session
  private(set) var output = WireWriter()
  private var expectedReady = 0
  private var ready = 0
  private var received = 0
  private var written = 0

  init(_ policy: AuthenticationPolicy, binding: ChannelBindingSource) {
    session = Session(
      Credentials(
        user: "u", password: "pencil", policy: policy, nonce: "fyko+d2lbbFgONRv9qkxdawL",
        binding: binding
      ) { password, salt, iterations in
        HMACSHA256.deriveKey(password: password, salt: salt, iterations: min(iterations, 2))
      })
  }

  func start() throws {
    try session.start(parameters: [.init("user", "u")], output: &output)
    output.removeAll()
  }

  func open() throws {
    var writer = WireWriter()
    for message: BackendMessage in [
      .authentication(.ok), .backendKeyData(processID: 1, secretKey: [1, 2, 3, 4]),
      .readyForQuery(.idle),
    ] { try message.encode(into: &writer) }
    var framer = MessageFramer()
    framer.append(writer.bytes)
    while let frame = try framer.next() { _ = try session.receive(frame, output: &output) }
    try require(session.isIdle, "the session is not open")
  }

  /// Asks for something; several requests are a pipeline.
  func request(_ choice: UInt8) throws {
    switch choice % 8 {
    case 0: try session.query("SELECT 1", output: &output)
    case 1: try session.copyIn("COPY t FROM STDIN", output: &output)
    case 2: try session.copyOut("COPY t TO STDOUT", output: &output)
    case 3:
      try session.parse(name: "s", sql: "SELECT 1", types: [], output: &output)
      try session.describe(statement: "s", output: &output)
      try session.sync(output: &output)
    case 4:
      try bind("")
      try session.execute(output: &output)
      try session.sync(output: &output)
    case 5:
      try bind("c")
      try session.execute(portal: "c", rowLimit: 2, output: &output)
      try session.close(portal: "c", output: &output)
      try session.sync(output: &output)
    case 6:
      for _ in 0..<3 {
        try bind("")
        try session.execute(output: &output)
      }
      try session.sync(output: &output)
    default:
      try session.close(statement: "s", output: &output)
      try session.sync(output: &output)
    }
    expectedReady += 1
    output.removeAll()
  }

  private func bind(_ portal: String) throws {
    try session.bind(
      statement: "s", parameters: PostgresParameters(), columns: .none, portal: portal,
      output: &output)
  }

  /// Takes the server's bytes, message by message.
  func receive(_ bytes: UnsafeRawBufferPointer) throws {
    var framer = MessageFramer(limit: WireLimits.earlyMessageByteCount)
    framer.append(bytes)
    while let frame = try? framer.next() {
      received += frame.body.count + 5
      if session.takesRow(frame.tag) { continue }
      let hadEnded = session.hasEnded
      let before = output.bytes.count
      do {
        if case .ready = try session.receive(frame, output: &output) { ready += 1 }
        let isAside = [
          BackendTag.noticeResponse, BackendTag.parameterStatus, BackendTag.notificationResponse,
        ]
        .contains(frame.tag)
        try require(!hadEnded || isAside, "a session that has ended took a message")
      } catch let violation as Violation {
        throw violation
      } catch {
        try require(session.hasEnded, "an error did not end the session")
        try require(!session.isOpen && !session.isIdle, "a session that has ended is open")
      }
      written += output.bytes.count - before
      try require(ready <= expectedReady, "the server answered what was not asked")
      try require(!session.isIdle || ready == expectedReady, "a session is idle too early")
      try require(written <= 16 * received + 200, "\(written) bytes for \(received) received")
      try require(
        session.parameters.count <= WireLimits.parameterStatusCount, "too many parameters")
    }
  }
}
