import Foundation
import PostgresWire
import RoostCore
import Synchronization

/// A connection's state and what is done with it, on its loop's thread.
///
/// Thread confinement: every method that is not marked otherwise runs in a job of `loop`, which the
/// callers in `PostgresConnection` see to with `onLoop`; so the variables are touched by one thread
/// only. What other threads may ask for is atomic or in a lock. That is why this is `Sendable`.
final class ConnectionCore: @unchecked Sendable {
  let loop: ConnectionLoop
  let configuration: PostgresConfiguration

  var streams: StreamPair?
  var wire: WireState
  var statements: StatementCache
  var spin = AdaptiveSpin()
  /// Why the connection is closed.
  var closeReason: PostgresError?

  /// Called with each NOTIFY of a channel that the session listens to.
  var onNotification: ((_ processID: Int32, _ channel: String, _ payload: String) -> Void)?

  /// How many portals have been named; no two of a session have the same name.
  var portalCount = 0

  private var isTaken = false
  private var waitingTurns: [ConnectionLoop.WaitID] = []

  /// What any thread may ask for.
  private let closed = Atomic(false)
  private let status = Atomic(TransactionStatus.idle.rawValue)
  private let serverParameters = Mutex<[String: String]>([:])

  init(_ configuration: PostgresConfiguration, loop: ConnectionLoop) {
    self.configuration = configuration
    self.loop = loop
    statements = StatementCache(limit: configuration.statementCacheLimit)
    // 18 random bytes as libpq: 24 characters of base64, none of them a comma.
    let nonce = Data(Secrets.randomBytes(18)).base64EncodedString()
    wire = WireState(
      Session(
        Credentials(
          user: configuration.user, password: configuration.password,
          policy: configuration.authentication, nonce: nonce,
          derive: configuration.saltedPasswords.derive)))
  }

  // MARK: From any thread

  /// Whether the connection can no longer be used.
  var isClosed: Bool { closed.load(ordering: .acquiring) }

  /// Whether the session was in a transaction when the server last said so.
  var transactionStatus: TransactionStatus {
    TransactionStatus(rawValue: status.load(ordering: .acquiring)) ?? .idle
  }

  /// The server's run-time parameters that it told of.
  var parameters: [String: String] { serverParameters.withLock { $0 } }

  // MARK: Opening and closing

  /// Connects, authenticates, and returns when the server takes requests.
  func open(over given: StreamPair?) async throws(PostgresError) {
    try configuration.requireSupported()
    let deadline = Deadline.after(configuration.connectTimeout)
    if let given {
      streams = given
    } else {
      let connector = SocketConnector(loop: loop, deadline: deadline)
      streams = try await connector.connect(to: configuration.endpoint).streams()
    }
    do throws(WireError) {
      try wire.start(configuration.startupParameters)
    } catch {
      throw abandon(PostgresError(error))
    }
    do throws(PostgresError) {
      try await exchange(until: deadline, row: { _ in }) { event throws(PostgresError) in
        switch event {
        case .failed(let message): throw PostgresError(refusal: message)
        case .started: return true
        default: return false
        }
      }
    } catch {
      guard error.code == .deadlineExceeded else { throw error }
      throw PostgresError(
        .connectTimeout, "the connect deadline passed before the server let us in")
    }
    wire.framer.limit = WireLimits.messageByteCount
  }

  /// Says good-bye, as far as that is possible without waiting, and closes.
  func close() {
    guard !isClosed else { return }
    let goodbye = wire.terminate()
    if !isTaken { _ = goodbye.withUnsafeBytes { streams?.output.writeAvailable($0) } }
    abandon(.closed)
  }

  /// Closes because of an error, which it returns.
  @discardableResult
  func abandon(_ error: PostgresError) -> PostgresError {
    if closeReason == nil { closeReason = error }
    wire.session.end()
    streams?.close()
    closed.store(true, ordering: .releasing)
    return error
  }

  func requireOpen() throws(PostgresError) {
    guard !isClosed, wire.session.isOpen else {
      throw PostgresError(
        .closed, "the connection is closed",
        cause: closeReason.flatMap { $0.code == .closed ? nil : $0 })
    }
  }

  // MARK: Turns

  /// Waits until no other task uses the session. `endTurn` must follow.
  @inline(__always)
  func beginTurn(until deadline: Deadline) async throws(PostgresError) {
    if isTaken { try await waitForTurn(until: deadline) }
    isTaken = true
  }

  private func waitForTurn(until deadline: Deadline) async throws(PostgresError) {
    if Self.copying == ObjectIdentifier(self) {
      throw PostgresError(.unsupported, "the connection is in a COPY that this task feeds")
    }
    let id = loop.makeWaitID()
    waitingTurns.append(id)
    switch await loop.wait(id, descriptor: -1, events: 0, deadline: deadline) {
    case .ready: return
    case .deadline:
      throw PostgresError(
        .deadlineExceeded, "the deadline passed while another task used the connection")
    case .cancelled:
      throw PostgresError(.cancelled, "cancelled while another task used the connection")
    }
  }

  /// Lets the next task that waits have its turn.
  @inline(__always)
  func endTurn() {
    // A turn that is handed over stays taken, so that nobody comes in between.
    while !waitingTurns.isEmpty {
      if loop.resume(waitingTurns.removeFirst()) { return }
    }
    isTaken = false
  }

  // MARK: What the server says beside the exchange

  @inline(__always)
  func note(_ status: TransactionStatus) {
    self.status.store(status.rawValue, ordering: .releasing)
  }

  func note(parameter name: String, _ value: String) {
    serverParameters.withLock { parameters in
      if parameters.count < WireLimits.parameterStatusCount { parameters[name] = value }
    }
  }
}
