import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// Passwords that come from a file or from the program.
@Suite(.timeLimit(.minutes(5))) struct ConfigurationPasswordTests {
  private struct VaultError: Error, CustomStringConvertible {
    var description: String { "the vault says hunter2" }
  }

  private func configuration() async throws -> (ThrowawayPostgres, PostgresConfiguration) {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    configuration.password = nil
    configuration.passwordFile = nil
    return (server, configuration)
  }

  private func withFile<T>(
    _ text: String, permissions: Int = 0o600, _ body: (String) async throws -> T
  ) async throws -> T {
    let path = NSTemporaryDirectory() + "roost-pgpass-\(UUID().uuidString)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
  }

  private func escaped(_ password: String) -> String {
    password.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: ":", with: "\\:")
  }

  private func error(_ configuration: PostgresConfiguration) async -> PostgresError? {
    do throws(PostgresError) {
      await (try PostgresConnection.connect(configuration)).close()
      return nil
    } catch {
      return error
    }
  }

  /// The file is read for each host and at each connect.
  @Test func aPasswordFile() async throws {
    var (server, configuration) = try await configuration()
    let line = "127.0.0.1:\(server.port):*:\(server.user):\(escaped(server.password))\n"
    try await withFile("127.0.0.1:1:*:*:wrong\n" + line) { path in
      configuration.passwordFile = path
      configuration.hosts.insert(.init("127.0.0.1", port: 1), at: 0)
      #expect(await error(configuration) == nil)
      try Data("*:*:*:*:hunter2\n".utf8).write(to: URL(fileURLWithPath: path))
      configuration.hosts.removeFirst()
      let wrong = await error(configuration)
      #expect(wrong?.code == .authenticationFailed)
      #expect(wrong?.sqlState == .invalidPassword)
      #expect(wrong?.cause?.message.contains(path) == true)
      #expect(wrong?.description.contains("hunter2") == false)
      // A password that is given is used instead.
      configuration.password = server.password
      #expect(await error(configuration) == nil)
    }
  }

  @Test func aPasswordFileThatOthersMayRead() async throws {
    var (server, configuration) = try await configuration()
    let line = "*:*:*:*:\(escaped(server.password))\n"
    try await withFile(line, permissions: 0o644) { path in
      let sink = Sink()
      configuration.passwordFile = path
      configuration.onNotice = { sink.take($0) }
      let failure = await error(configuration)
      #expect(failure?.code == .authenticationFailed)
      #expect(failure?.cause?.message.contains("group or world access") == true)
      #expect(sink.messages.map(\.severity) == [.warning])
      #expect(sink.messages.first?.message.contains(path) == true)
    }
  }

  private final class Sink: Sendable {
    private let kept = Mutex<[PostgresServerMessage]>([])

    var messages: [PostgresServerMessage] { kept.withLock { $0 } }
    func take(_ message: PostgresServerMessage) { kept.withLock { $0.append(message) } }
  }

  // MARK: Providers

  /// A role's password changes between two connects of a pool.
  @Test func passwordsRotate() async throws {
    let (server, base) = try await configuration()
    let role = "rotating_\(UUID().uuidString.prefix(8).lowercased())"
    let owner = try await PostgresConnection.connect(
      PostgresConfiguration(server.url(), environment: [:]))
    try await owner.simple("CREATE ROLE \(role) LOGIN PASSWORD 'first'")
    let vault = Vault("first")
    var configuration = base
    configuration.user = role
    configuration.password = "stale"
    configuration.credentialProvider = { request in
      #expect(request.user == role)
      #expect(request.host.port == server.port)
      #expect(request.database == "postgres")
      return vault.next()
    }
    let pool = try PostgresPool(configuration)
    let ask: @Sendable (PostgresConnection) async throws -> String = { connection in
      try await connection.queryOne("SELECT current_user::text", as: String.self)
    }
    #expect(try await pool.withConnection { try await ask($0) } == role)
    // The pooled connection goes on; the next one needs the new password.
    try await owner.simple("ALTER ROLE \(role) PASSWORD 'second'")
    vault.password = "second"
    try await pool.withConnection { first in
      _ = try await ask(first)
      #expect(try await pool.withConnection { try await ask($0) } == role)
    }
    #expect(vault.count == 2)
    // A stale one is refused although it was good once.
    vault.password = "first"
    let failure = await error(configuration)
    #expect(failure?.code == .authenticationFailed)
    await pool.close()
    try await owner.simple("DROP ROLE \(role)")
    await owner.close()
  }

  private final class Vault: Sendable {
    private let state: Mutex<(password: String, count: Int)>

    init(_ password: String) { state = Mutex((password, 0)) }

    var password: String {
      get { state.withLock { $0.password } }
      set { state.withLock { $0.password = newValue } }
    }
    var count: Int { state.withLock { $0.count } }

    func next() -> String {
      state.withLock { state in
        state.count += 1
        return state.password
      }
    }
  }

  @Test func aProviderThatThrows() async throws {
    var (_, configuration) = try await configuration()
    configuration.credentialProvider = { _ in throw VaultError() }
    let failure = await error(configuration)
    #expect(failure?.code == .credentialsFailed)
    #expect(failure?.message.contains("VaultError") == true)
    #expect(failure?.description.contains("hunter2") == false)
    #expect(failure?.debugDescription.contains("hunter2") == false)
    for password in ["", "a\0b"] {
      configuration.credentialProvider = { _ in password }
      #expect(await error(configuration)?.code == .credentialsFailed)
    }
  }

  /// A provider that does not even listen to its cancellation does not hold the connect up.
  @Test func aProviderThatNeverAnswers() async throws {
    var (_, configuration) = try await configuration()
    configuration.connectTimeout = .milliseconds(200)
    configuration.credentialProvider = { _ in
      await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
      return "never"
    }
    #expect(await error(configuration)?.code == .connectTimeout)
    configuration.connectTimeout = nil
    let task = Task { [configuration] in await error(configuration)?.code }
    try await Task.sleep(for: .milliseconds(100))
    task.cancel()
    #expect(await task.value == .cancelled)
  }

  @Test func noTextHasANUL() async throws {
    let server = try ScriptedServer { conversation in
      _ = try conversation.readStartup()
      Issue.record("bytes were sent")
    }
    let changes: [(inout PostgresConfiguration) -> Void] = [
      { $0.user = "a\0b" }, { $0.database = "a\0b" }, { $0.password = "a\0b" },
      { $0.applicationName = "a\0b" }, { $0.options = "a\0b" }, { $0.passwordFile = "a\0b" },
      { $0.requiredPeer = "a\0b" }, { $0.runtimeParameters["a\0b"] = "c" },
      { $0.runtimeParameters["a"] = "b\0c" }, { $0.tls.revocationFolder = "a\0b" },
      { $0.hosts[0].name = "127.0.0.1\0b" }, { $0.hosts[0].address = "127.0.0.1\0b" },
    ]
    for change in changes {
      var configuration = server.configuration()
      change(&configuration)
      #expect(await error(configuration)?.code == .invalidConfiguration)
    }
  }
}
