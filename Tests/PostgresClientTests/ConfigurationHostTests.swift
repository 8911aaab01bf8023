import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// A server that lets everybody in and says what it is.
private func server(_ parameters: [String: String]) throws -> ScriptedServer {
  try ScriptedServer { conversation in
    _ = try conversation.readStartup()
    try conversation.send(.authentication(.ok))
    for (name, value) in parameters {
      try conversation.send(.parameterStatus(name: name, value: value))
    }
    try conversation.send(
      .backendKeyData(processID: 1, secretKey: [1, 2, 3, 4]), .readyForQuery(.idle))
    conversation.waitForEnd()
  }
}

/// A server of a version that does not say what it is, but answers when it is asked.
private func oldServer(isStandby: Bool) throws -> ScriptedServer {
  try ScriptedServer { conversation in
    try conversation.logIn()
    while true {
      guard case .query(let sql) = try conversation.read() else { return }
      let asksForMode = sql == "SHOW transaction_read_only"
      let answer = asksForMode ? (isStandby ? "on" : "off") : (isStandby ? "t" : "f")
      try conversation.send(
        .rowDescription([PostgresColumn(name: "a", type: .text)]), .dataRow([Array(answer.utf8)]),
        .commandComplete(tag: "SHOW"), .readyForQuery(.idle))
    }
  }
}

/// A server that refuses with an error, before or after it has let us in.
private func refusing(_ sqlState: String, late: Bool = false) throws -> ScriptedServer {
  try ScriptedServer { conversation in
    _ = try conversation.readStartup()
    if late { try conversation.send(.authentication(.ok)) }
    try conversation.send(
      .errorResponse(
        PostgresServerMessage(
          severity: .fatal, sqlState: SQLState(sqlState), message: "refused")))
  }
}

private func configuration(
  _ servers: [ScriptedServer], _ target: PostgresConfiguration.TargetSession = .any
) -> PostgresConfiguration {
  var configuration = servers[0].configuration()
  configuration.hosts = servers.map { PostgresConfiguration.Host("127.0.0.1", port: $0.port) }
  configuration.targetSession = target
  return configuration
}

/// Where a configuration leads to, as an index into the servers; the error when nowhere.
private func place(
  _ configuration: PostgresConfiguration
) async -> Result<Int?, PostgresError> {
  do throws(PostgresError) {
    let connection = try await PostgresConnection.connect(configuration)
    let host = connection.host
    await connection.close()
    return .success(configuration.hosts.firstIndex { $0 == host })
  } catch {
    return .failure(error)
  }
}

private let primary = ["in_hot_standby": "off", "default_transaction_read_only": "off"]
private let standby = ["in_hot_standby": "on", "default_transaction_read_only": "off"]
private let readOnlyPrimary = ["in_hot_standby": "off", "default_transaction_read_only": "on"]

