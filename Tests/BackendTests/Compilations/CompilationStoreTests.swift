import Foundation
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostSystems
import RoostTesting
import Synchronization
import Testing

/// The scenarios of the API compiler on the three backends.
@Suite(.timeLimit(.minutes(15))) struct CompilationStoreTests {
  private func code(_ body: () async throws -> Void) async -> StoreError.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? StoreError)?.code
    }
  }

  @Test func idsAreTheStartOfAUUID() throws {
    let uuid = try #require(UUID(uuidString: "550E8400-E29B-41D4-A716-446655440000"))
    #expect(Compilation.newID(uuid) == "550e8400-e29")
    #expect(Compilation.newID() != Compilation.newID())
  }

  @Test(arguments: TestBackend.allCases)
  func putAndGet(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      let compilations = CompilationStore(store)
      var given = CompilationSample.compilation("550e8400-e29")
      given.status = .failed
      given.errors = [["path": "/users", "message": "no such thing"]]
      given.diffFromPrevious = ["added": []]
      let stored = try await compilations.put(given)
      let time = try #require(stored.createdAt)
      #expect(stored.updatedAt == time)
      given.createdAt = time
      given.updatedAt = time
      #expect(stored == given, "all that was given is stored")
      #expect(try await compilations.get("550e8400-e29") == stored)
      #expect(
        try await compilations.get("550e8400-e29", account: CompilationSample.account) == stored)
      #expect(try await compilations.has("550e8400-e29"))
      #expect(try await !compilations.has("550e8400-e28"))
      #expect(try await compilations.get("550e8400-e28") == nil)
      #expect(try await compilations.get("an id that is far too long") == nil)
      let missing = await code {
        _ = try await compilations.get("550e8400-e28", account: CompilationSample.account)
      }
      #expect(missing == .notFound)
      for id in ["550e8400-e29 ", "golden_users", "", "550e8400-e29b"] {
        let refused = await code { try await compilations.put(CompilationSample.compilation(id)) }
        #expect(refused == .invalidValue, "\(id)")
      }
      #expect(try await compilations.list(account: CompilationSample.account).records.count == 1)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func updateKeepsIDAndCreation(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      let compilations = CompilationStore(store)
      let first = try await compilations.put(
        CompilationSample.compilation("550e8400-e29", name: "one")
      ) { _ in
        Issue.record("a first compilation has no previous")
        return true
      }
      #expect(first.diffFromPrevious == nil)
      try await Task.sleep(for: .milliseconds(2))
      let changed = CompilationSample.compilation(
        "550e8400-e29", name: "two", specs: ["openapi": "3.2.0"])
      let second = try await compilations.put(changed) { previous in
        ["from": previous.specs["openapi"] ?? .null, "name": .string(previous.name ?? "")]
      }
      #expect(second.id == first.id && second.createdAt == first.createdAt)
      #expect(try #require(second.updatedAt) > (try #require(first.updatedAt)))
      #expect(second.name == "two" && second.specs == ["openapi": "3.2.0"])
      #expect(second.diffFromPrevious == ["from": "3.1.0", "name": "one"])
      #expect(try await compilations.get("550e8400-e29") == second)

      // What the compiler says itself counts as it is; so does nothing.
      var given = changed
      given.diffFromPrevious = ["by": "hand"]
      #expect(try await compilations.put(given).diffFromPrevious == ["by": "hand"])
      let last = try await compilations.put(changed)
      #expect(last.diffFromPrevious == nil && last.createdAt == first.createdAt)

      struct OwnError: Error {}
      await #expect(throws: OwnError.self) {
        try await compilations.put(given) { _ in throw OwnError() }
      }
      #expect(try await compilations.get("550e8400-e29") == last, "nothing was changed")
      #expect(try await compilations.list(account: CompilationSample.account).records.count == 1)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func wrongAccount(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      let compilations = CompilationStore(store)
      let stored = try await compilations.put(CompilationSample.compilation("550e8400-e29"))
      #expect(try await compilations.list(account: CompilationSample.other).records == [])
      let codes = [
        await code {
          _ = try await compilations.get("550e8400-e29", account: CompilationSample.other)
        },
        await code {
          try await compilations.delete("550e8400-e29", account: CompilationSample.other)
        },
        await code {
          try await compilations.put(
            CompilationSample.compilation(
              "550e8400-e29", account: CompilationSample.other, name: "taken over"))
        },
        await code {
          try await compilations.put(
            CompilationSample.compilation("550e8400-e29", account: CompilationSample.other)
          ) { _ in
            Issue.record("another account's compilation was shown")
            return nil
          }
        },
      ]
      #expect(codes == [.forbidden, .forbidden, .forbidden, .forbidden])
      #expect(try await compilations.get("550e8400-e29") == stored)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func deletion(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      let compilations = CompilationStore(store)
      try await compilations.put(CompilationSample.compilation("550e8400-e29"))
      try await compilations.put(CompilationSample.compilation("550e8400-e30"))
      try await compilations.delete("550e8400-e29", account: CompilationSample.account)
      let again = await code {
        try await compilations.delete("550e8400-e29", account: CompilationSample.account)
      }
      #expect(again == .notFound)
      #expect(
        try await compilations.list(account: CompilationSample.account).records.map(\.id) == [
          "550e8400-e30"
        ])
    }
  }

  @Test(arguments: TestBackend.allCases)
  func listInPages(_ backend: TestBackend) async throws {
    let clock = Mutex<Int64>(0)
    let generators = StoreGenerators(
      now: { clock.withLock { Timestamp(microsecondsSince2000: $0) } }, uuid: { UUID() })
    let folder = try TemporaryFolder()
    let store = try await Store.open(
      try await backend.freshURL(in: folder), backends: [.memory, .file, .postgres],
      migrations: [.compilations], migrate: .auto, environment: [:], generators: generators)
    let compilations = CompilationStore(store)
    // Three of each time, so that pages end within a tie.
    let ids = (0..<12).map { "00000000-0\($0 + 10)" }
    for (number, id) in ids.enumerated() {
      clock.withLock { $0 = Int64(number / 3) }
      try await compilations.put(CompilationSample.compilation(id, name: "n\(number)"))
    }
    try await compilations.put(
      CompilationSample.compilation("ffffffff-fff", account: CompilationSample.other))
    for size in [1, 4, 5, 12, 100] {
      var found: [CompilationSummary] = []
      var position: PagePosition?
      repeat {
        let page = try await compilations.list(
          account: CompilationSample.account, size: size, after: position)
        #expect(page.records.count <= size)
        found += page.records
        position = page.next
      } while position != nil
      #expect(found.map(\.id) == ids.reversed())
      #expect(found.first?.name == "n11" && found.first?.status == .success)
      #expect(
        found.allSatisfy {
          $0.accountID == CompilationSample.account && $0.createdAt == $0.updatedAt
        })
    }
    if backend != .postgres {
      let plan = try await store.select(CompilationSummary.self)
        .where { $0.accountID == CompilationSample.account }
        .order { $0.updatedAt.descending }.order { $0.id.descending }.explain()
      #expect(plan.contains("compilations_account_id_idx") && plan.contains("in order"))
    }
    // An update moves to the front.
    clock.withLock { $0 = 100 }
    try await compilations.put(CompilationSample.compilation(ids[0]))
    let first = try await compilations.list(account: CompilationSample.account, size: 1).records
    #expect(first.map(\.id) == [ids[0]])
    #expect(first.first?.createdAt == Timestamp(microsecondsSince2000: 0))
    await store.close()
  }

  @Test(arguments: [TestBackend.file, .postgres])
  func compileRestartList(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    let first = try await TestBackend.open(url, [.compilations])
    let stored = try await CompilationStore(first).put(CompilationSample.compilation())
    let resource = MockResource(
      accountID: CompilationSample.account, source: .custom(compilation: stored.id), slug: "users")
    _ = try await MockDataStore(first).getOrCreate(resource)
    try await MockDataStore(first).create(["name": "Ann"], in: resource)
    await first.close()
    let second = try await TestBackend.open(url, [.compilations])
    #expect(second.opening.migrated == [])
    let compilations = CompilationStore(second)
    #expect(
      try await compilations.list(account: CompilationSample.account).records.map(\.id) == [
        stored.id
      ])
    #expect(try await compilations.get(stored.id) == stored)
    #expect(try await MockDataStore(second).records(of: resource) == [["id": 1, "name": "Ann"]])
    await second.close()
  }

  /// Sixteen first puts of one id: one account has it, no row of it is ever the others'.
  @Test(arguments: TestBackend.allCases)
  func concurrentPuts(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      let compilations = CompilationStore(store)
      let outcomes = try await withThrowingTaskGroup(of: String?.self) { group in
        for number in 0..<16 {
          group.addTask {
            let account = number % 2 == 0 ? CompilationSample.account : CompilationSample.other
            do {
              return try await compilations.put(
                CompilationSample.compilation("550e8400-e29", account: account)
              ).accountID
            } catch let error as StoreError {
              #expect(error.code == .forbidden)
              return nil
            }
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      let owner = try #require(try await compilations.get("550e8400-e29")?.accountID)
      #expect(outcomes.count { $0 == owner } == 8 && outcomes.count { $0 == nil } == 8)
      #expect(try await store.select(Compilation.self).count() == 1)
    }
  }

  @Test func unreachableDatabaseIsAnError() async throws {
    // Nothing listens on the port of a cluster that was stopped.
    let server = try await ThrowawayPostgres.start(.trust)
    let url = server.url(database: try await server.createDatabase())
    let store = try await TestBackend.open(url + "?pool_timeout=5", [.compilations])
    let compilations = CompilationStore(store)
    try await compilations.put(CompilationSample.compilation("550e8400-e29"))
    server.stop()
    while case .ready = await store.health() { try await Task.sleep(for: .milliseconds(20)) }
    #expect(
      await code { _ = try await compilations.list(account: CompilationSample.account) }
        == .unavailable)
    #expect(
      await code { try await compilations.put(CompilationSample.compilation()) } == .unavailable)
    await store.close()
    let log = LogCollector()
    let opened = await code {
      let other = try await Store.open(
        nil, backends: [.memory, .postgres], migrations: [.compilations],
        environment: ["POSTGRES_URL": url, "DATABASE_URL": "memory:"], log: { log.add($0) })
      await other.close()
    }
    #expect(opened == .unavailable, "POSTGRES_URL comes first, and memory never takes its place")
    #expect(log.warnings == [])
  }
}
