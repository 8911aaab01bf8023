import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting
import Testing

/// Calls that take long.
@Suite(.timeLimit(.minutes(15))) struct SlowCallTests {
  /// A store whose queries of items take 30 ms, and for which 10 ms are slow.
  private func withSlowStore(
    on backend: TestBackend, _ log: LogCollector, limit: Int = 50,
    _ body: @Sendable (Store) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    let script = ScriptedLayer(Array(repeating: .wait(.milliseconds(30)), count: 100)) {
      [.query, .get, .apply].contains($0.operation) && $0.table == "route_items"
    }
    var watch = WatchOptions()
    watch.slowThreshold = .seconds(1_000)
    watch.slowCallLimit = limit
    let store = try await Store.open(
      url + "?slow=10", backends: [.memory, .file, .postgres], migrations: [Routed.migrations],
      layers: [script], migrate: .auto, environment: [:], watch: watch, log: { log.add($0) })
    do {
      try await body(store)
    } catch {
      await store.close()
      throw error
    }
    await store.close()
  }

  private func lines(_ log: LogCollector, _ count: Int) async throws -> [String] {
    var found: [String] = []
    while found.count < count {
      found = log.messages.filter { $0.hasPrefix("slow ") }
      try await Task.sleep(for: .milliseconds(5))
    }
    return found
  }

  @Test(arguments: TestBackend.allCases)
  func areLoggedWithTheirPlanAndWithoutValues(_ backend: TestBackend) async throws {
    let log = LogCollector()
    try await withSlowStore(on: backend, log) { store async throws in
      for id in [471_147, 471_148] {
        _ = try await store.select(RoutedItem.self)
          .where { $0.id == id && $0.text == "hunter2" || $0.text.isIn(["hunter2", "b'c\\"]) }
          .fetch()
      }
      _ = try await store.find(RoutedItem.self, 471_147)
      _ = try await store.select(RoutedLog.self).fetch()
      var found: [String] = []
      while !found.contains(where: { $0.hasPrefix("slow query of route_items") })
        || !found.contains(where: { $0.hasPrefix("slow get of route_items") })
      {
        found = try await lines(log, 2)
      }
      let query = try #require(found.first { $0.hasPrefix("slow query of route_items") })
      #expect(query.contains("(id = ? AND text = ?) OR text IN (?)"), "\(query)")
      #expect(query.contains("; plan: "), "\(query)")
      #expect(found.allSatisfy { !$0.contains("hunter2") && !$0.contains("471") }, "\(found)")
      // What else takes long on a busy machine is none of the test's.
      let slow = store.slowCalls.filter { $0.table == "route_items" }
      #expect(slow.map(\.count).sorted() == [1, 2])
      let worst = try #require(slow.first { $0.operation == .query })
      #expect(worst.longest >= .milliseconds(30) && worst.table == "route_items")
      let plan = try #require(worst.plan)
      if backend == .postgres { #expect(plan.contains("Scan") && plan.contains("route_items")) }
      #expect(!plan.contains("471") && !plan.contains("hunter2"), "\(plan)")
    }
  }

  @Test func aKindIsToldOnceInAWhile() async throws {
    let log = LogCollector()
    try await withSlowStore(on: .memory, log) { store async throws in
      for id in 0..<5 { _ = try await store.find(RoutedItem.self, id) }
      try await store.insert(RoutedItem(id: 1, text: "one"))
      let found = try await lines(log, 2)
      #expect(found.count { $0.hasPrefix("slow get of route_items") } == 1)
      #expect(store.slowCalls.first { $0.operation == .get }?.count == 5)
    }
  }

  @Test func onlyTheWorstAreKept() async throws {
    let log = LogCollector()
    try await withSlowStore(on: .memory, log, limit: 2) { store async throws in
      for count in 1...6 {
        let filter = (0..<count).reduce(Filter(.literal(.bool(true)))) { filter, _ in
          filter && RoutedItem.columns.id > 0
        }
        _ = try await store.select(RoutedItem.self).where(filter).fetch()
      }
      let slow = store.slowCalls
      #expect(slow.count == 2)
      #expect(slow.map(\.longest) == slow.map(\.longest).sorted(by: >))
    }
  }

  /// The plan is asked for outside of the transaction, which may have failed meanwhile.
  @Test func inATransactionThatFails() async throws {
    let log = LogCollector()
    try await withSlowStore(on: .postgres, log) { store async throws in
      await #expect(throws: StoreError.self) {
        try await store.transaction { transaction in
          _ = try await transaction.select(RoutedItem.self).where { $0.id > 471 }.fetch()
          _ = try await transaction.insert(RoutedLog(id: 0, text: "twice"))
        }
      }
      // What failed may have been slow, too, and has no plan.
      var query: String?
      while query == nil {
        query = try await lines(log, 1).first { $0.hasPrefix("slow query of route_items") }
      }
      let line = try #require(query)
      #expect(line.contains("plan: ") && !line.contains("471"), "\(line)")
      #expect(store.slowCalls.allSatisfy { $0.operation != .transaction })
    }
  }

  @Test(arguments: ["slow=0", "slow=fast", "slow=-5"])
  func aMalformedThresholdNamesItself(_ parameter: String) async throws {
    let code = await failure { try await TestBackend.open("memory:?\(parameter)", []) }
    #expect(code == "invalidConfiguration -")
    let route = Route(["route_logs"], to: "memory:?slow=5")
    let routed = await failure { try await Routed.open("memory:", [route]) }
    #expect(routed == "invalidConfiguration -")
  }

  @Test func valuesAreMasked() {
    for (text, masked) in [
      ("SELECT * FROM t2 WHERE a = 'it''s' AND b = 12.5", "SELECT * FROM t2 WHERE a = ? AND b = ?"),
      (#"Filter: ("a 'b" = ANY ('{x,y}'::text[]))"#, #"Filter: ("a 'b" = ANY (?::text[]))"#),
      ("SET x = $tag$ se'cret $$ 1 $tag$, y = $1", "SET x = ?, y = $1"),
      (#"E'a\'secret' tail"#, "E? tail"), ("open 'end", "open ?"), ("$$ never ends", "?"),
      ("a$b = 5", "a$b = ?"), ("", ""),
    ] {
      #expect(ValueMask.apply(to: text) == masked)
    }
  }
}
