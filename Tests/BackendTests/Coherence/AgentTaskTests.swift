import Foundation
import Roost
import RoostCore
import RoostSystems
import RoostTesting
import Testing

/// Agents' tasks: their steps, who gets which, and how long they took.
@Suite(.timeLimit(.minutes(15))) struct AgentTaskTests {
  private func withTasks(
    _ backend: TestBackend, _ body: @Sendable (AgentTaskStore) async throws -> Void
  ) async throws {
    try await withSystem(backend, [.coherence]) { try await body(AgentTaskStore($0)) }
  }

  private func task(_ direction: String, _ type: AgentTask.Kind = .impl, id: String? = nil)
    -> AgentTask
  {
    AgentTask(direction, type: type, model: "m", command: "run", id: id)
  }

  @Test(arguments: TestBackend.allCases)
  func aLife(_ backend: TestBackend) async throws {
    try await withTasks(backend) { tasks in
      let created = try await tasks.create(task("build it"))
      let id = try #require(created.id)
      #expect(id.hasPrefix("task_") && id.count == 37)
      #expect(created.status == .pending && created.context == [:] && created.startedAt == nil)
      let started = try await tasks.start(id)
      #expect(started.status == .running && started.startedAt != nil)
      #expect(try #require(started.updatedAt) >= (try #require(created.updatedAt)))
      #expect(try await tasks.progress(id, percent: 40, step: "parsing").currentStep == "parsing")
      let further = try await tasks.progress(id, percent: 50)
      #expect(further.progressPct == 50 && further.currentStep == "parsing")
      let asking = try await tasks.askForDecision(id, prompt: "A or B?")
      #expect(asking.status == .needsDecision && asking.decisionPrompt == "A or B?")
      #expect(try await tasks.attention().records.map(\.id) == [id])
      let decided = try await tasks.decide(id, "A")
      #expect(decided.status == .running && decided.decision == "A")
      #expect(decided.startedAt == started.startedAt)
      let done = try await tasks.complete(id, output: "it works")
      #expect(done.status == .completed && done.progressPct == 100 && done.output == "it works")
      #expect(try await tasks.find(id) == done)
      #expect(try await tasks.remove(id))
      #expect(try await tasks.find(id) == nil)
    }
  }

  /// Every call in every status: what may not follow is refused and changes nothing.
  @Test(arguments: TestBackend.allCases)
  func noStepIsSkipped(_ backend: TestBackend) async throws {
    try await withTasks(backend) { tasks in
      typealias Step = @Sendable (String) async throws -> AgentTask
      let steps: [(name: String, from: Set<AgentTask.Status>, step: Step)] = [
        ("start", [.pending], { try await tasks.start($0) }),
        ("progress", [.running], { try await tasks.progress($0, percent: 1) }),
        ("complete", [.running], { try await tasks.complete($0, output: nil) }),
        ("fail", [.running, .needsDecision], { try await tasks.fail($0, output: "broken") }),
        ("ask", [.running], { try await tasks.askForDecision($0, prompt: "?") }),
        ("decide", [.needsDecision], { try await tasks.decide($0, "yes") }),
        ("retry", [.failed], { try await tasks.retry($0) }),
      ]
      for status in AgentTask.Status.allCases {
        for (name, from, step) in steps {
          var given = task("\(name) from \(status)")
          given.status = status
          let stored = try await tasks.create(given)
          let id = try #require(stored.id)
          let outcome = await failure { _ = try await step(id) }
          #expect(
            outcome == (from.contains(status) ? "none" : "invalidTransition -"),
            "\(name) from \(status)")
          if !from.contains(status) { #expect(try await tasks.find(id) == stored) }
        }
      }
      #expect(await failure { try await tasks.start("nobody") } == "notFound -")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func badInput(_ backend: TestBackend) async throws {
    try await withTasks(backend) { tasks in
      for blank in ["", "  ", "\n\t "] {
        #expect(
          await failure { try await tasks.create(task(blank)) }
            == "checkViolation agent_tasks_direction_not_blank")
      }
      try await tasks.create(task("x", id: "one"))
      #expect(
        await failure { try await tasks.create(task("x", id: "one")) }
          == "uniqueViolation agent_tasks_pkey")
      #expect(
        await failure {
          try await tasks.create(task("x", id: String(repeating: "i", count: 51)))
        } == "valueTooLong -")
      try await tasks.start("one")
      for percent in [-1, 101] {
        #expect(
          await failure { try await tasks.progress("one", percent: percent) }
            == "checkViolation agent_tasks_progress_pct_range")
      }
      #expect(try await tasks.progress("one", percent: 100).progressPct == 100)
      let noType = await failure {
        _ = try await tasks.store.backend.apply([
          .insert(
            .init(
              table: "agent_tasks", columns: ["id", "direction", "task_type", "model", "command"],
              rows: [[.text("t"), .text("d"), .text("guess"), .text("m"), .text("c")]]))
        ])
      }
      #expect(noType == "invalidValue -")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func lists(_ backend: TestBackend) async throws {
    try await withTasks(backend) { tasks in
      for number in 1...9 {
        var given = task("task \(number)", number % 2 == 0 ? .test : .spec, id: "t\(number)")
        given.status = AgentTask.Status.allCases[number % 5]
        given.createdAt = Timestamp(microsecondsSince2000: Int64(number) * 1_000_000)
        try await tasks.create(given)
      }
      func ids(_ page: Page<AgentTask>) -> [String] { page.records.compactMap(\.id) }
      #expect(
        ids(try await tasks.list()) == ["t9", "t8", "t7", "t6", "t5", "t4", "t3", "t2", "t1"])
      #expect(ids(try await tasks.list(status: .running)) == ["t6", "t1"])
      #expect(ids(try await tasks.list(type: .test)) == ["t8", "t6", "t4", "t2"])
      #expect(ids(try await tasks.list(status: .failed, type: .test)) == ["t8"])
      #expect(ids(try await tasks.attention()) == ["t9", "t8", "t4", "t3"])
      let page = try await tasks.attention(size: 3)
      #expect(ids(page) == ["t9", "t8", "t4"])
      #expect(ids(try await tasks.attention(size: 3, after: page.next)) == ["t3"])
    }
  }

  @Test(arguments: TestBackend.allCases)
  func sixteenWorkersClaimEachTaskOnce(_ backend: TestBackend) async throws {
    try await withTasks(backend) { tasks in
      for number in 0..<100 {
        try await tasks.create(task("task", number % 4 == 0 ? .heal : .impl))
      }
      let ids = try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<16 {
          group.addTask {
            var ids: [String] = []
            while let task = try await tasks.claimNext() {
              ids.append(task.id ?? "")
              _ = try await tasks.complete(task.id ?? "", output: nil)
            }
            return ids
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(ids.count == 100 && Set(ids).count == 100)
      #expect(try await tasks.list(status: .completed, size: 200).records.count == 100)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func theOldestIsClaimedFirst(_ backend: TestBackend) async throws {
    try await withTasks(backend) { tasks in
      for (number, type) in [AgentTask.Kind.spec, .heal, .spec].enumerated() {
        var given = task("x", type, id: "t\(number)")
        given.createdAt = Timestamp(microsecondsSince2000: Int64(9 - number))
        try await tasks.create(given)
      }
      #expect(try await tasks.claimNext(of: [.heal, .test])?.id == "t1")
      #expect(try await tasks.claimNext(of: [.heal, .test]) == nil)
      let next = try await tasks.claimNext()
      #expect(next?.id == "t2" && next?.status == .running && next?.startedAt != nil)
      #expect(try await tasks.claimNext()?.id == "t0")
      #expect(try await tasks.claimNext() == nil)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func metrics(_ backend: TestBackend) async throws {
    try await withTasks(backend) { tasks in
      #expect(try await tasks.metrics().groups == [])
      for (number, seconds) in [Int64?(1), 4, nil, 7].enumerated() {
        var given = task("x", .test, id: "t\(number)")
        given.status = .completed
        given.createdAt = Timestamp(microsecondsSince2000: Int64(number))
        given.startedAt = seconds.map { _ in Timestamp(microsecondsSince2000: 0) }
        given.updatedAt = Timestamp(microsecondsSince2000: (seconds ?? 0) * 1_000_000)
        try await tasks.create(given)
      }
      try await tasks.create(task("x", .heal))
      let metrics = try await tasks.metrics()
      #expect(metrics.count == 5)
      #expect(metrics.groups.map(\.type) == [.test, .heal])
      #expect(metrics[.heal, .pending]?.durations == nil)
      #expect(metrics[.heal, .running] == nil)
      let group = try #require(metrics[.test, .completed])
      #expect(group.count == 4)
      let durations = try #require(group.durations)
      #expect(durations.count == 3 && durations.total == .seconds(12))
      #expect(durations.shortest == .seconds(1) && durations.longest == .seconds(7))
      #expect(durations.average == .seconds(4))
      let later = try await tasks.metrics(since: Timestamp(microsecondsSince2000: 3))
      #expect(later[.test, .completed]?.durations?.total == .seconds(7))
    }
  }
}
