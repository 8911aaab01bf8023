import PostgresWire

extension PostgresConfiguration {
  /// A parameter as it is in effect, under libpq's keyword.
  public struct Setting: Sendable, Hashable, CustomStringConvertible {
    /// Where a value is from.
    public enum Origin: Sendable, Hashable, CustomStringConvertible {
      /// The connection string.
      case connectionString
      /// A service file, by its path.
      case serviceFile(String)
      /// An environment variable, by its name.
      case environment(String)
      /// libpq's default, or this driver's.
      case `default`
      /// The program has set it.
      case program

      /// As people read it.
      public var description: String {
        switch self {
        case .connectionString: "connection string"
        case .serviceFile(let path): "service file \(path)"
        case .environment(let variable): variable
        case .default: "default"
        case .program: "program"
        }
      }
    }

    /// What stands in the place of a secret.
    public static let mask = "***"

    /// libpq's keyword.
    public let keyword: String
    /// The value as a connection string has it, `mask` for a secret.
    public let value: String
    /// Where the value is from.
    public let origin: Origin

    /// `keyword=value` with libpq's quotes where they are needed. All settings so, with blanks
    /// between them, are a connection string that says the same, but for the secrets.
    public var description: String {
      let isPlain =
        !value.isEmpty
        && value.utf8.allSatisfy {
          !$0.isSpace && $0 != UInt8(ascii: "'") && $0 != UInt8(ascii: "\\")
        }
      if isPlain { return "\(keyword)=\(value)" }
      var quoted = ""
      for scalar in value.unicodeScalars {
        if scalar == "'" || scalar == "\\" { quoted.unicodeScalars.append("\\") }
        quoted.unicodeScalars.append(scalar)
      }
      return "\(keyword)='\(quoted)'"
    }
  }

  /// What is in effect under libpq's keywords, always in the same order; secrets are masked.
  ///
  /// What is not set has no entry. Run-time parameters are in `options`. Where a value is from is
  /// known of those that a connection string, a service or the environment gave and that the
  /// program has left alone.
  public var settings: [Setting] {
    var settings: [Setting] = []
    let add = { (keyword: String, value: String?) in
      guard let value else { return }
      let known = origins[keyword]
      let origin = known.map { $0.value == value ? $0.origin : .program } ?? .program
      settings.append(Setting(keyword: keyword, value: value, origin: origin))
    }
    addPlaces(add)
    addAuthentication(add)
    addSession(add)
    addTLS(add)
    return settings
  }

  private func addPlaces(_ add: (String, String?) -> Void) {
    let join = { (items: [String]) in
      items.allSatisfy(\.isEmpty) ? nil : items.joined(separator: ",")
    }
    add("host", join(hosts.map(\.name)))
    add("hostaddr", join(hosts.map { $0.address ?? "" }))
    let ports = hosts.map { "\($0.port)" }
    add("port", Set(ports).count > 1 ? ports.joined(separator: ",") : ports.first)
    add("dbname", database)
    add("user", user)
    add("connect_timeout", "\(connectTimeout?.wholeSeconds ?? 0)")
    add("target_session_attrs", targetSession.rawValue)
    add("load_balance_hosts", loadBalancing.rawValue)
  }

  private func addAuthentication(_ add: (String, String?) -> Void) {
    add("password", password.map { _ in Setting.mask })
    add("passfile", passwordFile)
    var methods = authentication.allowedMethods
    if !authentication.allowsCleartextPassword { methods.remove(.password) }
    let all = AuthenticationPolicy.Method.allCases
    let names = all.filter(methods.contains).map(\.rawValue)
    // Without the parameter all is allowed but a password in clear text.
    let isUsual = methods == Set(all).subtracting([.password])
    add("require_auth", isUsual ? nil : names.joined(separator: ","))
    add("channel_binding", authentication.channelBinding.rawValue)
    add("requirepeer", requiredPeer)
  }

  private func addSession(_ add: (String, String?) -> Void) {
    add("application_name", applicationName)
    var options = options.map { [$0] } ?? []
    for (name, value) in runtimeParameters.sorted(by: { $0.key < $1.key }) {
      options.append("-c \(name)=\(Self.escapeOption(value))")
    }
    add("options", options.isEmpty ? nil : options.joined(separator: " "))
    add("client_encoding", "UTF8")
    add("keepalives", socketOptions.isProbed ? "1" : "0")
    add("keepalives_idle", socketOptions.probeAfter.map { "\($0.wholeSeconds)" })
    add("keepalives_interval", socketOptions.probeInterval.map { "\($0.wholeSeconds)" })
    add("keepalives_count", socketOptions.probeCount.map { "\($0)" })
    add(
      "tcp_user_timeout", socketOptions.unacknowledgedTimeout.map { "\($0.wholeMilliseconds)" })
    add("min_protocol_version", minimumProtocol.rawValue)
    add("max_protocol_version", requestedProtocol.rawValue)
  }

  private func addTLS(_ add: (String, String?) -> Void) {
    add("sslmode", sslMode.rawValue)
    add("sslnegotiation", tls.negotiation.rawValue)
    switch tls.trustedRoots {
    case .userFile: break
    case .file(let path): add("sslrootcert", path)
    case .system: add("sslrootcert", "system")
    }
    add("sslcert", tls.certificateFile)
    add("sslkey", tls.keyFile)
    add("sslpassword", tls.keyPassphrase.map { _ in Setting.mask })
    add("sslcertmode", tls.certificateMode.rawValue)
    add("sslcrl", tls.revocationFile)
    add("sslcrldir", tls.revocationFolder)
    add("sslsni", tls.sendsServerName ? "1" : "0")
    add("ssl_min_protocol_version", tls.minimumVersion.rawValue)
    add("ssl_max_protocol_version", tls.maximumVersion?.rawValue)
    add("gssencmode", "disable")
  }

  /// A value within `options`: the server takes a space for the end of it.
  ///
  /// Source: PostgreSQL manual, `options` among the parameter key words.
  private static func escapeOption(_ value: String) -> String {
    var escaped = ""
    for scalar in value.unicodeScalars {
      if scalar == "\\" || scalar.properties.isWhitespace { escaped.unicodeScalars.append("\\") }
      escaped.unicodeScalars.append(scalar)
    }
    return escaped
  }
}
