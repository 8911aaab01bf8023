public import Roost
import RoostCore

/// What single calls cost as a table grows, in microseconds.
public struct Growth: Sendable, Hashable {
  /// How many rows there were.
  public let rows: Int
  /// A row by its key.
  public let find: Double
  /// A new row.
  public let insert: Double
  /// A page of 20 rows of a status, the newest first.
  public let page: Double
  /// The five rows that have a word in a text that no index serves.
  public let search: Double

  /// The figures in the order of `titles`, in microseconds.
  public var figures: [Double] { [find, insert, page, search] }

  /// What the figures are called: in a file's name, and for people.
  public static let titles = [
    (name: "find", title: "a row by its key"), (name: "insert", title: "a new row"),
    (name: "page", title: "a page of 20 rows in order"),
    (name: "search", title: "a search without an index"),
  ]

  /// How often each call is made at each size.
  private static let calls = 200
  /// How often a search is made, which looks at every row.
  private static let searches = 5

  /// The sizes up to a greatest one: 1,000 and its tenfolds.
  public static func sizes(upTo greatest: Int) -> [Int] {
    var (size, sizes) = (1_000, [Int]())
    while size <= greatest {
      sizes.append(size)
      size *= 10
    }
    return sizes
  }

  /// Fills the store's `bench_tasks` step by step, and times calls at each size.
  /// - Parameters:
  ///   - store: a store that was opened with `MigrationSet.bench`, its table empty.
  ///   - greatest: how many rows there are in the end; 1,000 at least.
  ///   - shouldStop: asked between calls.
  /// - Returns: the figures of each size, each a median, and the sum over all that was read.
  /// - Throws: `cancelled`; what the store throws.
  public static func measure(
    on store: Store, upTo greatest: Int, shouldStop: @escaping @Sendable () -> Bool = { false }
  ) async throws -> (sizes: [Growth], sum: Double) {
    var (growths, count, sum) = ([Growth](), 0, 0.0)
    for size in sizes(upTo: greatest) {
      while count < size {
        if shouldStop() { throw StoreError(.cancelled, "the measurement was stopped") }
        let end = min(count + 10_000, size)
        try await store.load((count..<end).map { BenchTask.loaded($0) })
        count = end
      }
      var calls = Calls(store: store, rows: size, shouldStop: shouldStop)
      growths.append(
        Growth(
          rows: size, find: try await calls.find(), insert: try await calls.insert(),
          page: try await calls.page(), search: try await calls.search()))
      sum += calls.sum
    }
    return (growths, sum)
  }

  /// The calls at one size.
  private struct Calls {
    let store: Store
    let rows: Int
    let shouldStop: @Sendable () -> Bool
    var sum = 0.0

    private mutating func median(
      of numbers: [Int], _ call: @escaping @Sendable (Int) async throws -> Double
    ) async throws -> Double {
      let run = try await Workers.run([numbers], shouldStop: shouldStop, call)
      sum += run.sum ?? 0
      return run.latencies?.p50 ?? 0
    }

    mutating func find() async throws -> Double {
      var generator = SeededGenerator(seed: Scale.seed)
      let numbers = (0..<Growth.calls).map { _ in Int.random(in: 0..<rows, using: &generator) }
      let store = store
      return try await median(of: numbers) {
        try await store.get(BenchTask.self, BenchKey.text($0)).sum
      }
    }

    /// The rows go again, so that the next size is what it says.
    mutating func insert() async throws -> Double {
      let store = store
      let cost = try await median(of: Array(rows..<(rows + Growth.calls))) {
        try await store.insert(BenchTask.loaded($0)).sum
      }
      let first = BenchKey.text(rows)
      try await store.select(BenchTask.self).where { $0.id >= first }.delete()
      return cost
    }

    mutating func page() async throws -> Double {
      let store = store
      return try await median(of: Array(0..<Growth.calls)) { number in
        let status = BenchTask.statuses[number % BenchTask.statuses.count]
        let page = try await store.select(BenchTask.self).where { $0.status == status }
          .order { $0.createdAt.descending }.page(size: 20)
        return page.records.reduce(0) { $0 + $1.sum }
      }
    }

    mutating func search() async throws -> Double {
      let store = store
      return try await median(of: Array(0..<Growth.searches)) { _ in
        let found = try await store.select(BenchTask.self).where { $0.direction.contains("quartz") }
          .fetch()
        return found.reduce(0) { $0 + $1.sum }
      }
    }
  }
}
