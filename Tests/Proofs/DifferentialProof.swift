import Foundation
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting

extension Proof {
  /// How many operations the stores take before new ones begin: few enough to be replayed.
  private static let runLength = 5_000

  /// Random operations with transactions, constraints, cascades and triggers are answered by all
  /// backends alike; a mismatch is made as small as it gets.
  static let differential = Proof(
    "differential", "random operations have the same answers in memory, in a file and in Postgres",
    options: ["postgres"]
  ) { request in
    let places = try await StorePlaces(withPostgres: request.options.contains("postgres"))
    defer { places.remove() }
    var (left, seed, errors) = (request.count, request.seed, 0)
    while left > 0 {
      let run = DifferentialRun(seed: seed, steps: min(left, runLength))
      do {
        let stores = try await places.open([ConformanceSuite.migrations])
        errors += try await run.run(on: stores)
        for store in stores { await store.close() }
      } catch let mismatch as DifferentialMismatch {
        let smallest = try await run.shrunk(mismatch) {
          try await places.open([ConformanceSuite.migrations])
        }
        throw Violation(
          "\(smallest)\n  again: Tests/Proofs/run differential \(run.steps) --seed \(seed)")
      }
      left -= run.steps
      seed += 1
    }
    return "\(request.count) operations, \(errors) of them errors, all alike"
  }

  /// Transactions beside each other show nothing that their isolation level forbids.
  static let histories = Proof(
    "histories", "concurrent transactions on each backend and isolation level, without an anomaly"
  ) { request in
    let places = try await StorePlaces(withPostgres: true)
    defer { places.remove() }
    var (committed, steps) = (0, 0)
    for number in 0..<request.count {
      let kind = HistoryKind.allCases[number % HistoryKind.allCases.count]
      var run = ListAppendRun()
      run.seed = request.seed + UInt64(number)
      run.isolation = kind.isolation
      // More or fewer of them meet.
      run.keys = 2 + number % 7
      let stores = try await kind.open(places)
      let history = try await run.run(on: stores)
      for store in stores { await store.close() }
      committed += history.transactions.count { $0.outcome == .committed }
      steps += history.transactions.reduce(0) { $0 + $1.steps.count }
      if let anomaly = history.anomalies(under: kind.promise).first {
        throw Violation("\(kind), history \(number): \(anomaly)")
      }
    }
    return "\(request.count) histories, \(committed) committed transactions, \(steps) steps, "
      + "no anomaly"
  }
}

/// A backend and how its transactions are isolated.
private enum HistoryKind: CaseIterable {
  case memory, file, readCommitted, repeatableRead, serializable

  var isolation: TransactionOptions.Isolation {
    switch self {
    case .memory, .file, .readCommitted: .readCommitted
    case .repeatableRead: .repeatableRead
    case .serializable: .serializable
    }
  }

  /// Memory and file have one writer at a time, whatever is asked for.
  var promise: IsolationPromise {
    switch self {
    case .memory, .file: .strictlySerializable
    case .readCommitted: .readCommitted
    case .repeatableRead: .snapshot
    case .serializable: .serializable
    }
  }

  func open(_ places: StorePlaces) async throws -> [Store] {
    let sets = [ListAppendRun.migrations]
    switch self {
    case .memory: return [try await places.open("memory:", sets)]
    case .file: return [try await places.open(places.file(), sets)]
    default:
      let url = try await places.database()
      return [try await places.open(url, sets), try await places.open(url, sets)]
    }
  }
}

/// Where stores of a proof are.
private final class StorePlaces: Sendable {
  private let folder: String
  private let server: ThrowawayPostgres?

  init(withPostgres: Bool) async throws {
    folder = NSTemporaryDirectory() + "roost-stores-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    // Transactions that wait for each other are found out soon: it happens all the time here.
    server =
      withPostgres
      ? try await ThrowawayPostgres.start(.trust, settings: ["deadlock_timeout": "10ms"]) : nil
  }

  func remove() {
    server?.stop()
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// The URL of a new folder. What a disk keeps is not the question here.
  func file() -> String { "file:\(folder)/\(UUID().uuidString)?durability=os" }

  /// The URL of a new database.
  func database() async throws -> String {
    guard let server else { throw Violation("there is no server") }
    return server.url(database: try await server.createDatabase())
  }

  /// New stores: memory, file and, where there is a server, Postgres.
  func open(_ sets: [MigrationSet]) async throws -> [Store] {
    var stores = [try await open("memory:", sets), try await open(file(), sets)]
    if server != nil { stores.append(try await open(try await database(), sets)) }
    return stores
  }

  func open(_ url: String, _ sets: [MigrationSet]) async throws -> Store {
    try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: sets, migrate: .auto,
      environment: [:])
  }
}
