import Foundation
import RoostBench
import RoostTesting

/// Stores that take turns at a workload.
struct StoreContest {
  let options: Options
  let server: ThrowawayPostgres
  let folder: String
  /// Where Redis listens; nil when it takes no part.
  let redisSocket: String?

  /// Who may take part.
  enum Contestant: String, CaseIterable {
    case memory, file, sqlite, lmdb, redis, tinydb
    case postgres = "Postgres"
    case sqliteInMemory = "SQLite in memory"
    case driver = "driver alone"
    case sqlalchemy = "SQLAlchemy"

    /// The peer's program; nil for Roost itself.
    fileprivate var program: String? {
      switch self {
      case .memory, .file, .postgres, .driver: nil
      case .sqlite, .sqliteInMemory: "sqlite-records"
      case .lmdb: "lmdb"
      case .redis: "redis"
      case .tinydb: "tinydb"
      case .sqlalchemy: "sqlalchemy"
      }
    }
  }

  private func peer(_ contestant: Contestant) -> [String]? {
    contestant.program.flatMap { options.peer(contestant.rawValue, $0)?.command }
  }

  /// Runs a workload in turns.
  /// - Parameters:
  ///   - name: the workload's name.
  ///   - group: what the contestants have in common, for people.
  ///   - scale: how much is done.
  ///   - contestants: who may take part; the first is what the others are measured by.
  /// - Returns: nothing when fewer than two take part.
  func compare(
    _ name: String, _ group: String, _ scale: Scale, _ contestants: [Contestant]
  ) async throws -> [Comparison] {
    guard let workload = RoostBench.Workload.all.first(where: { $0.name == name }) else {
      throw Failure("no such workload: \(name)")
    }
    let contestants = contestants.filter { takesPart($0, in: workload) }
    guard contestants.count > 1 else { return [] }
    let traces = try TraceFiles(workload, scale, in: folder)
    defer { traces.remove() }
    var comparison = Comparison(
      "backends/\(name)/\(group)", title: "\(workload.title) (\(group))", unit: workload.unit,
      of: contestants.map(\.rawValue))
    var sum: Double?
    for round in 0..<options.rounds {
      for turn in contestants.indices {
        let place = (turn + round) % contestants.count
        options.progress.next(comparison.title, contestants[place].rawValue)
        let run = try await measure(contestants[place], workload, scale, traces)
        guard sum == nil || run.sum == sum else {
          throw Failure("\(contestants[place].rawValue) saw something else in \(name)")
        }
        sum = run.sum
        comparison.add(run, of: place)
      }
    }
    return [comparison]
  }

  private func takesPart(_ contestant: Contestant, in workload: RoostBench.Workload) -> Bool {
    guard contestant.program == nil || peer(contestant) != nil else { return false }
    switch (contestant, workload) {
    case (.memory, _), (.file, _), (.postgres, _): return true
    case (.driver, .mix): return true
    case (.redis, .mix(.e, _)): return false
    case (.redis, _) where redisSocket == nil: return false
    case (_, .mix(_, .documents)): return true
    case (_, .load(.documents)): return contestant != .driver && contestant != .redis
    default: return false
    }
  }

  private func measure(
    _ contestant: Contestant, _ workload: RoostBench.Workload, _ scale: Scale,
    _ traces: TraceFiles
  ) async throws -> Measurement {
    let place = try await place(contestant)
    defer { clear() }
    let words: [String]
    if let peer = peer(contestant) {
      let work = if case .load = workload { "load" } else { "steps" }
      words = peer + [work, place, traces.rows, traces.steps, "\(scale.records)"]
    } else {
      let way: StoreChild.Way = contestant == .driver ? .driver : .store
      words =
        [Child.program, Child.marker, "store", way.rawValue, workload.name, place]
        + [scale.records, scale.operations, scale.workers, scale.seconds].map { "\($0)" }
        + [options.file]
    }
    guard let run = Measurement(try Child.output(of: words)) else {
      throw Failure("\(contestant.rawValue) printed other figures")
    }
    return run
  }

