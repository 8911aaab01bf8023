import Foundation
public import Roost
import RoostCore

/// The tasks of agents.
///
/// A task goes from pending to running, by `start` or `claimNext`, and from there to completed,
/// failed or needs-decision; a decision sets it running again, and `retry` makes a failed one
/// pending. A change that skips a step is `invalidTransition` and changes nothing, also when two
/// callers try at once.
public struct AgentTaskStore: Sendable {
  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `coherence`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Stores a new task, under a key of its own when it brings none.
  /// - Returns: the task as stored.
  /// - Throws: `uniqueViolation` when the key is taken; `checkViolation` for a blank direction;
  ///   what a store throws.
  @discardableResult
  public func create(_ task: AgentTask) async throws(StoreError) -> AgentTask {
    var task = task
    if task.id == nil {
      task.id = "task_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
    }
    return try await store.insert(task)
  }

  /// The task with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ id: String) async throws(StoreError) -> AgentTask? {
    try await store.find(AgentTask.self, id)
  }

  /// Removes a task.
  /// - Returns: whether there was one.
  /// - Throws: what a store throws.
  @discardableResult
  public func remove(_ id: String) async throws(StoreError) -> Bool {
    try await store.delete(AgentTask.self, id)
  }

  // MARK: Lists

  /// A page of the tasks, the newest first.
  /// - Parameters:
  ///   - status: where they stand; nil for wherever.
  ///   - type: the kind of work; nil for whatever.
  /// - Throws: what a store throws.
  public func list(
    status: AgentTask.Status? = nil, type: AgentTask.Kind? = nil, size: Int = 50,
    after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<AgentTask> {
    var selection = store.select(AgentTask.self)
    if let status { selection = selection.where { $0.status == status } }
    if let type { selection = selection.where { $0.taskType == type } }
    return try await selection.order { $0.createdAt.descending }.page(size: size, after: position)
  }

  /// A page of what waits for a person, decisions and failures, the newest first.
  /// - Throws: what a store throws.
  public func attention(
    size: Int = 50, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<AgentTask> {
    try await store.select(AgentTask.self).where { $0.status.isIn([.needsDecision, .failed]) }
      .order { $0.createdAt.descending }.page(size: size, after: position)
  }

  // MARK: Work

  /// Claims the oldest pending task and sets it running. No two callers get the same one, and none
  /// waits for another.
  /// - Parameter types: the kinds of work wanted.
  /// - Returns: the task as it is now; nil when none is pending.
  /// - Throws: what a store throws.
  public func claimNext(of types: [AgentTask.Kind] = AgentTask.Kind.allCases) async throws
    -> AgentTask?
  {
    // Each statement is to see what was committed before it; the lock does the rest.
    try await store.transaction(.init(isolation: .readCommitted)) { transaction in
      var pending = transaction.select(AgentTask.self).where { $0.status == .pending }
      if Set(types) != Set(AgentTask.Kind.allCases) {
        pending = pending.where { $0.taskType.isIn(types) }
      }
      let next = try await pending.order { $0.createdAt.ascending }
        .locked(.forUpdateSkippingLocked).first()
      guard let id = next?.id else { return nil }
      return try await Self.move(id, from: [.pending], to: .running, in: transaction) { now in
        [AgentTask.columns.startedAt.set(to: now)]
      }
    }
  }

  /// Sets a pending task running.
  /// - Returns: the task as it is now, as do those that follow.
  /// - Throws: `notFound`; `invalidTransition`; what a store throws. So do those that follow.
  @discardableResult
  public func start(_ id: String) async throws(StoreError) -> AgentTask {
    try await Self.move(id, from: [.pending], to: .running, in: store) { now in
      [AgentTask.columns.startedAt.set(to: now)]
    }
  }

  /// Says how far a running task is.
  /// - Parameters:
  ///   - percent: from 0 to 100, else `checkViolation`.
  ///   - step: what it is at; nil leaves it as it was.
  @discardableResult
  public func progress(
    _ id: String, percent: Int, step: String? = nil
  ) async throws(StoreError) -> AgentTask {
    try await Self.move(id, from: [.running], to: .running, in: store) { _ in
      let columns = AgentTask.columns
      return [columns.progressPct.set(to: percent)]
        + (step.map { [columns.currentStep.set(to: $0)] } ?? [])
    }
  }

  /// Completes a running task; its progress is 100 then.
  /// - Parameter output: what came of it.
  @discardableResult
  public func complete(_ id: String, output: String?) async throws(StoreError) -> AgentTask {
    try await Self.move(id, from: [.running], to: .completed, in: store) { _ in
      [AgentTask.columns.output.set(to: output), AgentTask.columns.progressPct.set(to: 100)]
    }
  }

  /// Says that a running task went wrong, or that one will not be decided.
  /// - Parameter output: what went wrong.
  @discardableResult
  public func fail(_ id: String, output: String?) async throws(StoreError) -> AgentTask {
    try await Self.move(id, from: [.running, .needsDecision], to: .failed, in: store) { _ in
      [AgentTask.columns.output.set(to: output)]
    }
  }

  /// Makes a failed task pending again, from the beginning.
  @discardableResult
  public func retry(_ id: String) async throws(StoreError) -> AgentTask {
    try await Self.move(id, from: [.failed], to: .pending, in: store) { _ in
      let columns = AgentTask.columns
      return [
        columns.startedAt.set(to: nil), columns.progressPct.set(to: nil),
        columns.currentStep.set(to: nil),
      ]
    }
  }

  /// Lets a running task wait for a decision.
  /// - Parameter prompt: what is to be decided.
  @discardableResult
  public func askForDecision(
    _ id: String, prompt: String
  ) async throws(StoreError) -> AgentTask {
    try await Self.move(id, from: [.running], to: .needsDecision, in: store) { _ in
      let columns = AgentTask.columns
      return [columns.decisionPrompt.set(to: prompt), columns.decision.set(to: nil)]
    }
  }

  /// Decides what a task waits for, which sets it running again.
  @discardableResult
  public func decide(_ id: String, _ decision: String) async throws(StoreError) -> AgentTask {
    try await Self.move(id, from: [.needsDecision], to: .running, in: store) { _ in
      [AgentTask.columns.decision.set(to: decision)]
    }
  }

  /// Moves a task in one statement, which no other call can come between.
  private static func move(
    _ id: String, from: [AgentTask.Status], to status: AgentTask.Status,
    in session: some RecordSession,
    _ assignments: @Sendable (Timestamp) -> [Mutation.Assignment]
  ) async throws(StoreError) -> AgentTask {
    let now = session.now
    let moved = try await session.select(AgentTask.self)
      .where { $0.id == id && $0.status.isIn(from) }
      .updateReturning {
        [$0.status.set(to: status), $0.updatedAt.set(to: now)] + assignments(now)
      }
    if let task = moved.first { return task }
    let task = try await session.get(AgentTask.self, id)
    throw StoreError.invalidTransition(
      "task \"\(id)\"", from: task.status.rawValue, to: status.rawValue,
      table: AgentTask.table)
  }
}
