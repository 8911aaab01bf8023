import Foundation
import PostgresClient
import RoostCore
import Synchronization

/// Why a throw-away cluster could not be had.
public struct ThrowawayPostgresError: Error, CustomStringConvertible, Sendable {
  let message: String

  /// What is missing or failed, with what the server's programs said.
  public var description: String { message }
}

/// A Postgres cluster of the tests' own: in a temporary folder, on a free TCP port of the loopback
/// and a Unix socket in that folder, removed when the process ends, also when it crashes.
///
/// The cluster's text order is an ICU locale where the server knows ICU, so that a column that
/// lacks `COLLATE "C"` is noticed. Run as root, the server runs as `postgres` or `nobody`.
public struct ThrowawayPostgres: Sendable {
  /// How the cluster asks its clients to authenticate.
  public enum Authentication: String, Sendable, CaseIterable {
    /// Anyone is let in.
    case trust
    /// MD5 challenge, with passwords stored as MD5.
    case md5
    /// SCRAM-SHA-256.
    case scramSHA256 = "scram-sha-256"
  }

  /// How clients authenticate.
  public let authentication: Authentication
  /// The cluster's folder, which is also where its Unix socket is.
  public let folder: String
  /// The TCP port on 127.0.0.1, which also names the Unix socket.
  public let port: Int
  /// The superuser's name.
  public let user = "roost"
  /// The superuser's password; it has characters that a URL must escape.
  public let password = "p@ss/w:rd %é"
  /// The folder of the server's programs, for example to run `pgbench`.
  public let binaries: String

  /// The write end of the supervisor's standard input; its end is the end of the cluster.
  let lifeline: Lifeline

  /// The cluster of this flavour that the process shares, started by the first call.
  ///
  /// Throws `ThrowawayPostgresError` when there is no server or it does not start.
  public static func shared(_ authentication: Authentication) async throws -> ThrowawayPostgres {
    let task = clusters.withLock { clusters in
      if let started = clusters[authentication] { return started }
      let task = Task.detached { try await start(authentication, isDurable: false) }
      clusters[authentication] = task
      return task
    }
    return try await task.value
  }

  /// The cluster with TLS that the process shares, started by the first call. Its passwords are
  /// SCRAM's, and three of its databases want something else of who comes over TCP:
  ///
  /// - `secure` TLS, `plain` none, `certified` a client's certificate instead of a password.
  ///
  /// Throws `ThrowawayPostgresError` also when the `openssl` command is missing, which makes the
  /// certificates; Debian's postgresql brings it.
  package static func sharedWithTLS() async throws -> ThrowawayPostgres {
    let task = encrypted.withLock { encrypted in
      if let encrypted { return encrypted }
      let task = Task.detached {
        let cluster = try await start(.scramSHA256, withTLS: true)
        let uri = cluster.url(tcp: false)
        let connection = try await PostgresConnection.connect(
          try PostgresConfiguration(uri, environment: [:]))
        for name in ["secure", "plain", "certified"] {
          try await connection.simple("CREATE DATABASE \(name)")
        }
        await connection.close()
        return cluster
      }
      encrypted = task
      return task
    }
    return try await task.value
  }

  /// The keys and certificates of a cluster with TLS.
  package var certificates: TestCertificates {
    TestCertificates(folder: folder + "/certificates")
  }

  /// Starts a cluster of one's own; `stop` ends it, and so does the end of the process.
  ///
  /// A durable one keeps `fsync` on, for figures that are to mean something; `settings` are given
  /// to the server as they are. One with TLS takes connections with and without it, and asks for
  /// SCRAM's password over TCP; it needs the `openssl` command.
  public static func start(
    _ authentication: Authentication, isDurable: Bool = false, settings: [String: String] = [:],
    withTLS: Bool = false
  ) async throws -> ThrowawayPostgres {
    try await start(
      authentication, isDurable: isDurable, settings: settings, withTLS: withTLS, following: nil)
  }

  /// Starts a hot standby that copies this cluster, and follows it by streaming replication until
  /// it is promoted; for the rest as `start`.
  public func startStandby() async throws -> ThrowawayPostgres {
    try await Self.start(authentication, withTLS: false, following: self)
  }

