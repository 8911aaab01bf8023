/// Contestants that did the same work, in turns.
public struct Comparison: Codable, Sendable, Hashable {
  /// What tells it from others of a document, such as `drivers/select-one`.
  public let name: String
  /// What was done, for people.
  public let title: String
  /// What the work is counted in, such as `queries`.
  public let unit: String
  /// Those who took part. The first is what the others are measured by.
  public private(set) var contestants: [Contestant]

  /// One contestant's figures, a value for each round.
  public struct Contestant: Codable, Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Units of work a second.
    public var rates = Samples()
    /// CPU time of its own process for each unit of work, in microseconds.
    public var processorMicroseconds = Samples()
    /// The most memory of its process, in MiB; empty when it is not known.
    public var peakMebibytes = Samples()
    /// Percentiles of single calls in microseconds; empty when they were not timed.
    public var p50 = Samples()
    /// See `p50`.
    public var p95 = Samples()
    /// See `p50`.
    public var p99 = Samples()

    /// A contestant without figures.
    public init(_ name: String) {
      self.name = name
    }

    /// Adds a round's run.
    public mutating func add(_ run: Measurement) {
      rates.add(run.count / run.seconds)
      processorMicroseconds.add(run.processorSeconds / run.count * 1e6)
      if let peak = run.peakKibibytes { peakMebibytes.add(peak / 1_024) }
      if let latencies = run.latencies {
        p50.add(latencies.p50)
        p95.add(latencies.p95)
        p99.add(latencies.p99)
      }
    }
  }

  /// The name of its plot's file, without what says that it is one.
  public var plotName: String { String(name.map { $0 == "/" || $0 == " " ? "-" : $0 }) }

  /// A comparison of these, without figures.
  public init(_ name: String, title: String, unit: String, of contestants: [String]) {
    self.name = name
    self.title = title
    self.unit = unit
    self.contestants = contestants.map { Contestant($0) }
  }

  /// Adds a run of the contestant at a place.
  public mutating func add(_ run: Measurement, of place: Int) {
    contestants[place].add(run)
  }

  /// The heads of the columns of `rows`.
  public static let header = [
    "work", "contestant", "rate, ratio", "CPU, ratio", "a second", "95% of medians", "CPU us each",
    "peak MiB", "p50 us", "p95 us", "p99 us",
  ]

  /// A row of a table for each contestant. A ratio is the median of the rounds' ratios to the first
  /// contestant: rates above 1 and CPU below 1 are better than the first one's.
  public var rows: [[String]] {
    guard let first = contestants.first else { return [] }
    return contestants.enumerated().map { place, one in
      let interval = one.rates.interval
      let percentiles = [one.p50, one.p95, one.p99].map { $0.values.isEmpty ? "" : $0.median.short }
      return [
        place == 0 ? title : "", one.name,
        one.rates.ratios(to: first.rates).median.text(digits: 2),
        one.processorMicroseconds.ratios(to: first.processorMicroseconds).median.text(digits: 2),
        one.rates.median.short, "\(interval.lowerBound.short) - \(interval.upperBound.short)",
        one.processorMicroseconds.median.short,
        one.peakMebibytes.values.isEmpty ? "" : one.peakMebibytes.median.short,
      ] + percentiles
    }
  }

  /// What is slower here than in an older run, beyond noise: the intervals of the medians lie
  /// apart, and the median is lower by more than `least`, a part of the older one. Of fewer than
  /// three rounds nothing is said.
  public func regressions(since old: Comparison, least: Double = 0.05) -> [String] {
    contestants.compactMap { one in
      guard let before = old.contestants.first(where: { $0.name == one.name }),
        min(one.rates.values.count, before.rates.values.count) > 2,
        one.rates.interval.upperBound < before.rates.interval.lowerBound,
        one.rates.median < before.rates.median * (1 - least)
      else { return nil }
      return "\(name), \(one.name): \(one.rates.median.short) \(unit) a second, "
        + "\(before.rates.median.short) before"
    }
  }
}