  /// An empty store.
  private func place(_ contestant: Contestant) async throws -> String {
    try FileManager.default.createDirectory(
      atPath: "\(folder)/place", withIntermediateDirectories: true)
    switch contestant {
    case .memory: return "memory:"
    case .sqliteInMemory: return ":memory:"
    case .file: return "file:\(folder)/place/store"
    case .postgres, .driver, .sqlalchemy:
      return server.url(database: try await server.createDatabase())
    case .redis:
      guard let redisSocket else { throw Failure("Redis is not there") }
      try RedisServer.empty(redisSocket)
      return redisSocket
    case .sqlite, .lmdb, .tinydb: return "\(folder)/place/store"
    }
  }

  /// Removes the last one's files, which are then in nobody's way.
  private func clear() {
    try? FileManager.default.removeItem(atPath: "\(folder)/place")
  }

  // MARK: Curves

  private static let backends: [Contestant] = [.memory, .file, .postgres]

  /// What single calls cost as a table grows.
  func growth(upTo rows: Int) async throws -> [Curve] {
    var curves = Growth.titles.map { figure in
      Curve(
        "backends-growth-\(figure.name)", title: figure.title, horizontal: "rows", vertical: "us")
    }
    var sum: Double?
    for backend in Self.backends {
      let place = try await place(backend)
      defer { clear() }
      options.progress.next("growth", backend.rawValue)
      let text = try Child.output(of: [
        Child.program, Child.marker, "store", StoreChild.Way.growth.rawValue, "growth", place,
        "\(rows)", "0", "1", "1", options.file,
      ])
      var numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }[...]
      let own = numbers.popFirst()
      guard sum == nil || own == sum else { throw Failure("\(backend.rawValue) saw other rows") }
      sum = own
      while let size = numbers.popFirst() {
        for index in curves.indices {
          guard let cost = numbers.popFirst() else { throw Failure("a figure is missing") }
          curves[index].add(x: size, y: cost, to: backend.rawValue)
        }
      }
    }
    return curves
  }

  /// How the rate grows with the number of workers.
  func workers(_ counts: [Int], records: Int) async throws -> Curve {
    let workload = RoostBench.Workload.mix(.b, .tasks)
    var scale = Scale()
    (scale.records, scale.operations) = (records, records)
    let traces = try TraceFiles(workload, scale, in: folder)
    var curve = Curve(
      "backends-workers", title: workload.title, horizontal: "workers", vertical: "a second")
    for count in counts {
      scale.workers = count
      for backend in Self.backends {
        options.progress.next("workers", backend.rawValue)
        let run = try await measure(backend, workload, scale, traces)
        curve.add(x: Double(count), y: run.count / run.seconds, to: backend.rawValue)
      }
    }
    return curve
  }
}

/// The rows and steps of a mix as files, for the peers' programs.
private struct TraceFiles {
  let rows: String
  let steps: String

  init(_ workload: RoostBench.Workload, _ scale: Scale, in folder: String) throws {
    (rows, steps) = ("\(folder)/rows.tsv", "\(folder)/steps.txt")
    let trace: Trace
    switch workload {
    case .mix(let mix, .documents): trace = Trace(mix, scale)
    case .load(.documents):
      trace = Trace(.c, records: scale.records, operations: 0, workers: 1, seed: 0)
    default: return
    }
    let lines = (0..<trace.total).map { number in
      let row = BenchDocument(number, revision: 0)
      return "\(row.id)\t\(row.accountID)\t\(row.text)\n"
    }
    try lines.joined().write(toFile: rows, atomically: false, encoding: .utf8)
    try trace.text.write(toFile: steps, atomically: false, encoding: .utf8)
  }

  func remove() {
    for file in [rows, steps] { try? FileManager.default.removeItem(atPath: file) }
  }
}
