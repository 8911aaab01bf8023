/// One session with a server, as a value: requests in, bytes out; messages in, events out.
///
/// It knows no socket and no clock. What has been asked for is a queue of steps, which the server's
/// messages work off; after an error the queue is cut to the next Sync, as the server cuts it. An
/// error that this type throws ends the session: there is no way to know what comes next.
package struct Session: Sendable {
  /// What the server still has to answer.
  enum Step: UInt8, Sendable {
    case parse
    case describeStatement
    case describePortal
    case bind
    case execute
    case close
    case sync
    case query
    case copyIn
    case copyOut

    /// Whether it was asked for by Query, which the server ends with ReadyForQuery by itself.
    var isQuery: Bool { self == .query || self == .copyIn || self == .copyOut }
  }

  /// How many steps that are answered a queue may keep.
  private static let answeredStepCount = 4_096

  private enum Phase {
    case created
    case authenticating(Authenticator)
    case settingUp
    case open
    case ended
  }

  private var phase = Phase.created {
    didSet { isOpen = if case .open = phase { true } else { false } }
  }
  private let credentials: Credentials
  /// The minor versions of protocol 3 that may be spoken; the greatest is asked for.
  private var minors: ClosedRange<UInt16> = 0...0
  private var hasNegotiated = false
  private(set) var steps: [Step] = []
  private var nextStep = 0
  /// Whether RowDescription has come for the statement of a simple query.
  private var queryHasColumns = false
  private var isCopyingOut = false
  /// Whether the server passes over what it is asked until a Sync that has not been written yet.
  var passesOver = false

  /// Whether the server has let us in and said that it is ready. Kept beside the phase, whose value
  /// is big: it is asked for with every row.
  package private(set) var isOpen = false
  /// Whether the server has let us in.
  package private(set) var isAuthenticated = false
  /// Whether the session was in a transaction when the server last said so.
  package private(set) var transactionStatus = TransactionStatus.idle
  /// The server's run-time parameters that it told of.
  package private(set) var parameters: [String: String] = [:]
  /// The minor version of protocol 3 that is spoken.
  package private(set) var minor: UInt16 = 0
  /// What a CancelRequest needs; 0 and empty when the server sent none.
  package private(set) var processID: Int32 = 0
  package private(set) var secretKey: [UInt8] = []

  package init(_ credentials: Credentials) {
    self.credentials = credentials
  }

  /// Whether a request may be made now: nothing is unanswered.
  package var isIdle: Bool { isOpen && nextStep == steps.count }

  /// Whether the session has failed or ended.
  package var hasEnded: Bool {
    if case .ended = phase { return true }
    return false
  }

  /// Ends the session: it takes no more requests or messages.
  package mutating func end() {
    phase = .ended
  }

  // MARK: Requests

  /// Appends the start-up message, which asks for the greatest of the minor versions; the server
  /// may go down to the least.
  package mutating func start(
    parameters: [StartupMessage.Parameter], minors: ClosedRange<UInt16> = 0...0,
    output: inout WireWriter
  ) throws(WireError) {
    guard case .created = phase else { throw .sessionEnded }
    // Whether it will be asked for is not known yet; no server's password has a NUL.
    guard credentials.password?.utf8.contains(0) != true else {
      throw .nulInString(field: "password")
    }
    self.minors = minors
    minor = minors.upperBound
    try StartupMessage.startup(major: 3, minor: minor, parameters: parameters)
      .encode(into: &output)
    phase = .authenticating(Authenticator(credentials))
  }

  /// Notes that a request has been written which the server will answer.
  @inline(__always)
  mutating func expect(_ step: Step) {
    if nextStep == steps.count {
      steps.removeAll(keepingCapacity: true)
      nextStep = 0
    } else if nextStep >= Self.answeredStepCount {
      // A long pipeline, whose queue is never empty, would keep what was answered for ever.
      steps.removeFirst(nextStep)
      nextStep = 0
    }
    steps.append(step)
  }

  /// Forgets the requests that are unanswered, because none of them was sent after all.
  package mutating func forgetRequests() {
    steps.removeAll(keepingCapacity: true)
    nextStep = 0
  }

  func requireOpen() throws(WireError) {
    guard isOpen else { throw .sessionEnded }
  }

  // MARK: Messages

  /// Takes a message; `output` is for answers that it wants at once.
  ///
  /// Throws when the message may not come now; the session has ended then.
  package mutating func receive(
    _ frame: MessageFramer.Frame, output: inout WireWriter
  ) throws(WireError) -> SessionEvent {
    if let event = receiveCommon(frame) { return event }
    do throws(WireError) {
      return try receive(
        BackendMessage(tag: frame.tag, body: frame.body), tag: frame.tag, output: &output)
    } catch {
      phase = .ended
      throw error
    }
  }

  /// Whether a message with this tag is a row of the statement that runs, or data of the COPY; it
  /// then needs no more than to be read, and `receive` need not be given it.
  @inline(__always)
  package func takesRow(_ tag: UInt8) -> Bool {
    guard nextStep < steps.count, isOpen else { return false }
    guard tag == BackendTag.dataRow else {
      return tag == BackendTag.copyData && isCopyingOut && steps[nextStep] == .copyOut
    }
    switch steps[nextStep] {
    case .execute: return true
    case .query: return queryHasColumns
    default: return false
    }
  }

  /// What nearly every query is answered with, without the detour of a message value. Nil for all
  /// else, and for whatever is not exactly as it should be.
  @inline(__always)
  private mutating func receiveCommon(_ frame: MessageFramer.Frame) -> SessionEvent? {
    guard nextStep < steps.count, isOpen else { return nil }
    switch (frame.tag, steps[nextStep]) {
    case (BackendTag.dataRow, _): return takesRow(frame.tag) ? .row : nil
    case (BackendTag.bindComplete, .bind) where frame.body.isEmpty:
      nextStep += 1
      return .progress
    case (BackendTag.commandComplete, .execute) where frame.body.last == 0 && !isCopyingOut:
      let text = frame.body.dropLast()
      guard !text.contains(0) else { return nil }
      nextStep += 1
      return .completed(tag: String(decoding: text, as: UTF8.self))
    case (BackendTag.readyForQuery, .sync) where frame.body.count == 1:
      guard let status = TransactionStatus(rawValue: frame.body[0]) else { return nil }
      nextStep += 1
      transactionStatus = status
      return .ready(status)
    default: return nil
    }
  }

  private mutating func receive(
    _ message: BackendMessage, tag: UInt8, output: inout WireWriter
  ) throws(WireError) -> SessionEvent {
    switch message {
    case .noticeResponse(let notice): return .notice(notice)
    case .parameterStatus(let name, let value):
      if parameters.count < WireLimits.parameterStatusCount || parameters[name] != nil {
        parameters[name] = value
      }
      return .parameterStatus(name: name, value: value)
    case .notificationResponse(let processID, let channel, let payload):
      return .notification(processID: processID, channel: channel, payload: payload)
    default: break
    }
    switch phase {
    case .created, .ended: throw .sessionEnded
    case .authenticating(var authenticator):
      return try authenticate(message, tag: tag, &authenticator, output: &output)
    case .settingUp: return try setUp(message, tag: tag)
    case .open: return try answer(message, tag: tag, output: &output)
    }
  }

  private mutating func authenticate(
    _ message: BackendMessage, tag: UInt8, _ authenticator: inout Authenticator,
    output: inout WireWriter
  ) throws(WireError) -> SessionEvent {
    switch message {
    case .authentication(let request):
      let before = output.bytes.count
      if try authenticator.receive(request, output: &output) {
        phase = .settingUp
        isAuthenticated = true
        return .progress
      }
      phase = .authenticating(authenticator)
      return output.bytes.count > before ? .mustSend : .progress
    case .negotiateProtocolVersion(let version, let unknown):
      try negotiate(version, unknown)
      return .progress
    case .errorResponse(let error):
      phase = .ended
      return .failed(error.limited(toByteCount: WireLimits.earlyTextByteCount))
    default: throw .unexpectedMessage(tag: tag, during: "authentication")
    }
  }

  /// Takes what the server speaks instead of what was asked for.
  ///
  /// Source: `pqGetNegotiateProtocolVersion3` in libpq 18.
  private mutating func negotiate(
    _ version: Int32, _ unknownOptions: [String]
  ) throws(WireError) {
    guard !hasNegotiated else { throw .malformed("the server negotiates the protocol twice") }
    hasNegotiated = true
    if let option = unknownOptions.first {
      let name = String(decoding: option.utf8.prefix(WireLimits.optionByteCount), as: UTF8.self)
      throw .protocolRefused("the server does not know the protocol option \"\(name)\"")
    }
    let offered = UInt16(truncatingIfNeeded: version)
    // Not the major version that was asked for, one that never was, or nothing that had to be said.
    guard version >> 16 == 3, offered != 1, offered < minors.upperBound else {
      throw .malformed(
        "the server answers protocol 3.\(minors.upperBound) with \(version >> 16).\(offered)")
    }
    guard minors.contains(offered) else {
      throw .protocolRefused(
        "the server speaks protocol 3.\(offered) at most, and 3.\(minors.lowerBound) is the least "
          + "that is wanted (min_protocol_version)")
    }
    minor = offered
  }

  private mutating func setUp(
    _ message: BackendMessage, tag: UInt8
  ) throws(WireError) -> SessionEvent {
    switch message {
    case .backendKeyData(let processID, let secretKey):
      // Longer ones came with 3.2.
      guard minor >= 2 || secretKey.count == 4 else {
        throw .malformed(
          "BackendKeyData has a key of \(secretKey.count) bytes under protocol 3.\(minor)")
      }
      self.processID = processID
      self.secretKey = secretKey
      return .progress
    case .readyForQuery(let status):
      transactionStatus = status
      phase = .open
      return .started
    case .errorResponse(let error):
      phase = .ended
      return .failed(error)
    default: throw .unexpectedMessage(tag: tag, during: "start-up")
    }
  }

  private mutating func answer(
    _ message: BackendMessage, tag: UInt8, output: inout WireWriter
  ) throws(WireError) -> SessionEvent {
    if case .errorResponse(let error) = message { return fail(error) }
    guard nextStep < steps.count else {
      throw .unexpectedMessage(tag: tag, during: "no request")
    }
    let step = steps[nextStep]
    switch (step, message) {
    case (.parse, .parseComplete), (.bind, .bindComplete), (.close, .closeComplete):
      nextStep += 1
      return .progress
    case (.describeStatement, .parameterDescription(let types)): return .parameters(types)
    case (.describeStatement, .rowDescription(let columns)),
      (.describePortal, .rowDescription(let columns)):
      nextStep += 1
      return .columns(columns)
    case (.describeStatement, .noData), (.describePortal, .noData):
      nextStep += 1
      return .noColumns
    case (_, .readyForQuery(let status)) where step == .sync || step.isQuery:
      nextStep += 1
      queryHasColumns = false
      isCopyingOut = false
      transactionStatus = status
      return .ready(status)
    case (.execute, _), (.query, _), (.copyIn, _), (.copyOut, _):
      return try run(step, message, tag: tag, output: &output)
    default: throw .unexpectedMessage(tag: tag, during: "\(step)")
    }
  }

  /// A message of a statement that runs.
  private mutating func run(
    _ step: Step, _ message: BackendMessage, tag: UInt8, output: inout WireWriter
  ) throws(WireError) -> SessionEvent {
    switch message {
    case .rowDescription(let columns) where step == .query && !queryHasColumns:
      queryHasColumns = true
      return .columns(columns)
    case .commandComplete(let tag):
      queryHasColumns = false
      isCopyingOut = false
      if step == .execute { nextStep += 1 }
      return .completed(tag: tag)
    case .emptyQueryResponse:
      if step == .execute { nextStep += 1 }
      return .empty
    case .portalSuspended where step == .execute:
      nextStep += 1
      return .suspended
    case .copyInResponse(let format) where step == .copyIn: return .copyingIn(format)
    case .copyOutResponse(let format) where step == .copyOut:
      isCopyingOut = true
      return .copyingOut(format)
    // A statement that was taken for a COPY; what it returns is passed over.
    case .rowDescription where step == .copyIn || step == .copyOut: return .progress
    case .dataRow where step == .copyIn || step == .copyOut: return .progress
    case .copyInResponse:
      try FrontendMessage.copyFail(reason: "COPY was not asked for").encode(into: &output)
      // While it copies in, the server passes over the Sync that is already on its way.
      if step == .execute { try FrontendMessage.sync.encode(into: &output) }
      return .copyRefused
    case .copyOutResponse:
      isCopyingOut = true
      return .copyRefused
    case .copyData where isCopyingOut, .copyDone where isCopyingOut: return .progress
    default: throw .unexpectedMessage(tag: tag, during: "\(step)")
    }
  }

  private mutating func fail(_ error: PostgresServerMessage) -> SessionEvent {
    queryHasColumns = false
    isCopyingOut = false
    if error.endsSession {
      phase = .ended
    } else if nextStep < steps.count, !steps[nextStep].isQuery {
      while nextStep < steps.count, steps[nextStep] != .sync { nextStep += 1 }
      passesOver = nextStep == steps.count
    }
    return .failed(error)
  }
}
