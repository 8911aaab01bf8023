import Foundation
import RoostCore

/// TLS over a pair of streams, as a transport for another pair.
///
/// OpenSSL reads and writes two buffers in memory; what is in them is moved to and from the inner
/// streams here, so that TLS works over whatever they stand on. One thread at a time uses it.
package final class TLSSession: Transport {
  /// How many encrypted bytes are moved at a time. A record has at most 16 KiB and a little.
  private static let chunkByteCount = 64 << 10

  /// The most encrypted bytes that may wait to be sent while only reading goes on: answers that the
  /// peer provokes, and does not take.
  private static let provokedByteCount = 256 << 10

  // Source: <openssl/ssl.h>.
  private static let errorWantRead: Int32 = 2
  private static let errorZeroReturn: Int32 = 6

  /// How far a handshake is.
  package enum Handshake {
    case done
    /// To be called again when the descriptor is ready for these events of `poll`.
    case waiting(descriptor: Int32, events: Int32)
    /// The two do not come together; OpenSSL's reason, and the certificate's fault if it is that.
    case failed(String)
    /// The connection under it was lost; the reason in the system's words.
    case lost(String)
  }

  private let inner: StreamPair
  private let context: TLSContext
  private let library: OpenSSL
  private let session: OpenSSL.Object
  /// What came from the peer, and what is to go to it; `session` owns both.
  private let received: OpenSSL.Object
  private let pending: OpenSSL.Object

  /// Encrypted bytes on their way: a place to receive into, and what is left to be sent.
  private let incoming: UnsafeMutableRawBufferPointer
  private let outgoing: UnsafeMutableRawBufferPointer
  private var outgoingStart = 0
  private var outgoingEnd = 0

  /// How many bytes are encrypted, but not yet reported as moved, since some are still here.
  private var unreportedCount = 0
  private var isHandshakeDone = false
  private var isShutDown = false

  package private(set) var hasBufferedBytes = false
  package private(set) var failureText: String?

  /// Set to 1 by OpenSSL's callback when the peer asks for a certificate.
  private let wasCertificateRequested: UnsafeMutablePointer<Int32>

  /// A session that has not begun. As a client it wants the peer to have this name or address; nil
  /// takes any. `serverName` is what the peer is told that it was called by.
  package init(
    _ context: TLSContext, over inner: StreamPair, isServer: Bool = false,
    verifiedHost: String? = nil, serverName: String? = nil
  ) throws(PostgresError) {
    let library = context.library
    library.clearErrors()
    guard let session = library.sessionNew(context.context) else {
      throw PostgresError(.tlsFailed, "OpenSSL cannot begin: \(library.takeErrorText())")
    }
    let received = library.bufferNew(library.bufferMethod())
    let pending = library.bufferNew(library.bufferMethod())
    guard let received, let pending else {
      _ = library.bufferFree(received)
      _ = library.bufferFree(pending)
      library.sessionFree(session)
      throw PostgresError(.tlsFailed, "OpenSSL cannot begin: \(library.takeErrorText())")
    }
    library.sessionSetBuffers(session, received, pending)
    self.inner = inner
    self.context = context
    self.library = library
    self.session = session
    self.received = received
    self.pending = pending
    incoming = .allocate(byteCount: Self.chunkByteCount, alignment: 16)
    outgoing = .allocate(byteCount: Self.chunkByteCount, alignment: 16)
    wasCertificateRequested = .allocate(capacity: 1)
    wasCertificateRequested.initialize(to: 0)
    library.sessionSetCertificateCallback(
      session,
      { _, own in
        own?.storeBytes(of: 1, as: Int32.self)
        return 1
      }, wasCertificateRequested)
    if isServer {
      library.sessionSetAccepting(session)
    } else {
      library.sessionSetConnecting(session)
      if let verifiedHost { try verify(verifiedHost) }
      if let serverName { try tell(serverName) }
    }
  }

  deinit {
    library.sessionFree(session)
    incoming.deallocate()
    outgoing.deallocate()
    wasCertificateRequested.deallocate()
  }

  private func verify(_ host: String) throws(PostgresError) {
    let parameters = library.sessionVerifyParameters(session)
    // X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
    library.verifySetHostFlags(parameters, 0x4)
    let isSet =
      SocketAddress.isAddress(host)
      ? library.verifyAddress(parameters, host) : library.verifyHost(parameters, host, 0)
    guard isSet == 1 else {
      throw PostgresError(
        .invalidConfiguration, "a certificate cannot be verified for the host \"\(host)\"")
    }
  }

  private func tell(_ name: String) throws(PostgresError) {
    // SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name
    let isSet = name.withCString { text in
      library.sessionControl(session, 55, 0, UnsafeMutableRawPointer(mutating: text))
    }
    guard isSet == 1 else {
      throw PostgresError(
        .invalidConfiguration, "the host \"\(name)\" cannot be told as a name; sslsni=0 does not")
    }
  }

  // MARK: Handshake

  /// Goes on with the handshake as far as that is possible without waiting.
  package func continueHandshake() -> Handshake {
    var mayReceive = true
    while true {
      if !isHandshakeDone {
        library.clearErrors()
        let result = library.handshake(session)
        isHandshakeDone = result == 1
        if result != 1, library.sessionError(session, result) != Self.errorWantRead {
          let text = handshakeFailure()
          failureText = text
          // The alert that tells the peer why, as far as it goes.
          _ = flush()
          return .failed(text)
        }
      }
      switch flush() {
      case .moved: break
      case .wouldBlock: return .waiting(descriptor: writeDescriptor, events: Int32(POLLOUT))
      case .end: return .lost("the connection ended")
      case .failed(let number): return .lost(String(cString: strerror(number)))
      }
      if isHandshakeDone { return .done }
      // One try to receive, then it is the caller's turn, who knows the deadline.
      guard mayReceive else {
        return .waiting(descriptor: readDescriptor, events: Int32(POLLIN))
      }
      mayReceive = false
      switch receive() {
      case .moved, .wouldBlock: break
      case .end: return .lost("the other side closed the connection")
      case .failed(let number): return .lost(String(cString: strerror(number)))
      }
    }
  }

  private func handshakeFailure() -> String {
    let reason = library.takeErrorText()
    let result = library.verifyResult(session)
    guard result != 0, let text = library.verifyText(result) else { return reason }
    return "\(reason): \(String(cString: text))"
  }

  // MARK: Transport

  package var readDescriptor: Int32 { inner.input.descriptor }
  package var writeDescriptor: Int32 { inner.output.descriptor }

  package func readAvailable(_ room: UnsafeMutableRawBufferPointer) -> StreamProgress {
    guard failureText == nil, !isShutDown else { return .end }
    guard !room.isEmpty else { return .wouldBlock }
    let progress = decrypt(room)
    // Reading may have made something to be sent: an alert, or an answer to a key update. When it
    // cannot be sent, the next write tells.
    if case .wouldBlock = flush(), library.bufferCount(pending) > Self.provokedByteCount {
      return fail("the server provokes answers and does not take them")
    }
    return progress
  }

  private func decrypt(_ room: UnsafeMutableRawBufferPointer) -> StreamProgress {
    var mayReceive = true
    while true {
      library.clearErrors()
      let count = library.read(session, room.baseAddress, Int32(clamping: room.count))
      if count > 0 {
        hasBufferedBytes = true
        return .moved(Int(count))
      }
      hasBufferedBytes = false
      switch library.sessionError(session, count) {
      case Self.errorWantRead: break
      case Self.errorZeroReturn: return .end
      default: return fail(library.takeErrorText())
      }
      // All that came is used up. After one more try to receive it is the caller's turn: a peer
      // that sends records without content for ever must not keep us here.
      guard mayReceive else { return .wouldBlock }
      mayReceive = false
      switch receive() {
      case .moved: break
      case let other: return other
      }
    }
  }

  package func writeAvailable(_ bytes: UnsafeRawBufferPointer) -> StreamProgress {
    guard failureText == nil, !isShutDown else { return .end }
    var moved = 0
    while true {
      if unreportedCount == 0 {
        guard moved < bytes.count else { return .moved(moved) }
        let chunk = bytes[moved..<min(bytes.count, moved + Self.chunkByteCount)]
        library.clearErrors()
        let start = UnsafeRawBufferPointer(rebasing: chunk).baseAddress
        let count = library.write(session, start, Int32(chunk.count))
        guard count > 0 else { return fail(library.takeErrorText()) }
        unreportedCount = Int(count)
      }
      // Bytes that are encrypted and still here are not reported: who has nothing left to send does
      // not come back, and they would stay.
      switch flush() {
      case .moved:
        moved += min(unreportedCount, bytes.count - moved)
        unreportedCount = 0
      case let other: return moved > 0 ? .moved(moved) : other
      }
    }
  }

  package func shutDown() {
    guard !isShutDown else { return }
    if isHandshakeDone, failureText == nil {
      library.clearErrors()
      _ = library.shutDown(session)
      _ = flush()
    }
    isShutDown = true
    hasBufferedBytes = false
    inner.close()
  }

  private func fail(_ text: String) -> StreamProgress {
    failureText = text
    hasBufferedBytes = false
    return .failed(EPROTO)
  }

  // MARK: Encrypted bytes

  /// Takes what the inner stream has.
  private func receive() -> StreamProgress {
    let progress = inner.input.readAvailable(incoming)
    if case .moved(let count) = progress {
      let taken = library.bufferWrite(received, incoming.baseAddress, Int32(count))
      guard taken == Int32(count) else { return fail("OpenSSL has no memory") }
    }
    return progress
  }

  /// Sends what is to go to the peer; `moved` when nothing is left.
  private func flush() -> StreamProgress {
    while true {
      if outgoingStart == outgoingEnd {
        let count = library.bufferRead(pending, outgoing.baseAddress, Int32(outgoing.count))
        guard count > 0 else { return .moved(0) }
        outgoingStart = 0
        outgoingEnd = Int(count)
      }
      let rest = UnsafeRawBufferPointer(rebasing: outgoing[outgoingStart..<outgoingEnd])
      switch inner.output.writeAvailable(rest) {
      case .moved(let count): outgoingStart += count
      case let other: return other
      }
    }
  }

  // MARK: Who the peer is

  /// The version and the cipher, once the handshake is done.
  var encryption: PostgresEncryption {
    let version = library.sessionVersion(session).map { String(cString: $0) }
    let cipher = library.cipherName(library.sessionCipher(session)).map { String(cString: $0) }
    return PostgresEncryption(version: version ?? "unknown", cipher: cipher ?? "unknown")
  }

  /// The protocol that the peer chose (ALPN), nil when it chose none.
  var selectedProtocol: String? {
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    library.selectedProtocol(session, &name, &count)
    guard let name, count > 0 else { return nil }
    return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }

  /// Whether the peer asked for a certificate, and there was one to show.
  var hasShownCertificate: Bool {
    wasCertificateRequested.pointee == 1 && context.hasCertificate
  }

  /// The peer's certificate hashed for `tls-server-end-point`, nil when its signature names no
  /// digest (such as Ed25519's). Source: RFC 5929, section 4.1.
  var serverEndPoint: [UInt8]? {
    guard let certificate = library.peerCertificate(session) else { return nil }
    defer { library.certificateFree(certificate) }
    return endPoint(of: certificate)
  }

  /// The server's own certificate hashed so, for scripted servers.
  package var ownEndPoint: [UInt8]? {
    library.ownCertificate(session).flatMap { endPoint(of: $0) }
  }

  private func endPoint(of certificate: OpenSSL.Object) -> [UInt8]? {
    library.clearErrors()
    var digestNumber: Int32 = 0
    let isKnown = library.certificateSignature(certificate, &digestNumber, nil, nil, nil) == 1
    defer { library.clearErrors() }
    // 0 is NID_undef: the signature has no digest of its own.
    guard isKnown, digestNumber != 0 else { return nil }
    // NID_md5 and NID_sha1 are too weak to bind to.
    let isWeak = digestNumber == 4 || digestNumber == 64
    let digest =
      isWeak
      ? library.digestByName("SHA256") : library.digestByName(library.numberToName(digestNumber))
    guard let digest else { return nil }
    // EVP_MAX_MD_SIZE
    var hash = [UInt8](repeating: 0, count: 64)
    var count = UInt32(hash.count)
    guard library.certificateDigest(certificate, digest, &hash, &count) == 1 else { return nil }
    return Array(hash.prefix(Int(count)))
  }
}
