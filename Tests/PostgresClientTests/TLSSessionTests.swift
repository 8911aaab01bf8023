import Foundation
import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Testing

/// Sessions over TLS with a real server.
@Suite(
  .enabled("needs a server with TLS") { try await ServerFeature.tls.isThere },
  .timeLimit(.minutes(3)))
struct TLSSessionTests {
  private func verified(
    _ fixture: TLSFixture, database: String = "postgres", _ more: [String: String] = [:]
  ) throws -> PostgresConfiguration {
    let root = fixture.certificates.path("root.crt")
    return try fixture.configuration(
      database: database,
      ["sslmode": "verify-full", "sslrootcert": root].merging(more) { $1 })
  }

  @Test func aPool() async throws {
    let fixture = try await TLSFixture()
    var options = PostgresPoolOptions()
    options.maximum = 4
    let pool = try PostgresPool(
      verified(fixture, ["channel_binding": "require"]), options: options)
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<200 {
        group.addTask {
          try await pool.withConnection { connection in
            #expect(connection.encryption != nil)
            return try await connection.transaction { connection in
              try await connection.queryOne("SELECT \(number)::int4", as: Int.self)
            }
          }
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(sum == 19_900)
    await pool.close()
  }

  @Test func bigParametersAndResults() async throws {
    let fixture = try await TLSFixture()
    let connection = try await PostgresConnection.connect(verified(fixture))
    var bytes = [UInt8](repeating: 0, count: 64 << 20)
    for index in stride(from: 0, to: bytes.count, by: 997) { bytes[index] = UInt8(index & 0xff) }
    let back = try await connection.queryOne("SELECT \(bytes)::bytea", as: [UInt8].self)
    #expect(back == bytes)
    // Many records in a row, from both sides at once.
    var count = 0
    try await connection.forEachRow("SELECT repeat('x', 1000) FROM generate_series(1, 50000)") {
      _ in count += 1
    }
    #expect(count == 50_000)
    await connection.close()
  }

  @Test(arguments: [1, 7, 1_000])
  func slicedStreams(sliceByteCount: Int) async throws {
    let fixture = try await TLSFixture()
    let port = fixture.cluster.port
    let faults = StreamFaults(sliceByteCount: sliceByteCount)
    let connection = try await PostgresConnection.connect(
      verified(fixture, ["channel_binding": "require"])
    ) {
      try loopbackStreams(port: port, faults: faults)
    }
    #expect(connection.encryption != nil)
    let texts = try await connection.query(
      "SELECT repeat('x', 20000) FROM generate_series(1, 5)", as: String.self)
    #expect(texts.map(\.utf8.count) == [20_000, 20_000, 20_000, 20_000, 20_000])
    await connection.close()
  }

  /// Cut at every few bytes, and with every few bytes changed: an error each time, and no hang.
  @Test func streamsThatBreak() async throws {
    let fixture = try await TLSFixture()
    let port = fixture.cluster.port
    var configuration = try verified(fixture)
    // A length that was changed can make the client wait for bytes that never come.
    configuration.connectTimeout = .seconds(3)
    configuration.queryTimeout = .seconds(3)
    for position in stride(from: 0, to: 2_600, by: 53) {
      var changed = StreamFaults()
      changed.flippedByte = position
      for faults in [StreamFaults(endAfterByteCount: position), changed] {
        await #expect(throws: PostgresError.self) {
          let connection = try await PostgresConnection.connect(configuration) {
            try loopbackStreams(port: port, faults: faults)
          }
          for _ in 0..<100 { try await connection.execute("SELECT 1") }
        }
      }
    }
  }

  @Test(arguments: ["TLSv1.2", "TLSv1.3"])
  func versions(_ version: String) async throws {
    let fixture = try await TLSFixture()
    let connection = try await PostgresConnection.connect(
      verified(
        fixture,
        [
          "ssl_min_protocol_version": version.lowercased(), "ssl_max_protocol_version": version,
          "channel_binding": "require",
        ]))
    #expect(connection.encryption?.version == version)
    #expect(connection.encryption?.cipher.isEmpty == false)
    await connection.close()
  }

  @Test func aVersionThatTheServerDoesNotSpeak() async throws {
    let fixture = try await TLSFixture()
    let old = try fixture.configuration([
      "sslmode": "require", "ssl_min_protocol_version": "TLSv1",
      "ssl_max_protocol_version": "TLSv1.1",
    ])
    #expect(await fixture.failure(old)?.code == .tlsFailed)
    let crossed = #expect(throws: PostgresError.self) {
      _ = try fixture.configuration([
        "ssl_min_protocol_version": "TLSv1.3", "ssl_max_protocol_version": "TLSv1.2",
      ])
    }
    #expect(crossed?.code == .invalidConfiguration)
  }

