import Foundation
import Roost
import RoostBench
import RoostFile
import RoostMemory

/// What each embedded store is made to do; the peers' programs have the same by these names.
enum EmbeddedWorkload: String, CaseIterable {
  /// One row a transaction, durable, one writer.
  case commit
  /// The same by 64 writers at once.
  case commit64
  /// All rows in one transaction.
  case load
  /// Opening a store that holds the rows.
  case open
  /// Rows by their keys, at random, one after the other.
  case find
  /// The same of a table that the processor's caches hold.
  case findCached = "find-cached"
  /// The same, all in one read-only transaction.
  case findInTransaction = "find-in-transaction"

  /// How many rows there are, or how often it is done, in one measurement.
  func count(isQuick: Bool) -> Int {
    switch self {
    case .commit, .commit64: isQuick ? 1_000 : 20_000
    case .load, .open, .find, .findCached, .findInTransaction: isQuick ? 30_000 : 1_000_000
    }
  }

  var title: String {
    switch self {
    case .commit: "durable one-row commits, one writer"
    case .commit64: "durable one-row commits, 64 writers"
    case .load: "rows loaded in one transaction"
    case .open: "rows of a store that is opened"
    case .find: "rows by key"
    case .findCached: "rows by key, of 10000"
    case .findInTransaction: "rows by key, in one transaction"
    }
  }
}

/// The workloads over Roost.
extension EmbeddedWorkload {
  /// How many rows a store holds before anything is measured.
  private func rows(_ count: Int) -> Int {
    switch self {
    case .commit, .commit64, .load: 0
    case .open, .find, .findInTransaction: count
    case .findCached: 10_000
    }
  }

  /// Prints the figures.
  func run(url: String, count: Int) async throws {
    var store = try await Self.open(url)
    let stored = rows(count)
    if stored > 0 { _ = try await store.load((1...stored).map { Sample($0) }) }
    if stored > 0, self != .open, url.hasPrefix("file:") {
      // Reading is measured as it is once the large journal has become a snapshot.
      await store.close()
      store = try await Self.open(url)
    }
    // Not a part of what is measured.
    let rows = self == .load ? (1...count).map { Sample($0) } : []
    if self == .open { await store.close() }
    let run = try await Measurement.of { [store] in
      let sum: Double
      switch self {
      case .commit: sum = try await Self.commit(store, 1...count)
      case .commit64:
        sum = try await withThrowingTaskGroup(of: Double.self) { group in
          for writer in 0..<64 {
            group.addTask {
              try await Self.commit(store, stride(from: 1 + writer, through: count, by: 64))
            }
          }
          return try await group.reduce(0, +)
        }
      case .load: sum = Double(try await store.load(rows))
      case .open:
        let opened = try await Self.open(url)
        sum = Double(try await opened.select(Sample.self).count())
        await opened.close()
      case .find, .findCached: sum = try await Self.find(store, count, among: stored)
      case .findInTransaction:
        sum = try await store.transaction(.init(isolation: .repeatableRead, isReadOnly: true)) {
          try await Self.find($0, count, among: stored)
        }
      }
      return (count, sum)
    }
    await store.close()
    print(run)
  }

  private static func open(_ url: String) async throws -> Store {
    try await Store.open(
      url, backends: [.memory, .file], migrations: [Sample.migrations], migrate: .auto,
      environment: [:])
  }

  private static func commit(_ store: Store, _ numbers: some Sequence<Int>) async throws -> Double {
    var sum = 0.0
    for number in numbers {
      try await store.insert([Sample(number)])
      sum += 1
    }
    return sum
  }

  private static func find(
    _ session: some RecordSession, _ count: Int, among rows: Int
  ) async throws -> Double {
    var keys = KeySequence(rows)
    var sum = 0.0
    for _ in 0..<count {
      guard let sample = try await session.find(Sample.self, keys.next()) else {
        throw Failure("a row is not there")
      }
      sum += sample.sum
    }
    return sum
  }
}

/// Keys at random, the same for everybody: a linear congruential generator.
struct KeySequence {
  private var state: UInt64 = 42
  private let count: UInt64

  init(_ count: Int) {
    self.count = UInt64(count)
  }

  mutating func next() -> Int64 {
    // Source: Knuth's MMIX.
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int64((state >> 33) % count) + 1
  }
}
