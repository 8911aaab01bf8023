import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// What is set on sockets, and who is at their other end.
@Suite(.timeLimit(.minutes(5)), .serialized) struct ConfigurationSocketTests {
  private func number(_ descriptor: Int32, _ level: Int32, _ option: Int32) -> Int32 {
    var value: Int32 = -1
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, level, option, &value, &size)
    return value
  }

  /// Our descriptors that are connected to a port of the loopback.
  private func descriptors(to port: Int) -> [Int32] {
    (0..<1_024).filter { descriptor in
      var address = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let result = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
          getpeername(descriptor, pointer, &size)
        }
      }
      return result == 0 && Int32(address.sin_family) == AF_INET
        && Int(UInt16(bigEndian: address.sin_port)) == port
    }
  }

  private func connect(
    _ parameters: String, _ body: (Int32) throws -> Void
  ) async throws {
    let server = try ScriptedServer { conversation in
      try conversation.logIn()
      conversation.waitForEnd()
    }
    let configuration = try PostgresConfiguration(
      "host=127.0.0.1 port=\(server.port) user=u sslmode=disable \(parameters)", environment: [:])
    let connection = try await PostgresConnection.connect(configuration)
    // The server's own end of the connection has another port at its other end.
    let ours = descriptors(to: server.port)
    #expect(ours.count == 1)
    for descriptor in ours { try body(descriptor) }
    await connection.close()
  }

  @Test func probes() async throws {
    let tcp = Int32(IPPROTO_TCP)
    try await connect(
      "keepalives_idle=11 keepalives_interval=12 keepalives_count=13 tcp_user_timeout=14000"
    ) { socket in
      #expect(number(socket, SOL_SOCKET, SO_KEEPALIVE) != 0)
      #expect(number(socket, tcp, SocketPlatform.keepaliveIdleOption) == 11)
      #expect(number(socket, tcp, TCP_KEEPINTVL) == 12)
      #expect(number(socket, tcp, TCP_KEEPCNT) == 13)
      if let option = SocketPlatform.userTimeoutOption {
        #expect(number(socket, tcp, option) == 14_000)
      }
      #expect(number(socket, tcp, TCP_NODELAY) != 0)
    }
    try await connect("") { socket in
      #expect(number(socket, SOL_SOCKET, SO_KEEPALIVE) != 0)
      #expect(number(socket, tcp, SocketPlatform.keepaliveIdleOption) > 11)
    }
    try await connect("keepalives=0 keepalives_idle=11") { socket in
      #expect(number(socket, SOL_SOCKET, SO_KEEPALIVE) == 0)
      #expect(number(socket, tcp, SocketPlatform.keepaliveIdleOption) != 11)
    }
  }

  @Test func durationsAreRoundedUp() {
    var configuration = PostgresConfiguration(host: "h", user: "u")
    configuration.socketOptions.probeAfter = .milliseconds(1_001)
    configuration.socketOptions.unacknowledgedTimeout = .microseconds(1)
    configuration.connectTimeout = .milliseconds(1)
    let settings = configuration.settings.map(\.description)
    for text in ["keepalives_idle=2", "tcp_user_timeout=1", "connect_timeout=1"] {
      #expect(settings.contains(text))
    }
  }

  @Test(.enabled(if: SocketPlatform.userTimeoutOption != nil, "Linux refuses these numbers"))
  func aNumberThatTheSystemRefuses() async throws {
    let server = try ScriptedServer { _ in }
    for (keyword, number) in [("keepalives_idle", 100_000), ("keepalives_count", 1_000)] {
      let configuration = try PostgresConfiguration(
        "host=127.0.0.1 port=\(server.port) user=u \(keyword)=\(number)", environment: [:])
      let error = await #expect(throws: PostgresError.self) {
        _ = try await PostgresConnection.connect(configuration)
      }
      #expect(error?.code == .invalidConfiguration)
      #expect(error?.message.contains("\(keyword)=\(number)") == true)
    }
  }

  @Test func peers() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    var status = stat()
    #expect(stat(server.folder, &status) == 0)
    let entry = try #require(getpwuid(status.st_uid))
    let owner = try #require(entry.pointee.pw_name.map { String(cString: $0) })
    var configuration = try PostgresConfiguration(server.url(tcp: false), environment: [:])
    configuration.requiredPeer = owner
    await (try PostgresConnection.connect(configuration)).close()
    configuration.requiredPeer = "somebody-else"
    let error = await #expect(throws: PostgresError.self) {
      _ = try await PostgresConnection.connect(configuration)
    }
    #expect(error?.code == .authenticationFailed)
    #expect(error?.message.contains("requirepeer=somebody-else") == true)
    #expect(error?.message.contains(owner) == true)
    // TCP has no such thing.
    configuration.hosts = [.init("127.0.0.1", port: server.port)]
    await (try PostgresConnection.connect(configuration)).close()
  }
}