  /// Makes a standby a primary; returns when it takes writes.
  public func promote() async throws {
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(url(tcp: false), environment: [:]))
    let isPromoted = try await connection.queryOne("SELECT pg_promote()", as: Bool.self)
    await connection.close()
    if !isPromoted { throw ThrowawayPostgresError(message: "the standby was not promoted in time") }
  }

  private static func start(
    _ authentication: Authentication, isDurable: Bool = false, settings: [String: String] = [:],
    withTLS: Bool, following primary: ThrowawayPostgres?
  ) async throws -> ThrowawayPostgres {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            try ThrowawayPostgres(
              authentication, isDurable: isDurable, settings: settings, withTLS: withTLS,
              following: primary)
          })
      }
    }
  }

  /// Ends the cluster and deletes its folder; at once for the caller, within
  /// seconds for the server.
  public func stop() {
    lifeline.cut()
  }

  /// A connection URI with the superuser's name and password.
  ///
  /// Over TCP the host is 127.0.0.1, else the Unix socket's folder, percent-encoded.
  public func url(database: String = "postgres", tcp: Bool = true) -> String {
    let host = tcp ? "127.0.0.1" : Self.encode(folder)
    return
      "postgres://\(user):\(Self.encode(password))@\(host):\(port)/\(Self.encode(database))"
  }

  /// Creates an empty database with a name that no other has, and returns the name.
  ///
  /// It is made from `template0`, so that nothing but the server's own is in it.
  public func createDatabase() async throws -> String {
    let random = UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
    let name = "test_\(random)"
    let configuration = try PostgresConfiguration(url(tcp: false), environment: [:])
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.simple(
      "CREATE DATABASE \(PostgresQuery.quote(identifier: name)) TEMPLATE template0")
    await connection.close()
    return name
  }

  private static let clusters = Mutex<[Authentication: Task<ThrowawayPostgres, any Error>]>([:])
  private static let encrypted = Mutex<Task<ThrowawayPostgres, any Error>?>(nil)

  private static func encode(_ text: String) -> String {
    let unreserved = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
  }

  private init(
    _ authentication: Authentication, isDurable: Bool, settings: [String: String], withTLS: Bool,
    following primary: ThrowawayPostgres?
  ) throws {
    let binaries = try ServerBinaries.find()
    var failure = ""
    // A free port may be taken by another process before the server binds it: try again.
    for _ in 0..<3 {
      let folder = try Self.makeFolder()
      try Data(password.utf8).write(to: URL(fileURLWithPath: folder + "/password"))
      let user = try Self.serverUser(owning: [folder, folder + "/password"])
      let port = try Self.freePort()
      var options = "-c max_connections=300 -c password_encryption="
      options += authentication == .md5 ? "md5" : "scram-sha-256"
      if !isDurable { options += " -c fsync=off -c synchronous_commit=off" }
      var settings = settings
      if withTLS { settings.merge(try Self.prepareTLS(in: folder)) { _, own in own } }
      for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
        options += " -c \(name)=\(value)"
      }
      let (lifeline, answer) = try Lifeline.spawn(
        supervisorScript,
        [
          folder, binaries.folder, user, String(port), authentication.rawValue, "roost", options,
          primary.map { "host=\($0.folder) port=\($0.port) user=roost" } ?? "",
        ])
      if answer == "ready" {
        self.authentication = authentication
        self.folder = folder
        self.port = port
        self.binaries = binaries.folder
        self.lifeline = lifeline
        return
      }
      failure = answer
    }
    throw ThrowawayPostgresError(message: failure)
  }

  /// Makes the certificates and the rules of who may come how; returns the server's settings.
  private static func prepareTLS(in folder: String) throws -> [String: String] {
    let certificates = try TestCertificates.make(in: folder + "/certificates")
    let rules = """
      local     all       all     trust
      hostnossl secure    all all reject
      hostssl   plain     all all reject
      hostnossl certified all all reject
      hostssl   certified all all cert
      host      all       all all scram-sha-256

      """
    let rulesFile = folder + "/pg_hba.conf"
    try Data(rules.utf8).write(to: URL(fileURLWithPath: rulesFile))
    _ = try serverUser(owning: [rulesFile, certificates.path("server.key")])
    return [
      "ssl": "on", "ssl_cert_file": certificates.path("server.crt"),
      "ssl_key_file": certificates.path("server.key"),
      "ssl_ca_file": certificates.path("root.crt"), "hba_file": rulesFile,
    ]
  }

  /// In /tmp rather than TMPDIR: a Unix socket's path holds 107 bytes at most.
  static func makeFolder() throws -> String {
    var template = Array("/tmp/roost-pg-XXXXXX".utf8CString)
    guard template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap(mkdtemp) }) != nil else {
      throw ThrowawayPostgresError(message: "cannot make a folder in /tmp: errno \(errno)")
    }
    return template.withUnsafeBytes { String(decoding: $0.dropLast(), as: UTF8.self) }
  }

  /// The user that the server is to run as, empty for ourselves: it refuses to run as root.
  static func serverUser(owning paths: [String]) throws -> String {
    guard getuid() == 0 else { return "" }
    for name in ["postgres", "nobody"] {
      guard let entry = getpwnam(name) else { continue }
      for path in paths { chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid) }
      return name
    }
    throw ThrowawayPostgresError(message: "run as root, and neither postgres nor nobody exists")
  }

  static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, streamSocketType, 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        let bound = bind(descriptor, pointer, length)
        return bound == 0 ? getsockname(descriptor, pointer, &length) : bound
      }
    }
    guard result == 0 else {
      throw ThrowawayPostgresError(message: "no free port: errno \(errno)")
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}
