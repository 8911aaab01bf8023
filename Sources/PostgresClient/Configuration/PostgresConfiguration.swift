public import PostgresWire

/// How to reach a server and how to behave there.
///
/// No description of it, and no mirror, shows the password.
public struct PostgresConfiguration: Sendable {
  /// How much TLS is wanted, by libpq's names.
  public enum SSLMode: String, Sendable, Hashable, CaseIterable {
    /// None.
    case disable
    /// Only if the server insists. Without TLS in this driver: none.
    case allow
    /// If the server has it. Without TLS in this driver: none.
    case prefer
    /// Encrypted. Without TLS in this driver: connecting throws `unsupported`.
    case require
    /// Encrypted, with a certificate of a known authority. Connecting throws `unsupported`.
    case verifyCA = "verify-ca"
    /// Encrypted, with the host's own certificate. Connecting throws `unsupported`.
    case verifyFull = "verify-full"
  }

  /// The default port. Source: `DEF_PGPORT`.
  public static let defaultPort = 5432

  /// How long connecting may take unless something else is said. (libpq: for ever.)
  public static let defaultConnectTimeout = Duration.seconds(10)

  /// How long a query may take unless something else is said: a bound for what should never
  /// happen, such as a server that falls silent.
  public static let defaultQueryTimeout = Duration.seconds(600)

  /// How many prepared statements a connection keeps unless something else is said.
  public static let defaultStatementCacheLimit = 256

  /// A host's name or address, or the folder of a Unix socket when it begins with `/`.
  public var host: String
  /// The address to connect to instead of looking `host` up, nil to look it up.
  public var hostAddress: String?
  /// The TCP port, which also names the Unix socket.
  public var port = defaultPort
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
  public var connectTimeout: Duration? = defaultConnectTimeout
  /// How long a query may take unless it says so itself; nil for ever.
  public var queryTimeout: Duration? = defaultQueryTimeout
  /// How much TLS is wanted.
  public var sslMode = SSLMode.prefer
  /// Which ways to authenticate are acceptable.
  public var authentication = AuthenticationPolicy()
  /// How many prepared statements a connection keeps; 0 keeps none.
  public var statementCacheLimit = defaultStatementCacheLimit

  /// Called with every notice (warnings and the like), on the connection's thread; nil drops them.
  public var onNotice: (@Sendable (PostgresServerMessage) -> Void)?

  /// Shared by the connections of one pool.
  var saltedPasswords = SaltedPasswordCache()

  /// Shared by the connections of one pool.
  var types = TypeCache()

  private var secret: Secret

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
    self.host = host
    self.port = port
    self.user = user
    self.database = database ?? user
    secret = Secret(text: password)
  }

  /// Where to connect to.
  var endpoint: SocketConnector.Endpoint {
    if let hostAddress { return .tcp(host: hostAddress, port: port) }
    return host.hasPrefix("/")
      ? .unix(path: "\(host)/.s.PGSQL.\(port)") : .tcp(host: host, port: port)
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
    switch sslMode {
    case .disable, .allow, .prefer: break
    case .require, .verifyCA, .verifyFull:
      throw PostgresError(
        .unsupported,
        "sslmode=\(sslMode.rawValue) needs TLS, which this driver does not have yet; "
          + "it will not connect without")
    }
    guard authentication.channelBinding != .require else {
      throw PostgresError(
        .unsupported,
        "channel_binding=require needs TLS, which this driver does not have yet; "
          + "it will not connect without")
    }
    guard (1...65_535).contains(port) else {
      throw PostgresError(.invalidConfiguration, "the port \(port) is not within 1 to 65535")
    }
  }
}

/// A text that no description and no mirror shows.
private struct Secret: Sendable, CustomReflectable {
  var text: String?

  var customMirror: Mirror { Mirror(self, children: []) }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// A URI without the password.
  public var description: String {
    let place =
      host.hasPrefix("/")
      ? "\(host):\(port)"
      : host.contains(":")
        ? "[\(host)]:\(port)"
        : "\(host):\(port)"
    return "postgres://\(user)@\(place)/\(database)"
  }

  /// The same as `description`.
  public var debugDescription: String { description }

  /// The parts, but for the password and what may hold one.
  public var customMirror: Mirror {
    Mirror(
      self,
      children: [
        "host": host, "port": port, "user": user, "database": database,
        "sslMode": sslMode.rawValue,
      ] as KeyValuePairs<String, Any>, displayStyle: .struct)
  }
}
