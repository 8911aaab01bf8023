import PostgresWire
import RoostCore
import Testing

/// Drives a session without a socket.
private struct Driver {
  var session: Session
  var output = WireWriter()

  init(password: String? = "secret", _ change: (inout AuthenticationPolicy) -> Void = { _ in }) {
    var policy = AuthenticationPolicy()
    change(&policy)
    session = Session(
      Credentials(user: "u", password: password, policy: policy, nonce: "nonce"))
  }

  mutating func start() throws {
    try session.start(parameters: [.init("user", "u")], output: &output)
    output.removeAll()
  }

  mutating func open() throws {
    try start()
    _ = try receive(.authentication(.ok))
    guard case .started = try receive(.readyForQuery(.idle)) else { throw WireError.sessionEnded }
  }

  mutating func receive(_ message: BackendMessage) throws -> SessionEvent {
    var writer = WireWriter()
    try message.encode(into: &writer)
    var framer = MessageFramer(limit: WireLimits.messageByteCount)
    framer.append(writer.bytes)
    guard let frame = try framer.next() else { throw WireError.sessionEnded }
    return try session.receive(frame, output: &output)
  }
}

private func error(_ severity: PostgresServerMessage.Severity = .error) -> BackendMessage {
  .errorResponse(
    PostgresServerMessage(severity: severity, sqlState: .syntaxError, message: "no"))
}

@Suite struct SessionTests {
  @Test func extendedQuery() throws {
    var driver = Driver()
    try driver.open()
    #expect(driver.session.isIdle)
    try driver.session.parse(name: "s", sql: "SELECT 1", types: [], output: &driver.output)
    try driver.session.describe(statement: "s", output: &driver.output)
    try driver.session.bind(
      statement: "s", parameters: PostgresParameters(), columns: .none, output: &driver.output)
    try driver.session.execute(output: &driver.output)
    try driver.session.sync(output: &driver.output)
    #expect(!driver.session.isIdle)
    for message: BackendMessage in [
      .parseComplete, .parameterDescription([]),
      .rowDescription([PostgresColumn(name: "a", type: .int4)]), .bindComplete,
    ] { _ = try driver.receive(message) }
    guard case .row = try driver.receive(.dataRow([nil])) else { throw WireError.sessionEnded }
    _ = try driver.receive(.commandComplete(tag: "SELECT 1"))
    guard case .ready(.idle) = try driver.receive(.readyForQuery(.idle)) else {
      throw WireError.sessionEnded
    }
    #expect(driver.session.isIdle)
  }

  @Test func anErrorIsResynchronisedAtEachSync() throws {
    var driver = Driver()
    try driver.open()
    // Two batches on their way at once: the error voids only its own.
    for _ in 0..<2 {
      try driver.session.parse(name: "", sql: "x", types: [], output: &driver.output)
      try driver.session.execute(output: &driver.output)
      try driver.session.sync(output: &driver.output)
    }
    guard case .failed = try driver.receive(error()) else { throw WireError.sessionEnded }
    _ = try driver.receive(.readyForQuery(.idle))
    #expect(!driver.session.isIdle)
    _ = try driver.receive(.parseComplete)
    _ = try driver.receive(.commandComplete(tag: "X"))
    _ = try driver.receive(.readyForQuery(.inTransaction))
    #expect(driver.session.isIdle)
    #expect(driver.session.transactionStatus == .inTransaction)
  }

  @Test func simpleQueryOfSeveralStatements() throws {
    var driver = Driver()
    try driver.open()
    try driver.session.query("SELECT 1; ; SELECT 2", output: &driver.output)
    let columns = BackendMessage.rowDescription([PostgresColumn(name: "a", type: .int4)])
    for message: BackendMessage in [
      columns, .dataRow([[49]]), .commandComplete(tag: "SELECT 1"), columns, .dataRow([[50]]),
      .commandComplete(tag: "SELECT 1"),
    ] { _ = try driver.receive(message) }
    _ = try driver.receive(error())
    #expect(!driver.session.isIdle)
    _ = try driver.receive(.readyForQuery(.idle))
    #expect(driver.session.isIdle)
  }

  @Test func anythingMayComeInBetween() throws {
    var driver = Driver()
    try driver.open()
    try driver.session.query("SELECT 1", output: &driver.output)
    guard case .parameterStatus = try driver.receive(.parameterStatus(name: "a", value: "b"))
    else { throw WireError.sessionEnded }
    guard
      case .notification = try driver.receive(
        .notificationResponse(processID: 1, channel: "c", payload: ""))
    else { throw WireError.sessionEnded }
    #expect(driver.session.parameters["a"] == "b")
    _ = try driver.receive(.readyForQuery(.idle))
    #expect(driver.session.isIdle)
  }

