import Foundation
import PostgresWire
import RoostCore

/// Opens what a session stands on: connects, and begins TLS where that is asked for.
///
/// It knows no session, and nothing of other hosts: another connection to the same server, as for a
/// CancelRequest, is opened in the same way, with the session's `ConnectionCore.server`.
struct TransportOpener {
  let configuration: PostgresConfiguration
  /// Where the connection goes.
  let server: ServerAddress
  let loop: ConnectionLoop
  let deadline: Deadline

  /// Whether a connection is encrypted.
  enum Encryption {
    /// No.
    case never
    /// If the server has it.
    case offered
    /// Or there is no connection.
    case required
  }

  /// The streams, and the TLS that they stand on, nil when they are not encrypted.
  struct Opened {
    let streams: StreamPair
    let tls: TLSSession?
  }

  /// Connects, or takes the streams that are given, and encrypts.
  func open(
    _ encryption: Encryption, over given: StreamPair?
  ) async throws(PostgresError) -> Opened {
    if encryption == .never { return Opened(streams: try await connect(given), tls: nil) }
    // Before anything is connected: files that cannot be used are nothing that a server caused.
    let context = try configuration.tlsContexts.context(
      configuration.tls, configuration.sslMode)
    let streams = try await connect(given)
    do throws(PostgresError) {
      if configuration.tls.negotiation == .postgres, !(try await serverTakesTLS(streams)) {
        guard encryption == .offered else {
          throw PostgresError(
            .tlsFailed,
            "the server at \(server) has no TLS, and "
              + "sslmode=\(configuration.sslMode.rawValue) does without only under prefer or less")
        }
        return Opened(streams: streams, tls: nil)
      }
      let session = try TLSSession(
        context, over: streams, verifiedHost: try verifiedHost, serverName: serverName)
      try await shakeHands(session)
      return Opened(streams: StreamPair(session), tls: session)
    } catch {
      streams.close()
      throw error
    }
  }

  private func connect(_ given: StreamPair?) async throws(PostgresError) -> StreamPair {
    if let given { return given }
    let connector = SocketConnector(
      loop: loop, deadline: deadline, options: configuration.socketOptions)
    let socket = try await connector.connect(to: server)
    try requirePeer(socket)
    return StreamPair(socket)
  }

  /// Throws when a Unix socket's other end belongs to somebody else than was asked for.
  ///
  /// Source: PostgreSQL manual, `requirepeer` among the parameter key words.
  private func requirePeer(_ socket: Socket) throws(PostgresError) {
    guard let wanted = configuration.requiredPeer, server.host.usesUnixSocket else { return }
    let name = SocketPlatform.peerUser(socket.descriptor).flatMap { SystemUser($0)?.name }
    guard name != wanted else { return }
    throw PostgresError(
      .authenticationFailed,
      "requirepeer=\(wanted), but the server at \(server) runs as "
        + (name ?? "somebody whom the system does not know"))
  }

  // MARK: Names

  /// Whom the certificate must be of; nil when anybody's will do.
  private var verifiedHost: String? {
    get throws(PostgresError) {
      guard configuration.sslMode == .verifyFull else { return nil }
      let host = server.host.name
      guard !host.isEmpty, !host.hasPrefix("/") else {
        throw PostgresError(
          .invalidConfiguration, "sslmode=verify-full needs the host's name (host)")
      }
      return host
    }
  }

  /// Which name the server is told that it was called by. RFC 6066, section 3: no address.
  private var serverName: String? {
    let host = server.host.name
    let isName =
      !host.isEmpty && !host.hasPrefix("/") && !host.contains(":")
      && !host.allSatisfy { $0.isNumber || $0 == "." }
    return configuration.tls.sendsServerName && isName ? host : nil
  }

  // MARK: Negotiation

  /// Asks whether the server speaks TLS.
  ///
  /// One byte is read and no more: what follows it belongs to TLS, or to somebody in between who
  /// wants it to be taken for a part of the encrypted session (CVE-2021-23222).
  private func serverTakesTLS(_ streams: StreamPair) async throws(PostgresError) -> Bool {
    var request = WireWriter()
    do throws(WireError) {
      try StartupMessage.sslRequest.encode(into: &request)
    } catch {
      throw PostgresError(error)
    }
    while !request.bytes.isEmpty {
      switch request.bytes.withUnsafeBytes({ streams.output.writeAvailable($0) }) {
      case .moved(let count): request.removeFirst(count)
      case .wouldBlock: try await wait(streams.output.descriptor, Int32(POLLOUT))
      case .end, .failed: throw lost("while TLS was asked for")
      }
    }
    var answer: UInt8 = 0
    while true {
      switch withUnsafeMutableBytes(of: &answer, { streams.input.readAvailable($0) }) {
      case .moved:
        switch answer {
        case UInt8(ascii: "S"): return true
        case UInt8(ascii: "N"): return false
        default:
          // An error's text, possibly; who sent it is not known, so that it is not shown.
          throw PostgresError(
            .protocolViolation,
            "the server answered the request for TLS with byte \(answer), neither S nor N")
        }
      case .wouldBlock: try await wait(streams.input.descriptor, Int32(POLLIN))
      case .end, .failed: throw lost("when TLS was asked for")
      }
    }
  }

  private func shakeHands(_ session: TLSSession) async throws(PostgresError) {
    var isDone = false
    while !isDone {
      switch session.continueHandshake() {
      case .done: isDone = true
      case .waiting(let descriptor, let events): try await wait(descriptor, events)
      case .failed(let reason): throw tlsFailure(reason)
      case .lost(let reason): throw lost("in the TLS handshake: \(reason)")
      }
    }
    switch (session.selectedProtocol, configuration.tls.negotiation) {
    case ("postgresql", _), (nil, .postgres): break
    case (nil, .direct):
      throw tlsFailure(
        "sslnegotiation=direct needs a server that chooses the protocol \"postgresql\" (ALPN)")
    case (_?, _):
      throw tlsFailure("the server chose a protocol that was not offered (ALPN)")
    }
  }

  private func wait(_ descriptor: Int32, _ events: Int32) async throws(PostgresError) {
    let outcome = await loop.wait(
      loop.makeWaitID(), descriptor: descriptor, events: Int16(events), deadline: deadline)
    // A peer that always has one more byte for us would keep a wait from ever seeing the time.
    if outcome == .deadline || deadline <= .now {
      throw PostgresError(
        .connectTimeout, "the connect deadline passed before the session was encrypted")
    }
    if outcome == .cancelled || Task.isCancelled {
      throw PostgresError(.cancelled, "cancelled before the session was encrypted")
    }
  }

  private func lost(_ place: String) -> PostgresError {
    PostgresError(.closed, "the connection to \(server) was lost \(place)")
  }

  /// The error for a session that cannot be encrypted.
  func tlsFailure(_ reason: String) -> PostgresError {
    PostgresError(.tlsFailed, "TLS with \(server.host.name) failed: \(reason)")
  }
}
