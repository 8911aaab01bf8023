public import Roost
import Foundation
import RoostCore
import Synchronization

/// So many operations a second on a store for a while, and what came of them.
///
/// An operation's time counts from when it was due, not from when it was begun: a store that halts
/// for a second is not excused from the operations of that second. The rows stay bounded, so that
/// memory should, too.
public struct SteadyLoad: Sendable {
  /// How many operations are due in a second: of ten, six read a row, two write one, one reads some
  /// by a condition, and one reads and changes a row in a transaction.
  public var perSecond = 1_000
  /// For how long, in seconds.
  public var seconds = 20
  /// How many operations may be under way at once.
  public var tasks = 32
  /// How many rows there are.
  public var rows = 10_000
  /// What the operations follow from.
  public var seed: UInt64 = 1

  /// 1,000 operations a second for 20 seconds.
  public init() {}

  /// What came of a load.
  public struct Report: Sendable {
    /// How many operations were made.
    public internal(set) var operations = 0
    /// How long it took, in seconds.
    public internal(set) var seconds = 0.0
    /// How long operations took from when they were due.
    public internal(set) var latencies = Latencies()
    /// How long the slowest took from when it was due.
    public internal(set) var worst = Duration.zero
    /// How many failed, by code.
    public internal(set) var failures: [StoreError.Code: Int] = [:]
    /// The process's memory in KiB after a tenth of the time, and at the end; 0 where the system
    /// does not tell.
    public internal(set) var kibibytes = (early: 0, late: 0)
    /// The process's open files at these times; 0 where the system does not tell.
    public internal(set) var descriptors = (early: 0, late: 0)
  }

  /// Fills the store's `bench_tasks` and works on them.
  /// - Parameters:
  ///   - store: an empty store, opened with `MigrationSet.bench`.
  ///   - shouldStop: asked before each operation.
  /// - Throws: what filling the store meets; `cancelled` when it was asked to stop. What fails in
  ///   between is counted.
  public func run(
    on store: Store, shouldStop: @escaping @Sendable () -> Bool = { false }
  ) async throws -> Report {
    try await StoreTarget(BenchTask.self, store).load(rows)
    let tally = Tally()
    let total = perSecond * seconds
    let start = ContinuousClock.now
    await withTaskGroup { group in
      group.addTask {
        try? await Task.sleep(until: start + .seconds(1) * (Double(seconds) / 10))
        let now = (Self.kibibytes, Self.descriptors)
        tally.report.withLock { report in
          report.kibibytes.early = now.0
          report.descriptors.early = now.1
        }
      }
      for task in 0..<max(1, tasks) {
        group.addTask {
          var generator = SeededGenerator(seed: seed &+ UInt64(task))
          while true {
            let number = tally.next.add(1, ordering: .relaxed).oldValue
            guard number < total, !shouldStop() else { return }
            let due = start + .seconds(1) * (Double(number) / Double(perSecond))
            if due > .now { try? await Task.sleep(until: due) }
            let failure = await self.operate(on: store, &generator)
            let duration = ContinuousClock.now - due
            tally.report.withLock { report in
              report.operations += 1
              report.latencies.note(duration)
              report.worst = max(report.worst, duration)
              if let failure { report.failures[failure, default: 0] += 1 }
            }
          }
        }
      }
    }
    if shouldStop() { throw StoreError(.cancelled, "the load was stopped") }
    var result = tally.report.withLock { $0 }
    result.seconds = (ContinuousClock.now - start) / .seconds(1)
    (result.kibibytes.late, result.descriptors.late) = (Self.kibibytes, Self.descriptors)
    return result
  }

  /// What the tasks have in common.
  private final class Tally: Sendable {
    let report = Mutex(Report())
    let next = Atomic(0)
  }

  private func operate(
    on store: Store, _ generator: inout SeededGenerator
  ) async -> StoreError.Code? {
    let number = Int.random(in: 0..<rows, using: &generator)
    let revision = Int.random(in: 0..<100, using: &generator)
    let id = BenchKey.text(number)
    do {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<6: _ = try await store.find(BenchTask.self, id)
      case 6, 7: try await store.upsert([BenchTask(number, revision: revision)])
      case 8:
        let status = BenchTask.statuses[revision % BenchTask.statuses.count]
        _ = try await store.select(BenchTask.self).where { $0.status == status }
          .order { $0.createdAt.descending }.limit(10).fetch()
      default:
        try await store.transaction(TransactionOptions(isolation: .readCommitted)) { transaction in
          guard let row = try await transaction.find(BenchTask.self, id, lock: .forUpdate) else {
            return
          }
          try await transaction.update(row.revised(revision))
        }
      }
      return nil
    } catch {
      return (error as? StoreError)?.code ?? .internal
    }
  }

  /// The memory of this process.
  private static var kibibytes: Int {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
    else { return 0 }
    return line.split(separator: " ").compactMap { Int($0) }.first ?? 0
  }

  private static var descriptors: Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0
  }
}
