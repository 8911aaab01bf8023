public import RoostCore

/// A store's figures at one moment: `await store.metrics`.
public struct StoreMetrics: Sendable, Codable {
  /// The calls of one operation on one table of one backend.
  public struct Series: Sendable, Equatable {
    /// The operation.
    public let operation: StorageCall.Operation
    /// The table, nil for whole transactions.
    public let table: String?
    /// The backend and its place, without a password.
    public let backend: String
    /// How long the calls took, those that failed included.
    public internal(set) var durations = DurationHistogram()
    /// How many failed, by their codes.
    public internal(set) var failures: [StoreError.Code: Int] = [:]

    init(_ operation: StorageCall.Operation, _ table: String?, backend: String) {
      self.operation = operation
      self.table = table
      self.backend = backend
    }

    mutating func note(nanoseconds: UInt64, _ failure: StoreError.Code?) {
      durations.note(nanoseconds: nanoseconds)
      if let failure { failures[failure, default: 0] += 1 }
    }

    /// How long half of the calls took at most; right to a quarter of it. Nil without calls.
    public var p50: Duration? { durations.percentile(0.5) }
    /// How long 95 of 100 took at most.
    public var p95: Duration? { durations.percentile(0.95) }
    /// How long 99 of 100 took at most.
    public var p99: Duration? { durations.percentile(0.99) }
  }

  /// When they were taken.
  public let takenAt: Timestamp
  /// The calls since the store was opened, ordered by backend, operation and table.
  public let series: [Series]
  /// What backends and layers report, and how fast sizes grow.
  public let figures: [Figure]

  init(takenAt: Timestamp, series: [Series], figures: [Figure]) {
    self.takenAt = takenAt
    self.figures = figures
    self.series = series.sorted {
      ($0.backend, $0.operation.rawValue, $0.table ?? "")
        < ($1.backend, $1.operation.rawValue, $1.table ?? "")
    }
  }

  /// The greatest value among the figures of a name; nil when there is none.
  public func greatest(_ name: String) -> Double? {
    figures.lazy.filter { $0.name == name && !$0.value.isNaN }.map(\.value).max()
  }
}

extension StoreMetrics.Series: Codable {
  private enum Key: String, CodingKey {
    case operation, table, backend, durations, failures, p50, p95, p99
  }

  /// Reads what `encode` wrote.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    operation = try values.decode(StorageCall.Operation.self, forKey: .operation)
    table = try values.decodeIfPresent(String.self, forKey: .table)
    backend = try values.decode(String.self, forKey: .backend)
    durations = try values.decode(DurationHistogram.self, forKey: .durations)
    for (code, count) in try values.decode([String: Int].self, forKey: .failures) {
      failures[StoreError.Code(rawValue: code)] = count
    }
  }

  /// Writes the figures, and the percentiles in seconds for those who only read them.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(operation, forKey: .operation)
    try values.encodeIfPresent(table, forKey: .table)
    try values.encode(backend, forKey: .backend)
    try values.encode(durations, forKey: .durations)
    let failures = Dictionary(uniqueKeysWithValues: failures.map { ($0.rawValue, $1) })
    try values.encode(failures, forKey: .failures)
    for (key, percentile) in [(Key.p50, p50), (.p95, p95), (.p99, p99)] {
      try values.encodeIfPresent(percentile.map { $0 / .seconds(1) }, forKey: key)
    }
  }
}
