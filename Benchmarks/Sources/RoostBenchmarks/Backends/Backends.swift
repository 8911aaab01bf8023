import Foundation
import RoostBench
import RoostTesting

/// The backends beside each other and beside their peers.
struct Backends {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run() async throws -> [Results.Section] {
    let server = try await ThrowawayPostgres.start(.scramSHA256, isDurable: true)
    defer { server.stop() }
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    let redis = try RedisServer.start(in: scratch.path)
    defer { redis?.stop() }
    options.progress.begin("backends", of: 0)
    let contest = StoreContest(
      options: options, server: server, folder: scratch.path, redisSocket: redis?.socket)
    return [
      try await records(contest), try await tinyDB(contest), try await systems(contest),
      try await curves(contest),
    ]
  }

  private let placeNote = "Each measurement is a process of its own on an empty store."

  /// How much a workload does, one operation a record.
  private func scale(_ records: Int, quick: Int) -> Scale {
    var scale = Scale()
    scale.records = options.isQuick ? quick : records
    scale.operations = scale.records
    scale.seconds = options.isQuick ? 1 : 10
    return scale
  }

  /// The mixes over records.
  private func records(_ contest: StoreContest) async throws -> Results.Section {
    let scale = scale(10_000, quick: 1_000)
    var section = Results.Section(
      "backends-records", title: "Records in stores",
      notes: [
        placeNote,
        "YCSB's mixes over \(scale.records) records, as many operations, in memory twenty times as "
          + "many (but for E), one worker; zipfian 0.99, scattered. Documents have 1 to 4 KiB.",
        "SQLite: prepared statements in C, one writer at a time; on a file WAL with "
          + "synchronous=FULL; in memory it keeps nothing. It stores a document as text and does "
          + "not check or parse it, where Roost stores jsonb.",
        "LMDB: a key and bytes in C, durable, one writer at a time; no columns, no types, no query "
          + "but by key.",
        "Redis: a key and bytes over a Unix socket from C, appendfsync always; no order of keys, "
          + "so no mix E; all data must fit in memory.",
        "Driver alone: the statements that the store sends, written by hand, without validation, "
          + "defaults, errors by code or metrics.",
        "SQLAlchemy: Core on psycopg 3 with its pool; documents as dictionaries.",
      ])
    let quick = ["documents-a", "documents-c", "tasks-a"]
    for workload in RoostBench.Workload.all where !options.isQuick || quick.contains(workload.name)
    {
      var many = scale
      switch workload {
      case .load, .mix(.e, _): break
      case .mix: many.operations *= 20
      default: continue
      }
      section.comparisons += try await contest.compare(
        workload.name, "stores", scale, [.memory, .file, .postgres, .sqlite, .lmdb, .redis])
      section.comparisons += try await contest.compare(
        workload.name, "in memory", many, [.memory, .sqliteInMemory])
      section.comparisons += try await contest.compare(
        workload.name, "Postgres", scale, [.driver, .postgres, .sqlalchemy])
    }
    return section
  }

  /// TinyDB writes its whole file with each change: it takes part where that is bearable.
  private func tinyDB(_ contest: StoreContest) async throws -> Results.Section {
    var section = Results.Section(
      "backends-tinydb", title: "A small store beside TinyDB",
      notes: [
        "100 documents, 100 operations. TinyDB writes its whole JSON file with each change, does "
          + "not wait for the device, and looks at every document to find one."
      ])
    section.comparisons = try await contest.compare(
      "documents-a", "small", scale(100, quick: 100), [.memory, .file, .tinydb])
    return section
  }

  /// What the systems do, and the package graph.
  private func systems(_ contest: StoreContest) async throws -> Results.Section {
    var section = Results.Section(
      "backends-systems", title: "The three systems", notes: [placeNote])
    for workload in RoostBench.Workload.all {
      switch workload {
      case .system, .graph, .rate:
        section.comparisons += try await contest.compare(
          workload.name, "backends", scale(10_000, quick: 500), [.memory, .file, .postgres])
      default: continue
      }
    }
    return section
  }

  /// What changes with the number of rows, and of workers.
  private func curves(_ contest: StoreContest) async throws -> Results.Section {
    var section = Results.Section("backends-curves", title: "As the work grows")
    section.curves = try await contest.growth(upTo: options.isQuick ? 10_000 : 1_000_000)
    let counts = options.isQuick ? [1, 8, 64] : [1, 2, 4, 8, 16, 32, 64]
    section.curves.append(
      try await contest.workers(counts, records: options.isQuick ? 1_000 : 20_000))
    return section
  }
}
