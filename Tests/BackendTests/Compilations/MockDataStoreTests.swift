import Foundation
import Roost
import RoostSystems
import RoostTesting
import Testing

/// The records of compiled APIs on the three backends.
@Suite(.timeLimit(.minutes(15))) struct MockDataStoreTests {
  private static let fixtures = [
    MockFixture(
      source: "golden_users",
      records: ["users": [["id": 7, "name": "Ann"], ["name": "Bob"]], "tags": [["slug": "a"]]])
  ]
  private static let compilation = "550e8400-e29"

  private func resource(
    _ source: MockDataSource, _ slug: String = "users", account: String = CompilationSample.account
  ) -> MockResource {
    MockResource(accountID: account, source: source, slug: slug)
  }

  private func withMockData(
    _ backend: TestBackend, _ body: (MockDataStore) async throws -> Void
  ) async throws {
    try await CompilationSample.withStore(backend) { store in
      try await body(MockDataStore(store, fixtures: Self.fixtures))
    }
  }

  private func expect(
    _ code: StoreError.Code, _ comment: Comment? = nil, _ body: () async throws -> Void
  ) async {
    let error = await #expect(throws: StoreError.self, comment) { try await body() }
    #expect(error?.code == code, comment)
    #expect(error?.message.isEmpty == false)
  }

  @Test(arguments: TestBackend.allCases)
  func sources(_ backend: TestBackend) async throws {
    try await withMockData(backend) { mock in
      let users = resource(.predefined("golden_users"))
      await expect(.notFound, "before the first call") { _ = try await mock.records(of: users) }
      let first = try await mock.getOrCreate(users, listSchema: ["type": "array"])
      #expect(first.records == [["id": 7, "name": "Ann"], ["id": 8, "name": "Bob"]])
      #expect(first.listSchema == ["type": "array"] && first.idField == "id")
      #expect(first.dataKey == "golden_users")
      let again = try await mock.getOrCreate(users, listSchema: [:], idField: "other")
      #expect(again == first, "the first call's words are kept")

      let tags = try await mock.getOrCreate(
        resource(.predefined("golden_users"), "tags"), idField: "slug")
      #expect(tags.records == [["slug": "a"]] && tags.idField == "slug")
      let unknown = try await mock.getOrCreate(resource(.predefined("golden_users"), "else"))
      #expect(unknown.records == [])
      await expect(.notFound, "no fixture") {
        _ = try await mock.getOrCreate(resource(.predefined("golden_products")))
      }
      let custom = try await mock.getOrCreate(resource(.custom(compilation: Self.compilation)))
      #expect(custom.records == [] && custom.dataKey == Self.compilation)
      #expect(custom.listSchema == nil)

      let others = resource(.predefined("golden_users"), account: CompilationSample.other)
      try await mock.delete(7, of: users)
      #expect(try await mock.getOrCreate(others).records.count == 2, "each account has its own")
      #expect(try await mock.records(of: users) == [["id": 8, "name": "Bob"]])

      await expect(.invalidValue) {
        _ = try await mock.getOrCreate(resource(.predefined(Self.compilation)))
      }
      await expect(.invalidValue) { _ = try await mock.getOrCreate(resource(.predefined(""))) }
      await expect(.invalidValue) {
        _ = try await mock.getOrCreate(resource(.custom(compilation: "golden_users")))
      }
      await expect(.invalidValue) {
        try await mock.clear(compilation: "golden_users", account: CompilationSample.account)
      }
      await expect(.valueTooLong) {
        let slug = String(repeating: "s", count: 65)
        _ = try await mock.getOrCreate(resource(.predefined("golden_users"), slug))
      }
      let padded = resource(
        .predefined("golden_users"), String(repeating: "s", count: 64) + "  ")
      let cut = try await mock.getOrCreate(padded)
      #expect(cut.resourceSlug == String(repeating: "s", count: 64))
      #expect(try await mock.getOrCreate(padded) == cut)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func oneRecord(_ backend: TestBackend) async throws {
    try await withMockData(backend) { mock in
      let users = resource(.custom(compilation: Self.compilation))
      _ = try await mock.getOrCreate(users)
      #expect(try await mock.create(["name": "a"], in: users) == ["id": 1, "name": "a"])
      #expect(try await mock.create(["id": nil_, "n": 2], in: users) == ["id": 2, "n": 2])
      #expect(try await mock.create(["id": 10], in: users) == ["id": 10])
      #expect(try await mock.create([:], in: users) == ["id": 11])
      #expect(try await mock.create(["id": "1"], in: users) == ["id": "1"])
      let random = try await mock.create(["name": "u"], in: users)
      let text = try #require(random["id"]?.string)
      #expect(UUID(uuidString: text) != nil && text == text.lowercased(), "not all are numbers")

      #expect(try await mock.record(1, of: users) == ["id": 1, "name": "a"])
      #expect(try await mock.record(1.0, of: users) == ["id": 1, "name": "a"])
      #expect(try await mock.record("1", of: users) == ["id": "1"])
      await expect(.notFound) { _ = try await mock.record(3, of: users) }
      await expect(.notFound) { _ = try await mock.record(true, of: users) }
      await expect(.uniqueViolation) { try await mock.create(["id": 1], in: users) }
      await expect(.uniqueViolation) { try await mock.create(["id": "1"], in: users) }
      await expect(.invalidValue) { try await mock.create([1], in: users) }
      await expect(.invalidValue) { try await mock.create(["id": [1]], in: users) }

      #expect(try await mock.update(1, of: users, to: ["b": 1]) == ["id": 1, "b": 1])
      let merged = try await mock.update(1, of: users) { record in
        var members = record.object ?? .init()
        members["c"] = 2
        return .object(members)
      }
      #expect(merged == ["id": 1, "b": 1, "c": 2])
      await expect(.invalidValue, "another id") {
        try await mock.update(1, of: users, to: ["id": "1"])
      }
      await expect(.notFound) { try await mock.update(3, of: users, to: [:]) }
      await expect(.notFound) { try await mock.delete("11", of: users) }
      try await mock.delete(11, of: users)
      try await mock.delete("1", of: users)
      let expected: [JSON] = [["id": 1, "b": 1, "c": 2], ["id": 2, "n": 2], ["id": 10], random]
      #expect(try await mock.records(of: users) == expected, "in the order of creation")
      let missing = resource(.custom(compilation: Self.compilation), "orders")
      await expect(.notFound) { try await mock.create([:], in: missing) }
    }
  }

  private let nil_ = JSON.null

  @Test(arguments: TestBackend.allCases)
  func clearing(_ backend: TestBackend) async throws {
    try await withMockData(backend) { mock in
      let compilations = CompilationStore(mock.store)
      for id in ["550e8400-e29", "550e8400-e30"] {
        try await compilations.put(CompilationSample.compilation(id))
        for slug in ["users", "orders"] {
          _ = try await mock.getOrCreate(resource(.custom(compilation: id), slug))
        }
      }
      let shared = resource(.predefined("golden_users"))
      _ = try await mock.getOrCreate(shared)
      func keys() async throws -> [String] {
        try await mock.store.select(MockData.self).values { $0.dataKey }
      }
      let wrong = try await mock.clear(
        compilation: "550e8400-e29", account: CompilationSample.other)
      #expect(wrong == 0)
      #expect(try await keys().count == 5)
      await expect(.forbidden) {
        try await compilations.delete("550e8400-e29", account: CompilationSample.other)
      }
      #expect(try await keys().count == 5)

      try await compilations.delete("550e8400-e29", account: CompilationSample.account)
      #expect(try await keys() == ["550e8400-e30", "550e8400-e30", "golden_users"])
      #expect(
        try await mock.clear(compilation: "550e8400-e30", account: CompilationSample.account) == 2)
      #expect(try await compilations.has("550e8400-e30"))
      #expect(try await keys() == ["golden_users"])
      #expect(try await mock.records(of: shared).count == 2)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func concurrentFirstRequests(_ backend: TestBackend) async throws {
    try await withMockData(backend) { mock in
      let users = resource(.predefined("golden_users"))
      let answers = try await withThrowingTaskGroup(of: MockData.self) { group in
        for number in 0..<16 {
          group.addTask {
            try await mock.getOrCreate(users, listSchema: ["caller": .number(Numeric(number))])
          }
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(answers.count == 16 && answers.allSatisfy { $0 == answers[0] })
      #expect(try await mock.store.select(MockData.self).fetch() == [answers[0]])
    }
  }

  /// One backend after the other: each change reads and writes all records, and none may wait for
  /// longer than a transaction's deadline.
  @Test(.serialized, arguments: TestBackend.allCases)
  func thousandConcurrentCreates(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    var url = try await backend.freshURL(in: folder)
    if backend == .postgres { url += "?pool_timeout=300" }
    let store = try await TestBackend.open(url, [.compilations])
    let mock = MockDataStore(store)
    let users = resource(.custom(compilation: Self.compilation))
    _ = try await mock.getOrCreate(users)
    let ids = try await withThrowingTaskGroup(of: Int64.self) { group in
      for number in 0..<1_000 {
        group.addTask {
          try await mock.create(["number": .number(Numeric(number))], in: users)["id"]?.int64 ?? 0
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(ids.sorted() == Array(1...1_000))
    let records = try await mock.records(of: users)
    #expect(records.compactMap { $0["id"]?.int64 } == Array(1...1_000))
    #expect(Set(records.compactMap { $0["number"]?.int64 }) == Set(0..<1_000))
    await store.close()
  }

  @Test(arguments: TestBackend.allCases)
  func sizeLimit(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      let mock = MockDataStore(store, maximumSize: 58)
      let users = resource(.custom(compilation: Self.compilation))
      _ = try await mock.getOrCreate(users)
      try await mock.create(["text": "0123456789"], in: users)
      let error = await #expect(throws: StoreError.self) {
        try await mock.create(["text": "0123456789"], in: users)
      }
      // [{"id":1,"text":"0123456789"},{"id":2,"text":"0123456789"}]
      #expect(error?.code == .limitExceeded && error?.column == "records")
      #expect(error?.message == "\"records\" has 59 bytes; the limit is 58 bytes")
      #expect(try await mock.records(of: users).count == 1)
      try await mock.create(["text": "012345678"], in: users)
    }
  }
}
