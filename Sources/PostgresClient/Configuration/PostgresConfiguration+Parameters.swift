public import Foundation
import PostgresWire
import RoostCore

extension PostgresConfiguration {
  /// Reads a connection string, a URI (`postgres://...`) or keywords and values (`host=a port=1`),
  /// completed as libpq does it: by the service that is named, by the PG* variables of the
  /// environment, and by libpq's defaults. Empty variables count as unset.
  ///
  /// A `dbname` that is itself a connection string is not expanded, as in libpq, which does that
  /// only for parameters that are handed over one by one.
  ///
  /// Throws `invalidConfiguration` for a parameter that is unknown or malformed, `unsupported` for
  /// one that this driver does not do.
  public init(
    _ text: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PostgresError) {
    try self.init(given: ConnectionString(text).values, environment: environment)
  }

  /// Reads the PG* variables of the environment, completed by libpq's defaults.
  public init(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PostgresError) {
    try self.init(given: [:], environment: environment)
  }

  private init(
    given: [String: String], environment: [String: String]
  ) throws(PostgresError) {
    let home = Self.home(environment)
    let parameters = try ConnectionParameters(given, environment: environment, home: home)
    let user: String =
      if let user = parameters.text("user") { user } else { try Self.systemUser() }
    self.init(
      host: "", user: user, password: parameters.text("password"),
      database: parameters.text("dbname"))
    for (variable, name) in ConnectionKeyword.runtimeVariables {
      // libpq: "default" leaves it to the server.
      if let value = environment.variable(variable), value.lowercased() != "default" {
        runtimeParameters[name] = value
      }
    }
    passwordFile = parameters.text("passfile") ?? home.map { "\($0)/.pgpass" }
    tls = TLSOptions(home: home)
    hosts = try Host.list(parameters)
    try apply(parameters)
    try applyTLS(parameters)
    try applyProtocol(parameters)
    socketOptions = try SocketOptions(parameters)
    for setting in settings {
      origins[setting.keyword] = (
        parameters.origins[setting.keyword] ?? .default, setting.value
      )
    }
  }

  private mutating func apply(_ parameters: ConnectionParameters) throws(PostgresError) {
    loadBalancing = try parameters.choice("load_balance_hosts") ?? loadBalancing
    targetSession = try parameters.choice("target_session_attrs") ?? targetSession
    applicationName =
      parameters.text("application_name") ?? parameters.text("fallback_application_name")
    options = parameters.text("options")
    requiredPeer = parameters.text("requirepeer")
    if let seconds = try parameters.number("connect_timeout") {
      // libpq: 0 and less is for ever.
      connectTimeout = seconds <= 0 ? nil : .seconds(seconds)
    }
    authentication.channelBinding =
      try parameters.choice("channel_binding") ?? authentication.channelBinding
    if let text = parameters.text("require_auth") {
      guard let methods = AuthenticationPolicy.methods(requireAuth: text) else {
        throw ConnectionParameters.malformed(
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
    if let text = parameters.text("client_encoding"), !encodings.contains(text.lowercased()) {
      throw ConnectionParameters.malformed(
        "client_encoding", text, "UTF8, the only one that Swift's texts need")
    }
  }

  private mutating func applyProtocol(_ parameters: ConnectionParameters) throws(PostgresError) {
    minimumProtocol = try ProtocolVersion(parameters, "min_protocol_version") ?? minimumProtocol
    maximumProtocol = try ProtocolVersion(parameters, "max_protocol_version")
    try requireProtocolRange()
  }

  private static func systemUser() throws(PostgresError) -> String {
    guard let user = SystemUser(geteuid()) else {
      throw PostgresError(
        .invalidConfiguration, "no user is given, and the system does not know who we are")
    }
    return user.name
  }

  /// The folder of the user's files: HOME, else what the system knows; nil when it knows none.
  static func home(_ environment: [String: String]) -> String? {
    if let home = environment.variable("HOME") { return home }
    let home = SystemUser(geteuid())?.home ?? ""
    return home.isEmpty ? nil : home
  }
}
