public import Roost
import RoostCore
import RoostSystems

/// Something that a store is made to do, the same on every backend.
public enum Workload: Sendable, Hashable {
  /// Loading the records of a kind at once.
  case load(RecordKind)
  /// One of YCSB's mixes over the records of a kind.
  case mix(Mix, RecordKind)
  /// What one of the three systems does all day.
  case system(SystemWorkload)
  /// The package graph.
  case graph(GraphWorkload)
  /// A rate that is held: each operation's time counts from when it was due.
  case rate

  /// All of them.
  public static let all: [Workload] =
    RecordKind.allCases.flatMap { kind in
      [.load(kind)] + Mix.allCases.map { .mix($0, kind) }
    } + SystemWorkload.allCases.map { .system($0) } + GraphWorkload.allCases.map { .graph($0) }
    + [.rate]

  /// What it is called on a command line: a group's name, or that with what it is in the group,
  /// such as `documents-a`.
  public var name: String {
    switch self {
    case .load(let kind): "\(kind.rawValue)-load"
    case .mix(let mix, let kind): "\(kind.rawValue)-\(mix.rawValue)"
    case .system(let system): "systems-\(system.rawValue)"
    case .graph(let graph): "graph-\(graph.rawValue)"
    case .rate: "rate"
    }
  }

  /// What it is called in a table.
  public var title: String {
    switch self {
    case .load(let kind): "load of \(kind.title)"
    case .mix(let mix, let kind): "\(kind.rawValue), \(mix.title)"
    case .system(let system): system.title
    case .graph(let graph): graph.title
    case .rate: "a rate held"
    }
  }

  /// What is counted.
  public var unit: String {
    switch self {
    case .load: "records"
    case .mix, .system, .rate: "operations"
    case .graph(let graph): graph.unit
    }
  }

  /// The tables that it needs.
  public var migrations: MigrationSet {
    switch self {
    case .load, .mix, .rate: .bench
    case .system(let system): system.migrations
    case .graph: .coherence
    }
  }

  /// Fills the store's tables, which must be empty, and does the work.
  /// - Parameters:
  ///   - store: a store that was opened with `migrations`.
  ///   - scale: how much is done.
  /// - Returns: what the work took; to fill the tables is no part of it, unless it is the work.
  /// - Throws: `cancelled` when `scale.shouldStop` says so; what the store throws.
  public func run(on store: Store, _ scale: Scale) async throws -> Measurement {
    switch self {
    case .load(.documents): try await Self.load(BenchDocument.self, store, scale)
    case .load(.tasks): try await Self.load(BenchTask.self, store, scale)
    case .mix(let mix, .documents):
      try await Self.run(mix, StoreTarget(BenchDocument.self, store), scale)
    case .mix(let mix, .tasks): try await Self.run(mix, StoreTarget(BenchTask.self, store), scale)
    case .system(let system): try await system.run(on: store, scale)
    case .graph(let graph): try await graph.run(on: store, scale)
    case .rate: try await Self.rate(store, scale)
    }
  }

  /// Loads a target and runs a mix on it.
  /// - Throws: as `run(on:)`.
  public static func run(
    _ mix: Mix, _ target: some RecordTarget, _ scale: Scale
  ) async throws -> Measurement {
    let trace = Trace(mix, scale)
    try await target.load(trace.records)
    return try await trace.run(on: target, shouldStop: scale.shouldStop)
  }

  private static func load<R: BenchRecord>(
    _ type: R.Type, _ store: Store, _ scale: Scale
  ) async throws -> Measurement {
    let rows = (0..<scale.records).map { R.loaded($0) }
    return try await Measurement.of {
      let count = try await store.load(rows)
      return (count, Double(count))
    }
  }

  private static func rate(_ store: Store, _ scale: Scale) async throws -> Measurement {
    var load = SteadyLoad()
    load.perSecond = scale.perSecond
    load.seconds = scale.seconds
    load.rows = scale.records
    let start = Machine.processorSeconds
    let report = try await load.run(on: store, shouldStop: scale.shouldStop)
    guard report.failures.isEmpty else {
      throw StoreError(.internal, "operations failed under a steady load: \(report.failures)")
    }
    var measurement = Measurement(
      seconds: report.seconds, processorSeconds: Machine.processorSeconds - start,
      count: Double(report.operations), sum: Double(report.operations),
      peakKibibytes: Double(Machine.peakKibibytes))
    measurement.latencies = report.latencies.percentiles
    return measurement
  }
}

extension Trace {
  /// The steps of a mix at a scale.
  public init(_ mix: Mix, _ scale: Scale) {
    self.init(
      mix, records: scale.records, operations: scale.operations, workers: scale.workers,
      seed: Scale.seed)
  }
}
