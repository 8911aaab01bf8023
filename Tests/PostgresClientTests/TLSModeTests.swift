import Foundation
import PostgresClient
import RoostTesting
import Testing

private typealias Mode = PostgresConfiguration.SSLMode

/// What comes of connecting.
private enum Outcome: Equatable {
  case plain
  case encrypted
  case failed
}

private struct ModeCase: Sendable, CustomTestStringConvertible {
  var mode: Mode
  var serverHasTLS: Bool
  /// The file of trusted roots, nil for none.
  var roots: String?
  var isRightHost: Bool

  var testDescription: String {
    "\(mode.rawValue), server \(serverHasTLS ? "with" : "without"), \(roots ?? "no roots"), "
      + "\(isRightHost ? "right" : "wrong") host"
  }

  static let all: [ModeCase] = Mode.allCases.flatMap { mode in
    [true, false].flatMap { serverHasTLS in
      [nil, "root.crt", "other.crt"].flatMap { roots in
        [true, false].map {
          ModeCase(mode: mode, serverHasTLS: serverHasTLS, roots: roots, isRightHost: $0)
        }
      }
    }
  }

  /// Table 34.1 of PostgreSQL's manual, "SSL Mode Descriptions", with its note on root files.
  var expected: Outcome {
    let isVerifiable =
      switch roots {
      case nil: mode != .verifyCA && mode != .verifyFull
      case "root.crt": isRightHost || mode != .verifyFull
      default: false
      }
    return switch mode {
    case .disable, .allow: .plain
    case .prefer: serverHasTLS && isVerifiable ? .encrypted : .plain
    case .require, .verifyCA, .verifyFull: serverHasTLS && isVerifiable ? .encrypted : .failed
    }
  }
}

@Suite(
  .enabled("needs a server with TLS") { try await ServerFeature.tls.isThere },
  .timeLimit(.minutes(3)))
struct TLSModeTests {
  /// What libpq does with the same URI, nil where there is no psql.
  private func libpq(_ fixture: TLSFixture, _ uri: String) throws -> Outcome? {
    let psql = fixture.cluster.binaries + "/psql"
    guard FileManager.default.isExecutableFile(atPath: psql) else { return nil }
    let query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    let said = try output(
      of: [psql, "-XAtc", query, uri], environment: ["HOME": "/nonexistent", "PGPASSFILE": "/"])
    guard let said else { return .failed }
    return String(decoding: said, as: UTF8.self).hasPrefix("t") ? .encrypted : .plain
  }

  private func outcome(
    _ fixture: TLSFixture, _ configuration: PostgresConfiguration
  ) async throws -> Outcome {
    do {
      return try await fixture.isEncrypted(configuration) ? .encrypted : .plain
    } catch is PostgresError {
      return .failed
    }
  }

  @Test(arguments: ModeCase.all)
  private func matrix(_ entry: ModeCase) async throws {
    let fixture = try await TLSFixture(withTLS: entry.serverHasTLS)
    let certificates = try await TLSFixture().certificates
    var parameters = ["sslmode": entry.mode.rawValue]
    if let roots = entry.roots { parameters["sslrootcert"] = certificates.path(roots) }
    let host = entry.isRightHost ? "localhost" : "db.example.test"
    let configuration = try fixture.configuration(host: host, parameters)
    #expect(try await outcome(fixture, configuration) == entry.expected)
    if let libpq = try libpq(fixture, fixture.uri(host: host, parameters)) {
      #expect(libpq == entry.expected)
    }
  }

