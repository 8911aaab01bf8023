public import RoostCore
import Synchronization

/// Counts a store's calls and how long they take, by operation and table.
///
/// Promise: nothing is changed. A call costs two looks at the clock and a lock.
///
///     let metrics = MetricsLayer()
///     let store = try await Store.open(backends: ..., migrations: ..., layers: [metrics])
///     print(metrics.snapshot().prometheus())
public final class MetricsLayer: StorageLayer {
  private struct Key: Hashable {
    let operation: StorageCall.Operation
    let table: String?
  }

  private let series = Mutex<[Key: StoreMetrics.Series]>([:])

  /// Counts from nothing.
  public init() {}

  /// `metrics`.
  public var place: LayerPlace { .metrics }

  /// Hands the call on and notes what it came to.
  public func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    // The end of a body is a moment, and the transaction has it.
    if call.operation == .commit { return try await next() }
    let start = ContinuousClock.now
    do throws(StoreError) {
      let result = try await next()
      note(call, since: start, nil)
      return result
    } catch {
      note(call, since: start, error.code)
      throw error
    }
  }

  private func note(
    _ call: StorageCall, since start: ContinuousClock.Instant, _ failure: StoreError.Code?
  ) {
    let duration = ContinuousClock.now - start
    let key = Key(operation: call.operation, table: call.table)
    series.withLock { series in
      series[key, default: StoreMetrics.Series(call.operation, call.table)].note(duration, failure)
    }
  }

  /// The figures as they are.
  public func snapshot() -> StoreMetrics {
    StoreMetrics(series: series.withLock { Array($0.values) })
  }
}

/// A store's figures at one moment.
public struct StoreMetrics: Sendable {
  /// The calls of one operation on one table.
  public struct Series: Sendable {
    /// The operation.
    public let operation: StorageCall.Operation
    /// The table, nil for whole transactions.
    public let table: String?
    /// How long the calls took, those that failed included.
    public private(set) var durations = DurationHistogram()
    /// How many failed, by their codes.
    public private(set) var failures: [StoreError.Code: Int] = [:]

    init(_ operation: StorageCall.Operation, _ table: String?) {
      self.operation = operation
      self.table = table
    }

    mutating func note(_ duration: Duration, _ failure: StoreError.Code?) {
      durations.note(duration)
      if let failure { failures[failure, default: 0] += 1 }
    }
  }

  /// The series, ordered by operation and table.
  public let series: [Series]

  init(series: [Series]) {
    self.series = series.sorted {
      ($0.operation.rawValue, $0.table ?? "") < ($1.operation.rawValue, $1.table ?? "")
    }
  }

  /// What Prometheus draws histograms with: upper bounds in seconds.
  private static let bounds: [(text: String, limit: Duration)] = [
    ("0.0001", .microseconds(100)), ("0.0005", .microseconds(500)), ("0.001", .milliseconds(1)),
    ("0.005", .milliseconds(5)), ("0.01", .milliseconds(10)), ("0.05", .milliseconds(50)),
    ("0.1", .milliseconds(100)), ("0.5", .milliseconds(500)), ("1", .seconds(1)),
    ("5", .seconds(5)), ("10", .seconds(10)),
  ]

  /// The figures in Prometheus's text format, version 0.0.4. Source: Prometheus manual, "Exposition
  /// formats".
  public func prometheus() -> String {
    var lines = [
      "# HELP roost_call_seconds How long the store's calls took.",
      "# TYPE roost_call_seconds histogram",
    ]
    for one in series {
      let labels = Self.labels(one)
      for bound in Self.bounds {
        let count = one.durations.count(upTo: bound.limit)
        lines.append("roost_call_seconds_bucket{\(labels),le=\"\(bound.text)\"} \(count)")
      }
      lines.append("roost_call_seconds_bucket{\(labels),le=\"+Inf\"} \(one.durations.count)")
      lines.append("roost_call_seconds_sum{\(labels)} \(one.durations.total / .seconds(1))")
      lines.append("roost_call_seconds_count{\(labels)} \(one.durations.count)")
    }
    lines += [
      "# HELP roost_call_failures_total How many of the store's calls failed.",
      "# TYPE roost_call_failures_total counter",
    ]
    for one in series {
      for (code, count) in one.failures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        lines.append("roost_call_failures_total{\(Self.labels(one)),code=\"\(code)\"} \(count)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func labels(_ series: Series) -> String {
    let table = (series.table ?? "").replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      .replacing("\n", with: "\\n")
    return "operation=\"\(series.operation.rawValue)\",table=\"\(table)\""
  }
}
