import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting
import Synchronization
import Testing

/// Layers one on another: their order, the parameters that ask for them, and a store under stress.
@Suite(.serialized, .timeLimit(.minutes(15))) struct LayerStackTests {
  private static let all = "read_only=no&breaker=5&retry=3&concurrency=16&timeout=30000"

  @Test(arguments: TestBackend.allCases)
  func aStoreUnderAllLayersConforms(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let shared = try await backend.freshURL(in: folder)
    let failures = try await ConformanceSuite.run {
      let url = backend == .postgres ? shared : try await backend.freshURL(in: folder)
      let separator = url.contains("?") ? "&" : "?"
      return try await TestBackend.open(
        "\(url)\(separator)\(Self.all)", [ConformanceSuite.migrations])
    }.map(\.description)
    #expect(failures == [], "\(failures.joined(separator: "\n"))")
  }

  @Test func theOrderIsChecked() async throws {
    for layers: [any StorageLayer] in [
      [RetryLayer(), BreakerLayer()], [TimeoutLayer(.seconds(1)), TimeoutLayer(.seconds(2))],
    ] {
      let code = await failure { try await withLayers(layers) { _ in } }
      #expect(code == "invalidConfiguration -")
    }
  }

  @Test(
    arguments: [
      "retry=0", "retry=many", "timeout=-1", "breaker=", "concurrency=0.5", "read_only=true",
      "chaos=50", "chaos=errors:101", "chaos=errors:-1", "chaos=seed:x", "chaos=", "chaos=lost:nan",
      "chaos=latency:1e9",
    ])
  func whatIsMalformedNamesItself(_ parameter: String) async throws {
    let name = parameter.prefix { $0 != "=" }
    await #expect {
      try await TestBackend.open("memory:?\(parameter)", [])
    } throws: { error in
      guard let error = error as? StoreError else { return false }
      return error.code == .invalidConfiguration && error.message.contains(name)
    }
  }

  @Test func theURLsWordCounts() async throws {
    let script = ScriptedLayer(Array(repeating: .fail(.unavailable), count: 9)) {
      $0.operation == .get
    }
    let retry = RetryLayer(attempts: 2, firstPause: .milliseconds(1))
    try await withLayers([retry, script], url: "memory:?retry=3") { store async throws in
      #expect(await failure { try await store.find(RoutedItem.self, 1) } == "unavailable -")
      #expect(script.calls.count == 3)
    }
  }

  @Test func theSameSeedIsTheSameFate() async throws {
    func fate() async throws -> [String] {
      let store = try await Routed.open("memory:?chaos=errors:30,lost:20,seed:11", [])
      var fate: [String] = []
      for number in 0..<60 {
        fate.append(await failure { try await store.insert(RoutedItem(id: number, text: "")) })
      }
      await store.close()
      return fate
    }
    let (first, second) = (try await fate(), try await fate())
    #expect(first == second)
    #expect(Set(first) == ["none", "unavailable -", "outcomeUnknown -"])
  }

  @Test func everyTransactionFails() async throws {
    let store = try await TestBackend.open(
      "memory:?chaos=conflicts:100", [ConformanceSuite.migrations])
    let runs = Mutex(0)
    await #expect {
      try await store.transaction(.init(attempts: 3)) { _ in runs.withLock { $0 += 1 } }
    } throws: { error in
      (error as? StoreError)?.code == .serializationFailure
    }
    #expect(runs.withLock { $0 } == 3)
    await store.close()
  }

  /// What was acknowledged is there once; what failed is not; what is unknown may be either.
  @Test(arguments: TestBackend.allCases)
  func nothingIsLostUnderStress(_ backend: TestBackend) async throws {
    var chaos = ChaosLayer.Options()
    (chaos.errors, chaos.conflicts, chaos.lostAnswers) = (0.05, 0.2, 0.05)
    chaos.latency = .milliseconds(2)
    chaos.seed = 5
    let layers: [any StorageLayer] = [
      BreakerLayer(failureLimit: 1_000),
      RetryLayer(attempts: 20, firstPause: .milliseconds(1), longestPause: .milliseconds(2)),
      ConcurrencyLimitLayer(6), TimeoutLayer(.seconds(30)), ChaosLayer(chaos),
    ]
    try await withLayers(layers, on: backend) { store async throws in
      let outcomes = await withTaskGroup(of: (Int, String).self) { group in
        for number in 0..<300 {
          group.addTask {
            (
              number,
              await failure {
                let item = RoutedItem(id: number, text: "")
                if number.isMultiple(of: 2) {
                  try await store.insert(item)
                } else {
                  try await store.transaction(.init(isolation: .readCommitted, attempts: 50)) {
                    _ = try await $0.insert(item)
                  }
                }
              }
            )
          }
        }
        return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      }
      // Read beside the chaos.
      let rows = try await store.backend.innermost.query(Query(table: "route_items"))
      let stored = Set(
        rows.compactMap { row in
          if case .int(let id)? = row.first { Int(id) } else { nil }
        })
      #expect(stored.count == rows.count)
      for (number, outcome) in outcomes {
        switch outcome {
        case "none": #expect(stored.contains(number))
        case "outcomeUnknown -": break
        default: Issue.record("\(number): \(outcome)")
        }
      }
      #expect(outcomes.values.contains("none") && outcomes.values.contains("outcomeUnknown -"))
    }
  }
}
