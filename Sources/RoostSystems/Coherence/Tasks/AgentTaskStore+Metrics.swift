public import Roost
import RoostCore
import Synchronization

/// How many tasks there are and how long they took, by type and status.
public struct AgentTaskMetrics: Sendable, Equatable {
  /// The tasks of one type and status.
  public struct Group: Sendable, Equatable {
    /// The kind of work.
    public var type: AgentTask.Kind
    /// Where they stand.
    public var status: AgentTask.Status
    /// How many they are.
    public var count: Int
    /// How long they took; nil unless they ended, completed or failed.
    public var durations: Durations?
  }

  /// How long tasks took from their last start to their end.
  public struct Durations: Sendable, Equatable {
    /// How many took a time; a task that ended without having been started has none.
    public var count: Int
    /// All times together.
    public var total: Duration
    /// The shortest time.
    public var shortest: Duration
    /// The longest time.
    public var longest: Duration
    /// The mean time.
    public var average: Duration { total / count }

    init(_ first: Duration) {
      (count, total, shortest, longest) = (1, first, first, first)
    }

    mutating func add(_ duration: Duration) {
      count += 1
      total += duration
      shortest = min(shortest, duration)
      longest = max(longest, duration)
    }
  }

  /// The groups that have tasks, by type and status in the order of their declaration.
  public var groups: [Group]

  /// How many tasks there are.
  public var count: Int { groups.reduce(0) { $0 + $1.count } }

  /// The group of a type and status, nil when it has no task.
  public subscript(_ type: AgentTask.Kind, _ status: AgentTask.Status) -> Group? {
    groups.first { $0.type == type && $0.status == status }
  }
}

/// When a task was started and last changed, without what it is about.
private struct AgentTaskTimes: Record {
  var id: String
  var startedAt: Timestamp?
  var updatedAt: Timestamp
  static let table = AgentTask.table
  static let columns = AgentTask.columns
}

extension AgentTaskStore {
  /// Counts the tasks and adds up how long those that ended took.
  ///
  /// The backend counts; the times are read batch by batch, and nothing else of a task.
  /// - Parameter since: when the tasks were created at the earliest; nil for all.
  /// - Throws: what a store throws.
  public func metrics(since: Timestamp? = nil) async throws -> AgentTaskMetrics {
    var all = store.select(AgentTaskTimes.self).reading { [$0.id, $0.startedAt, $0.updatedAt] }
    if let since { all = all.where { $0.createdAt >= since } }
    var groups: [AgentTaskMetrics.Group] = []
    for row in try await all.aggregate(by: { [$0.taskType, $0.status] }, [.count]) {
      guard row.count == 3, let type = AgentTask.Kind(value: row[0]),
        let status = AgentTask.Status(value: row[1]), let count = Int(value: row[2])
      else { throw Self.unknownWord }
      groups.append(.init(type: type, status: status, count: count))
    }
    for index in groups.indices where [.completed, .failed].contains(groups[index].status) {
      let group = groups[index]
      groups[index].durations = try await durations(
        all.where { $0.taskType == group.type && $0.status == group.status })
    }
    return AgentTaskMetrics(groups: groups)
  }

  private func durations(
    _ tasks: Selection<AgentTaskTimes>
  ) async throws -> AgentTaskMetrics.Durations? {
    let durations = Mutex<AgentTaskMetrics.Durations?>(nil)
    try await tasks.where { $0.startedAt.isNotNull }.scan { tasks in
      for task in tasks {
        guard let start = task.startedAt else { continue }
        let duration = Duration.microseconds(
          task.updatedAt.microsecondsSince2000 - start.microsecondsSince2000)
        durations.withLock { if $0?.add(duration) == nil { $0 = .init(duration) } }
      }
    }
    return durations.withLock { $0 }
  }

  private static var unknownWord: StoreError {
    StoreError(
      .schemaDrift, "agent_tasks has a type or status that this program does not know",
      table: AgentTask.table)
  }
}
