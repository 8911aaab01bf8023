extension PostgresConfiguration {
  /// Takes libpq's parameters that are about TLS.
  mutating func applyTLS(_ values: [String: String]) throws(PostgresError) {
    // libpq: an empty text is as none.
    let values = values.filter { !$0.value.isEmpty }
    switch values["sslrootcert"] {
    case nil: break
    case "system":
      tls.trustedRoots = .system
      sslMode = .verifyFull
    case .some(let path): tls.trustedRoots = .file(path)
    }
    sslMode = try Self.choice(values, "sslmode") ?? sslMode
    tls.certificateFile = values["sslcert"]
    tls.keyFile = values["sslkey"]
    tls.keyPassphrase = values["sslpassword"]
    tls.revocationFile = values["sslcrl"]
    tls.certificateMode = try Self.choice(values, "sslcertmode") ?? tls.certificateMode
    tls.negotiation = try Self.choice(values, "sslnegotiation") ?? tls.negotiation
    if let text = values["sslsni"] {
      guard text == "0" || text == "1" else { throw Self.malformed("sslsni", text, "0 or 1") }
      tls.sendsServerName = text == "1"
    }
    tls.minimumVersion =
      try Self.version(values, "ssl_min_protocol_version") ?? tls.minimumVersion
    tls.maximumVersion = try Self.version(values, "ssl_max_protocol_version")
    try requireDefault(values, "sslcompression", ["0"])
    try tls.validate(sslMode)
  }

  /// A version's name; libpq does not mind its case.
  private static func version(
    _ values: [String: String], _ name: String
  ) throws(PostgresError) -> TLSOptions.Version? {
    guard let text = values[name] else { return nil }
    let versions = TLSOptions.Version.allCases
    guard let version = versions.first(where: { $0.rawValue.lowercased() == text.lowercased() })
    else {
      throw malformed(name, text, "one of " + versions.map(\.rawValue).joined(separator: ", "))
    }
    return version
  }
}