@Suite(.timeLimit(.minutes(5))) struct ConfigurationHostTests {
  /// The index of the first of (standby, primary that is read-only, primary) that is wanted.
  @Test(arguments: [
    (PostgresConfiguration.TargetSession.any, 0), (.readWrite, 2), (.readOnly, 0), (.primary, 1),
    (.standby, 0), (.preferStandby, 0),
  ])
  func targets(_ target: PostgresConfiguration.TargetSession, expected: Int) async throws {
    let servers = [try server(standby), try server(readOnlyPrimary), try server(primary)]
    #expect(try await place(configuration(servers, target)).get() == expected)
  }

  @Test(arguments: [
    (PostgresConfiguration.TargetSession.any, 0), (.readWrite, 0), (.readOnly, 1), (.primary, 0),
    (.standby, 1), (.preferStandby, 1),
  ])
  func serversThatMustBeAsked(
    _ target: PostgresConfiguration.TargetSession, expected: Int
  ) async throws {
    let servers = [try oldServer(isStandby: false), try oldServer(isStandby: true)]
    #expect(try await place(configuration(servers, target)).get() == expected)
  }

  @Test func preferStandbyTakesAPrimaryWhenThereIsNoStandby() async throws {
    let servers = [try refusing("57P03"), try server(primary)]
    #expect(try await place(configuration(servers, .preferStandby)).get() == 1)
  }

  @Test func noServerIsWhatIsWanted() async throws {
    let servers = [try server(standby), try server(standby)]
    let result = await place(configuration(servers, .readWrite))
    guard case .failure(let error) = result else {
      Issue.record("a standby was taken")
      return
    }
    #expect(error.code == .unsuitableServer)
    for server in servers { #expect(error.message.contains("127.0.0.1:\(server.port): ")) }
    #expect(error.message.contains("target_session_attrs=read-write"))
    #expect(!error.description.contains("secret"))
  }

  /// What one host's parameters say is forgotten with the host.
  @Test func parametersOfARefusedServerAreForgotten() async throws {
    let first = try server(standby.merging(["only_there": "1"]) { $1 })
    let second = try server(["in_hot_standby": "off"])
    let connection = try await PostgresConnection.connect(configuration([first, second], .primary))
    #expect(connection.serverParameters == ["in_hot_standby": "off"])
    await connection.close()
  }

  /// psql 15 does the same, but that it takes 57P03 after the authentication for the end.
  @Test(arguments: [
    ("57P03", false, true), ("57P03", true, true), ("28P01", false, false),
    ("28000", false, false), ("3D000", true, false), ("53300", false, false),
    ("53300", true, false), ("XX000", false, false),
  ])
  func whichRefusalsLeadToTheNextHost(state: String, late: Bool, goesOn: Bool) async throws {
    let servers = [try refusing(state, late: late), try server(primary)]
    switch await place(configuration(servers)) {
    case .success(let index): #expect(goesOn && index == 1)
    case .failure(let error): #expect(!goesOn && error.sqlState == SQLState(state))
    }
  }

  @Test func hostsThatAreNotThere() async throws {
    let last = try server(primary)
    var configuration = configuration([last])
    configuration.connectTimeout = .seconds(5)
    let silent = try ScriptedServer { conversation in conversation.waitForEnd() }
    configuration.hosts.insert(
      contentsOf: [
        .init("127.0.0.1", port: 1), .init("nowhere.invalid"), .init("/nonexistent"),
        .init("127.0.0.1", port: silent.port),
      ], at: 0)
    #expect(try await place(configuration).get() == 4)
    configuration.hosts.removeLast()
    guard case .failure(let error) = await place(configuration) else {
      Issue.record("there is no server")
      return
    }
    #expect(error.code == .connectTimeout)
    for text in ["127.0.0.1:1:", "nowhere.invalid", "/nonexistent/.s.PGSQL.5432"] {
      #expect(error.message.contains(text))
    }
    #expect(!error.description.contains("secret"))
  }

  /// A server that ends the connection, or talks nonsense, ends the attempt, as with psql 15.
  @Test(arguments: [[], Array("XXXXXXXXXXXX".utf8)] as [[UInt8]])
  func aServerThatBreaksOffEndsIt(says bytes: [UInt8]) async throws {
    let first = try ScriptedServer { conversation in
      _ = try conversation.readStartup()
      if !bytes.isEmpty { try conversation.send(raw: bytes) }
    }
    let second = try server(primary)
    guard case .failure(let error) = await place(configuration([first, second])) else {
      Issue.record("the next host was tried")
      return
    }
    #expect(error.code == .closed || error.code == .protocolViolation)
  }

  @Test func theCallersDeadlineBoundsAllHosts() async throws {
    let silent = try ScriptedServer { conversation in conversation.waitForEnd() }
    var configuration = configuration([silent, silent, silent, silent])
    configuration.connectTimeout = nil
    let pool = try PostgresPool(
      configuration,
      options: {
        var options = PostgresPoolOptions()
        options.acquireTimeout = .milliseconds(500)
        return options
      }())
    let error = await #expect(throws: PostgresError.self) {
      try await pool.withConnection { _ in }
    }
    #expect(error?.code == .connectTimeout || error?.code == .acquireTimeout)
    await pool.close()
  }

  @Test func aRandomOrderIsTheSeeds() async throws {
    let servers = try (0..<4).map { _ in try server(primary) }
    var configuration = configuration(servers)
    configuration.loadBalancing = .random
    var taken: Set<Int> = []
    for seed in 0..<16 as Range<UInt64> {
      configuration.loadBalancingSeed = seed
      let first = try await place(configuration).get()
      #expect(try await place(configuration).get() == first)
      if let first { taken.insert(first) }
    }
    #expect(taken == [0, 1, 2, 3])
  }

  @Test func realServers() async throws {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    let connect = { (query: String) async throws(PostgresError) in
      let uri = server.url().replacingOccurrences(
        of: "@127.0.0.1:\(server.port)/", with: "@127.0.0.1:1,localhost:\(server.port)/")
      let configuration = try PostgresConfiguration(uri + query, environment: [:])
      let connection = try await PostgresConnection.connect(configuration)
      await connection.close()
    }
    try await connect("?target_session_attrs=read-write")
    try await connect("?target_session_attrs=primary&load_balance_hosts=random")
    try await connect("?target_session_attrs=prefer-standby")
    try await connect(
      "?target_session_attrs=read-only&options=-c%20default_transaction_read_only%3Don")
    for target in ["standby", "read-only"] {
      let error = await #expect(throws: PostgresError.self) {
        try await connect("?target_session_attrs=\(target)")
      }
      #expect(error?.code == .unsuitableServer)
    }
  }

  /// What answers nothing, or with an error, is not what is wanted.
  @Test(arguments: [true, false]) func serversThatDoNotSay(refuses: Bool) async throws {
    let first = try ScriptedServer { conversation in
      try conversation.logIn()
      try conversation.readRequest()
      if refuses {
        try conversation.send(
          .errorResponse(
            PostgresServerMessage(
              severity: .error, sqlState: SQLState("42501"), message: "refused")))
      } else {
        try conversation.send(
          .rowDescription([PostgresColumn(name: "a", type: .text)]), .commandComplete(tag: "SHOW"))
      }
      try conversation.send(.readyForQuery(.idle))
      conversation.waitForEnd()
    }
    let second = try server(primary)
    #expect(try await place(configuration([first, second], .readWrite)).get() == 1)
    guard case .failure(let error) = await place(configuration([first], .primary)) else {
      Issue.record("the server said nothing")
      return
    }
    #expect(error.code == .unsuitableServer)
    #expect(error.message.contains(refuses ? "refused" : "pg_is_in_recovery"))
  }

  /// Streams that are handed in lead to one server, which is judged as the last one of a list.
  @Test func streamsThatAreHandedIn() async throws {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    var configuration = try PostgresConfiguration(server.url(), environment: [:])
    for (target, fits) in [
      (PostgresConfiguration.TargetSession.preferStandby, true), (.primary, true),
      (.standby, false),
    ] {
      configuration.targetSession = target
      do {
        let connection = try await PostgresConnection.connect(configuration) {
          try loopbackStreams(port: server.port)
        }
        #expect(fits && connection.host.port == server.port)
        await connection.close()
      } catch let error as PostgresError {
        #expect(!fits && error.code == .unsuitableServer)
      }
    }
  }

  /// Each host's certificate must be of its own name.
  @Test(.enabled("needs a server with TLS") { try await ServerFeature.tls.isThere })
  func namesUnderTLS() async throws {
    let fixture = try await TLSFixture()
    let root = fixture.certificates.path("root.crt")
    var configuration = try fixture.configuration([
      "sslmode": "verify-full", "sslrootcert": root, "target_session_attrs": "read-write",
    ])
    configuration.hosts.insert(.init("nobody.example", address: "127.0.0.1", port: 1), at: 0)
    let connection = try await PostgresConnection.connect(configuration)
    #expect(connection.encryption != nil)
    #expect(connection.host.name == "localhost")
    await connection.close()
    // A certificate that is not to be believed ends it, as in libpq: somebody is in between.
    configuration.hosts[0].port = fixture.cluster.port
    let error = await fixture.failure(configuration)
    #expect(error?.code == .tlsFailed)
    #expect(error?.message.contains("nobody.example") == true)
  }

  /// A name in Linux's abstract namespace.
  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/net/unix")))
  func abstractSockets() async throws {
    let name = "@roost-\(UUID().uuidString)"
    let server = try await ThrowawayPostgres.start(
      .trust, settings: ["unix_socket_directories": name])
    defer { server.stop() }
    let configuration = PostgresConfiguration(
      host: name, port: server.port, user: server.user, database: "postgres")
    let connection = try await PostgresConnection.connect(configuration)
    #expect(try await connection.queryOne("SELECT 1", as: Int.self) == 1)
    await connection.close()
  }
}

