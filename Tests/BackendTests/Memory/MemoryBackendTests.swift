import Roost
import RoostCore
import RoostTesting
import Synchronization
import Testing

private struct Job: Record, Equatable {
  var id: Int
  var state: String
  var priority: Int?
  static let table = "jobs"
  static let columns = Columns()
  struct Columns: Sendable {
    let id = Column<Int>("id")
    let state = Column<String>("state")
    let priority = Column<Int?>("priority")
  }

  static let migrations = MigrationSet(
    system: "jobs",
    files: [
      MigrationFile(
        name: "V001__jobs.sql",
        text: """
          CREATE TABLE jobs (id integer PRIMARY KEY, state text COLLATE "C" NOT NULL,
            priority integer, UNIQUE (priority, state));
          CREATE INDEX jobs_state ON jobs (state, priority);
          CREATE INDEX jobs_open ON jobs (priority) WHERE state = 'open';
          """)
    ])
}

/// What the memory engine does beyond what every backend does.
@Suite(.timeLimit(.minutes(15))) struct MemoryBackendTests {
  private func open(_ url: String = "memory:") async throws -> Store {
    try await TestBackend.open(url, [Job.migrations])
  }

  @Test func plans() async throws {
    let store = try await open()
    let all = store.select(Job.self)
    let plans = [
      (all, "jobs_pkey on jobs: all rows, in order"),
      (all.where { $0.id == 3 }, "jobs_pkey on jobs: 1 fixed column x 1, in order"),
      (all.where { $0.id.isIn([3, 1, 3]) }, "jobs_pkey on jobs: 1 fixed column x 2, sorted"),
      (all.where { $0.id > 3 && $0.id <= 5 }, "jobs_pkey on jobs: range, in order"),
      (all.order { $0.id.descending }, "jobs_pkey on jobs: all rows, backward, in order"),
      (
        all.where { $0.state == "x" }.order { $0.priority.ascending },
        "jobs_state on jobs: 1 fixed column x 1, in order"
      ),
      (
        all.where { $0.state == "x" && $0.priority > 2 },
        "jobs_state on jobs: 1 fixed column x 1, range, sorted"
      ),
      (
        all.where { $0.state == "x" && $0.priority == 2 },
        "jobs_priority_state_key on jobs: 2 fixed columns x 1, in order"
      ),
      (
        all.where { $0.state == "x" }.order { $0.priority.descending.withNullsLast },
        "jobs_state on jobs: 1 fixed column x 1, sorted"
      ),
      (
        all.where { $0.state == "open" }.order { $0.priority.descending },
        "jobs_state on jobs: 1 fixed column x 1, sorted"
      ),
    ]
    for (selection, plan) in plans {
      let found = try await selection.explain()
      #expect(found == plan)
    }
    await store.close()
  }

  /// With a limit, an index that gives the first terms of an order saves most of the sort.
  @Test func firstOfAnOrderInGroups() async throws {
    let store = try await open()
    let states = ["open", "done", "new"]
    try await store.load(
      (0..<600).map { id in
        let priority = id % 11 == 0 ? nil : (id * 7) % 13
        return Job(id: id, state: states[id % 3] + "\(id / 30)", priority: priority)
      })
    let all = store.select(Job.self)
    let orders: [(Selection<Job>, String)] = [
      (
        all.order { $0.state.descending }.order { $0.id.ascending },
        "jobs_state on jobs: all rows, backward, sorted in groups"
      ),
      (
        all.order { $0.state.ascending }.order { $0.priority.descending },
        "jobs_state on jobs: all rows, sorted in groups"
      ),
      (
        all.where { $0.state == "open3" }.order { $0.priority.descending }
          .order { $0.id.ascending },
        "jobs_state on jobs: 1 fixed column x 1, backward, sorted in groups"
      ),
      (
        all.where { $0.priority > 4 }.order { $0.priority.ascending }
          .order { $0.state.descending },
        "jobs_priority_state_key on jobs: range, sorted in groups"
      ),
    ]
    for (selection, plan) in orders {
      let sorted = try await selection.fetch()
      #expect(!sorted.isEmpty)
      for limit in [0, 1, 2, 19, 20, 21, 599, 600, 1_000] {
        let first = selection.limit(limit)
        #expect(try await first.explain() == plan)
        #expect(try await first.fetch() == Array(sorted.prefix(limit)), "\(plan), \(limit)")
      }
    }
    await store.close()
  }

  /// An index on an expression serves a filter on the same expression.
  @Test func planOfAnExpression() async throws {
    let store = try await TestBackend.open("memory:", [ConformanceSuite.migrations])
    let lowered = Expression.function(.lower, [.column("name")])
    func plan(_ filter: Expression) async throws -> String {
      try await store.backend.explain(Query(table: "accounts", filter: filter))
    }
    #expect(
      try await plan(.comparison(.equal, lowered, .literal(.text("a"))))
        == "accounts_lower_name on accounts: 1 fixed column x 1, in order")
    #expect(
      try await plan(.isIn(lowered, [.literal(.text("a")), .literal(.text("b"))]))
        == "accounts_lower_name on accounts: 1 fixed column x 2, sorted")
    #expect(
      try await plan(
        .comparison(.equal, .function(.upper, [.column("name")]), .literal(.text("A"))))
        == "accounts_pkey on accounts: all rows, in order")
    await store.close()
  }

  /// What begins with a text is found by an index, and nothing else is.
  @Test func planOfAPrefix() async throws {
    let store = try await open()
    let states = [
      "a", "ab", "ab\u{10FFFF}", "abc", "ABC", "ac", "b", "\u{D7FF}", "\u{D7FF}x", "\u{E000}",
    ]
    try await store.load(states.enumerated().map { Job(id: $0.offset, state: $0.element) })
    let range = "jobs_state on jobs: range, sorted"
    for (pattern, plan, expected) in [
      ("ab%", range, ["ab", "abc", "ab\u{10FFFF}"]),
      ("ab_", range, ["abc", "ab\u{10FFFF}"]),
      ("\u{D7FF}%", range, ["\u{D7FF}", "\u{D7FF}x"]),
      ("abc", "jobs_state on jobs: 1 fixed column x 1, sorted", ["abc"]),
      ("%c", "jobs_pkey on jobs: all rows, in order", ["abc", "ac"]),
    ] {
      let selection = store.select(Job.self).where { $0.state.like(pattern) }
      #expect(try await selection.explain() == plan, "\(pattern)")
      let found = try await selection.fetch().map(\.state)
      #expect(found.sorted(by: TextOrder.isLess) == expected, "\(pattern)")
    }
    await store.close()
  }

  /// A few of many rows in an order that no index has: the same as all of them, cut.
  @Test(arguments: [0, 1, 3, 50, 99, 100, 200]) func theFirstInOrder(limit: Int) async throws {
    let store = try await open()
    try await store.load(
      (0..<100).map { Job(id: $0, state: "\($0)", priority: $0 * 37 % 11) })
    let all = store.select(Job.self).order { $0.priority.descending }
    let rows = try await all.fetch()
    #expect(try await all.limit(limit).fetch() == Array(rows.prefix(limit)))
    await store.close()
  }

  @Test func sharedByName() async throws {
    let first = try await open("memory:shared-by-name")
    let second = try await open("memory:shared-by-name")
    let other = try await open()
    try await first.insert(Job(id: 1, state: "a"))
    #expect(try await second.select(Job.self).count() == 1)
    #expect(try await other.select(Job.self).count() == 0)
    await first.close()
    #expect(try await second.select(Job.self).count() == 1, "until the last handle closes")
    await second.close()
    let third = try await open("memory:shared-by-name")
    #expect(try await third.select(Job.self).count() == 0)
    await third.close()
    await other.close()
  }

  @Test func readersSeeCommitsWhole() async throws {
    let store = try await open()
    try await store.insert((0..<10).map { Job(id: $0, state: "0", priority: $0) })
    let done = SharedFlag()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<3 {
        group.addTask {
          repeat {
            let states = try await store.select(Job.self).values { $0.state }
            #expect(Set(states).count == 1, "a reader saw half a transaction")
            // Reads in memory never wait: without this the writer would get no thread.
            await Task.yield()
          } while !done.isSet
        }
      }
      group.addTask {
        for round in 1...200 {
          try await store.transaction { transaction in
            for id in 0..<10 {
              try await transaction.select(Job.self).where { $0.id == id }
                .update { [$0.state.set(to: "\(round)")] }
            }
          }
        }
        done.set()
      }
      try await group.waitForAll()
    }
    await store.close()
  }

  @Test func writersComeInOrder() async throws {
    let store = try await open()
    let order = SharedList()
    let entered = SharedFlag()
    let go = SharedFlag()
    let holder = Task {
      try await store.transaction { _ in
        entered.set()
        while !go.isSet { try await Task.sleep(for: .milliseconds(1)) }
      }
    }
    while !entered.isSet { try await Task.sleep(for: .milliseconds(1)) }
    var writers: [Task<Void, any Error>] = []
    for number in 0..<5 {
      let flag = SharedFlag()
      writers.append(
        Task {
          flag.set()
          try await store.transaction { _ in order.add(number) }
        })
      // The next asks only when this one stands in line.
      while !flag.isSet { try await Task.sleep(for: .milliseconds(1)) }
      try await Task.sleep(for: .milliseconds(500))
    }
    go.set()
    try await holder.value
    for writer in writers { try await writer.value }
    #expect(order.all == [0, 1, 2, 3, 4])
    await store.close()
  }

  @Test func deadlineGivesTheRightToWriteBack() async throws {
    let store = try await open()
    let release = SharedFlag()
    let entered = SharedFlag()
    let stuck = Task {
      try await store.transaction(TransactionOptions(deadline: .seconds(5))) { transaction in
        try await transaction.insert(Job(id: 1, state: "stuck"))
        entered.set()
        while !release.isSet { try? await Task.sleep(for: .milliseconds(1)) }
      }
    }
    while !entered.isSet { try await Task.sleep(for: .milliseconds(1)) }
    // Comes through although the other never ended.
    try await store.insert(Job(id: 2, state: "next"))
    release.set()
    await #expect(throws: StoreError.self) { try await stuck.value }
    #expect(try await store.select(Job.self).values { $0.id } == [2])
    await store.close()
  }

  @Test func waitingWriterIsCancelledOrTimesOut() async throws {
    let store = try await open()
    let release = SharedFlag()
    let entered = SharedFlag()
    let holder = Task {
      try await store.transaction { _ in
        entered.set()
        while !release.isSet { try await Task.sleep(for: .milliseconds(1)) }
      }
    }
    while !entered.isSet { try await Task.sleep(for: .milliseconds(1)) }
    let late = await #expect(throws: StoreError.self) {
      try await store.transaction(TransactionOptions(deadline: .milliseconds(30))) { _ in }
    }
    #expect(late?.code == .deadlineExceeded)
    let cancelled = Task { try await store.insert(Job(id: 1, state: "x")) }
    cancelled.cancel()
    let error = await #expect(throws: StoreError.self) { try await cancelled.value }
    #expect(error?.code == .cancelled)
    release.set()
    try await holder.value
    try await store.insert(Job(id: 2, state: "y"))
    #expect(try await store.select(Job.self).values { $0.id } == [2])
    await store.close()
  }
}

private final class SharedFlag: Sendable {
  private let state = Mutex(false)

  var isSet: Bool { state.withLock { $0 } }

  func set() {
    state.withLock { $0 = true }
  }
}

private final class SharedList: Sendable {
  private let elements = Mutex<[Int]>([])

  var all: [Int] { elements.withLock { $0 } }

  func add(_ element: Int) {
    elements.withLock { $0.append(element) }
  }
}