  /// Databases that pg_hba.conf gives only to encrypted sessions, or only to others.
  @Test(
    arguments: [
      ("secure", .disable, .failed), ("secure", .allow, .encrypted),
      ("secure", .prefer, .encrypted),
      ("secure", .require, .encrypted), ("plain", .disable, .plain), ("plain", .allow, .plain),
      ("plain", .prefer, .plain), ("plain", .require, .failed),
    ] as [(String, Mode, Outcome)])
  private func refusals(database: String, mode: Mode, expected: Outcome) async throws {
    let fixture = try await TLSFixture()
    let parameters = ["sslmode": mode.rawValue]
    let configuration = try fixture.configuration(database: database, parameters)
    #expect(try await outcome(fixture, configuration) == expected)
    if let libpq = try libpq(fixture, fixture.uri(database: database, parameters)) {
      #expect(libpq == expected)
    }
  }

  @Test func bothRefusalsAreReported() async throws {
    let fixture = try await TLSFixture()
    var configuration = try fixture.configuration(["sslmode": "prefer"])
    configuration.password = "wrong"
    let error = await fixture.failure(configuration)
    #expect(error?.code == .authenticationFailed)
    #expect(error?.cause?.code == .authenticationFailed)
    // What is refused after the server has let us in is refused once.
    configuration = try fixture.configuration(database: "nowhere", ["sslmode": "prefer"])
    let unknown = await fixture.failure(configuration)
    #expect(unknown?.code == .unknownDatabase)
    #expect(unknown?.cause == nil)
    let without = try await TLSFixture(withTLS: false)
    configuration = try without.configuration(["sslmode": "allow"])
    configuration.password = "wrong"
    let allowed = await without.failure(configuration)
    #expect(allowed?.code == .authenticationFailed)
    #expect(allowed?.cause?.code == .tlsFailed)
  }

  @Test func aUnixSocketHasNoTLS() async throws {
    let cluster = try await ThrowawayPostgres.sharedWithTLS()
    for mode in Mode.allCases {
      var configuration = try PostgresConfiguration(
        cluster.url(tcp: false), environment: ["HOME": "/nonexistent"])
      configuration.sslMode = mode
      let connection = try await PostgresConnection.connect(configuration)
      #expect(connection.encryption == nil)
      await connection.close()
    }
  }

  /// The names that a certificate is for; a wildcard stands for one whole label.
  @Test(
    arguments: [
      ("elsewhere.crt", "elsewhere.example", true), ("elsewhere.crt", "localhost", false),
      ("elsewhere.crt", "elsewhere.example.test", false), ("server.crt", "127.0.0.1", true),
      ("server.crt", "127.0.0.2", false), ("server.crt", "LOCALHOST", true),
      ("wildcard.crt", "a.example.test", true), ("wildcard.crt", "a.b.example.test", false),
      ("wildcard.crt", "example.test", false), ("wildcard.crt", "partial.example.test", true),
      ("wildcard.crt", "party.a.example.test", false), ("expired.crt", "localhost", false),
      ("self.crt", "localhost", false),
    ])
  func names(certificate: String, host: String, isRight: Bool) async throws {
    let certificates = try await TLSFixture().certificates
    let context = try certificates.serverContext(certificate)
    let server = try ScriptedServer { conversation in
      _ = try conversation.acceptTLS(context)
      try conversation.logIn()
      conversation.waitForEnd()
    }
    var configuration = server.configuration()
    configuration.host = host
    configuration.hostAddress = "127.0.0.1"
    configuration.sslMode = .verifyFull
    configuration.tls.trustedRoots = .file(certificates.path("root.crt"))
    do throws(PostgresError) {
      let connection = try await PostgresConnection.connect(configuration)
      #expect(isRight)
      await connection.close()
    } catch {
      #expect(!isRight)
      #expect(error.code == .tlsFailed)
      #expect(error.message.contains("certificate verify failed: "), "\(error)")
    }
  }
}

extension TestCertificates {
  /// A scripted server's context with a certificate by its file's name.
  func serverContext(_ certificate: String, choosesProtocol: Bool = false) throws -> TLSContext {
    try TLSContext(
      serverCertificateFile: path(certificate),
      keyFile: path(certificate.replacingOccurrences(of: ".crt", with: ".key")),
      choosesProtocol: choosesProtocol)
  }
}
