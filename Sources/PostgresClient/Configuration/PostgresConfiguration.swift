import Foundation
public import PostgresWire

/// How to reach a server and how to behave there.
///
/// No description of it, and no mirror, shows the password.
public struct PostgresConfiguration: Sendable {
  /// How much TLS is wanted, by libpq's names. A Unix socket never has it.
  ///
  /// Where a file of trusted roots exists (`TLSOptions.trustedRoots`), an encrypted session's
  /// certificate must be of one of them under every mode, as libpq has it.
  public enum SSLMode: String, Sendable, Hashable, CaseIterable {
    /// None.
    case disable
    /// Only if the server refuses a session without.
    case allow
    /// If the server has it, else, or if it does not come about, none.
    case prefer
    /// Encrypted or not at all. Whoever stands between may still be the one it is encrypted for.
    case require
    /// Encrypted, with a certificate of a trusted root.
    case verifyCA = "verify-ca"
    /// Encrypted, with a certificate of a trusted root that is the host's own.
    case verifyFull = "verify-full"
  }

  /// The default port. Source: `DEF_PGPORT`.
  public static let defaultPort = 5432

  /// How long connecting may take unless something else is said. (libpq: for ever.)
  public static let defaultConnectTimeout = Duration.seconds(10)

  /// How long a query may take unless something else is said: a bound for what should never
  /// happen, such as a server that falls silent.
  public static let defaultQueryTimeout = Duration.seconds(600)

  /// How long a server may take to stop what was cancelled unless something else is said.
  public static let defaultCancelTimeout = Duration.seconds(3)

  /// How many prepared statements a connection keeps unless something else is said.
  public static let defaultStatementCacheLimit = 256

  /// How many bytes the prepared statements of a connection may be unless something else is said.
  public static let defaultStatementCacheByteLimit = 4 << 20

  /// The servers to try, one at least, in this order unless `loadBalancing` says otherwise.
  ///
  /// The next one is tried when one cannot be reached within `connectTimeout`, says that it takes
  /// no connections now (57P03), or is not what `targetSession` wants; any other failure, such as a
  /// wrong password, ends the attempt, as libpq has it.
  public var hosts: [Host]
  /// In which order the hosts, and the addresses of each, are tried. libpq: `load_balance_hosts`.
  public var loadBalancing = LoadBalancing.disable
  /// What the server must be. libpq: `target_session_attrs`.
  public var targetSession = TargetSession.any
  /// The role.
  public var user: String
  /// The database.
  public var database: String
  /// What the server calls this session in its views and logs; nil for nothing.
  public var applicationName: String?
  /// Settings for the session, as `options` of libpq (`-c name=value`); nil for none.
  public var options: String?
  /// Settings for the session by name, such as `search_path`.
  public var runtimeParameters: [String: String] = [:]
  /// How long connecting may take, start-up and authentication included; nil for ever.
  ///
  /// As in libpq, each address of each host has this time anew, and so has each look-up of a name.
  public var connectTimeout: Duration? = defaultConnectTimeout
  /// How long a query may take unless it says so itself; nil for ever.
  public var queryTimeout: Duration? = defaultQueryTimeout
  /// How long the server may take to stop a query whose task was cancelled or whose time is over,
  /// the connection for the CancelRequest included; then the session is closed. Zero closes it at
  /// once.
  public var cancelTimeout = defaultCancelTimeout
  /// How a lost peer is found out.
  public var socketOptions = SocketOptions()
  /// The oldest version of the wire protocol to speak. libpq: `min_protocol_version`.
  public var minimumProtocol = ProtocolVersion.v30
  /// The version to ask for; a server that knows only older ones says so, and the newest that both
  /// know is spoken. Nil for 3.0, or for the newest where `minimumProtocol` is above that, since
  /// not all that stands between knows how to negotiate. libpq: `max_protocol_version`.
  public var maximumProtocol: ProtocolVersion?
  /// The name of the system's user who must be at the other end of a Unix socket; nil for anybody.
  /// libpq: `requirepeer`.
  public var requiredPeer: String?
  /// The file in which a password is looked for when there is none, at each connect anew; nil for
  /// none. It need not exist; one that others than its owner may read is passed over. libpq:
  /// `passfile`.
  public var passwordFile: String?
  /// Asked for the password at each attempt to start a session, in the place of `password` and
  /// `passwordFile`, so that passwords can change under a running pool; nil for nobody.
  ///
  /// It has the time that connecting has. What it throws ends the attempt as `credentialsFailed`;
  /// neither the error's text nor the password is repeated anywhere.
  public var credentialProvider: CredentialProvider?
  /// How much TLS is wanted.
  public var sslMode = SSLMode.prefer
  /// How a session is encrypted, and whom to believe.
  public var tls = TLSOptions()
  /// Which ways to authenticate are acceptable.
  public var authentication = AuthenticationPolicy()
  /// How many prepared statements a connection keeps.
  ///
  /// With 0 the server keeps none: each query brings its text along, in one round trip, as a pooler
  /// needs it that gives each transaction another server connection (PgBouncer's
  /// `pool_mode=transaction`). A connection that finds out that it is behind such a pooler does so
  /// by itself, with all others of its pool, and says it as a notice.
  public var statementCacheLimit = defaultStatementCacheLimit
  /// How many bytes they may be, by the length of their texts and of their columns' names. A text
  /// of more than an eighth of it is never kept.
  public var statementCacheByteLimit = defaultStatementCacheByteLimit

