import Roost
import RoostPostgres
import RoostTesting
import Synchronization
import Testing

/// What a cache promises: nothing that was written is hidden by what was there before.
@Suite(.serialized, .timeLimit(.minutes(15))) struct CacheTests {
  /// Where only what is heard of, or was done here, is seen in time.
  private static let forHours = Duration.seconds(36_000)

  @Test(arguments: TestBackend.allCases)
  func aStoreUnderACacheConforms(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let shared = try await backend.freshURL(in: folder)
    let failures = try await ConformanceSuite.run {
      let url = backend == .postgres ? shared : try await backend.freshURL(in: folder)
      let store = try await TestBackend.open(
        "\(url)?cache=10000&cache_age=3600", [ConformanceSuite.migrations])
      try await eventually("the cache is on") { store.cache?.isOn == true }
      return store
    }.map(\.description)
    #expect(failures == [], "\(failures.joined(separator: "\n"))")
  }

  private func withTallies(
    _ layer: CacheLayer, on backend: TestBackend = .memory,
    _ body: @Sendable (Store) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let store = try await Tallies.open(try await backend.freshURL(in: folder), layers: [layer])
    try await eventually("the cache is on") { layer.figures.isOn }
    do {
      try await body(store)
    } catch {
      await store.close()
      throw error
    }
    await store.close()
    #expect(layer.figures.rows == 0)
  }

  @Test(arguments: TestBackend.allCases)
  func rowsAndTheirAbsenceAreKept(_ backend: TestBackend) async throws {
    let script = ScriptedLayer([])
    let cache = CacheLayer(age: Self.forHours)
    let folder = try TemporaryFolder()
    let store = try await Tallies.open(
      try await backend.freshURL(in: folder), layers: [cache, script])
    try await eventually("the cache is on") { cache.figures.isOn }
    try await store.insert([Tally(id: 1, value: 10), Tally(id: 2, value: 20)])
    // The announcement of it comes back.
    if backend == .postgres { try await Task.sleep(for: .seconds(5)) }
    for _ in 0..<5 {
      #expect(try await store.find(Tally.self, 1)?.value == 10)
      #expect(try await store.find(Tally.self, 3) == nil)
    }
    let before = script.calls.filter { $0.operation == .get }.count
    let found = try await store.find(
      Tally.self, keys: [[.int(3)], [.int(2)], [.int(1)], [.int(2)]])
    #expect(found.map { $0?.value } == [nil, 20, 10, 20])
    #expect(script.calls.filter { $0.operation == .get }.count == before + 1, "one is not kept")
    #expect(cache.figures.hits >= 8)
    // A lock, a transaction and a query ask the backend.
    _ = try await store.select(Tally.self).fetch()
    _ = try await store.transaction { try await $0.find(Tally.self, 1) }
    #expect(script.calls.filter { $0.operation == .get }.count == before + 2)
    await store.close()
  }

  @Test(arguments: TestBackend.allCases)
  func ownChangesAreSeen(_ backend: TestBackend) async throws {
    try await withTallies(CacheLayer(age: Self.forHours), on: backend) { store async throws in
      func value(_ id: Int) async throws -> Int? {
        let found: Tally? = try await store.find(Tally.self, id)
        return found?.value
      }
      #expect(try await value(1) == nil)
      try await store.insert(Tally(id: 1, value: 1))
      #expect(try await value(1) == 1)
      try await store.update(Tally(id: 1, value: 2))
      #expect(try await value(1) == 2)
      try await store.select(Tally.self).where { $0.value > 0 }
        .update { [$0.value.increment(by: 1)] }
      #expect(try await value(1) == 3)
      try await store.upsert([Tally(id: 1, value: 4), Tally(id: 2, value: 5)])
      #expect(try await value(1) == 4)
      #expect(try await value(2) == 5)
      #expect(try await value(7) == nil)
      try await store.load([Tally(id: 7, value: 7)])
      #expect(try await value(7) == 7)
      try await store.transaction { transaction in
        try await transaction.update(Tally(id: 1, value: 6))
        try await transaction.delete(Tally.self, 2)
      }
      #expect(try await value(1) == 6)
      #expect(try await value(2) == nil)
      struct Own: Error {}
      await #expect(throws: Own.self) {
        try await store.transaction { transaction in
          try await transaction.update(Tally(id: 1, value: 9))
          throw Own()
        }
      }
      #expect(try await value(1) == 6)
      // The key itself changes.
      try await store.select(Tally.self).where { $0.id == 1 }.update { [$0.id.set(to: 11)] }
      #expect(try await value(1) == nil)
      #expect(try await value(11) == 6)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func cascadesAreSeen(_ backend: TestBackend) async throws {
    try await withTallies(CacheLayer(age: Self.forHours), on: backend) { store async throws in
      try await store.insert(Tally(id: 1, value: 1))
      try await store.load([TallyNote(id: 5, tallyID: 1, text: "x")])
      #expect(try await store.find(TallyNote.self, 5)?.text == "x")
      try await store.delete(Tally.self, 1)
      #expect(try await store.find(TallyNote.self, 5) == nil)
    }
  }

  @Test func onlyTheTablesNamed() async throws {
    let cache = CacheLayer(age: Self.forHours, tables: ["tallies"])
    try await withTallies(cache) { store async throws in
      _ = try await store.find(TallyNote.self, 1)
      #expect(cache.figures.rows == 0 && cache.figures.misses == 0)
      _ = try await store.find(Tally.self, 1)
      #expect(cache.figures.rows == 1)
    }
    let code = await failure {
      try await Tallies.open("memory:", layers: [CacheLayer(tables: ["nothing"])])
    }
    #expect(code == "undefinedTable -")
  }

  @Test func theBoundsHold() async throws {
    let few = CacheLayer(rows: 10, age: Self.forHours)
    try await withTallies(few) { store async throws in
      for id in 0..<100 { _ = try await store.find(Tally.self, id) }
      #expect(few.figures.rows == 10 && few.figures.evictions == 90)
      _ = try await store.find(Tally.self, 99)
      #expect(few.figures.hits == 1)
    }
    let small = CacheLayer(bytes: 5_000, age: Self.forHours)
    try await withTallies(small) { store async throws in
      let long = String(repeating: "x", count: 1_000)
      try await store.load((1...20).map { TallyNote(id: $0, tallyID: nil, text: long) })
      for id in 1...20 { _ = try await store.find(TallyNote.self, id) }
      #expect(small.figures.bytes <= 5_000)
      #expect((1...4).contains(small.figures.rows))
    }
  }

  @Test func oneStoreACache() async throws {
    let cache = CacheLayer()
    try await withTallies(cache) { _ in
      let code = await failure { try await Tallies.open("memory:", layers: [cache]) }
      #expect(code == "invalidConfiguration -")
    }
    for parameter in ["cache=0", "cache_age=5", "cache=10&cache_age=never"] {
      let code = await failure { try await Tallies.open("memory:?\(parameter)") }
      #expect(code == "invalidConfiguration -", "\(parameter)")
    }
  }

  // MARK: Others

  private func withPair(
    age: Duration = forHours, _ body: (String, Store, Store) async throws -> Void
  ) async throws {
    let url = try await TestBackend.postgres.freshURL(in: try TemporaryFolder())
    let first = try await Tallies.open(url, layers: [CacheLayer(age: age)])
    let second = try await Tallies.open(url, layers: [CacheLayer(age: age)])
    try await eventually("the caches are on") {
      first.cache?.isOn == true && second.cache?.isOn == true
    }
    do {
      try await body(url, first, second)
    } catch {
      await first.close()
      await second.close()
      throw error
    }
    await first.close()
    await second.close()
  }

  @Test func whatOthersChangeIsHeardOf() async throws {
    try await withPair { _, first, second in
      try await first.insert((1...600).map { Tally(id: $0, value: 0) })
      func isSeen(_ id: Int, _ value: Int?) async throws {
        try await eventually("\(id) is \(String(describing: value))") {
          try await second.find(Tally.self, id)?.value == value
        }
      }
      try await isSeen(1, 0)
      try await first.update(Tally(id: 1, value: 1))
      try await isSeen(1, 1)
      try await first.transaction { transaction in
        try await transaction.update(Tally(id: 1, value: 2))
        try await transaction.update(Tally(id: 2, value: 3))
      }
      try await isSeen(1, 2)
      try await isSeen(2, 3)
      // More than one notification can name.
      let all = (1...600).map { Tally(id: $0, value: 9) }
      for id in 1...600 { _ = try await second.find(Tally.self, id) }
      try await first.upsert(all)
      for id in [1, 300, 600] { try await isSeen(id, 9) }
      try await first.delete(Tally.self, 1)
      try await isSeen(1, nil)
    }
  }

  @Test func whoCannotHearKeepsNothingOld() async throws {
    try await withPair { url, first, second in
      try await first.insert(Tally(id: 1, value: 0))
      try await eventually("it is kept") {
        _ = try await second.find(Tally.self, 1)
        return second.cache.map { $0.rows > 0 } == true
      }
      // All listeners lose their connections; what is announced before they are back is lost.
      try await Tallies.run(
        """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE query LIKE 'LISTEN%' AND datname = current_database()
        """, on: url)
      try await first.update(Tally(id: 1, value: 1))
      try await eventually("it is seen") {
        try await second.find(Tally.self, 1)?.value == 1
      }
    }
  }

  @Test func nonsenseForgetsEverything() async throws {
    try await withPair { url, first, second in
      try await first.insert(Tally(id: 1, value: 0))
      for payload in ["", "{", "[]", "{}", #"{"rows":["xyz"]}"#, #"{"tables":[1]}"#] {
        try await eventually("it is kept") {
          _ = try await second.find(Tally.self, 1)
          return second.cache?.rows == 1
        }
        try await Tallies.run("SELECT pg_notify('roost_cache', '\(payload)')", on: url)
        try await eventually("\(payload) empties the cache") { second.cache?.rows == 0 }
      }
    }
  }

  @Test func whoDoesNotSayIsSeenWithAge() async throws {
    try await withPair(age: .seconds(1)) { url, first, second in
      try await first.insert(Tally(id: 1, value: 0))
      #expect(try await second.find(Tally.self, 1)?.value == 0)
      try await Tallies.run("UPDATE tallies SET value = 5", on: url)
      let end = ContinuousClock.now + .seconds(1)
      while ContinuousClock.now < end { _ = try await second.find(Tally.self, 1) }
      #expect(try await second.find(Tally.self, 1)?.value == 5)
    }
  }

  // MARK: Stress

  @Test(arguments: TestBackend.allCases)
  func noReadGoesBackUnderStress(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    let stress = "cache=3&cache_age=3600&retry=20&chaos=errors:3,conflicts:10,lost:3,latency:1"
    var stores: [Store] = []
    for number in 0..<(backend == .postgres ? 2 : 1) {
      let store = try await Tallies.open("\(url)?\(stress),seed:\(number)")
      try await eventually("the cache is on") { store.cache?.isOn == true }
      stores.append(store)
    }
    let report = await TallyRace(stores: stores, changes: 150, queries: false).run()
    #expect(report.violations == [])
    #expect(report.failures["outcomeUnknown"] != nil)
    #expect(
      report.failures.keys.allSatisfy {
        ["outcomeUnknown", "unavailable", "serializationFailure"].contains($0)
      },
      "\(report.failures)")
    let figures = stores.compactMap(\.cache)
    #expect(figures.allSatisfy { $0.hits > 0 && $0.misses > 0 && $0.evictions > 0 })
    for store in stores { await store.close() }
  }
}
