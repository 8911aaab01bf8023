import Foundation
import PostgresWire
import RoostCore

extension ConnectionCore {
  /// Connects, encrypts as the configuration says, authenticates, and returns when the server takes
  /// requests.
  func open(over given: StreamPair?) async throws(PostgresError) {
    try configuration.requireSupported()
    let opener = TransportOpener(
      configuration: configuration, loop: loop,
      deadline: .after(configuration.connectTimeout))
    let attempts = configuration.encryptionAttempts(over: given)
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
        configuration.tlsFailure(
          opened.tls == nil
            ? "sslcertmode=require, but the session is not encrypted"
            : "sslcertmode=require, but the server did not ask for a certificate, or there is none"
        ))
    }
    wire = Self.makeWire(configuration, ChannelBindingSource(opened.tls))
    do throws(WireError) {
      try wire.start(configuration.startupParameters)
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
      // With TLS 1.3 a server's verdict on our certificate comes after the handshake.
      guard error.code == .closed, let reason = opened.streams.input.failureText else {
        throw error
      }
      throw configuration.tlsFailure(reason)
    }
    wire.framer.limit = WireLimits.messageByteCount
  }

  /// Whether what failed may go better with, or without, TLS, as libpq judges it: TLS did not come
  /// about, or the server refused the session before it let us in.
  private func isWorthAnother(
    _ failure: PostgresError, after first: TransportOpener.Encryption
  ) -> Bool {
    let wasRefused = failure.server != nil && !wire.session.isAuthenticated
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
    _ configuration: PostgresConfiguration, _ binding: ChannelBindingSource
  ) -> WireState {
    // 18 random bytes as libpq: 24 characters of base64, none of them a comma.
    let nonce = Data(Secrets.randomBytes(18)).base64EncodedString()
    return WireState(
      Session(
        Credentials(
          user: configuration.user, password: configuration.password,
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
    over given: StreamPair?
  ) -> (first: TransportOpener.Encryption, second: TransportOpener.Encryption?) {
    if given == nil, usesUnixSocket { return (.never, nil) }
    let canEncrypt = (try? OpenSSL.load(tls.libraries)) != nil
    switch sslMode {
    case .disable: return (.never, nil)
    case .allow: return (.never, given == nil && canEncrypt ? .required : nil)
    case .prefer: return canEncrypt ? (.offered, given == nil ? .never : nil) : (.never, nil)
    case .require, .verifyCA, .verifyFull: return (.required, nil)
    }
  }
}
