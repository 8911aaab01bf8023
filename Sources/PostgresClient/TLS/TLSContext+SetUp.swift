import Foundation
import RoostCore

/// The steps in which a context is set up.
extension TLSContext {
  // Source: <openssl/ssl.h> and <openssl/x509_vfy.h>, where these are macros.
  private static let controlMinimumVersion: Int32 = 123
  private static let controlMaximumVersion: Int32 = 124
  private static let optionNoCompression: UInt64 = 1 << 17
  private static let optionNoRenegotiation: UInt64 = 1 << 30
  private static let verifyPeer: Int32 = 1
  private static let checkRevocation: UInt = 0x4 | 0x8
  private static let fileTypePEM: Int32 = 1
  private static let fileTypeDER: Int32 = 2

  /// Postgres's protocol for ALPN, with its length before it. Source: PostgreSQL manual, "SSL
  /// Session Encryption".
  static let protocolList: [UInt8] = [10] + Array("postgresql".utf8)

  /// Sets the versions and what is never wanted.
  func setUp(
    versions minimum: TLSOptions.Version, _ maximum: TLSOptions.Version?
  ) throws(PostgresError) {
    let newest = maximum?.number ?? 0
    guard
      library.contextControl(context, Self.controlMinimumVersion, minimum.number, nil) == 1,
      library.contextControl(context, Self.controlMaximumVersion, newest, nil) == 1
    else {
      throw PostgresError(
        .invalidConfiguration,
        "ssl_min_protocol_version or ssl_max_protocol_version is not possible here: "
          + library.takeErrorText())
    }
    _ = library.contextSetOptions(context, Self.optionNoCompression | Self.optionNoRenegotiation)
  }

  /// Reads the trusted roots, if there are any, and then demands that the peer is known to them.
  func trust(
    _ options: TLSOptions, _ mode: PostgresConfiguration.SSLMode
  ) throws(PostgresError) {
    guard options.trustedRoots != .system else {
      guard library.contextUseSystemRoots(context) == 1 else {
        throw PostgresError(
          .invalidConfiguration, "the system's roots cannot be read: \(library.takeErrorText())")
      }
      return library.contextSetVerify(context, Self.verifyPeer, nil)
    }
    guard let file = options.rootFile, access(file, F_OK) == 0 else {
      guard mode.isVerified else { return }
      let place = options.rootFile.map { "the file \"\($0)\" does not exist" } ?? "there is no home"
      throw PostgresError(
        .invalidConfiguration,
        "sslmode=\(mode.rawValue) needs root certificates, but \(place); provide it, name another "
          + "with sslrootcert=FILE, use the system's roots with sslrootcert=system and "
          + "sslmode=verify-full, or do without verification with sslmode=require")
    }
    guard library.contextLoadRoots(context, file, nil) == 1 else { throw unreadable("root", file) }
    try useRevocations(options)
    library.contextSetVerify(context, Self.verifyPeer, nil)
  }

  private func useRevocations(_ options: TLSOptions) throws(PostgresError) {
    var file = options.effectiveRevocationFile
    // The default file need not exist; one that was asked for must, or revoked ones would pass.
    if options.revocationFile == nil, let known = file, access(known, F_OK) != 0 { file = nil }
    if let folder = options.revocationFolder, access(folder, R_OK | X_OK) != 0 {
      throw unreadable("revocation", folder)
    }
    guard file != nil || options.revocationFolder != nil else { return }
    let store = library.contextStore(context)
    guard library.storeLoad(store, file, options.revocationFolder) == 1,
      library.storeSetFlags(store, Self.checkRevocation) == 1
    else { throw unreadable("revocation", file ?? options.revocationFolder ?? "") }
  }

