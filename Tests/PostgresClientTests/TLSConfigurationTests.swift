import Foundation
import PostgresClient
import Testing

@Suite struct TLSConfigurationTests {
  private func parse(
    _ query: String, _ environment: [String: String] = [:]
  ) throws(PostgresError) -> PostgresConfiguration {
    try PostgresConfiguration("postgres://u@h/d?\(query)", environment: environment)
  }

  @Test func everyParameter() throws {
    let parsed = try parse(
      "sslmode=verify-ca&sslrootcert=/r&sslcert=/c&sslkey=/k&sslpassword=hidden&sslcrl=/l"
        + "&sslcertmode=require&sslsni=0&ssl_min_protocol_version=tlsv1.3"
        + "&ssl_max_protocol_version=TLSv1.3&sslnegotiation=direct&channel_binding=require"
        + "&sslcompression=0")
    #expect(parsed.sslMode == .verifyCA)
    #expect(parsed.tls.trustedRoots == .file("/r"))
    #expect(parsed.tls.certificateFile == "/c")
    #expect(parsed.tls.keyFile == "/k")
    #expect(parsed.tls.keyPassphrase == "hidden")
    #expect(parsed.tls.revocationFile == "/l")
    #expect(parsed.tls.certificateMode == .require)
    #expect(!parsed.tls.sendsServerName)
    #expect(parsed.tls.minimumVersion == .tls13)
    #expect(parsed.tls.maximumVersion == .tls13)
    #expect(parsed.tls.negotiation == .direct)
    #expect(parsed.authentication.channelBinding == .require)
  }

  @Test func everyVariable() throws {
    let parsed = try PostgresConfiguration(environment: [
      "PGSSLMODE": "require", "PGSSLROOTCERT": "/r", "PGSSLCERT": "/c", "PGSSLKEY": "/k",
      "PGSSLCRL": "/l", "PGSSLCERTMODE": "disable", "PGSSLSNI": "0",
      "PGSSLMINPROTOCOLVERSION": "TLSv1.1", "PGSSLMAXPROTOCOLVERSION": "TLSv1.2",
      "PGSSLNEGOTIATION": "direct", "PGCHANNELBINDING": "disable",
    ])
    #expect(parsed.sslMode == .require)
    #expect(parsed.tls.trustedRoots == .file("/r"))
    #expect(parsed.tls.certificateFile == "/c")
    #expect(parsed.tls.keyFile == "/k")
    #expect(parsed.tls.revocationFile == "/l")
    #expect(parsed.tls.certificateMode == .disable)
    #expect(!parsed.tls.sendsServerName)
    #expect(parsed.tls.minimumVersion == .tls11)
    #expect(parsed.tls.maximumVersion == .tls12)
    #expect(parsed.tls.negotiation == .direct)
    #expect(parsed.authentication.channelBinding == .disable)
    let plain = try PostgresConfiguration(environment: [:])
    #expect(plain.sslMode == .prefer)
    #expect(plain.tls.trustedRoots == .userFile)
    #expect(plain.tls.certificateMode == .allow)
    #expect(plain.tls.negotiation == .postgres)
    #expect(plain.tls.sendsServerName)
    #expect(plain.tls.minimumVersion == .tls12)
  }

  @Test func theSystemsRoots() throws {
    #expect(try parse("sslrootcert=system").sslMode == .verifyFull)
    #expect(try parse("sslrootcert=system").tls.trustedRoots == .system)
    #expect(try parse("sslrootcert=system&sslmode=verify-full").sslMode == .verifyFull)
    for mode in ["disable", "allow", "prefer", "require", "verify-ca"] {
      let error = #expect(throws: PostgresError.self) {
        _ = try parse("sslrootcert=system", ["PGSSLMODE": mode])
      }
      #expect(error?.message.contains("verify-full") == true)
    }
  }

  @Test(arguments: [
    "sslmode=full", "sslcertmode=always", "sslsni=yes", "ssl_min_protocol_version=SSLv3",
    "ssl_max_protocol_version=1.3", "sslnegotiation=tls", "channel_binding=always",
  ])
  func malformedValuesNameThemselves(_ parameter: String) {
    let error = #expect(throws: PostgresError.self) { _ = try parse(parameter) }
    #expect(error?.code == .invalidConfiguration)
    let parts = parameter.split(separator: "=")
    #expect(error?.message.contains(parts[0]) == true)
    #expect(error?.message.contains("\"\(parts[1])\"") == true)
  }

  @Test(arguments: ["disable", "allow", "prefer"])
  func directNeedsTLS(mode: String) {
    let error = #expect(throws: PostgresError.self) {
      _ = try parse("sslnegotiation=direct&sslmode=\(mode)")
    }
    #expect(error?.message.contains("sslnegotiation=direct") == true)
  }

  @Test func noDescriptionShowsThePassphrase() throws {
    let parsed = try parse("sslpassword=hidden&sslmode=require")
    var dumped = ""
    dump(parsed, to: &dumped)
    dump(parsed.tls, to: &dumped)
    for text in [
      "\(parsed)", String(reflecting: parsed), "\(parsed.tls)", String(reflecting: parsed.tls),
      "\([parsed.tls])", dumped,
    ] {
      #expect(!text.contains("hidden"))
    }
    #expect("\(parsed.tls)".contains("TLSOptions"))
  }

  @Test func aNULIsRefused() {
    var configuration = PostgresConfiguration(host: "h", user: "u")
    configuration.tls.keyPassphrase = "a\0b"
    let error = #expect(throws: PostgresError.self) { _ = try PostgresPool(configuration) }
    #expect(error?.code == .invalidConfiguration)
  }
}
