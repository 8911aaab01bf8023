import PostgresClient
import Roost
import RoostMemory
import RoostPostgres
import RoostTesting
import Testing

/// A store over a primary and its hot standby, and what becomes of it when they part.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ReplicaTests {
  /// A primary, its standby and a database on both.
  private struct Pair {
    let primary: ThrowawayPostgres
    let standby: ThrowawayPostgres
    let database: String

    static func make() async throws -> Pair {
      let primary = try await ThrowawayPostgres.start(
        .trust, settings: ["synchronous_commit": "on"])
      let database = try await primary.createDatabase()
      return Pair(
        primary: primary, standby: try await primary.startStandby(), database: database)
    }

    var url: String { primary.url(database: database) + "?pool_timeout=2" }
    var replicaURL: String { standby.url(database: database) + "?pool_timeout=2" }

    func open(
      _ parameters: String = "", maximumLag: Duration = .seconds(10), replica: String = "",
      log: LogCollector = LogCollector()
    ) async throws -> Store {
      try await Tallies.open(
        url + parameters,
        replicas: ReplicaOptions(
          [replicaURL + replica], maximumLag: maximumLag, interval: .milliseconds(20)),
        log: log)
    }

    func pauseReplay() async throws {
      try await Tallies.run("SELECT pg_wal_replay_pause()", on: standby.url())
      try await eventually("replay is paused") {
        let connection = try await PostgresConnection.connect(
          try PostgresConfiguration(standby.url(), environment: [:]))
        let state = try await connection.queryOne(
          "SELECT pg_get_wal_replay_pause_state()", as: String.self)
        await connection.close()
        return state == "paused"
      }
    }

    func resumeReplay() async throws {
      try await Tallies.run("SELECT pg_wal_replay_resume()", on: standby.url())
    }

    func stop() {
      standby.stop()
      primary.stop()
    }
  }

  private func withPair(_ body: (Pair) async throws -> Void) async throws {
    let pair = try await Pair.make()
    defer { pair.stop() }
    try await body(pair)
  }

  /// How many reads the replica has served.
  private func replicaReads(_ store: Store) -> Int { store.replicas?.replicas.first?.reads ?? -1 }

  private func isUsed(_ store: Store) -> Bool { store.replicas?.replicas.first?.isUsed == true }

  /// Waits until reads of tallies are the replica's.
  private func isServed(_ store: Store) async throws {
    try await eventually("the replica serves") {
      let before = replicaReads(store)
      _ = try await store.find(Tally.self, 1)
      return replicaReads(store) == before + 1
    }
  }

  @Test func readsGoToTheReplica() async throws {
    try await withPair { pair in
      let store = try await pair.open()
      try await isServed(store)
      let (before, primary) = (replicaReads(store), store.replicas?.primaryReads)
      _ = try await store.find(Tally.self, 1)
      _ = try await store.select(Tally.self).fetch()
      #expect(try await store.select(Tally.self).count() == 5)
      _ = try await store.select(Tally.self).explain()
      try await store.select(Tally.self).scan { #expect($0.count == 5) }
      let reading = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
      _ = try await store.transaction(reading) { try await $0.find(Tally.self, 1) }
      #expect(replicaReads(store) == before + 6)
      #expect(store.replicas?.primaryReads == primary)
      // What locks, or must be as if alone, is the primary's.
      _ = try await store.transaction(.init(isReadOnly: true)) {
        try await $0.find(Tally.self, 1)
      }
      #expect(replicaReads(store) == before + 6)
      #expect(await store.health() == .ready)
      await store.close()
    }
  }

  @Test func ownChangesAreReadBack() async throws {
    try await withPair { pair in
      let store = try await pair.open()
      try await isServed(store)
      for number in 1...50 {
        try await store.upsert([Tally(id: 1, value: number)])
        #expect(try await store.find(Tally.self, 1)?.value == number)
      }
      try await isServed(store)
      try await pair.pauseReplay()
      try await store.transaction { try await $0.update(Tally(id: 1, value: 100)) }
      let before = replicaReads(store)
      for _ in 0..<200 { #expect(try await store.find(Tally.self, 1)?.value == 100) }
      #expect(replicaReads(store) == before, "the replica has not got it")
      try await pair.resumeReplay()
      try await isServed(store)
      #expect(try await store.find(Tally.self, 1)?.value == 100)
      await store.close()
    }
  }

  @Test func whoeverIsBehindIsLeftOut() async throws {
    try await withPair { pair in
      let log = LogCollector()
      let store = try await pair.open(maximumLag: .milliseconds(500), log: log)
      try await isServed(store)
      try await pair.pauseReplay()
      try await store.upsert([Tally(id: 1, value: 1)])
      try await eventually("it is left out") { !isUsed(store) }
      #expect(store.replicas?.replicas.first?.problem?.contains("behind") == true)
      guard case .degraded(let reason) = await store.health() else {
        Issue.record("a replica that is left out shows in health")
        return
      }
      #expect(reason.contains("left out"))
      #expect(try await store.find(Tally.self, 1)?.value == 1)
      try await pair.resumeReplay()
      try await isServed(store)
      #expect(await store.health() == .ready)
      #expect(log.warnings.filter { $0.contains("behind") }.count == 1)
      await store.close()
    }
  }

  @Test func aReplicaThatIsGoneIsNotMissed() async throws {
    try await withPair { pair in
      let store = try await pair.open(replica: "&timeout=1000")
      try await isServed(store)
      try pair.standby.crash()
      for _ in 0..<50 {
        #expect(try await store.select(Tally.self).count() == 5)
        try await store.upsert([Tally(id: 1000, value: 1)])
      }
      try await eventually("it is left out") { !isUsed(store) }
      await store.close()
      // It need not be there when the store is opened.
      let late = try await pair.open()
      #expect(try await late.select(Tally.self).count() == 5)
      guard case .degraded = await late.health() else {
        Issue.record("a replica that is away shows in health")
        return
      }
      await late.close()
    }
  }

  @Test func withoutThePrimaryReadsGoOn() async throws {
    try await withPair { pair in
      let log = LogCollector()
      let store = try await pair.open("&fallback=read-only", log: log)
      try await store.insert([Tally(id: 1, value: 1), Tally(id: 2, value: 2)])
      try await isServed(store)
      try await pair.pauseReplay()
      try await store.insert(TallyNote(id: 1, tallyID: nil, text: "x"))
      // Streamed and not replayed, and looked at on the primary.
      try await Task.sleep(for: .milliseconds(500))
      try pair.primary.crash()
      try await eventually("it is found out") {
        _ = await failure { try await store.transaction { _ in } }
        guard case .degraded = await store.health() else { return false }
        return log.warnings.contains { $0.contains("takes no changes, only reads go on") }
      }
      let start = ContinuousClock.now
      for id in 10..<60 {
        let code = await failure { try await store.insert(Tally(id: id, value: 3)) }
        #expect(code == "unavailable -")
        #expect(try await store.find(Tally.self, 1)?.value == 1)
      }
      #expect(ContinuousClock.now - start < .seconds(30), "nothing waits for the pool")
      // What this store has written, and no replica is known to have, is not read elsewhere.
      #expect(await failure { try await store.find(TallyNote.self, 1) } == "unavailable -")
      let reading = TransactionOptions(isolation: .readCommitted, isReadOnly: true)
      let refused = await failure {
        try await store.transaction(reading) { try await $0.find(TallyNote.self, 1) }
      }
      #expect(refused == "unavailable -")
      try await pair.resumeReplay()
      try await eventually("the replica has it") {
        await failure { try await store.find(TallyNote.self, 1) } == "none"
      }
      #expect(try await store.find(TallyNote.self, 1)?.text == "x")
      await store.close()
    }
  }

  @Test func readersOutliveThePrimary() async throws {
    try await withPair { pair in
      let writer = try await Tallies.open(pair.url)
      let store = try await pair.open()
      try await isServed(store)
      try await writer.insert(Tally(id: 1, value: 1))
      try await eventually("it has arrived") {
        try await store.find(Tally.self, 1)?.value == 1
      }
      try pair.primary.crash()
      for _ in 0..<20 { #expect(try await store.find(Tally.self, 1)?.value == 1) }
      let reading = TransactionOptions(isolation: .readCommitted, isReadOnly: true)
      let count = try await store.transaction(reading) { try await $0.select(Tally.self).count() }
      #expect(count == 6)
      guard case .degraded(let reason) = await store.health() else {
        Issue.record("reads only")
        return
      }
      #expect(reason.contains("reads only"))
      #expect(await failure { try await store.insert(Tally(id: 3, value: 3)) } != "none")
      await store.close()
      await writer.close()
    }
  }

  @Test func afterAFailover() async throws {
    try await withPair { pair in
      let hosts = "127.0.0.1:\(pair.primary.port),127.0.0.1:\(pair.standby.port)"
      let url = "postgres://roost@\(hosts)/\(pair.database)"
      let store = try await Tallies.open(
        "\(url)?target_session_attrs=read-write&pool_timeout=5&fallback=read-only",
        replicas: ReplicaOptions([pair.replicaURL], interval: .milliseconds(20)))
      try await isServed(store)
      try await store.upsert([Tally(id: 1, value: 1)])
      try await isServed(store)
      try pair.primary.crash()
      _ = await failure { try await store.upsert([Tally(id: 1, value: 2)]) }
      try await pair.standby.promote()
      try await eventually("changes are taken again") {
        await failure { try await store.upsert([Tally(id: 1, value: 3)]) } == "none"
      }
      #expect(try await store.find(Tally.self, 1)?.value == 3)
      try await eventually("it is no replica") {
        store.replicas?.replicas.first?.problem == "it is no replica any more"
      }
      await store.close()
    }
  }

  @Test func whatIsNoReplicaIsRefused() async throws {
    try await withPair { pair in
      let store = try await Tallies.open(pair.url)
      let shared = try await ThrowawayPostgres.shared(.trust)
      let other = try await pair.primary.createDatabase()
      for (url, words) in [
        (pair.url, "takes writes itself"), (shared.url(), "takes writes itself"),
        ("memory:", "cannot be a replica"), ("nonsense", "scheme"),
        (pair.replicaURL + "&cache=10", "cache"), (pair.replicaURL + "&what=1", "what"),
      ] {
        await #expect {
          _ = try await Tallies.open(pair.url, replicas: [url])
        } throws: { error in
          guard let error = error as? StoreError else { return false }
          return error.code == .invalidConfiguration && error.message.contains(words)
        }
      }
      await #expect {
        _ = try await Tallies.open("memory:", replicas: [pair.replicaURL])
      } throws: { ($0 as? StoreError)?.code == .invalidConfiguration }
      // The same server, but another database; and a standby of another system.
      let stranger = try await Tallies.open(
        pair.primary.url(database: other), replicas: [])
      await #expect {
        _ = try await Tallies.open(
          pair.primary.url(database: other), replicas: [pair.replicaURL])
      } throws: { error in
        (error as? StoreError)?.message.contains("is no replica of") == true
      }
      await stranger.close()
      await store.close()
    }
  }

  @Test func theVariableListsURLs() async throws {
    try await withPair { pair in
      let two = "postgres://roost@127.0.0.1:1,127.0.0.1:\(pair.standby.port)/\(pair.database)"
      let store = try await Store.open(
        backends: [.memory, .postgres], migrations: [Tallies.migrations], migrate: .auto,
        environment: [
          "DATABASE_URL": pair.url, "DATABASE_REPLICA_URLS": "\(pair.replicaURL), \(two)",
        ])
      #expect(store.replicas?.replicas.count == 2)
      try await eventually("one of them is used") {
        store.replicas?.replicas.filter(\.isUsed).count == 1
      }
      await store.close()
      // It is for the environment's URL only.
      let own = try await Store.open(
        pair.url, backends: [.memory, .postgres], migrations: [Tallies.migrations],
        environment: ["DATABASE_REPLICA_URLS": pair.replicaURL])
      #expect(own.replicas == nil)
      await own.close()
    }
  }

  @Test func aStoreWithAReplicaConforms() async throws {
    try await withPair { pair in
      let failures = try await ConformanceSuite.run {
        try await Store.open(
          pair.url, backends: [.postgres], migrations: [ConformanceSuite.migrations],
          replicas: ReplicaOptions([pair.replicaURL], interval: .milliseconds(5)),
          migrate: .auto, environment: [:])
      }.map(\.description)
      #expect(failures == [], "\(failures.joined(separator: "\n"))")
    }
  }

  @Test(arguments: ["", "&cache=3&cache_age=1"])
  func noReadGoesBackUnderStress(_ cache: String) async throws {
    try await withPair { pair in
      // What is replayed late is what a reader may miss.
      try await Tallies.run(
        "ALTER SYSTEM SET recovery_min_apply_delay = '15ms'", on: pair.standby.url())
      try await Tallies.run("SELECT pg_reload_conf()", on: pair.standby.url())
      let stress = "&retry=20&chaos=errors:3,conflicts:10,lost:3,latency:1"
      var stores: [Store] = []
      for _ in 0..<2 {
        stores.append(try await pair.open(cache + stress, replica: "&chaos=errors:0.1,latency:1"))
      }
      let report = await TallyRace(
        stores: stores, changes: 30, pause: .milliseconds(300), queries: cache.isEmpty
      ).run()
      #expect(report.violations == [])
      #expect(
        report.failures.keys.allSatisfy { ["outcomeUnknown", "unavailable"].contains($0) },
        "\(report.failures)")
      for store in stores {
        #expect(replicaReads(store) > 50, "\(String(describing: store.replicas))")
        #expect(store.replicas.map { $0.primaryReads > 50 } == true)
        await store.close()
      }
    }
  }
}
