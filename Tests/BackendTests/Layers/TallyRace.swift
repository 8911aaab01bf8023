import PostgresClient
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting
import Synchronization
import Testing

/// A number that only grows.
struct Tally: Record, Equatable {
  var id: Int
  var value: Int

  static let table = "tallies"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let value = Column<Int>("value")
  }
}

/// A row that goes with its tally.
struct TallyNote: Record, Equatable {
  var id: Int
  var tallyID: Int?
  var text: String

  static let table = "tally_notes"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let tallyID = Column<Int?>("tally_id")
    let text = Column<String>("text")
  }
}

enum Tallies {
  static let migrations = MigrationSet(
    system: "tallies",
    files: [
      MigrationFile(
        name: "V001__tallies.sql",
        text: """
          CREATE TABLE tallies (id integer PRIMARY KEY, value integer NOT NULL);
          CREATE TABLE tally_notes (
            id serial PRIMARY KEY,
            tally_id integer REFERENCES tallies ON DELETE CASCADE,
            text text COLLATE "C" NOT NULL
          );
          INSERT INTO tallies (id, value)
            VALUES (1000, 0), (1001, 0), (1002, 0), (1003, 0), (1004, 0);
          """)
    ])

  static func open(
    _ url: String, replicas: ReplicaOptions? = nil, layers: [any StorageLayer] = [],
    migrate: MigrationMode? = .auto, log: LogCollector = LogCollector()
  ) async throws -> Store {
    try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: [migrations], replicas: replicas,
      layers: layers, migrate: migrate, environment: [:], log: { log.add($0) })
  }

  /// Runs SQL beside all stores.
  static func run(_ sql: String, on url: String) async throws {
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(url, environment: [:]))
    try await connection.simple(sql)
    await connection.close()
  }
}

/// Waits until something is so; records an issue when it takes too long.
func eventually(
  _ what: Comment, within limit: Duration = .seconds(300),
  sourceLocation: SourceLocation = #_sourceLocation, _ isSo: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while ContinuousClock.now < end {
    if try await isSo() { return }
    try await Task.sleep(for: .milliseconds(10))
  }
  Issue.record(what, sourceLocation: sourceLocation)
}

/// Tasks that add to tallies and read them through several stores, each of which stands for a
/// process. Every read is checked: it shows what the same store has written before it, and what the
/// same reader has seen.
struct TallyRace {
  let stores: [Store]
  /// The tallies that the migration brings.
  private let firstKey = 1_000
  private let keys = 5
  /// How many changes each of a store's writers makes.
  let changes: Int
  /// The longest pause before a change.
  var pause = Duration.zero
  /// Whether reads are by query as well.
  let queries: Bool

  private final class Ledger: Sendable {
    struct State {
      /// The highest value of each tally that each store was told is written.
      var written: [[Int]]
      var writers: Int
      var report = Report()
    }

    let state: Mutex<State>

    init(stores: Int, keys: Int) {
      state = Mutex(
        State(
          written: Array(repeating: Array(repeating: 0, count: keys), count: stores),
          writers: stores * 2))
    }

    func note(_ error: any Error) {
      let code = (error as? StoreError).map { "\($0.code)" } ?? "\(error)"
      state.withLock { $0.report.failures[code, default: 0] += 1 }
    }
  }

  struct Report {
    var violations: [String] = []
    var reads = 0
    var acknowledged = 0
    var failures: [String: Int] = [:]
  }

  func run() async -> Report {
    let ledger = Ledger(stores: stores.count, keys: keys)
    await withTaskGroup(of: Void.self) { group in
      for store in stores.indices {
        for _ in 0..<2 { group.addTask { await write(store, ledger) } }
        for _ in 0..<3 { group.addTask { await read(store, ledger) } }
      }
    }
    return ledger.state.withLock { $0.report }
  }

  private func write(_ store: Int, _ ledger: Ledger) async {
    for number in 0..<changes {
      let key = Int.random(in: 0..<keys)
      try? await Task.sleep(for: pause * Double.random(in: 0...1))
      let before = ledger.state.withLock { $0.written[store][key] }
      do {
        var value = before + 1
        if number.isMultiple(of: 2) {
          value = try await stores[store].transaction(.init(isolation: .readCommitted)) {
            transaction in
            var tally = try await transaction.get(
              Tally.self, firstKey + key, lock: .forUpdate)
            tally.value += 1
            try await transaction.update(tally)
            return tally.value
          }
        } else {
          _ = try await stores[store].select(Tally.self).where { $0.id == firstKey + key }
            .update { [$0.value.increment(by: 1)] }
        }
        ledger.state.withLock { [value] ledger in
          ledger.report.acknowledged += 1
          ledger.written[store][key] = max(ledger.written[store][key], value)
        }
      } catch {
        ledger.note(error)
      }
    }
    ledger.state.withLock { $0.writers -= 1 }
  }

  private func read(_ store: Int, _ ledger: Ledger) async {
    var seen = Array(repeating: 0, count: keys)
    var number = 0
    while ledger.state.withLock({ $0.writers > 0 }) {
      let key = Int.random(in: 0..<keys)
      let written = ledger.state.withLock { $0.written[store][key] }
      number += 1
      do {
        let tally =
          queries && number.isMultiple(of: 2)
          ? try await stores[store].select(Tally.self).where { $0.id == firstKey + key }.first()
          : try await stores[store].find(Tally.self, firstKey + key)
        let value = tally?.value ?? -1
        ledger.state.withLock { ledger in
          ledger.report.reads += 1
          if value < written {
            ledger.report.violations.append("\(key): \(value) after \(written) was written")
          }
          if value < seen[key] {
            ledger.report.violations.append("\(key): \(value) after \(seen[key]) was seen")
          }
        }
        seen[key] = max(seen[key], value)
      } catch {
        ledger.note(error)
      }
      // Others have the thread, too, when all comes from a cache.
      await Task.yield()
    }
  }
}
