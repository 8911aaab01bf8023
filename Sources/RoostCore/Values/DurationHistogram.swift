/// How long things of one kind have taken: how many, all together, the longest, and how they are
/// distributed.
///
/// Noting one costs a few nanoseconds and no memory. A percentile is right to a quarter of itself.
public struct DurationHistogram: Sendable, Hashable {
  /// How many there were.
  public private(set) var count = 0
  /// How long all took together.
  public private(set) var total = Duration.zero
  /// How long the longest took.
  public private(set) var maximum = Duration.zero

  /// Four buckets for each power of two of microseconds, up to 2^28 (about four minutes).
  private static let bucketCount = 112
  private var buckets = [UInt64](repeating: 0, count: bucketCount)

  /// Nothing yet.
  public init() {}

  /// How long the given part of them took at most, such as 0.95; nil when there were none.
  public func percentile(_ part: Double) -> Duration? {
    guard count > 0 else { return nil }
    let wanted = max(UInt64((Double(count) * min(max(part, 0), 1)).rounded(.up)), 1)
    var seen: UInt64 = 0
    for index in buckets.indices.dropLast() {
      seen += buckets[index]
      if seen >= wanted { return min(Self.upperBound(index), maximum) }
    }
    return maximum
  }

  /// How many took no longer than this, to a quarter of it.
  public func count(upTo limit: Duration) -> Int {
    let last = Self.bucket(Self.microseconds(limit))
    return Int(buckets.prefix(last + 1).reduce(0, +))
  }

  /// The same figures in memory of their own: noting more then need not copy what somebody keeps.
  package var detached: DurationHistogram {
    var copy = self
    copy.buckets = buckets.map { $0 }
    return copy
  }

  /// Notes one more.
  public mutating func note(_ duration: Duration) {
    note(duration, microseconds: Self.microseconds(duration))
  }

  /// Notes one more.
  package mutating func note(nanoseconds: UInt64) {
    note(.nanoseconds(Int64(clamping: nanoseconds)), microseconds: nanoseconds / 1_000)
  }

  private mutating func note(_ duration: Duration, microseconds: UInt64) {
    count += 1
    total += duration
    if duration > maximum { maximum = duration }
    buckets[Self.bucket(microseconds)] += 1
  }

  private static func microseconds(_ duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    return UInt64(min(seconds, 1 << 40)) * 1_000_000 + UInt64(attoseconds / 1_000_000_000_000)
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

  // MARK: Sums and differences

  /// Adds what another has counted.
  package mutating func add(_ other: DurationHistogram) {
    count += other.count
    total += other.total
    maximum = max(maximum, other.maximum)
    for index in buckets.indices { buckets[index] &+= other.buckets[index] }
  }

  /// What came after an earlier state of the same figures; the longest is that of all.
  package func since(_ earlier: DurationHistogram) -> DurationHistogram {
    var rest = self
    rest.count = max(count - earlier.count, 0)
    rest.total = max(total - earlier.total, .zero)
    for index in buckets.indices {
      let (difference, isNegative) = buckets[index].subtractingReportingOverflow(
        earlier.buckets[index])
      rest.buckets[index] = isNegative ? 0 : difference
    }
    return rest
  }
}

extension DurationHistogram: Codable {
  private enum Key: String, CodingKey { case count, seconds, longest, buckets }

  /// Reads what `encode` wrote.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    for (index, count) in try values.decode([String: Int].self, forKey: .buckets) {
      // So that no sum of them overflows.
      guard let place = Int(index), buckets.indices.contains(place), (0..<1 << 53).contains(count)
      else {
        throw DecodingError.dataCorruptedError(
          forKey: .buckets, in: values, debugDescription: "a bucket \(index) of \(count)")
      }
      buckets[place] = UInt64(count)
      self.count += count
    }
    total = try Self.duration(values, .seconds)
    maximum = try Self.duration(values, .longest)
  }

  private static func duration(
    _ values: KeyedDecodingContainer<Key>, _ key: Key
  ) throws -> Duration {
    let seconds = try values.decode(Double.self, forKey: key)
    // Far beyond what any process lives.
    guard (0...1e15).contains(seconds) else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: values, debugDescription: "\(seconds) seconds")
    }
    return .seconds(seconds)
  }

  /// Writes the times in seconds, and the buckets that hold something.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(count, forKey: .count)
    try values.encode(total / .seconds(1), forKey: .seconds)
    try values.encode(maximum / .seconds(1), forKey: .longest)
    var filled: [String: Int] = [:]
    for (index, count) in buckets.enumerated() where count > 0 {
      filled["\(index)"] = Int(clamping: count)
    }
    try values.encode(filled, forKey: .buckets)
  }
}
