extension PostgresConfiguration {
  /// Takes libpq's parameters that are about TLS.
  mutating func applyTLS(_ parameters: ConnectionParameters) throws(PostgresError) {
    switch parameters.text("sslrootcert") {
    case nil: break
    case "system":
      tls.trustedRoots = .system
      sslMode = .verifyFull
    case .some(let path): tls.trustedRoots = .file(path)
    }
    sslMode = try parameters.choice("sslmode") ?? sslMode
    tls.certificateFile = parameters.text("sslcert")
    tls.keyFile = parameters.text("sslkey")
    tls.keyPassphrase = parameters.text("sslpassword")
    tls.revocationFile = parameters.text("sslcrl")
    tls.revocationFolder = parameters.text("sslcrldir")
    tls.certificateMode = try parameters.choice("sslcertmode") ?? tls.certificateMode
    tls.negotiation = try parameters.choice("sslnegotiation") ?? tls.negotiation
    if let text = parameters.text("sslsni") {
      guard text == "0" || text == "1" else {
        throw ConnectionParameters.malformed("sslsni", text, "0 or 1")
      }
      tls.sendsServerName = text == "1"
    }
    tls.minimumVersion =
      try Self.version(parameters, "ssl_min_protocol_version") ?? tls.minimumVersion
    tls.maximumVersion = try Self.version(parameters, "ssl_max_protocol_version")
    try tls.validate(sslMode)
  }

  /// A version's name; libpq does not mind its case.
  private static func version(
    _ parameters: ConnectionParameters, _ keyword: String
  ) throws(PostgresError) -> TLSOptions.Version? {
    guard let text = parameters.text(keyword) else { return nil }
    let versions = TLSOptions.Version.allCases
    guard let version = versions.first(where: { $0.rawValue.lowercased() == text.lowercased() })
    else {
      throw ConnectionParameters.malformed(
        keyword, text, "one of " + versions.map(\.rawValue).joined(separator: ", "))
    }
    return version
  }
}