@Suite struct ConfigurationHostListTests {
  private func hosts(_ uri: String) throws(PostgresError) -> [String] {
    try PostgresConfiguration(uri, environment: [:]).hosts.map { host in
      "\(host.name)|\(host.address ?? "-")|\(host.port)"
    }
  }

  @Test(
    arguments: [
      ("postgres://a,b/d", ["a|-|5432", "b|-|5432"]),
      ("postgres://a:1,b:2/d", ["a|-|1", "b|-|2"]), ("postgres://a,b:2/d", ["a|-|5432", "b|-|2"]),
      ("postgres://a:1,b/d", ["a|-|1", "b|-|5432"]),
      ("postgres://[::1]:1,[::2],c:3/d", ["::1|-|1", "::2|-|5432", "c|-|3"]),
      ("postgres://a,b/d?port=7", ["a|-|7", "b|-|7"]),
      ("postgres://a,b/d?port=7,8", ["a|-|7", "b|-|8"]),
      ("postgres:///d?host=a,/s&port=,9", ["a|-|5432", "/s|-|9"]),
      ("postgres:///d?hostaddr=1.2.3.4,::1", ["|1.2.3.4|5432", "|::1|5432"]),
      ("postgres://a,b/d?hostaddr=1.2.3.4,", ["a|1.2.3.4|5432", "b|-|5432"]),
      ("postgres://%2Fa,%2fb:3/d", ["/a|-|5432", "/b|-|3"]),
    ] as [(String, [String])])
  func lists(uri: String, expected: [String]) throws {
    #expect(try hosts(uri) == expected)
  }

