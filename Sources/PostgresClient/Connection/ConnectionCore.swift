import Foundation
import PostgresWire
import RoostCore
import Synchronization

/// A connection's state and what is done with it, on its loop's thread.
///
/// Thread confinement: every method that is not marked otherwise runs in a job of `loop`, which the
/// callers in `PostgresConnection` see to with `onLoop`; so the variables are touched by one thread
/// only. What other threads may ask for is atomic or in a lock. That is why this is `Sendable`.
///
/// What every query passes through is `nonisolated(nonsending)`: it goes on where it was called,
/// which is on the loop. Else each call, and each return from one, looks for the task's executor,
/// under a lock: a query did so 16 times, now it does three times.
final class ConnectionCore: @unchecked Sendable {
  let loop: ConnectionLoop
  let configuration: PostgresConfiguration

  var streams: StreamPair?
  /// Whether connecting is over.
  var isEstablished = false
  var wire: WireState
  var statements: StatementCache
  var spin = AdaptiveSpin()
  /// What an observer is told, nil when there is none.
  let observation: Observation?
  /// What users did to the session since it was last as at its beginning.
  var changes: SessionChanges = []
  var answerSoFar = AnswerSoFar()
  /// Why the connection is closed.
  var closeReason: PostgresError?

  /// Called with each NOTIFY of a channel that the session listens to.
  var onNotification: ((_ processID: Int32, _ channel: String, _ payload: String) -> Void)?

  /// How many portals have been named; no two of a session have the same name.
  var portalCount = 0
  /// How many savepoints have been named, likewise.
  var savepointCount = 0

  private var isTaken = false
  private var waitingTurns: [ConnectionLoop.WaitID] = []

  /// What any thread may ask for.
  private let closed = Atomic(false)
  private let status = Atomic(TransactionStatus.idle.rawValue)
  private let serverParameters = Mutex<[String: String]>([:])
  private let minor = Atomic<UInt16>(0)
  private let openedServer = Mutex<ServerAddress?>(nil)
  private let openedEncryption = Mutex<PostgresEncryption?>(nil)

  init(_ configuration: PostgresConfiguration, loop: ConnectionLoop) {
    self.configuration = configuration
    self.loop = loop
    observation = Observation(configuration)
    statements = StatementCache(
      limit: configuration.statementCacheLimit, byteLimit: configuration.statementCacheByteLimit)
    wire = Self.makeWire(configuration, nil, .noTLS)
  }

  // MARK: From any thread

  /// Whether the connection can no longer be used.
  var isClosed: Bool { closed.load(ordering: .acquiring) }

  /// Whether the session was in a transaction when the server last said so.
  var transactionStatus: TransactionStatus {
    TransactionStatus(rawValue: status.load(ordering: .acquiring)) ?? .idle
  }

  /// The version of the wire protocol that is spoken.
  var protocolVersion: PostgresConfiguration.ProtocolVersion {
    minor.load(ordering: .acquiring) >= PostgresConfiguration.ProtocolVersion.v32.minor
      ? .v32 : .v30
  }

  /// The server's run-time parameters that it told of.
  var parameters: [String: String] { serverParameters.withLock { $0 } }

  /// Which server the session is with, so that a second connection leads to the same one; see
  /// `ServerAddress`. Nil before the first attempt to connect.
  var server: ServerAddress? {
    get { openedServer.withLock { $0 } }
    set { openedServer.withLock { $0 = newValue } }
  }

  /// How the session is encrypted, nil when it is not.
  var encryption: PostgresEncryption? {
    get { openedEncryption.withLock { $0 } }
    set { openedEncryption.withLock { $0 = newValue } }
  }

  // MARK: Closing

  /// Says good-bye, as far as that is possible without waiting, and closes.
  func close() {
    guard !isClosed else { return }
    let goodbye = wire.terminate()
    if !isTaken {
      _ = goodbye.withUnsafeBytes { bytes in
        observation?.sent(bytes)
        return streams?.output.writeAvailable(bytes)
      }
    }
    observation?.closed(nil)
    abandon(.closed)
  }

  /// Closes because of an error, which it returns.
  @discardableResult
  func abandon(_ error: PostgresError) -> PostgresError {
    if closeReason == nil { closeReason = error }
    wire.session.end()
    streams?.close()
    closed.store(true, ordering: .releasing)
    observation?.closed(error)
    return error
  }

  /// Lets a connection that did not come about be tried in another way, or with another server.
  func reopen() {
    closeReason = nil
    streams = nil
    encryption = nil
    serverParameters.withLock { $0 = [:] }
    closed.store(false, ordering: .releasing)
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
  nonisolated(nonsending) func beginTurn(until deadline: Deadline) async throws(PostgresError) {
    if isTaken { try await waitForTurn(until: deadline) }
    isTaken = true
  }

  private nonisolated(nonsending) func waitForTurn(
    until deadline: Deadline
  ) async throws(PostgresError) {
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

  func note(minor: UInt16) {
    self.minor.store(minor, ordering: .releasing)
  }

  func note(parameter name: String, _ value: String) {
    serverParameters.withLock { parameters in
      if parameters.count < WireLimits.parameterStatusCount { parameters[name] = value }
    }
  }

  /// Takes note of a command that may have dropped prepared statements, by its tag.
  func noteDropped(_ tag: String) {
    switch tag {
    case "DEALLOCATE ALL", "DISCARD ALL": statements.forgetAll()
    // Which one is not said.
    case "DEALLOCATE": statements.removeAll()
    default: break
    }
  }
}
