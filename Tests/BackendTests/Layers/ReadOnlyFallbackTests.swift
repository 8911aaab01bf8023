import Roost
import RoostMemory
import RoostPostgres
import RoostTesting
import Testing

/// `fallback=read-only`: reads go on where changes are not taken.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ReadOnlyFallbackTests {
  private let log = LogCollector()

  @Test(arguments: TestBackend.allCases)
  func aStoreWithTheFallbackConforms(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let shared = try await backend.freshURL(in: folder)
    let failures = try await ConformanceSuite.run {
      let url = backend == .postgres ? shared : try await backend.freshURL(in: folder)
      return try await TestBackend.open(
        "\(url)?fallback=read-only", [ConformanceSuite.migrations])
    }.map(\.description)
    #expect(failures == [], "\(failures.joined(separator: "\n"))")
  }

  @Test func aHotStandbyIsRead() async throws {
    let primary = try await ThrowawayPostgres.start(.trust)
    defer { primary.stop() }
    let database = try await primary.createDatabase()
    let first = try await Tallies.open(primary.url(database: database))
    try await first.insert(Tally(id: 1, value: 1))
    await first.close()
    let standby = try await primary.startStandby()
    defer { standby.stop() }
    let url = standby.url(database: database) + "?fallback=read-only&breaker=3&retry=2"
    let store = try await Tallies.open(url, log: log)
    #expect(log.warnings.count == 1)
    #expect(try await store.find(Tally.self, 1)?.value == 1)
    for _ in 0..<5 {
      let error = await #expect(throws: StoreError.self) {
        try await store.insert(Tally(id: 2, value: 2))
      }
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("takes no changes for now") == true)
    }
    #expect(await failure { try await store.transaction { _ in } } == "unavailable -")
    let reading = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
    let count = try await store.transaction(reading) { try await $0.select(Tally.self).count() }
    #expect(count == 6)
    let serializable = await failure {
      try await store.transaction(.init(isReadOnly: true)) { try await $0.find(Tally.self, 1) }
    }
    #expect(serializable == "unsupported -")
    try await eventually("reads only is not all that was asked for") {
      await store.health() == .degraded("reads only: the server takes no writes")
    }
    #expect(log.warnings.count == 1, "it is said once")

    try await standby.promote()
    try await eventually("it is left by itself") { await store.health() == .ready }
    try await store.insert(Tally(id: 2, value: 2))
    let lines = log.messages.filter { $0.hasSuffix("takes changes again") }
    #expect(lines.count == 1)
    await store.close()
  }

  @Test func whatCannotBeWrittenIsNotMigrated() async throws {
    let primary = try await ThrowawayPostgres.start(.trust)
    defer { primary.stop() }
    let standby = try await primary.startStandby()
    defer { standby.stop() }
    let code = await failure {
      try await Tallies.open(standby.url() + "?fallback=read-only&migrate=auto")
    }
    #expect(code == "migrationPending -")
    // One that is away is no store to read from.
    let away = await failure {
      try await Tallies.open("postgres://me@127.0.0.1:1/app?fallback=read-only")
    }
    #expect(away == "unavailable -")
  }

  @Test func aServerThatIsSetToReadOnly() async throws {
    let server = try await ThrowawayPostgres.start(.trust)
    defer { server.stop() }
    let store = try await Tallies.open(server.url() + "?fallback=read-only", log: log)
    func set(_ mode: String) async throws {
      try await Tallies.run(
        "ALTER SYSTEM SET default_transaction_read_only = \(mode)", on: server.url(tcp: false))
      try await Tallies.run("SELECT pg_reload_conf()", on: server.url(tcp: false))
    }
    try await store.insert(Tally(id: 1, value: 1))
    try await set("on")
    try await eventually("changes are refused") {
      let id = Int.random(in: 2_000...1_000_000)
      return await failure { try await store.insert(Tally(id: id, value: 0)) } == "unavailable -"
    }
    try await eventually("health says so") {
      if case .degraded = await store.health() { true } else { false }
    }
    #expect(try await store.find(Tally.self, 1)?.value == 1)
    try await set("off")
    try await eventually("changes are taken") {
      await failure { try await store.upsert([Tally(id: 1, value: 2)]) } == "none"
    }
    #expect(log.warnings.count == 1)
    await store.close()
  }

  @Test func aServerThatIsGone() async throws {
    let server = try await ThrowawayPostgres.start(.trust)
    defer { server.stop() }
    let store = try await Tallies.open(
      server.url() + "?fallback=read-only&pool_timeout=10", log: log)
    try server.crash()
    try await eventually("it is found out") {
      _ = await failure { try await store.insert(Tally(id: 1, value: 1)) }
      return log.warnings.count == 1
    }
    let start = ContinuousClock.now
    for _ in 0..<100 {
      let code = await failure { try await store.insert(Tally(id: 1, value: 1)) }
      #expect(code == "unavailable -")
    }
    #expect(ContinuousClock.now - start < .seconds(100), "nothing waits for the pool")
    // Nobody answers reads here.
    #expect(await failure { try await store.find(Tally.self, 1) } == "unavailable -")
    guard case .unavailable = await store.health() else {
      Issue.record("nothing is served")
      return
    }
    await store.close()
  }

  /// Whatever a call says, the backend is asked before its changes are refused.
  @Test func aBusyMomentIsNoFall() async throws {
    let script = ScriptedLayer([.fail(.unavailable)]) { $0.operation == .apply }
    let store = try await Tallies.open(
      "memory:", layers: [ReadOnlyFallbackLayer(), script], log: log)
    #expect(await failure { try await store.insert(Tally(id: 1, value: 1)) } == "unavailable -")
    for id in 1...20 { try await store.insert(Tally(id: id, value: 1)) }
    #expect(log.warnings == [])
    #expect(await store.health() == .ready)
    await store.close()
  }
}
