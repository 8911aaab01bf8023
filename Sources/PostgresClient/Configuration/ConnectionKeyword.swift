/// A connection parameter that libpq knows.
///
/// Source: PostgreSQL manual, "Parameter Key Words" and "Environment Variables", of versions 15 to
/// 18.
struct ConnectionKeyword: Sendable {
  let name: String
  /// The environment variable that stands in for it; nil when there is none.
  let variable: String?
  /// The values that mean "not at all" of what this driver does not do; nil for what it does.
  let harmless: [String]?

  private init(_ name: String, _ variable: String? = nil, harmless: [String]? = nil) {
    self.name = name
    self.variable = variable
    self.harmless = harmless
  }

  /// All, in the order in which they are described.
  static let all: [ConnectionKeyword] = [
    ConnectionKeyword("service", "PGSERVICE"),
    ConnectionKeyword("servicefile", "PGSERVICEFILE"),
    ConnectionKeyword("host", "PGHOST"),
    ConnectionKeyword("hostaddr", "PGHOSTADDR"),
    ConnectionKeyword("port", "PGPORT"),
    ConnectionKeyword("dbname", "PGDATABASE"),
    ConnectionKeyword("user", "PGUSER"),
    ConnectionKeyword("password", "PGPASSWORD"),
    ConnectionKeyword("passfile", "PGPASSFILE"),
    ConnectionKeyword("require_auth", "PGREQUIREAUTH"),
    ConnectionKeyword("channel_binding", "PGCHANNELBINDING"),
    ConnectionKeyword("requirepeer", "PGREQUIREPEER"),
    ConnectionKeyword("connect_timeout", "PGCONNECT_TIMEOUT"),
    ConnectionKeyword("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ConnectionKeyword("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    ConnectionKeyword("application_name", "PGAPPNAME"),
    ConnectionKeyword("fallback_application_name"),
    ConnectionKeyword("options", "PGOPTIONS"),
    ConnectionKeyword("client_encoding", "PGCLIENTENCODING"),
    ConnectionKeyword("keepalives"),
    ConnectionKeyword("keepalives_idle"),
    ConnectionKeyword("keepalives_interval"),
    ConnectionKeyword("keepalives_count"),
    ConnectionKeyword("tcp_user_timeout"),
    ConnectionKeyword("sslmode", "PGSSLMODE"),
    ConnectionKeyword("sslnegotiation", "PGSSLNEGOTIATION"),
    ConnectionKeyword("sslrootcert", "PGSSLROOTCERT"),
    ConnectionKeyword("sslcert", "PGSSLCERT"),
    ConnectionKeyword("sslkey", "PGSSLKEY"),
    ConnectionKeyword("sslpassword"),
    ConnectionKeyword("sslcertmode", "PGSSLCERTMODE"),
    ConnectionKeyword("sslcrl", "PGSSLCRL"),
    ConnectionKeyword("sslcrldir", "PGSSLCRLDIR"),
    ConnectionKeyword("sslsni", "PGSSLSNI"),
    ConnectionKeyword("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    ConnectionKeyword("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    ConnectionKeyword("min_protocol_version", "PGMINPROTOCOLVERSION"),
    ConnectionKeyword("max_protocol_version", "PGMAXPROTOCOLVERSION"),
    ConnectionKeyword("gssencmode", "PGGSSENCMODE", harmless: ["disable", "prefer"]),
    ConnectionKeyword("gssdelegation", "PGGSSDELEGATION", harmless: ["0"]),
    ConnectionKeyword("gsslib", "PGGSSLIB", harmless: ["gssapi"]),
    ConnectionKeyword("krbsrvname", "PGKRBSRVNAME", harmless: ["postgres"]),
    ConnectionKeyword("replication", harmless: ["false", "off", "no", "0"]),
    ConnectionKeyword("sslcompression", "PGSSLCOMPRESSION", harmless: ["0"]),
    ConnectionKeyword("sslkeylogfile", harmless: []),
    ConnectionKeyword("scram_client_key", harmless: []),
    ConnectionKeyword("scram_server_key", harmless: []),
    ConnectionKeyword("oauth_issuer", harmless: []),
    ConnectionKeyword("oauth_client_id", harmless: []),
    ConnectionKeyword("oauth_client_secret", harmless: []),
    ConnectionKeyword("oauth_scope", harmless: []),
  ]

  /// Variables that set the session's run-time parameters. Source: `EnvironmentOptions` in libpq's
  /// `fe-connect.c`.
  static let runtimeVariables = [
    ("PGDATESTYLE", "DateStyle"), ("PGTZ", "TimeZone"), ("PGGEQO", "geqo"),
  ]

  /// Throws for a value that asks for what this driver does not do.
  func requireHarmless(_ value: String) throws(PostgresError) {
    guard let harmless, !value.isEmpty, !harmless.contains(value) else { return }
    // Some of these are secrets, so that the value is not shown.
    throw PostgresError(
      .unsupported,
      "the connection parameter \"\(name)\" is not supported"
        + (harmless.isEmpty ? "" : ", but as \(harmless.joined(separator: " or "))"))
  }
}