  @Test func copyInIsRefused() throws {
    var driver = Driver()
    try driver.open()
    try driver.session.query("COPY t FROM STDIN", output: &driver.output)
    driver.output.removeAll()
    guard
      case .copyRefused = try driver.receive(
        .copyInResponse(CopyFormat(overall: .text, columns: [])))
    else { throw WireError.sessionEnded }
    #expect(driver.output.bytes.first == FrontendTag.copyFail)
  }

  /// Each message at a point where it may not come: an error that ends the session, never a trap.
  @Test(
    arguments: [
      .parseComplete, .bindComplete, .dataRow([]), .commandComplete(tag: ""), .noData,
      .readyForQuery(.idle), .authentication(.ok),
      .backendKeyData(processID: 1, secretKey: [1, 2, 3, 4]),
      .copyDone, .portalSuspended, .rowDescription([]),
    ] as [BackendMessage])
  func unexpectedWhileIdle(_ message: BackendMessage) throws {
    var driver = Driver()
    try driver.open()
    #expect(throws: WireError.self) { _ = try driver.receive(message) }
    #expect(driver.session.hasEnded)
    #expect(throws: WireError.sessionEnded) {
      try driver.session.query("SELECT 1", output: &driver.output)
    }
    #expect(throws: WireError.sessionEnded) { _ = try driver.receive(.readyForQuery(.idle)) }
  }

  /// CVE-2025-49146: whatever the server asks for instead of SCRAM with a binding, no byte that
  /// follows from the password is sent.
  @Test(
    arguments: [
      .ok, .cleartextPassword, .md5Password(salt: [1, 2, 3, 4]),
      .sasl(mechanisms: ["SCRAM-SHA-256"]), .sasl(mechanisms: ["SCRAM-SHA-256-PLUS"]), .gss,
    ] as [AuthenticationRequest])
  func channelBindingThatIsRequired(_ request: AuthenticationRequest) throws {
    var driver = Driver { policy in
      policy.channelBinding = .require
      policy.allowsCleartextPassword = true
    }
    try driver.start()
    #expect(throws: WireError.self) { _ = try driver.receive(.authentication(request)) }
    #expect(driver.output.bytes.isEmpty)
    #expect(driver.session.hasEnded)
  }

  @Test func requireAuthCoversAnOkWithoutAQuestion() throws {
    var driver = Driver { $0.allowedMethods = [.scramSHA256] }
    try driver.start()
    #expect(throws: WireError.self) { _ = try driver.receive(.authentication(.ok)) }
  }

  @Test func md5AsTheManualHasIt() throws {
    var driver = Driver()
    try driver.start()
    _ = try driver.receive(.authentication(.md5Password(salt: [1, 2, 3, 4])))
    let inner = MD5.hexadecimal(Array("secretu".utf8))
    let outer = MD5.hexadecimal(Array(inner.utf8) + [1, 2, 3, 4])
    var expected = WireWriter()
    try FrontendMessage.authenticationResponse(Array("md5\(outer)\0".utf8))
      .encode(into: &expected)
    #expect(driver.output.bytes == expected.bytes)
  }

  @Test func aMissingPasswordIsAnError() throws {
    var driver = Driver(password: nil)
    try driver.start()
    #expect(throws: WireError.passwordMissing) {
      _ = try driver.receive(.authentication(.md5Password(salt: [1, 2, 3, 4])))
    }
  }

  @Test func theFailureOfAFatalErrorEndsTheSession() throws {
    var driver = Driver()
    try driver.open()
    guard case .failed(let message) = try driver.receive(error(.fatal)) else {
      throw WireError.sessionEnded
    }
    #expect(message.endsSession)
    #expect(driver.session.hasEnded)
  }

  /// A segment that the client gives up comes to nothing, and ends with ReadyForQuery, wherever the
  /// server is in it.
  @Test(arguments: 0..<4) func givingUp(_ way: Int) throws {
    var driver = Driver()
    try driver.open()
    if way == 0 {
      // What has its end has nothing to be added.
      try driver.session.query("SELECT 1", output: &driver.output)
      let count = driver.output.bytes.count
      try driver.session.giveUp(output: &driver.output)
      #expect(driver.output.bytes.count == count)
      return
    }
    try driver.session.execute(output: &driver.output)
    switch way {
    // It has run, is about to, or has failed: then all else is passed over.
    case 1:
      _ = try driver.receive(.commandComplete(tag: "INSERT 0 1"))
      try driver.session.giveUp(output: &driver.output)
      _ = try driver.receive(error())
    case 2:
      try driver.session.giveUp(output: &driver.output)
      _ = try driver.receive(.commandComplete(tag: "INSERT 0 1"))
      _ = try driver.receive(error())
    default:
      _ = try driver.receive(error())
      try driver.session.giveUp(output: &driver.output)
    }
    guard case .ready = try driver.receive(.readyForQuery(.idle)) else {
      throw WireError.sessionEnded
    }
    #expect(driver.session.isIdle)
    let tags = driver.output.bytes.filter { $0 == FrontendTag.sync }.count
    #expect(tags == 1)
  }
}
