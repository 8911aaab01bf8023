public import Foundation
import PostgresWire
import RoostCore

/// A session with a Postgres server.
///
/// It may be used from any task, and by several at once: each query has its turn. Inside of
/// `PostgresPool.withConnection` (or `run` here) tasks run on the connection's executor, where a
/// query costs no hop; from elsewhere it works as well, at the price of two hops. The executor has
/// a thread of its own, and borrows the caller's as long as nothing has to be waited for.
///
/// A query whose task is cancelled, or whose time is over, while the server owes an answer is
/// cancelled on the server, too, by a CancelRequest on a second connection to the same address,
/// encrypted as the session is. Nothing else is sent before that connection has ended and the
/// query's own answer has come, so that a late cancel never hits the next query; then the
/// connection is as good as it was. Where that takes longer than `cancelTimeout`, or cannot be (no
/// cancel key, streams that were handed in), it is closed.
public final class PostgresConnection: Sendable {
  let core: ConnectionCore
  let loop: ConnectionLoop

  private init(core: ConnectionCore, loop: ConnectionLoop) {
    self.core = core
    self.loop = loop
  }

  deinit {
    loop.stop()
  }

  /// Connects to a server over TCP or a Unix socket, as the configuration says.
  public static func connect(
    _ configuration: PostgresConfiguration
  ) async throws(PostgresError) -> PostgresConnection {
    try await open(configuration, over: nil)
  }

  /// Connects over two streams that the closure makes and that end at a server.
  ///
  /// The streams are opened, used by threads of their own from then on, and closed with the
  /// connection; a read that the streams' owner never ends keeps its thread. Where the
  /// configuration wants TLS, it is spoken over them; nothing is tried on a second connection. What
  /// the closure throws is rethrown unchanged; else `PostgresError`.
  public static func connect(
    _ configuration: PostgresConfiguration,
    over makeStreams: @Sendable () throws -> (input: InputStream, output: OutputStream)
  ) async throws -> PostgresConnection {
    let (input, output) = try makeStreams()
    guard let pumped = StreamPump.start(input: input, output: output) else {
      throw PostgresError(.closed, "the system has no descriptor left for the streams")
    }
    return try await open(configuration, over: OpenedStreams(pair: pumped))
  }

  /// Connects over a transport that the loop reads and writes itself, as it does a socket's.
  package static func connect(
    _ configuration: PostgresConfiguration, transport: any Transport & Sendable
  ) async throws(PostgresError) -> PostgresConnection {
    try await open(configuration, over: OpenedStreams(pair: StreamPair(transport)))
  }

  /// Carries the streams to the loop's thread, the only one that uses them from then on.
  private struct OpenedStreams: @unchecked Sendable {
    let pair: StreamPair
  }

  /// Connects as `connect` does, and gives up at the deadline, however many hosts there are.
  static func connect(
    _ configuration: PostgresConfiguration, until deadline: Deadline
  ) async throws(PostgresError) -> PostgresConnection {
    try await open(configuration, over: nil, until: deadline)
  }

  private static func open(
    _ configuration: PostgresConfiguration, over streams: OpenedStreams?,
    until deadline: Deadline = .never
  ) async throws(PostgresError) -> PostgresConnection {
    let loop = ConnectionLoop()
    guard loop.canBeWoken else {
      throw PostgresError(.closed, "the system has no descriptor left for a connection")
    }
    let core = ConnectionCore(configuration, loop: loop)
    let connection = PostgresConnection(core: core, loop: loop)
    try await connection.onLoop { () throws(PostgresError) in
      do throws(PostgresError) {
        try await core.open(over: streams?.pair, until: deadline)
      } catch {
        core.observation?.failed(error, core.server?.host)
        throw error
      }
      core.changes = []
      core.observation?.opened(core.wire.session.processID, core.server?.host)
      core.isEstablished = true
    }
    return connection
  }

  /// Closes the connection. What still waits for an answer fails with `closed`.
  public func close() async {
    await onLoop { core.close() }
  }

  /// Whether the connection is closed, by us, the server or an error.
  public var isClosed: Bool { core.isClosed }

  /// Whether the session was in a transaction when the server last said so.
  public var transactionStatus: TransactionStatus { core.transactionStatus }

  /// Which host of the configuration's list the session is with.
  ///
  /// Of a session over streams that were handed in it is the first, which TLS takes the name from.
  public var host: PostgresConfiguration.Host {
    core.server?.host ?? PostgresConfiguration.Host("")
  }

  /// The version of the wire protocol that the two sides agreed on.
  public var protocolVersion: PostgresConfiguration.ProtocolVersion { core.protocolVersion }

  /// The server's run-time parameters that it told of, such as `server_version`.
  public var serverParameters: [String: String] { core.parameters }

  /// How the session is encrypted, nil when it is not.
  public var encryption: PostgresEncryption? { core.encryption }

  /// Runs a closure on the connection's executor, where its queries cost no hop.
  @discardableResult
  public func run<T: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> T
  ) async throws -> T {
    if loop.isOfCurrentTask { return try await body(self) }
    return try await loop.hop { () async throws in try await body(self) }
  }

  /// Runs a piece of the driver on the loop's thread.
  nonisolated(nonsending) func onLoop<T, E: Error>(
    _ body: nonisolated(nonsending) () async throws(E) -> T
  ) async throws(E) -> T {
    if loop.isOfCurrentTask { return try await body() }
    return try await loop.hop(body)
  }
}
