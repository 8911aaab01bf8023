import PostgresClient
import Roost
import RoostMemory
import RoostPostgres
import RoostTesting
import Testing

/// A store over a primary and its hot standby, and what becomes of it when they part.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ReplicaTests {
  @Test func readsGoToTheReplica() async throws {
    try await ReplicaPair.with { pair in
      let store = try await pair.open()
      try await store.waitForReplica()
      // One that is slow to say how far it has come is left out for a moment.
      try await eventually("all are the replica's") {
        try await store.waitForReplica()
        let (before, primary) = (store.replicaReads, store.replicas?.primaryReads)
        _ = try await store.find(Tally.self, 1)
        _ = try await store.select(Tally.self).fetch()
        #expect(try await store.select(Tally.self).count() == 5)
        _ = try await store.select(Tally.self).explain()
        try await store.select(Tally.self).scan { #expect($0.count == 5) }
        let reading = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
        _ = try await store.transaction(reading) { try await $0.find(Tally.self, 1) }
        return store.replicaReads == before + 6 && store.replicas?.primaryReads == primary
      }
      // What locks, or must be as if alone, is the primary's.
      let before = store.replicaReads
      _ = try await store.transaction(.init(isReadOnly: true)) {
        try await $0.find(Tally.self, 1)
      }
      #expect(store.replicaReads == before)
      try await eventually("it is well") { await store.health() == .ready }
      await store.close()
    }
  }

  @Test func ownChangesAreReadBack() async throws {
    try await ReplicaPair.with { pair in
      let store = try await pair.open()
      try await store.waitForReplica()
      for number in 1...50 {
        try await store.upsert([Tally(id: 1, value: number)])
        #expect(try await store.find(Tally.self, 1)?.value == number)
      }
      try await store.waitForReplica()
      try await pair.pauseReplay()
      try await store.transaction { try await $0.update(Tally(id: 1, value: 100)) }
      let before = store.replicaReads
      for _ in 0..<200 { #expect(try await store.find(Tally.self, 1)?.value == 100) }
      #expect(store.replicaReads == before, "the replica has not got it")
      try await pair.resumeReplay()
      try await store.waitForReplica()
      #expect(try await store.find(Tally.self, 1)?.value == 100)
      await store.close()
    }
  }

  @Test func whoeverIsBehindIsLeftOut() async throws {
    try await ReplicaPair.with { pair in
      let log = LogCollector()
      let store = try await pair.open(maximumLag: .seconds(5), log: log)
      try await store.waitForReplica()
      try await pair.pauseReplay()
      try await store.upsert([Tally(id: 1, value: 1)])
      try await eventually("it is left out") { !store.isReplicaUsed }
      #expect(store.replicas?.replicas.first?.problem?.contains("behind") == true)
      guard case .degraded(let reason) = await store.health() else {
        Issue.record("a replica that is left out shows in health")
        return
      }
      #expect(reason.contains("left out"))
      #expect(try await store.find(Tally.self, 1)?.value == 1)
      try await pair.resumeReplay()
      try await store.waitForReplica()
      try await eventually("it is well") { await store.health() == .ready }
      #expect(log.warnings.filter { $0.contains("behind") }.count >= 1)
      await store.close()
    }
  }

  @Test func whatIsNoReplicaIsRefused() async throws {
    try await ReplicaPair.with { pair in
      let store = try await Tallies.open(pair.url)
      let shared = try await ThrowawayPostgres.shared(.trust)
      let other = try await pair.primary.createDatabase()
      for (url, words) in [
        (pair.url, "takes writes itself"), (shared.url(), "takes writes itself"),
        ("memory:", "cannot be a replica"), ("nonsense", "scheme"),
        (pair.replicaURL + "&cache=10", "cache"), (pair.replicaURL + "&what=1", "what"),
      ] {
        await #expect {
          // One that does not answer in time may be a replica.
          for _ in 0..<20 {
            await (try await patiently { try await Tallies.open(pair.url, replicas: [url]) })
              .close()
          }
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
        for _ in 0..<20 {
          let opened = try await patiently {
            try await Tallies.open(
              pair.primary.url(database: other), replicas: [pair.replicaURL])
          }
          await opened.close()
        }
      } throws: { error in
        (error as? StoreError)?.message.contains("is no replica of") == true
      }
      await stranger.close()
      await store.close()
    }
  }

  @Test func theVariableListsURLs() async throws {
    try await ReplicaPair.with { pair in
      let two = "postgres://roost@127.0.0.1:1,127.0.0.1:\(pair.standby.port)/\(pair.database)"
      let store = try await patiently {
        try await Store.open(
          backends: [.memory, .postgres], migrations: [Tallies.migrations], migrate: .auto,
          environment: [
            "DATABASE_URL": pair.url, "DATABASE_REPLICA_URLS": "\(pair.replicaURL), \(two)",
          ])
      }
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
    try await ReplicaPair.with { pair in
      let failures = try await ConformanceSuite.run {
        let store = try await patiently {
          try await Store.open(
            pair.url, backends: [.postgres], migrations: [ConformanceSuite.migrations],
            replicas: ReplicaOptions([pair.replicaURL], interval: .milliseconds(5)),
            migrate: .auto, environment: [:])
        }
        try await eventually("the replica is used") { store.isReplicaUsed }
        return store
      }.map(\.description)
      #expect(failures == [], "\(failures.joined(separator: "\n"))")
    }
  }

  @Test(arguments: ["", "&cache=3&cache_age=1"])
  func noReadGoesBackUnderStress(_ cache: String) async throws {
    try await ReplicaPair.with { pair in
      // What is replayed late is what a reader may miss.
      try await Tallies.run(
        "ALTER SYSTEM SET recovery_min_apply_delay = '15ms'", on: pair.standby.url())
      try await Tallies.run("SELECT pg_reload_conf()", on: pair.standby.url())
      let stress = "&retry=20&chaos=errors:3,conflicts:10,lost:3,latency:1"
      var stores: [Store] = []
      for _ in 0..<2 {
        stores.append(try await pair.open(cache + stress, replica: "&chaos=errors:0.1,latency:1"))
      }
      // On a busy machine changes settle late, and the replica serves little.
      try await eventually("both serve reads") {
        let report = await TallyRace(
          stores: stores, changes: 30, pause: .milliseconds(300), queries: cache.isEmpty
        ).run()
        #expect(report.violations == [])
        #expect(
          report.failures.keys.allSatisfy { ["outcomeUnknown", "unavailable"].contains($0) },
          "\(report.failures)")
        return stores.allSatisfy {
          $0.replicaReads > 50 && ($0.replicas?.primaryReads ?? 0) > 50
        }
      }
      for store in stores { await store.close() }
    }
  }
}
