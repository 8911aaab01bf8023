public import Roost

/// What a mix is run on: a store, or a driver alone.
public protocol RecordTarget: Sendable {
  /// Loads the rows `0..<count` into the empty table.
  func load(_ count: Int) async throws
  /// Makes a step.
  /// - Returns: the sum of the rows that were read or inserted, and how many were updated.
  func run(_ step: Step) async throws -> Double
}

/// A mix on a store.
public struct StoreTarget<R: BenchRecord>: RecordTarget {
  /// The most rows that are made at once.
  private static var batch: Int { 10_000 }

  private let store: Store

  /// Uses a store that was opened with `MigrationSet.bench`.
  public init(_ type: R.Type, _ store: Store) {
    self.store = store
  }

  /// Loads rows.
  public func load(_ count: Int) async throws {
    for start in stride(from: 0, to: count, by: Self.batch) {
      let end = min(start + Self.batch, count)
      try await store.load((start..<end).map { R.loaded($0) })
    }
  }

  /// Makes a step.
  public func run(_ step: Step) async throws -> Double {
    switch step {
    case .read(let number): return try await find(number).sum
    case .update(let number, let revision):
      let key = BenchKey.text(number)
      let changed = try await store.select(R.self).where { $0.id == key }
        .update { _ in R.assignments(number, revision: revision) }
      return Double(changed)
    case .insert(let number): return try await store.insert(R(number, revision: 0)).sum
    case .scan(let number, let count):
      let key = BenchKey.text(number)
      let rows = try await store.select(R.self).where { $0.id >= key }.limit(count).fetch()
      return rows.reduce(0) { $0 + $1.sum }
    case .readAndUpdate(let number, let revision):
      let row = try await find(number)
      try await store.update(row.revised(revision))
      return row.sum
    }
  }

  private func find(_ number: Int) async throws -> R {
    try await store.get(R.self, BenchKey.text(number))
  }
}

extension Trace {
  /// Makes all steps, each worker its own, and times them.
  /// - Parameters:
  ///   - target: what holds the records already.
  ///   - shouldStop: asked before each step.
  /// - Throws: `cancelled` when it was asked to stop; what the target throws.
  public func run(
    on target: some RecordTarget, shouldStop: @escaping @Sendable () -> Bool = { false }
  ) async throws -> Measurement {
    try await Workers.run(steps, shouldStop: shouldStop) { step in try await target.run(step) }
  }
}

/// Workers that share some work.
enum Workers {
  /// Does all that each worker has to do, and times it.
  /// - Parameter work: does one thing and returns the sum of what it saw.
  static func run<Item: Sendable>(
    _ items: [[Item]], shouldStop: @escaping @Sendable () -> Bool,
    _ work: @escaping @Sendable (Item) async throws -> Double
  ) async throws -> Measurement {
    var latencies = Latencies()
    var measurement = try await Measurement.of {
      try await withThrowingTaskGroup(of: (Int, Double, Latencies).self) { group in
        for own in items {
          group.addTask {
            var (sum, latencies) = (0.0, Latencies())
            for item in own {
              if shouldStop() { throw StoreError(.cancelled, "the measurement was stopped") }
              let start = ContinuousClock.now
              sum += try await work(item)
              latencies.note(ContinuousClock.now - start)
            }
            return (own.count, sum, latencies)
          }
        }
        var (count, sum) = (0, 0.0)
        for try await (done, part, times) in group {
          count += done
          sum += part
          latencies.add(times)
        }
        return (count, sum)
      }
    }
    measurement.latencies = latencies.percentiles
    return measurement
  }
}