  /// Called with every notice (warnings and the like), on the connection's thread; nil drops them.
  public var onNotice: (@Sendable (PostgresServerMessage) -> Void)?

  /// Who is told of queries, connections and messages; nil for nobody, which costs nothing.
  public var observer: PostgresObserver?

  /// What the random order of hosts begins with; nil for the system's generator.
  package var loadBalancingSeed: UInt64?

  /// Shared by the connections of one pool.
  var saltedPasswords = SaltedPasswordCache()
  /// Shared by the connections of one pool.
  var tlsContexts = TLSContextCache()

  /// Shared by the connections of one pool.
  var types = TypeCache()

  /// Shared by the connections of one pool.
  var naming = StatementNaming()

  /// Shared by the connections of one pool.
  var statementCounts = StatementCounts()

  private var secret: Secret

  /// Where parameters are from, and the text that they had then.
  var origins: [String: (origin: Setting.Origin, value: String)] = [:]

  /// The password, nil when there is none.
  public var password: String? {
    get { secret.text }
    set { secret = Secret(text: newValue) }
  }

  /// A configuration from its parts; the database is the user's name unless given.
  public init(
    host: String, port: Int = defaultPort, user: String, password: String? = nil,
    database: String? = nil
  ) {
    hosts = [Host(host, port: port)]
    self.user = user
    self.database = database ?? user
    secret = Secret(text: password)
    passwordFile = Self.home(ProcessInfo.processInfo.environment).map { "\($0)/.pgpass" }
  }

  /// What the start-up message says.
  var startupParameters: [StartupMessage.Parameter] {
    var parameters = [
      StartupMessage.Parameter("user", user), StartupMessage.Parameter("database", database),
      // The text formats that this driver reads are these.
      StartupMessage.Parameter("client_encoding", "UTF8"),
    ]
    if runtimeParameters["DateStyle"] == nil {
      parameters.append(StartupMessage.Parameter("DateStyle", "ISO, MDY"))
    }
    if let applicationName {
      parameters.append(StartupMessage.Parameter("application_name", applicationName))
    }
    if let options { parameters.append(StartupMessage.Parameter("options", options)) }
    for (name, value) in runtimeParameters.sorted(by: { $0.key < $1.key }) {
      parameters.append(StartupMessage.Parameter(name, value))
    }
    return parameters
  }

  /// Throws for what this driver cannot keep to, before a byte is sent.
  func requireSupported() throws(PostgresError) {
    try tls.validate(sslMode)
    guard !hosts.isEmpty else {
      throw PostgresError(.invalidConfiguration, "there is no host to connect to")
    }
    let isLocal = hosts.allSatisfy(\.usesUnixSocket)
    if authentication.channelBinding == .require, sslMode == .disable || isLocal {
      throw PostgresError(
        .invalidConfiguration,
        "channel_binding=require needs TLS, which "
          + (isLocal ? "a Unix socket does not have" : "sslmode=disable excludes"))
    }
    for host in hosts { try host.validate() }
    try requireProtocolRange()
    try requireNoNUL()
  }

  /// Throws for a text that would end early on the wire, and let the rest of it be something else.
  private func requireNoNUL() throws(PostgresError) {
    let texts: [(String, String?)] = [
      ("user", user), ("dbname", database), ("password", password),
      ("application_name", applicationName), ("options", options), ("passfile", passwordFile),
      ("requirepeer", requiredPeer),
    ]
    for (name, text) in texts where text?.utf8.contains(0) == true {
      throw PostgresError(.invalidConfiguration, "\(name) has a NUL character")
    }
    for (name, value) in runtimeParameters where name.utf8.contains(0) || value.utf8.contains(0) {
      throw PostgresError(.invalidConfiguration, "a run-time parameter has a NUL character")
    }
  }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// A URI without the password.
  public var description: String {
    "postgres://\(user)@\(hosts.map(\.description).joined(separator: ","))/\(database)"
  }

  /// The same as `description`.
  public var debugDescription: String { description }

  /// The parts, but for the password and what may hold one.
  public var customMirror: Mirror {
    Mirror(
      self,
      children: [
        "hosts": hosts, "user": user, "database": database, "sslMode": sslMode.rawValue,
      ] as KeyValuePairs<String, Any>, displayStyle: .struct)
  }
}
