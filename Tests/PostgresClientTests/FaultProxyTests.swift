import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// The steps with a real server behind a proxy that loses, delays and changes bytes.
@Suite(.timeLimit(.minutes(3))) struct FaultProxyTests {
  /// A database with the table of the steps, which takes no rows, so that each run sees the same.
  private func makeConfiguration() async throws -> (PostgresConfiguration, serverPort: Int) {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    let database = try await server.createDatabase()
    var configuration = try PostgresConfiguration(
      server.url(database: database), environment: [:])
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.simple(
      """
      CREATE TABLE items (id int, label text);
      INSERT INTO items VALUES (1, 'one'), (2, NULL), (-3, 'three, and a bit more');
      CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER skip BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION skip();
      """)
    await connection.close()
    configuration.sslMode = .disable
    configuration.connectTimeout = .seconds(20)
    configuration.queryTimeout = .seconds(20)
    return (configuration, server.port)
  }

  private func run(
    _ configuration: PostgresConfiguration, _ serverPort: Int, client: WireFaults = WireFaults(),
    server: WireFaults = WireFaults()
  ) async throws -> (ScriptedSteps.Run, FaultProxy) {
    let proxy = try FaultProxy(to: serverPort) { _ in (client, server) }
    var configuration = configuration
    configuration.port = proxy.port
    let run = await ScriptedSteps.run { [configuration] in
      try await PostgresConnection.connect(configuration)
    }
    return (run, proxy)
  }

  @Test func slicesAndDelays() async throws {
    let (configuration, port) = try await makeConfiguration()
    let (expected, _) = try await run(configuration, port)
    #expect(expected.surprises == [])
    #expect(expected.outcomes.last?.value == expected.outcomes.first?.value)
    #expect(expected.outcomes.last?.value?.contains("three, and a bit more") == true)
    var faults = WireFaults()
    faults.sliceByteCount = 1
    #expect(
      try await run(configuration, port, client: faults, server: faults).0.outcomes
        == expected.outcomes)
    faults.sliceByteCount = nil
    faults.delay = 0.002
    #expect(
      try await run(configuration, port, client: faults, server: faults).0.outcomes
        == expected.outcomes)
  }

  /// Places all over the session, always the same ones; each way to end at each third of them.
  @Test(arguments: WireFaults.Ending.allCases, [true, false])
  func ends(_ ending: WireFaults.Ending, isClients: Bool) async throws {
    var (configuration, port) = try await makeConfiguration()
    let (expected, proxy) = try await run(configuration, port)
    let total = isClients ? proxy.recorded.client.count : proxy.recorded.server.count
    #expect(total > 500)
    if ending == .silence {
      configuration.connectTimeout = .milliseconds(300)
      configuration.queryTimeout = .milliseconds(300)
    }
    for place in stride(from: 3, to: total - 40, by: ending == .silence ? 151 : 67) {
      var faults = WireFaults()
      faults.cutAfterByteCount = place
      faults.ending = ending
      let none = WireFaults()
      let (run, _) = try await run(
        configuration, port, client: isClients ? faults : none, server: isClients ? none : faults)
      #expect(run.surprises == [], "\(place)")
      let last = try #require(run.outcomes.last)
      #expect(
        run.outcomes.dropLast().elementsEqual(expected.outcomes.prefix(run.outcomes.count - 1)))
      #expect(run.wasClosed, "\(place)")
      let codes: [PostgresError.Code] =
        last.name == "commit"
        ? [.outcomeUnknown]
        : ending == .silence ? [.deadlineExceeded, .connectTimeout] : [.closed]
      #expect(last.code.map(codes.contains) == true, "\(place): \(last)")
    }
  }

  @Test func garbage() async throws {
    let (configuration, port) = try await makeConfiguration()
    let (expected, proxy) = try await run(configuration, port)
    for place in stride(from: 0, to: proxy.recorded.server.count - 40, by: 97) {
      var faults = WireFaults()
      faults.garbage = (place, UInt64(place))
      var configuration = configuration
      configuration.connectTimeout = .milliseconds(500)
      configuration.queryTimeout = .milliseconds(500)
      let (run, _) = try await run(configuration, port, server: faults)
      #expect(run.surprises == [], "\(place)")
      #expect(run.outcomes != expected.outcomes, "\(place)")
    }
  }

  /// What was cut is not in the pool any more: the next one gets another session.
  @Test(arguments: WireFaults.Ending.allCases)
  func aPoolDoesNotKeepWhatWasCut(_ ending: WireFaults.Ending) async throws {
    var (configuration, port) = try await makeConfiguration()
    configuration.queryTimeout = .seconds(10)
    let proxy = try FaultProxy(to: port) { number in
      var faults = WireFaults()
      faults.ending = ending
      faults.cutAfterByteCount = number == 0 ? 2_000 : nil
      return (WireFaults(), faults)
    }
    configuration.port = proxy.port
    let pool = try PostgresPool(configuration)
    let first = try await pool.withConnection { connection in
      try await connection.queryOne("SELECT pg_backend_pid()", as: Int.self)
    }
    await #expect(throws: PostgresError.self) {
      try await pool.withConnection { connection in
        _ = try await connection.query("SELECT generate_series(1, 1000)", as: Int.self)
      }
    }
    let second = try await pool.withConnection { connection in
      try await connection.queryOne("SELECT pg_backend_pid()", as: Int.self)
    }
    #expect(first != second)
    await pool.close()
  }
}