  /// Reads the certificate with its key. False when there is none.
  func useCertificate(_ options: TLSOptions) throws(PostgresError) -> Bool {
    guard let file = options.effectiveCertificateFile else { return false }
    guard access(file, F_OK) == 0 else {
      // As libpq: no file, no certificate; the server says whether it can do without.
      if errno == ENOENT || errno == ENOTDIR { return false }
      throw PostgresError(
        .invalidConfiguration,
        "the certificate file \"\(file)\" cannot be read: \(String(cString: strerror(errno)))")
    }
    guard library.contextUseCertificate(context, file) == 1 else {
      throw unreadable("certificate", file)
    }
    guard let key = options.effectiveKeyFile else {
      throw PostgresError(.invalidConfiguration, "a certificate is given, but no key (sslkey)")
    }
    try requirePrivate(key)
    try useKey(key, passphrase: options.keyPassphrase)
    guard library.contextCheckKey(context) == 1 else {
      throw PostgresError(
        .invalidConfiguration,
        "the key file \"\(key)\" is not of the certificate file \"\(file)\": "
          + library.takeErrorText())
    }
    return true
  }

  /// libpq's check: a key is its owner's alone, or root's and a group's to read.
  private func requirePrivate(_ file: String) throws(PostgresError) {
    var status = stat()
    guard stat(file, &status) == 0 else {
      throw PostgresError(
        .invalidConfiguration,
        "the key file \"\(file)\" cannot be read: \(String(cString: strerror(errno)))")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw PostgresError(.invalidConfiguration, "the key file \"\(file)\" is not a regular file")
    }
    let forbidden: mode_t = status.st_uid == 0 ? 0o037 : 0o077
    guard status.st_mode & forbidden == 0 else {
      throw PostgresError(
        .invalidConfiguration,
        "the key file \"\(file)\" has group or world access; its permissions must be 0600 or less, "
          + "or 0640 or less where root owns it")
    }
  }

  private func useKey(_ file: String, passphrase: String?) throws(PostgresError) {
    // Always answered here: OpenSSL would else ask at the terminal, and wait for it.
    library.contextSetPassphraseCallback(context) { room, size, _, own in
      guard let room, let own else { return -1 }
      let text = own.assumingMemoryBound(to: CChar.self)
      let count = strlen(text)
      guard count > 0, count < Int(size) else { return -1 }
      room.update(from: text, count: count)
      return Int32(count)
    }
    var text = Array((passphrase ?? "").utf8CString)
    let wasRead = text.withUnsafeMutableBytes { bytes in
      library.contextSetPassphraseData(context, bytes.baseAddress)
      defer { library.contextSetPassphraseData(context, nil) }
      return library.contextUseKey(context, file, Self.fileTypePEM) == 1
    }
    if wasRead { return }
    let reason = library.takeErrorText()
    if library.contextUseKey(context, file, Self.fileTypeDER) == 1 { return }
    library.clearErrors()
    let hint =
      passphrase == nil
      ? " (a key with a passphrase needs sslpassword)" : " (is sslpassword its passphrase?)"
    throw PostgresError(
      .invalidConfiguration, "the key file \"\(file)\" cannot be used: \(reason)\(hint)")
  }

  /// Offers Postgres's protocol.
  func offerProtocol() throws(PostgresError) {
    let list = Self.protocolList
    // This one returns 0 for success.
    guard library.contextSetProtocols(context, list, UInt32(list.count)) == 0 else {
      throw PostgresError(.tlsFailed, "OpenSSL cannot offer ALPN: \(library.takeErrorText())")
    }
  }

  /// As a server, takes Postgres's protocol when it is offered, and refuses all others.
  func chooseProtocol() {
    let callback: OpenSSL.ProtocolCallback = { _, choice, count, offers, offersCount, _ in
      // SSL_TLSEXT_ERR_OK and SSL_TLSEXT_ERR_ALERT_FATAL.
      guard let offers, let choice, let count else { return 2 }
      var index = 0
      while index < Int(offersCount) {
        let length = Int(offers[index])
        let offer = UnsafeBufferPointer(start: offers + index + 1, count: length)
        if index + 1 + length <= Int(offersCount), offer.elementsEqual("postgresql".utf8) {
          choice.pointee = offers + index + 1
          count.pointee = UInt8(length)
          return 0
        }
        index += 1 + length
      }
      return 2
    }
    library.contextSetProtocolCallback(context, callback, nil)
  }

  private func unreadable(_ what: String, _ file: String) -> PostgresError {
    PostgresError(
      .invalidConfiguration,
      "the \(what) file \"\(file)\" cannot be read: \(library.takeErrorText())")
  }
}
