import Foundation
import RoostCore

/// How a connection is encrypted, by libpq's parameters; `PostgresConfiguration.SSLMode` says
/// whether.
///
/// No description of it, and no mirror, shows the passphrase.
public struct TLSOptions: Sendable, Hashable {
  /// Whom to believe that a server is who it says.
  public enum TrustedRoots: Sendable, Hashable {
    /// The certificates of `~/.postgresql/root.crt`, where that file exists.
    case userFile
    /// The certificates of a file in the PEM format.
    case file(String)
    /// Those that the system has for OpenSSL; needs `verifyFull`, since anybody gets one of them.
    case system
  }

  /// A version of the protocol, by libpq's name.
  public enum Version: String, Sendable, Hashable, CaseIterable, Comparable {
    /// TLS 1.0, which most systems no longer do.
    case tls10 = "TLSv1"
    /// TLS 1.1, which most systems no longer do.
    case tls11 = "TLSv1.1"
    /// TLS 1.2.
    case tls12 = "TLSv1.2"
    /// TLS 1.3.
    case tls13 = "TLSv1.3"

    /// The older is the lesser.
    public static func < (left: Version, right: Version) -> Bool {
      left.number < right.number
    }

    /// The number in the protocol. Source: RFC 8446, section 4.1.2.
    var number: Int {
      switch self {
      case .tls10: 0x301
      case .tls11: 0x302
      case .tls12: 0x303
      case .tls13: 0x304
      }
    }
  }

  /// Whether the client shows a certificate, by libpq's name.
  public enum CertificateMode: String, Sendable, Hashable, CaseIterable {
    /// Never, also where there is one.
    case disable
    /// When the server asks for one and there is one.
    case allow
    /// Always: a server that does not ask for it is refused.
    case require
  }

  /// How TLS begins, by libpq's name.
  public enum Negotiation: String, Sendable, Hashable, CaseIterable {
    /// The client asks first (SSLRequest), which every server understands.
    case postgres
    /// At once, which saves a round trip; PostgreSQL 17 and later, and `require` or more.
    case direct
  }

  /// Whom to believe. libpq: `sslrootcert`, a file or `system`.
  public var trustedRoots = TrustedRoots.userFile
  /// The file of certificates that were revoked, nil for `~/.postgresql/root.crl` where that
  /// exists. libpq: `sslcrl`.
  public var revocationFile: String?
  /// A folder of such files, under the names that `openssl rehash` gives them; nil for none. libpq:
  /// `sslcrldir`.
  public var revocationFolder: String?
  /// The file of the client's certificate, nil for `~/.postgresql/postgresql.crt` where that
  /// exists. Without such a file there is none. libpq: `sslcert`.
  public var certificateFile: String?
  /// The file of the client's key, nil for `~/.postgresql/postgresql.key`; others than its owner
  /// may not read it. libpq: `sslkey`.
  public var keyFile: String?
  /// Whether the client shows a certificate. libpq: `sslcertmode`.
  public var certificateMode = CertificateMode.allow
  /// Whether the server is told which name it was called by, as proxies for several need it; an
  /// address is never told. libpq: `sslsni`.
  public var sendsServerName = true
  /// The oldest version to speak. libpq: `ssl_min_protocol_version`.
  public var minimumVersion = Version.tls12
  /// The newest version to speak, nil for the newest that OpenSSL knows. libpq:
  /// `ssl_max_protocol_version`.
  public var maximumVersion: Version?
  /// How TLS begins. libpq: `sslnegotiation`.
  public var negotiation = Negotiation.postgres

  /// The folder of the files that are not named: `~/.postgresql`. Nil when there is no home.
  package var userFolder: String?
  /// The names of OpenSSL's libraries; others than the system's are for tests.
  package var libraries = OpenSSL.systemLibraries

  private var secret = Secret()

  /// The passphrase of the client's key, nil when it has none. libpq: `sslpassword`.
  public var keyPassphrase: String? {
    get { secret.text }
    set { secret = Secret(text: newValue) }
  }

  /// What libpq does unless something else is said.
  public init() {
    self.init(home: PostgresConfiguration.home(ProcessInfo.processInfo.environment))
  }

  /// libpq's defaults, with the files in this home; nil for none.
  init(home: String?) {
    userFolder = home.map { $0 + "/.postgresql" }
  }

  /// Throws for what contradicts itself or the mode.
  func validate(_ mode: PostgresConfiguration.SSLMode) throws(PostgresError) {
    if let maximumVersion, maximumVersion < minimumVersion {
      throw PostgresError(
        .invalidConfiguration,
        "ssl_min_protocol_version is \(minimumVersion.rawValue), above "
          + "ssl_max_protocol_version, which is \(maximumVersion.rawValue)")
    }
    if trustedRoots == .system, mode != .verifyFull {
      throw PostgresError(
        .invalidConfiguration,
        "sslrootcert=system needs sslmode=verify-full, not \(mode.rawValue): anybody can have a "
          + "certificate that the system trusts")
    }
    if negotiation == .direct, !mode.isRequired {
      throw PostgresError(
        .invalidConfiguration,
        "sslnegotiation=direct needs sslmode=require or more, not \(mode.rawValue)")
    }
    let texts = [
      rootFile, revocationFile, revocationFolder, certificateFile, keyFile, keyPassphrase,
    ]
    if texts.contains(where: { $0?.utf8.contains(0) == true }) {
      throw PostgresError(.invalidConfiguration, "an option of TLS has a NUL character")
    }
  }

  /// The file of the trusted roots: which it is, whether or not it exists; nil for the system's.
  var rootFile: String? {
    switch trustedRoots {
    case .userFile: userFolder.map { $0 + "/root.crt" }
    case .file(let path): path
    case .system: nil
    }
  }

  /// The file of the client's certificate, whether or not it exists.
  var effectiveCertificateFile: String? {
    certificateMode == .disable
      ? nil : certificateFile ?? userFolder.map { $0 + "/postgresql.crt" }
  }

  /// The file of the client's key, whether or not it exists.
  var effectiveKeyFile: String? { keyFile ?? userFolder.map { $0 + "/postgresql.key" } }

  /// The file of revoked certificates, whether or not it exists. As libpq has it, the default one
  /// does not count beside a folder.
  var effectiveRevocationFile: String? {
    revocationFile ?? (revocationFolder == nil ? userFolder.map { $0 + "/root.crl" } : nil)
  }
}

extension PostgresConfiguration.SSLMode {
  /// Whether the session must be encrypted.
  var isRequired: Bool {
    switch self {
    case .disable, .allow, .prefer: false
    case .require, .verifyCA, .verifyFull: true
    }
  }

  /// Whether the server's certificate must be verified.
  var isVerified: Bool { self == .verifyCA || self == .verifyFull }
}

/// How a session is encrypted.
public struct PostgresEncryption: Sendable, Hashable {
  /// The protocol's version as OpenSSL writes it, such as `TLSv1.3`.
  public let version: String
  /// The cipher as OpenSSL writes it, such as `TLS_AES_256_GCM_SHA384`.
  public let cipher: String
}