  @Test func revokedCertificates() async throws {
    let fixture = try await TLSFixture()
    let none = fixture.certificates.path("none.crl")
    #expect(await fixture.failure(try verified(fixture, ["sslcrl": none])) == nil)
    let revoked = fixture.certificates.path("server.crl")
    let error = await fixture.failure(try verified(fixture, ["sslcrl": revoked]))
    #expect(error?.code == .tlsFailed)
    #expect(error?.message.contains("revoked") == true)
    try await withTemporaryFolder { folder in
      // A certificate of an authority whose list is not there cannot be judged.
      let empty = await fixture.failure(try verified(fixture, ["sslcrldir": folder]))
      #expect(empty?.message.contains("CRL") == true)
      for (list, isRevoked) in [(none, false), (revoked, true)] {
        let command = ["openssl", "crl", "-in", list, "-hash", "-noout"]
        let hash = String(decoding: try #require(try output(of: command)), as: UTF8.self)
        let name = hash.trimmingCharacters(in: .whitespacesAndNewlines) + ".r0"
        try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        try FileManager.default.copyItem(atPath: list, toPath: "\(folder)/\(name)")
        let error = await fixture.failure(try verified(fixture, ["sslcrldir": folder]))
        #expect((error?.message.contains("revoked") == true) == isRevoked)
      }
    }
    let missing = await fixture.failure(try verified(fixture, ["sslcrl": "/nonexistent"]))
    #expect(missing?.code == .invalidConfiguration)
  }

  @Test func channelBindingWithARealServer() async throws {
    let fixture = try await TLSFixture()
    for binding in AuthenticationPolicy.ChannelBinding.allCases {
      let parameters = ["sslmode": "require", "channel_binding": binding.rawValue]
      #expect(try await fixture.isEncrypted(fixture.configuration(parameters)))
    }
    // Without TLS it is refused, whoever it is that takes TLS away.
    let without = try await TLSFixture(withTLS: false)
    let error = await without.failure(
      try without.configuration(["sslmode": "prefer", "channel_binding": "require"]))
    #expect(error?.code == .authenticationFailed)
    let disabled = await fixture.failure(
      try fixture.configuration(["sslmode": "disable", "channel_binding": "require"]))
    #expect(disabled?.code == .invalidConfiguration)
  }

  /// As if OpenSSL were not installed, or were another.
  @Test func withoutOpenSSL() async throws {
    let fixture = try await TLSFixture()
    for libraries in [[["libabsent.so.3"]], [["libc.so.6"]], [["libabsent.so.3"], ["libc.so.6"]]] {
      for mode in PostgresConfiguration.SSLMode.allCases {
        var configuration = try fixture.configuration([:])
        configuration.sslMode = mode
        configuration.tls.libraries = libraries
        if mode == .disable || mode == .allow || mode == .prefer {
          #expect(try await fixture.isEncrypted(configuration) == false)
        } else {
          let error = await fixture.failure(configuration)
          #expect(error?.code == .unsupported)
          #expect(error?.message.contains("libssl3") == true)
        }
      }
    }
  }
}

/// Clients that show a certificate.
@Suite(
  .enabled("needs a server with TLS") { try await ServerFeature.tls.isThere },
  .timeLimit(.minutes(2)))
struct TLSCertificateTests {
  private func certified(
    _ fixture: TLSFixture, _ more: [String: String]
  ) throws -> PostgresConfiguration {
    let base = [
      "sslmode": "verify-full", "sslrootcert": fixture.certificates.path("root.crt"),
      "sslcert": fixture.certificates.path("client.crt"),
      "sslkey": fixture.certificates.path("client.key"),
    ]
    return try fixture.configuration(
      database: "certified", base.merging(more) { $1 }.filter { !$0.value.isEmpty })
  }

  @Test func logsIn() async throws {
    let fixture = try await TLSFixture()
    #expect(try await fixture.isEncrypted(certified(fixture, [:])))
    #expect(try await fixture.isEncrypted(certified(fixture, ["sslcertmode": "require"])))
    let locked = fixture.certificates.path("locked.key")
    let configuration = try certified(
      fixture, ["sslkey": locked, "sslpassword": TestCertificates.passphrase])
    #expect(try await fixture.isEncrypted(configuration))
  }

