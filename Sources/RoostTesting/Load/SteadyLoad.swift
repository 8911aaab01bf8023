public import Roost
public import RoostCore
import Foundation
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
    /// How long they took from when they were due.
    public internal(set) var durations = DurationHistogram()
    /// How many failed, by code.
    public internal(set) var failures: [StoreError.Code: Int] = [:]
    /// The process's memory in KiB after a tenth of the time, and at the end; 0 where the system
    /// does not tell.
    public internal(set) var kibibytes = (early: 0, late: 0)
    /// The process's open files at these times; 0 where the system does not tell.
    public internal(set) var descriptors = (early: 0, late: 0)
  }

  /// Fills the store's `rankings` and works on them.
  /// - Parameter store: an empty store, opened with `ConformanceSuite.migrations`.
  /// - Throws: what filling the store meets; what fails later is counted.
  public func run(on store: Store) async throws -> Report {
    try await store.load((0..<rows).map { Ranking($0, points: $0, team: "t", level: $0 % 100) })
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
            guard number < total else { return }
            let due = start + .seconds(1) * (Double(number) / Double(perSecond))
            if due > .now { try? await Task.sleep(until: due) }
            let failure = await self.operate(on: store, &generator)
            let duration = ContinuousClock.now - due
            tally.report.withLock { report in
              report.operations += 1
              report.durations.note(duration)
              if let failure { report.failures[failure, default: 0] += 1 }
            }
          }
        }
      }
    }
    var result = tally.report.withLock { $0 }
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
    let id = Int.random(in: 0..<rows, using: &generator)
    let level = Int.random(in: 0..<100, using: &generator)
    do {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<6: _ = try await store.find(Ranking.self, id)
      case 6, 7: try await store.upsert([Ranking(id, points: level, team: "u", level: level)])
      case 8:
        _ = try await store.select(Ranking.self).where { $0.level == level }.limit(10).fetch()
      default:
        try await store.transaction(TransactionOptions(isolation: .readCommitted)) { transaction in
          guard var row = try await transaction.find(Ranking.self, id, lock: .forUpdate) else {
            return
          }
          row.points = (row.points ?? 0) + 1
          try await transaction.update(row)
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
