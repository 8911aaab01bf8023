import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// Protocol 3.2 and what servers make of it.
@Suite(.timeLimit(.minutes(5))) struct ConfigurationProtocolTests {
  /// A server that answers the start-up with these bytes or messages first.
  private func server(
    key: [UInt8] = [1, 2, 3, 4], minor: UInt16 = 2, raw: [UInt8] = [], _ first: BackendMessage...
  ) throws -> ScriptedServer {
    try ScriptedServer { conversation in
      guard case .startup(3, minor, _) = try conversation.readStartup() else {
        Issue.record("another version is asked for")
        return
      }
      try conversation.send(raw: raw)
      for message in first { try conversation.send(message) }
      try conversation.send(
        .authentication(.ok), .backendKeyData(processID: 1, secretKey: key), .readyForQuery(.idle))
      conversation.waitForEnd()
    }
  }

  private func version(
    _ server: ScriptedServer, _ parameters: String
  ) async -> Result<PostgresConfiguration.ProtocolVersion, PostgresError> {
    do throws(PostgresError) {
      let configuration = try PostgresConfiguration(
        "host=127.0.0.1 port=\(server.port) user=u sslmode=disable connect_timeout=5 "
          + parameters, environment: [:])
      let connection = try await PostgresConnection.connect(configuration)
      let version = connection.protocolVersion
      await connection.close()
      return .success(version)
    } catch {
      return .failure(error)
    }
  }

  private func code(_ server: ScriptedServer, _ parameters: String) async -> PostgresError.Code? {
    guard case .failure(let error) = await version(server, parameters) else { return nil }
    return error.code
  }

  private func negotiate(
    _ version: Int32, _ options: [String] = []
  ) -> BackendMessage {
    .negotiateProtocolVersion(version: version, unknownOptions: options)
  }

  @Test func whatIsAskedFor() async throws {
    for parameters in ["", "max_protocol_version=3.0", "min_protocol_version=3.0"] {
      #expect(try await version(try server(minor: 0), parameters).get() == .v30)
    }
    for parameters in ["max_protocol_version=3.2", "max_protocol_version=latest"] {
      #expect(try await version(try server(), parameters).get() == .v32)
    }
    #expect(try await version(try server(), "min_protocol_version=3.2").get() == .v32)
  }

  @Test func longKeysNeedTheNewProtocol() async throws {
    let key = [UInt8](repeating: 7, count: 256)
    #expect(try await version(try server(key: key), "max_protocol_version=3.2").get() == .v32)
    #expect(
      await code(try server(key: key + [1]), "max_protocol_version=3.2") == .protocolViolation)
    #expect(await code(try server(key: key, minor: 0), "") == .protocolViolation)
    #expect(
      await code(try server(key: key, negotiate(0x30000)), "max_protocol_version=3.2")
        == .protocolViolation)
  }

  @Test func fallingBack() async throws {
    let old = try server(negotiate(0x30000))
    #expect(try await version(old, "max_protocol_version=3.2").get() == .v30)
    guard case .failure(let error) = await version(old, "min_protocol_version=3.2") else {
      Issue.record("3.0 is too old")
      return
    }
    #expect(error.code == .unsupported)
    #expect(error.message.contains("min_protocol_version"))
  }

  /// Up, to what is not there, in another major version, without need, in no version at all.
  @Test(arguments: [0x30003, 0x30001, 0x20000, 0x40000, 0x30002, 0, 2, -1, .min, .max] as [Int32])
  func whatIsNoAnswer(version: Int32) async throws {
    #expect(
      await code(try server(negotiate(version)), "max_protocol_version=3.2")
        == .protocolViolation)
  }

  @Test func nothingIsNegotiatedAbout30() async throws {
    for version in [0x30000, 0x30002, 0x20000] as [Int32] {
      #expect(await code(try server(minor: 0, negotiate(version)), "") == .protocolViolation)
    }
  }

  @Test func notTwice() async throws {
    let twice = try server(negotiate(0x30000), negotiate(0x30000))
    #expect(await code(twice, "max_protocol_version=3.2") == .protocolViolation)
    let late = try server(.authentication(.ok), negotiate(0x30000))
    #expect(await code(late, "max_protocol_version=3.2") == .protocolViolation)
  }

  @Test func unknownOptions() async throws {
    let long = "_pq_." + String(repeating: "x", count: 10_000)
    let server = try server(negotiate(0x30000, [long, "b"]))
    guard case .failure(let error) = await version(server, "max_protocol_version=3.2") else {
      Issue.record("nobody asked for the option")
      return
    }
    #expect(error.code == .unsupported)
    #expect(error.message.contains("_pq_.x"))
    #expect(error.message.utf8.count < 300)
  }

  /// Counts of options that the message does not have.
  @Test(arguments: [1, -1, .max, .min] as [Int32])
  func absurdCounts(count: Int32) async throws {
    var bytes: [UInt8] = [UInt8(ascii: "v"), 0, 0, 0, 12, 0, 3, 0, 0]
    withUnsafeBytes(of: count.bigEndian) { bytes += $0 }
    #expect(
      await code(try server(raw: bytes), "max_protocol_version=3.2") == .protocolViolation)
  }

  /// PostgreSQL before 18 knows 3.0 only, and says so.
  @Test func realServers() async throws {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    let plain = try await PostgresConnection.connect(configuration)
    #expect(plain.protocolVersion == .v30)
    let number = try await plain.queryOne(
      "SELECT current_setting('server_version_num')::int", as: Int.self)
    await plain.close()
    configuration.maximumProtocol = .latest
    let negotiated = try await PostgresConnection.connect(configuration)
    #expect(negotiated.protocolVersion == (number >= 180_000 ? .v32 : .v30))
    #expect(try await negotiated.queryOne("SELECT 1", as: Int.self) == 1)
    await negotiated.close()
    configuration.minimumProtocol = .v32
    if number >= 180_000 {
      await (try PostgresConnection.connect(configuration)).close()
    } else {
      let error = await #expect(throws: PostgresError.self) {
        _ = try await PostgresConnection.connect(configuration)
      }
      #expect(error?.code == .unsupported)
    }
  }
}
