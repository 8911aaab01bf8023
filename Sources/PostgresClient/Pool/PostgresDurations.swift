/// How long things of one kind have taken: how many, all together, the longest, and how they are
/// distributed.
///
/// Noting one costs a few nanoseconds and no memory. A percentile is right to a quarter of itself.
public struct PostgresDurations: Sendable, Hashable {
  /// How many there were.
  public private(set) var count = 0
  /// How long all took together.
  public private(set) var total = Duration.zero
  /// How long the longest took.
  public private(set) var maximum = Duration.zero

  /// Four buckets for each power of two of microseconds, up to 2^28 (about four minutes).
  private static let bucketCount = 112
  private var buckets = [UInt64](repeating: 0, count: bucketCount)

  init() {}

  /// How long the given part of them took at most, such as 0.95; nil when there were none.
  public func percentile(_ part: Double) -> Duration? {
    guard count > 0 else { return nil }
    let wanted = UInt64((Double(count) * min(max(part, 0), 1)).rounded(.up))
    var seen: UInt64 = 0
    for index in buckets.indices {
      seen += buckets[index]
      if seen >= max(wanted, 1), index < buckets.count - 1 {
        return min(Self.upperBound(index), maximum)
      }
    }
    return maximum
  }

  /// The same figures in memory of their own: noting more then need not copy what somebody keeps.
  var detached: PostgresDurations {
    var copy = self
    copy.buckets = buckets.map { $0 }
    return copy
  }

  mutating func note(nanoseconds: UInt64) {
    count += 1
    let duration = Duration.nanoseconds(Int64(clamping: nanoseconds))
    total += duration
    if duration > maximum { maximum = duration }
    buckets[Self.bucket(nanoseconds / 1_000)] += 1
  }

  private static func bucket(_ microseconds: UInt64) -> Int {
    if microseconds < 4 { return Int(microseconds) }
    let exponent = 63 - microseconds.leadingZeroBitCount
    let quarter = Int(truncatingIfNeeded: microseconds >> (exponent - 2)) & 3
    return min((exponent - 1) * 4 + quarter, bucketCount - 1)
  }

  private static func upperBound(_ bucket: Int) -> Duration {
    if bucket < 4 { return .microseconds(bucket + 1) }
    let exponent = bucket / 4 + 1
    return .microseconds((5 + bucket % 4) << (exponent - 2))
  }
}
