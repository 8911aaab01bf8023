/// How long single calls took, exactly: 8 bytes for each.
public struct Latencies: Sendable {
  private var nanoseconds: [UInt64] = []

  /// None yet.
  public init() {}

  /// Notes one more; less than nothing counts as nothing.
  public mutating func note(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    nanoseconds.append(
      seconds < 0 || attoseconds < 0
        ? 0 : UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
  }

  /// Adds another's.
  public mutating func add(_ other: Latencies) {
    nanoseconds += other.nanoseconds
  }

  /// The times that half of them, 95 of 100 and 99 of 100 did not exceed; nil when there are none.
  public var percentiles: Percentiles? {
    guard !nanoseconds.isEmpty else { return nil }
    let sorted = nanoseconds.sorted()
    // The nearest rank, as most tools have it.
    let at = { (part: Double) in
      Double(sorted[max(Int((Double(sorted.count) * part).rounded(.up)) - 1, 0)]) / 1_000
    }
    return Percentiles(p50: at(0.50), p95: at(0.95), p99: at(0.99))
  }

  /// Percentiles in microseconds.
  public struct Percentiles: Codable, Sendable, Hashable {
    /// Half of the calls took no longer.
    public let p50: Double
    /// 95 of 100 calls took no longer.
    public let p95: Double
    /// 99 of 100 calls took no longer.
    public let p99: Double

    /// Percentiles that were taken elsewhere, in microseconds.
    public init(p50: Double, p95: Double, p99: Double) {
      self.p50 = p50
      self.p95 = p95
      self.p99 = p99
    }
  }
}
