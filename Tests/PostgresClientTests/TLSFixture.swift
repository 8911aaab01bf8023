import Foundation
import PostgresClient
import RoostTesting
import Testing

/// Connection URIs to the cluster with TLS; libpq reads the same ones.
struct TLSFixture {
  let cluster: ThrowawayPostgres
  var certificates: TestCertificates { cluster.certificates }

  /// The cluster with TLS, or one without.
  init(withTLS: Bool = true) async throws {
    cluster = try await withTLS ? .sharedWithTLS() : .shared(.scramSHA256)
  }

  func uri(
    database: String = "postgres", host: String = "localhost", _ parameters: [String: String]
  ) -> String {
    var uri = cluster.url(database: database)
      .replacingOccurrences(of: "@127.0.0.1:", with: "@\(host):")
    uri += "?hostaddr=127.0.0.1"
    for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
      let allowed = CharacterSet.urlPathAllowed.subtracting(["&", "="])
      uri += "&\(name)=\(value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")"
    }
    return uri
  }

  func configuration(
    database: String = "postgres", host: String = "localhost", home: String = "/nonexistent",
    _ parameters: [String: String]
  ) throws -> PostgresConfiguration {
    let uri = uri(database: database, host: host, parameters)
    var configuration = try PostgresConfiguration(uri, environment: ["HOME": home])
    configuration.connectTimeout = .seconds(30)
    configuration.queryTimeout = .seconds(60)
    return configuration
  }

  /// Whether the server says that the session is encrypted; it must say the same as the client.
  func isEncrypted(_ configuration: PostgresConfiguration) async throws -> Bool {
    let connection = try await PostgresConnection.connect(configuration)
    let said = try await connection.queryOne(
      "SELECT ssl, version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
      as: (Bool, String?, String?).self)
    #expect(connection.encryption?.version == said.1)
    #expect(connection.encryption?.cipher == said.2)
    await connection.close()
    return said.0
  }

  /// The code of the error with which connecting fails, nil when it does not.
  func failure(_ configuration: PostgresConfiguration) async -> PostgresError? {
    do throws(PostgresError) {
      await (try PostgresConnection.connect(configuration)).close()
      return nil
    } catch {
      return error
    }
  }
}

/// Makes a folder that is removed afterwards.
func withTemporaryFolder<T>(_ body: (String) async throws -> T) async throws -> T {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "roost-tls-\(UUID().uuidString)"
  ).path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try await body(folder)
}

/// Runs a command; its standard output, nil when it fails.
func output(of command: [String], environment: [String: String] = [:]) throws -> Data? {
  let process = Process()
  let pipe = Pipe()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = command
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = pipe
  process.standardError = FileHandle.nullDevice
  try process.run()
  let data = pipe.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return process.terminationStatus == 0 ? data : nil
}