  @Test func withoutACertificate() async throws {
    let fixture = try await TLSFixture()
    for parameters in [
      ["sslcert": "", "sslkey": ""], ["sslcertmode": "disable"], ["sslcert": "/nonexistent"],
    ] {
      let error = await fixture.failure(try certified(fixture, parameters))
      #expect(error?.code == .authenticationFailed, "\(String(describing: error))")
    }
    // It is ours to say that there must be one, and that the server must want it.
    let missing = await fixture.failure(
      try certified(fixture, ["sslcert": "/nonexistent", "sslcertmode": "require"]))
    #expect(missing?.code == .tlsFailed)
    let certificates = fixture.certificates
    let context = try certificates.serverContext("server.crt")
    let server = try ScriptedServer { conversation in
      _ = try conversation.acceptTLS(context)
      try conversation.logIn()
      conversation.waitForEnd()
    }
    var configuration = server.configuration()
    configuration.sslMode = .require
    configuration.tls.certificateFile = certificates.path("client.crt")
    configuration.tls.keyFile = certificates.path("client.key")
    #expect(await fixture.failure(configuration) == nil)
    configuration.tls.certificateMode = .require
    #expect(await fixture.failure(configuration)?.code == .tlsFailed)
  }

  @Test func filesThatCannotBeUsed() async throws {
    let fixture = try await TLSFixture()
    let certificates = fixture.certificates
    try await withTemporaryFolder { folder in
      let open = folder + "/open.key"
      try FileManager.default.copyItem(atPath: certificates.path("client.key"), toPath: open)
      try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: open)
      let locked = certificates.path("locked.key")
      let cases = [
        ["sslkey": open], ["sslkey": folder], ["sslkey": folder + "/absent"],
        ["sslkey": locked], ["sslkey": locked, "sslpassword": "open barley"],
        ["sslkey": certificates.path("server.crt")], ["sslkey": certificates.path("other.key")],
        ["sslcert": certificates.path("client.key")],
        ["sslrootcert": certificates.path("root.key")], ["sslrootcert": folder],
      ]
      for parameters in cases {
        // Under every mode that may encrypt: a file that is named is meant.
        for mode in ["prefer", "verify-full"] {
          let error = await fixture.failure(
            try certified(fixture, parameters.merging(["sslmode": mode]) { $1 }))
          #expect(error?.code == .invalidConfiguration, "\(parameters)")
          let named = parameters["sslkey"] ?? parameters["sslcert"] ?? parameters["sslrootcert"]
          #expect(error?.message.contains("\"\(named ?? "")\"") == true, "\(parameters)")
          #expect(String(reflecting: error).contains("barley") == false)
        }
      }
    }
  }

  @Test func aCertificateThatTheServerDoesNotTrust() async throws {
    let fixture = try await TLSFixture()
    let error = await fixture.failure(
      try certified(
        fixture,
        [
          "sslcert": fixture.certificates.path("self.crt"),
          "sslkey": fixture.certificates.path("self.key"),
        ]))
    // The server's verdict, or the end that follows it, whichever comes first.
    #expect(error?.code == .tlsFailed || error?.code == .closed, "\(String(describing: error))")
  }

  /// Files in `~/.postgresql` are found, and found again when they are replaced.
  @Test func theFilesOfTheUser() async throws {
    let fixture = try await TLSFixture()
    let certificates = fixture.certificates
    try await withTemporaryFolder { home in
      let folder = home + "/.postgresql"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      func copy(_ name: String, _ to: String) throws {
        try? FileManager.default.removeItem(atPath: "\(folder)/\(to)")
        try FileManager.default.copyItem(
          atPath: certificates.path(name), toPath: "\(folder)/\(to)")
      }
      let configuration = try fixture.configuration(
        database: "certified", home: home, ["sslmode": "verify-full"])
      let missing = await fixture.failure(configuration)
      #expect(missing?.code == .invalidConfiguration)
      #expect(missing?.message.contains("\"\(folder)/root.crt\"") == true)
      #expect(missing?.message.contains("sslrootcert=system") == true)
      try copy("client.crt", "postgresql.crt")
      try copy("client.key", "postgresql.key")
      try copy("other.crt", "root.crt")
      #expect(await fixture.failure(configuration)?.code == .tlsFailed)
      // As libpq: the file that exists is believed under the lower modes, too.
      let require = try fixture.configuration(home: home, ["sslmode": "require"])
      #expect(await fixture.failure(require)?.code == .tlsFailed)
      try copy("root.crt", "root.crt")
      #expect(try await fixture.isEncrypted(configuration))
      try copy("server.crl", "root.crl")
      #expect(await fixture.failure(configuration)?.code == .tlsFailed)
    }
  }
}
