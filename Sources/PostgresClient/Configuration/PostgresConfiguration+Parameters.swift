public import Foundation
import PostgresWire
import RoostCore

extension PostgresConfiguration {
  /// What libpq knows by these names and this driver does not do yet: asking for it throws.
  private static let unsupportedParameters: Set<String> = [
    "sslcrldir", "passfile", "service", "krbsrvname", "gsslib", "gssdelegation", "replication",
    "requirepeer", "tcp_user_timeout", "keepalives", "keepalives_idle", "keepalives_interval",
    "keepalives_count",
  ]

  private static let knownParameters = [
    "application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname",
    "fallback_application_name", "gssencmode", "host", "hostaddr", "load_balance_hosts",
    "options", "password", "port", "require_auth", "ssl_max_protocol_version",
    "ssl_min_protocol_version", "sslcert", "sslcertmode", "sslcompression", "sslcrl", "sslkey",
    "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni", "target_session_attrs",
    "user",
  ]

  /// libpq's environment variables. PGTZ and PGDATESTYLE set run-time parameters.
  private static let variables: [(variable: String, name: String)] = [
    ("PGHOST", "host"), ("PGHOSTADDR", "hostaddr"), ("PGPORT", "port"),
    ("PGDATABASE", "dbname"), ("PGUSER", "user"), ("PGPASSWORD", "password"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"), ("PGAPPNAME", "application_name"),
    ("PGOPTIONS", "options"), ("PGSSLMODE", "sslmode"), ("PGCHANNELBINDING", "channel_binding"),
    ("PGREQUIREAUTH", "require_auth"), ("PGCLIENTENCODING", "client_encoding"),
    ("PGGSSENCMODE", "gssencmode"), ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"), ("PGSERVICE", "service"),
    ("PGSSLROOTCERT", "sslrootcert"), ("PGSSLCERT", "sslcert"), ("PGSSLKEY", "sslkey"),
    ("PGSSLCERTMODE", "sslcertmode"), ("PGSSLCRL", "sslcrl"), ("PGSSLCRLDIR", "sslcrldir"),
    ("PGSSLSNI", "sslsni"), ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"),
    ("PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"),
  ]

  /// Reads a connection URI, completed by the PG* variables of the environment as libpq does it,
  /// and by libpq's defaults.
  ///
  /// Throws `invalidConfiguration` for a parameter that is unknown or malformed, `unsupported` for
  /// one that this driver does not do.
  public init(
    uri: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PostgresError) {
    let uri = try ConnectionURI(uri)
    try self.init(given: uri.parameters, environment: environment)
  }

  /// Reads the PG* variables of the environment, completed by libpq's defaults.
  public init(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PostgresError) {
    try self.init(given: [], environment: environment)
  }

  private init(
    given: [(name: String, value: String)], environment: [String: String]
  ) throws(PostgresError) {
    var values: [String: String] = [:]
    for (variable, name) in Self.variables {
      // An empty variable counts as unset.
      if let value = environment[variable], !value.isEmpty { values[name] = value }
    }
    for (name, value) in given {
      guard Self.knownParameters.contains(name) || Self.unsupportedParameters.contains(name)
      else {
        throw PostgresError(
          .invalidConfiguration,
          "unknown connection parameter \"\(name)\"; known are "
            + Self.knownParameters.joined(separator: ", "))
      }
      values[name] = value
    }
    if let name = values.keys.sorted().first(where: Self.unsupportedParameters.contains) {
      throw PostgresError(
        .unsupported, "the connection parameter \"\(name)\" is not supported yet")
    }
    let user: String = if let user = values["user"] { user } else { try Self.systemUser() }
    self.init(
      host: "", user: user, password: values["password"], database: values["dbname"])
    hosts = try Host.list(values)
    if let zone = environment["PGTZ"], !zone.isEmpty { runtimeParameters["TimeZone"] = zone }
    if let style = environment["PGDATESTYLE"], !style.isEmpty {
      runtimeParameters["DateStyle"] = style
    }
    tls = TLSOptions(home: environment["HOME"])
    try apply(values)
    try applyTLS(values)
  }

  private mutating func apply(_ values: [String: String]) throws(PostgresError) {
    loadBalancing = try Self.choice(values, "load_balance_hosts") ?? loadBalancing
    targetSession = try Self.choice(values, "target_session_attrs") ?? targetSession
    applicationName = values["application_name"] ?? values["fallback_application_name"]
    options = values["options"]
    if let text = values["connect_timeout"] {
      guard let seconds = Int(text), seconds < Int(Int32.max) else {
        throw Self.malformed("connect_timeout", text, "a number of seconds")
      }
      // libpq: 0 and less is for ever.
      connectTimeout = seconds <= 0 ? nil : .seconds(seconds)
    }
    authentication.channelBinding =
      try Self.choice(values, "channel_binding") ?? authentication.channelBinding
    if let text = values["require_auth"] {
      guard let methods = AuthenticationPolicy.methods(requireAuth: text) else {
        throw Self.malformed(
          "require_auth", text,
          "a list of "
            + AuthenticationPolicy.Method.allCases.map(\.rawValue)
            .joined(separator: ", ") + ", all or none with !")
      }
      authentication.allowedMethods = methods
      // Whoever names the method has asked for it.
      authentication.allowsCleartextPassword = text.split(separator: ",").contains("password")
    }
    let encodings = ["utf8", "utf-8", "unicode", "auto"]
    if let text = values["client_encoding"], !encodings.contains(text.lowercased()) {
      throw Self.malformed("client_encoding", text, "UTF8, the only one that Swift's texts need")
    }
    try requireDefault(values, "gssencmode", ["disable", "prefer"])
  }

  func requireDefault(
    _ values: [String: String], _ name: String, _ accepted: [String]
  ) throws(PostgresError) {
    if let value = values[name], !accepted.contains(value) {
      throw PostgresError(.unsupported, "\(name)=\(value) is not supported yet")
    }
  }

  static func choice<Choice: RawRepresentable & CaseIterable>(
    _ values: [String: String], _ name: String
  ) throws(PostgresError) -> Choice? where Choice.RawValue == String {
    guard let text = values[name] else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw malformed(
        name, text, "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }

  static func malformed(
    _ name: String, _ value: String, _ wanted: String
  ) -> PostgresError {
    PostgresError(
      .invalidConfiguration, "\(name) is \"\(value)\", but must be \(wanted)")
  }

  private static func systemUser() throws(PostgresError) -> String {
    guard let entry = getpwuid(geteuid()), let name = entry.pointee.pw_name else {
      throw PostgresError(
        .invalidConfiguration, "no user is given, and the system does not know who we are")
    }
    return String(cString: name)
  }
}
