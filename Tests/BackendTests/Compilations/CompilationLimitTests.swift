import Roost
import RoostSystems
import RoostTesting
import Testing

/// Large specs on the three backends.
@Suite(.timeLimit(.minutes(15))) struct CompilationLimitTests {
  @Test(arguments: TestBackend.allCases)
  func limit(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      let log = LogCollector()
      let compilations = CompilationStore(
        store, limits: .init(maximum: 1_000, warning: 500), log: { log.add($0) })
      // The other documents have 27, 8 and 9 bytes.
      func sample(_ bytes: Int) -> Compilation {
        let text = String(repeating: "x", count: bytes - 2)
        return CompilationSample.compilation("550e8400-e29", specs: .string(text))
      }
      let small = try await compilations.put(sample(456))
      #expect(log.warnings == [])
      let large = try await compilations.put(sample(457))
      #expect(
        log.warnings == [
          #"the documents of compilation 550e8400-e29 have 501 bytes, of which "specs" has 457"#
        ])
      let most = try await compilations.put(sample(956))
      #expect(small.id == large.id && most.specs == sample(956).specs)
      let error = await #expect(throws: StoreError.self) {
        try await compilations.put(sample(957))
      }
      #expect(error?.code == .limitExceeded)
      #expect(error?.table == "compilations" && error?.column == "specs")
      #expect(
        error?.message
          == #""specs" has 957 bytes, 1001 with the other documents; the limit is 1000 bytes"#)
      let difference = await #expect(throws: StoreError.self) {
        try await compilations.put(sample(100)) { _ in
          .string(String(repeating: "y", count: 900))
        }
      }
      #expect(difference?.code == .limitExceeded && difference?.column == "diff_from_previous")
      #expect(try await compilations.get("550e8400-e29") == most)
    }
  }

  /// Some megabytes, with every kind of JSON value.
  @Test(arguments: TestBackend.allCases)
  func manyMegabytes(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      let log = LogCollector()
      let compilations = CompilationStore(store, log: { log.add($0) })
      let paths: [JSON] = (0..<12_000).map { number in
        [
          "path": .string("/resources/\(number)"), "n": .number(Numeric(number)),
          "text": .string(String(repeating: "grüße ", count: 100)), "ok": true,
        ]
      }
      let given = CompilationSample.compilation(specs: .array(paths))
      let stored = try await compilations.put(given)
      #expect(stored.specs == given.specs)
      #expect(log.warnings.count == 1)
      #expect(
        try await compilations.list(account: CompilationSample.account).records.map(\.id) == [
          given.id
        ])
      let changed = try await compilations.put(given) {
        .number(Numeric($0.specs.array?.count ?? 0))
      }
      #expect(changed.diffFromPrevious == 12_000)
    }
  }
}