  @Test func anEmptyHostIsTheDefaultFolder() throws {
    let parsed = try PostgresConfiguration("postgres://a,,b/d", environment: [:])
    #expect(parsed.hosts.count == 3)
    #expect(parsed.hosts[1].name.hasPrefix("/"))
  }

  @Test(arguments: [
    ("postgres://a,b/d?port=1,2,3", "3 ports for 2 hosts"),
    ("postgres://a/d?port=1,2", "2 ports for 1 host"),
    ("postgres://a,b/d?hostaddr=1.2.3.4", "host names 2 hosts, but hostaddr 1"),
    ("postgres://a/d?port=x", "port has an item"),
    ("postgres://a/d?target_session_attrs=writable", "target_session_attrs is \"writable\""),
    ("postgres://a/d?load_balance_hosts=on", "load_balance_hosts is \"on\""),
  ])
  func whatIsRefused(uri: String, message: String) {
    let error = #expect(throws: PostgresError.self) { _ = try hosts(uri) }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains(message) == true)
  }

  @Test func anAddressMustBeInDigits() async {
    var configuration = PostgresConfiguration(host: "a", user: "u")
    configuration.hostAddress = "localhost"
    let error = await #expect(throws: PostgresError.self) {
      _ = try await PostgresConnection.connect(configuration)
    }
    #expect(error?.code == .invalidConfiguration)
    #expect(error?.message.contains("hostaddr") == true)
    configuration.hosts = [.init("")]
    let empty = await #expect(throws: PostgresError.self) {
      _ = try await PostgresConnection.connect(configuration)
    }
    #expect(empty?.message.contains("neither a name nor an address") == true)
    configuration.hosts = []
    let none = await #expect(throws: PostgresError.self) {
      _ = try await PostgresConnection.connect(configuration)
    }
    #expect(none?.code == .invalidConfiguration)
  }

  @Test func theDescriptionListsAll() throws {
    let parsed = try PostgresConfiguration(
      "postgres://u:hidden@a:1,[::1]/d", environment: [:])
    #expect("\(parsed)" == "postgres://u@a:1,[::1]:5432/d")
  }
}
