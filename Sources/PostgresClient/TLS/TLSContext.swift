import Foundation
import RoostCore
import Synchronization

/// What all connections of one configuration share: OpenSSL's `SSL_CTX`, with the files read.
///
/// `Sendable` is unchecked since the context is a C pointer. Nothing changes after `init`, and
/// SSL_new(3) may be called for it from any thread.
package final class TLSContext: @unchecked Sendable {
  let library: OpenSSL
  let context: OpenSSL.Object
  /// Whether there is a certificate to show to a peer that asks for it.
  private(set) var hasCertificate = false

  /// A client's context.
  ///
  /// Throws `unsupported` when there is no OpenSSL, `invalidConfiguration` with its name for a file
  /// that cannot be used.
  convenience init(
    _ options: TLSOptions, _ mode: PostgresConfiguration.SSLMode
  ) throws(PostgresError) {
    let library = try Self.load(options.libraries)
    try self.init(library, method: library.clientMethod())
    try setUp(versions: options.minimumVersion, options.maximumVersion)
    try trust(options, mode)
    hasCertificate = try useCertificate(options)
    try offerProtocol()
  }

  /// A server's context, for scripted servers.
  ///
  /// `choosesProtocol` is whether it takes Postgres's protocol when a client offers it (ALPN).
  package convenience init(
    serverCertificateFile certificate: String, keyFile key: String, choosesProtocol: Bool
  ) throws(PostgresError) {
    let library = try Self.load(OpenSSL.systemLibraries)
    try self.init(library, method: library.serverMethod())
    var options = TLSOptions()
    options.certificateFile = certificate
    options.keyFile = key
    try setUp(versions: options.minimumVersion, nil)
    hasCertificate = try useCertificate(options)
    if choosesProtocol { chooseProtocol() }
  }

  private init(_ library: OpenSSL, method: OpenSSL.Object?) throws(PostgresError) {
    library.clearErrors()
    guard let context = library.contextNew(method) else {
      throw PostgresError(.tlsFailed, "OpenSSL cannot begin: \(library.takeErrorText())")
    }
    self.library = library
    self.context = context
  }

  private static func load(_ libraries: [[String]]) throws(PostgresError) -> OpenSSL {
    do throws(OpenSSL.Unavailable) {
      return try OpenSSL.load(libraries)
    } catch {
      throw PostgresError(.unsupported, error.reason)
    }
  }

  deinit {
    library.contextFree(context)
  }
}

/// Keeps the context of a configuration for the connections of its pool.
///
/// Files that were replaced are read again, so that certificates can be renewed under a running
/// server.
final class TLSContextCache: Sendable {
  private struct Key: Hashable {
    let options: TLSOptions
    let mode: PostgresConfiguration.SSLMode
    let stamps: [Stamp?]
  }

  /// What changes when a file does.
  private struct Stamp: Hashable {
    let inode: UInt64
    let byteCount: Int64
    let seconds: Int
    let nanoseconds: Int

    init?(_ path: String?) {
      var status = stat()
      guard let path, stat(path, &status) == 0 else { return nil }
      inode = UInt64(status.st_ino)
      byteCount = Int64(status.st_size)
      let time = SocketPlatform.modificationTime(status)
      seconds = time.tv_sec
      nanoseconds = time.tv_nsec
    }
  }

  private let latest = Mutex<(key: Key, context: TLSContext)?>(nil)

  /// The context, made when it is not there yet.
  func context(
    _ options: TLSOptions, _ mode: PostgresConfiguration.SSLMode
  ) throws(PostgresError) -> TLSContext {
    let files = [
      options.rootFile, options.effectiveRevocationFile, options.effectiveCertificateFile,
      options.effectiveKeyFile,
    ]
    let key = Key(options: options, mode: mode, stamps: files.map { Stamp($0) })
    if let known = latest.withLock({ $0?.key == key ? $0?.context : nil }) { return known }
    let context = try TLSContext(options, mode)
    latest.withLock { $0 = (key, context) }
    return context
  }
}
