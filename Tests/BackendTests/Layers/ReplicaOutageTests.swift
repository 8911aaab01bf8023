import Roost
import RoostPostgres
import RoostTesting
import Testing

/// A store whose primary or whose replica goes away.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ReplicaOutageTests {
  @Test func aReplicaThatIsGoneIsNotMissed() async throws {
    try await ReplicaPair.with { pair in
      let store = try await pair.open(replica: "&timeout=1000")
      try await store.waitForReplica()
      try pair.standby.crash()
      for _ in 0..<50 {
        #expect(try await store.select(Tally.self).count() == 5)
        try await store.upsert([Tally(id: 1000, value: 1)])
      }
      try await eventually("it is left out") { !store.isReplicaUsed }
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
    try await ReplicaPair.with { pair in
      let log = LogCollector()
      let store = try await pair.open(
        "&fallback=read-only", maximumLag: .seconds(600), log: log)
      try await store.insert([Tally(id: 1, value: 1), Tally(id: 2, value: 2)])
      try await store.waitForReplica()
      try await pair.pauseReplay()
      try await store.insert(TallyNote(id: 1, tallyID: nil, text: "x"))
      // Streamed and not replayed, and looked at on the primary.
      try await pair.waitUntilStreamed()
      try await store.waitForLooks(4)
      try pair.primary.crash()
      try await eventually("it is found out") {
        _ = await failure { try await store.transaction { _ in } }
        guard case .degraded = await store.health() else { return false }
        return log.warnings.contains { $0.contains("takes no changes, only reads go on") }
      }
      var waited = Duration.zero
      for id in 10..<60 {
        let start = ContinuousClock.now
        let code = await failure { try await store.insert(Tally(id: id, value: 3)) }
        waited += .now - start
        #expect(code == "unavailable -")
        try await store.waitForTally(1)
      }
      // Ten times as much if each did.
      #expect(waited < .seconds(50), "nothing waits for the pool")
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
    try await ReplicaPair.with { pair in
      let writer = try await Tallies.open(pair.url)
      let store = try await pair.open()
      try await store.waitForReplica()
      try await writer.insert(Tally(id: 1, value: 1))
      try await eventually("it has arrived") {
        try await store.find(Tally.self, 1)?.value == 1
      }
      // What has been seen may have been the primary's.
      try await store.waitForReplica()
      try pair.primary.crash()
      for _ in 0..<20 { try await store.waitForTally(1) }
      let reading = TransactionOptions(isolation: .readCommitted, isReadOnly: true)
      try await eventually("it counts") {
        let count = try? await store.transaction(reading) {
          try await $0.select(Tally.self).count()
        }
        return count == 6
      }
      try await eventually("reads only") {
        guard case .degraded(let reason) = await store.health() else { return false }
        return reason.contains("reads only")
      }
      #expect(await failure { try await store.insert(Tally(id: 3, value: 3)) } != "none")
      await store.close()
      await writer.close()
    }
  }

  @Test func afterAFailover() async throws {
    try await ReplicaPair.with { pair in
      let hosts = "127.0.0.1:\(pair.primary.port),127.0.0.1:\(pair.standby.port)"
      let url = "postgres://roost@\(hosts)/\(pair.database)"
      let store = try await patiently {
        try await Tallies.open(
          "\(url)?target_session_attrs=read-write&pool_timeout=5&fallback=read-only",
          replicas: ReplicaOptions([pair.replicaURL], interval: .milliseconds(20)))
      }
      try await store.waitForReplica()
      try await store.upsert([Tally(id: 1, value: 1)])
      try await store.waitForReplica()
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
}
