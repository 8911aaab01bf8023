import Foundation
import PostgresWire
import RoostCore

extension ConnectionCore {
  /// Connects, encrypts as the configuration says, authenticates, and returns when a server that is
  /// wanted takes requests. `end` bounds it all, besides `connectTimeout`.
  func open(over given: StreamPair?, until end: Deadline) async throws(PostgresError) {
    try configuration.requireSupported()
    guard let given, let host = configuration.hosts.first else {
      return try await openAny(until: end)
    }
    let deadline = min(end, .after(configuration.connectTimeout))
    try await open(to: ServerAddress(host: host, socket: nil), over: given, until: deadline)
    // There is no other server: the last round's wish counts.
    if let target = configuration.targetSession.passes.last {
      try await require(target, until: deadline)
    }
  }

  /// Connects to one server, on a second connection where the first shows that it must be with, or
  /// without, TLS.
  func open(
    to server: ServerAddress, over given: StreamPair?, until deadline: Deadline
  ) async throws(PostgresError) {
    self.server = server
    let opener = TransportOpener(
      configuration: configuration, server: server, loop: loop, deadline: deadline)
    let attempts = configuration.encryptionAttempts(to: server.host, over: given)
    let failure: PostgresError
    do throws(PostgresError) {
      return try await start(attempts.first, opener, over: given)
    } catch {
      failure = error
    }
    guard let second = attempts.second, isWorthAnother(failure, after: attempts.first) else {
      throw failure
    }
    reopen()
    do throws(PostgresError) {
      try await start(second, opener, over: nil)
    } catch {
      // What the server said is worth more than that it has no TLS either.
      if error.code == .tlsFailed, failure.server != nil {
        throw PostgresError(failure, cause: error)
      }
      throw PostgresError(error, cause: failure)
    }
  }

  /// One attempt to come to a session.
  private func start(
    _ encryption: TransportOpener.Encryption, _ opener: TransportOpener, over given: StreamPair?
  ) async throws(PostgresError) {
    let opened = try await opener.open(encryption, over: given)
    streams = opened.streams
    self.encryption = opened.tls?.encryption
    if configuration.tls.certificateMode == .require, opened.tls?.hasShownCertificate != true {
      throw abandon(
        opener.tlsFailure(
          opened.tls == nil
            ? "sslcertmode=require, but the session is not encrypted"
            : "sslcertmode=require, but the server did not ask for a certificate, or there is none"
        ))
    }
    let password: FoundPassword
    do throws(PostgresError) {
      password = try await findPassword(for: opener.server.host, until: opener.deadline)
    } catch {
      throw abandon(error)
    }
    wire = Self.makeWire(configuration, password.text, ChannelBindingSource(opened.tls))
    wire.tracer = observation?.tracer
    wire.tracer?.begin()
    do throws(WireError) {
      try wire.start(configuration.startupParameters, minors: configuration.protocolMinors)
    } catch {
      throw abandon(PostgresError(error))
    }
    do throws(PostgresError) {
      try await exchange(until: opener.deadline, row: { _ in }) { event throws(PostgresError) in
        switch event {
        case .failed(let message): throw PostgresError(refusal: message)
        case .started: return true
        default: return false
        }
      }
    } catch {
      if error.code == .deadlineExceeded {
        throw PostgresError(
          .connectTimeout, "the connect deadline passed before the server let us in")
      }
      if error.code == .authenticationFailed, let remark = password.remark {
        throw PostgresError(error, cause: PostgresError(.invalidConfiguration, remark))
      }
      // With TLS 1.3 a server's verdict on our certificate comes after the handshake.
      guard error.code == .closed, let reason = opened.streams.input.failureText else {
        throw error
      }
      throw opener.tlsFailure(reason)
    }
    wire.framer.limit = WireLimits.messageByteCount
    note(minor: wire.session.minor)
  }

  /// Whether what failed may go better with, or without, TLS, as libpq judges it: TLS did not come
  /// about, or the server refused the session before it let us in.
  private func isWorthAnother(
    _ failure: PostgresError, after first: TransportOpener.Encryption
  ) -> Bool {
    // Who takes no connections now does not take them in another way either.
    let wasRefused =
      failure.server != nil && !wire.session.isAuthenticated
      && failure.sqlState != .cannotConnectNow
    switch first {
    case .never: return wasRefused
    case .offered, .required:
      // Without encryption, this one was the attempt without TLS already.
      if streams != nil { return encryption != nil && (wasRefused || failure.code == .tlsFailed) }
      return failure.code == .tlsFailed || failure.code == .closed
    }
  }

  /// The session's state at its start.
  static func makeWire(
    _ configuration: PostgresConfiguration, _ password: String?, _ binding: ChannelBindingSource
  ) -> WireState {
    // 18 random bytes as libpq: 24 characters of base64, none of them a comma.
    let nonce = Data(Secrets.randomBytes(18)).base64EncodedString()
    return WireState(
      Session(
        Credentials(
          user: configuration.user, password: password,
          policy: configuration.authentication, nonce: nonce, binding: binding,
          derive: configuration.saltedPasswords.derive)))
  }
}

extension ChannelBindingSource {
  /// What a session's TLS, nil when it has none, can be bound to.
  fileprivate init(_ tls: TLSSession?) {
    guard let tls else {
      self = .noTLS
      return
    }
    self = tls.serverEndPoint.map { .serverEndPoint($0) } ?? .noDigest
  }
}

extension PostgresConfiguration {
  /// How to try, and how to try again on another connection; nil when there is no other way, or no
  /// other connection because the streams are given.
  fileprivate func encryptionAttempts(
    to host: Host, over given: StreamPair?
  ) -> (first: TransportOpener.Encryption, second: TransportOpener.Encryption?) {
    if given == nil, host.usesUnixSocket { return (.never, nil) }
    let canEncrypt = (try? OpenSSL.load(tls.libraries)) != nil
    switch sslMode {
    case .disable: return (.never, nil)
    case .allow: return (.never, given == nil && canEncrypt ? .required : nil)
    case .prefer: return canEncrypt ? (.offered, given == nil ? .never : nil) : (.never, nil)
    case .require, .verifyCA, .verifyFull: return (.required, nil)
    }
  }
}
