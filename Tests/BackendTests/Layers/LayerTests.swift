import PostgresClient
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting
import Synchronization
import Testing

/// What each layer promises, under a layer that makes the backend fail as the test says.
@Suite(.timeLimit(.minutes(15))) struct LayerTests {
  private let item = RoutedItem(id: 1, text: "one")
  private let quick = RetryLayer(
    attempts: 4, firstPause: .milliseconds(1), longestPause: .milliseconds(2))

  private func count(_ store: Store) async throws -> Int {
    try await store.select(RoutedItem.self).count()
  }

  // MARK: Retry

  @Test func whatFailedInPassingRunsAgain() async throws {
    let script = ScriptedLayer([.fail(.unavailable), .fail(.serializationFailure)]) {
      $0.operation == .apply
    }
    try await withLayers([quick, script]) { store async throws in
      try await store.insert(item)
      #expect(script.calls.count == 3)
      #expect(try await count(store) == 1)
    }
  }

  @Test func attemptsEnd() async throws {
    let script = ScriptedLayer(Array(repeating: .fail(.unavailable), count: 9)) {
      $0.operation == .get
    }
    try await withLayers([quick, script]) { store async throws in
      #expect(await failure { try await store.find(RoutedItem.self, 1) } == "unavailable -")
      #expect(script.calls.count == 4)
    }
  }

  @Test(arguments: [StoreError.Code.outcomeUnknown, .uniqueViolation, .deadlineExceeded])
  func whatMayHaveHappenedOrWillNotChangeIsNot(_ code: StoreError.Code) async throws {
    let script = ScriptedLayer([.fail(code)]) { $0.operation == .apply }
    try await withLayers([quick, script]) { store async throws in
      #expect(await failure { try await store.insert(item) } == "\(code) -")
      #expect(script.calls.count == 1)
    }
  }

  @Test func aLostAnswerIsNeverRunAgain() async throws {
    let script = ScriptedLayer([.lose]) { $0.operation == .apply }
    try await withLayers([quick, script]) { store async throws in
      #expect(await failure { try await store.insert(item) } == "outcomeUnknown -")
      #expect(try await count(store) == 1)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func transactionsRunAgainAsAWhole(_ backend: TestBackend) async throws {
    // The second call of the first transaction fails; neither is made again by itself.
    let script = ScriptedLayer([.pass, .fail(.unavailable)]) { $0.operation == .apply }
    try await withLayers([quick, script], on: backend) { store async throws in
      let runs = Mutex(0)
      try await store.transaction { transaction in
        runs.withLock { $0 += 1 }
        try await transaction.insert(item)
        try await transaction.insert(RoutedItem(id: 2, text: "two"))
      }
      #expect(runs.withLock { $0 } == 2)
      #expect(script.calls.map(\.isInTransaction) == [true, true, true, true])
      #expect(try await count(store) == 2)
    }
  }

  @Test func aScanIsNotRepeated() async throws {
    let script = ScriptedLayer([.fail(.unavailable)]) { $0.operation == .scan }
    try await withLayers([quick, script]) { store async throws in
      let scanned = await failure { try await store.select(RoutedItem.self).scan { _ in } }
      #expect(scanned == "unavailable -")
      #expect(script.calls.count == 1)
    }
  }

  @Test func theBodysOwnErrorPasses() async throws {
    struct Own: Error {}
    let runs = Mutex(0)
    try await withLayers([BreakerLayer(failureLimit: 1), quick, TimeoutLayer(.seconds(5))]) {
      store async throws in
      await #expect(throws: Own.self) {
        try await store.transaction { transaction in
          runs.withLock { $0 += 1 }
          try await transaction.insert(item)
          throw Own()
        }
      }
      #expect(runs.withLock { $0 } == 1)
      #expect(try await count(store) == 0)
    }
  }

  // MARK: Breaker

  @Test func aBreakerOpensTriesAndCloses() async throws {
    let time = Mutex(ContinuousClock.now)
    let breaker = BreakerLayer(failureLimit: 3, pause: .seconds(5)) { time.withLock { $0 } }
    let script = ScriptedLayer(Array(repeating: .fail(.unavailable), count: 4)) {
      $0.operation == .get
    }
    try await withLayers([breaker, script]) { store async throws in
      for _ in 0..<5 {
        #expect(await failure { try await store.find(RoutedItem.self, 1) } == "unavailable -")
      }
      #expect(script.calls.count == 3, "the last two were not made")
      guard case .degraded = await store.health() else {
        Issue.record("an open breaker shows in health")
        return
      }
      time.withLock { $0 += .seconds(5) }
      #expect(await failure { try await store.find(RoutedItem.self, 1) } == "unavailable -")
      #expect(script.calls.count == 4, "one trial, which failed")
      #expect(await failure { try await store.find(RoutedItem.self, 1) } == "unavailable -")
      #expect(script.calls.count == 4)
      time.withLock { $0 += .seconds(5) }
      #expect(try await store.find(RoutedItem.self, 1) == nil)
      #expect(await store.health() == .ready)
      #expect(try await store.find(RoutedItem.self, 1) == nil)
      #expect(script.calls.count == 6)
    }
  }

  @Test func otherErrorsDoNotOpenIt() async throws {
    let script = ScriptedLayer([])
    try await withLayers([BreakerLayer(failureLimit: 1), script]) { store async throws in
      try await store.insert(item)
      for _ in 0..<3 {
        #expect(await failure { try await store.insert(item) }.hasPrefix("uniqueViolation"))
      }
      #expect(script.calls.count == 4)
    }
  }

  // MARK: Concurrency

  @Test func neverMoreThanTheLimitAtOnce() async throws {
    let peak = PeakLayer()
    let limit = ConcurrencyLimitLayer(4, patience: .seconds(600))
    try await withLayers([limit, peak]) { store async throws in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<200 {
          group.addTask {
            if number.isMultiple(of: 3) {
              try await store.transaction(.init(isReadOnly: true)) { transaction in
                _ = try await transaction.find(RoutedItem.self, number)
              }
            } else {
              _ = try await store.find(RoutedItem.self, number)
            }
          }
        }
        try await group.waitForAll()
      }
    }
    #expect(peak.highest == 4)
  }

  @Test func aFullQueueAndAnEndOfPatience() async throws {
    let limit = ConcurrencyLimitLayer(1, waitingLimit: 1, patience: .milliseconds(100))
    let script = ScriptedLayer([.wait(.seconds(1_000))]) { $0.operation == .get }
    try await withLayers([limit, script]) { store async throws in
      let first = Task { await failure { try await store.find(RoutedItem.self, 1) } }
      while script.calls.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
      async let waiting = failure { try await store.find(RoutedItem.self, 2) }
      async let other = failure { try await store.find(RoutedItem.self, 3) }
      // One is refused at once, the other one later; both have not happened.
      #expect(await [waiting, other] == ["unavailable -", "unavailable -"])
      #expect(script.calls.count == 1)
      first.cancel()
      #expect(await first.value == "cancelled -")
      #expect(try await store.find(RoutedItem.self, 2) == nil)
    }
  }

  @Test func whoeverIsCancelledLeavesTheQueue() async throws {
    let limit = ConcurrencyLimitLayer(2)
    let peak = PeakLayer()
    try await withLayers([limit, peak]) { store async throws in
      for _ in 0..<20 {
        let tasks = (0..<20).map { number in
          Task { try await store.find(RoutedItem.self, number) }
        }
        for (number, task) in tasks.enumerated() where !number.isMultiple(of: 4) { task.cancel() }
        for task in tasks { _ = try? await task.value }
      }
      // All places have come back.
      #expect(try await store.find(RoutedItem.self, 1) == nil)
    }
    #expect(peak.highest <= 2 && peak.current == 0)
  }

  // MARK: Timeout

  /// What is not to be late has this long: a busy machine takes seconds for what is nothing.
  private static let soon = TimeoutLayer(.seconds(5))

  @Test func aSlowCallIsCancelled() async throws {
    let script = ScriptedLayer([.wait(.seconds(1_000))]) { $0.operation == .get }
    try await withLayers([Self.soon, script]) { store async throws in
      #expect(await failure { try await store.find(RoutedItem.self, 1) } == "deadlineExceeded -")
      #expect(try await store.find(RoutedItem.self, 1) == nil)
    }
  }

  @Test func aCancelledCallerIsNotLate() async throws {
    let script = ScriptedLayer([.wait(.seconds(100))]) { $0.operation == .get }
    try await withLayers([TimeoutLayer(.seconds(60)), script]) { store async throws in
      let task = Task { await failure { try await store.find(RoutedItem.self, 1) } }
      while script.calls.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
      task.cancel()
      #expect(await task.value == "cancelled -")
    }
  }

  @Test func aRealQueryIsLetGo() async throws {
    try await withLayers([Self.soon], on: .postgres) { store async throws in
      try await store.insert(item)
      try await store.transaction { transaction in
        try await transaction.update(RoutedItem(id: 1, text: "held"))
        // Another connection waits for the row that this one holds.
        let late = await failure {
          try await Task.detached { try await store.update(RoutedItem(id: 1, text: "late")) }.value
        }
        #expect(late == "deadlineExceeded -")
      }
      #expect(try await store.find(RoutedItem.self, 1)?.text == "held")
    }
  }

  /// A layer above makes a transaction of each change, which waits at its begin or end, too; one of
  /// the caller's own has its deadline.
  @Test func aChangeThatHasATransactionIsBounded() async throws {
    let script = ScriptedLayer([.wait(.seconds(1_000)), .wait(.seconds(7))]) {
      $0.operation == .transaction
    }
    let layers: [any StorageLayer] = [CacheLayer(), Self.soon, script]
    try await withLayers(layers, on: .postgres) { store async throws in
      #expect(await failure { try await store.insert(item) } == "deadlineExceeded -")
      #expect(try await store.transaction { try await $0.find(RoutedItem.self, 1) } == nil)
      try await store.insert(item)
    }
    #expect(script.calls.count == 3)
  }

  // MARK: Read-only

  @Test(arguments: TestBackend.allCases)
  func nothingIsChanged(_ backend: TestBackend) async throws {
    try await withLayers([ReadOnlyLayer()], on: backend) { store async throws in
      #expect(await failure { try await store.insert(item) } == "invalidQuery -")
      let inTransaction = await failure {
        try await store.transaction { transaction in _ = try await transaction.insert(item) }
      }
      #expect(inTransaction == "invalidQuery -")
      let raw = await failure {
        try await store.postgres { connection in _ = try await connection.simple("SELECT 1") }
      }
      #expect(raw == "unsupported -")
      let found = try await store.transaction { try await $0.find(RoutedItem.self, 1) }
      #expect(found == nil)
      #expect(try await count(store) == 0)
    }
  }
}

/// Counts how many calls are under way at once.
private final class PeakLayer: StorageLayer {
  private let counts = Mutex((now: 0, peak: 0))

  var place: LayerPlace { .chaos }
  var highest: Int { counts.withLock { $0.peak } }
  var current: Int { counts.withLock { $0.now } }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    if call.isInTransaction { return try await next() }
    counts.withLock { $0 = ($0.now + 1, max($0.peak, $0.now + 1)) }
    defer { counts.withLock { $0.now -= 1 } }
    await Task.yield()
    return try await next()
  }
}
