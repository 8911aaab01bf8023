/// What one run of a contestant has to say, on one line of `name=value` words that a program in any
/// language can print.
public struct Measurement: Sendable, Hashable, CustomStringConvertible {
  /// How long the work took.
  public var seconds: Double
  /// The CPU time that the contestant's own process spent on it, in seconds.
  public var processorSeconds: Double
  /// How often the work was done.
  public var count: Double
  /// A sum over all that was seen; nil for one that does not look at the answers.
  public var sum: Double?
  /// The most memory that the process has had, in KiB; nil when it is not known.
  public var peakKibibytes: Double?
  /// How long single calls took; nil when they were not timed.
  public var latencies: Latencies.Percentiles?

  /// A run's figures.
  public init(
    seconds: Double, processorSeconds: Double, count: Double, sum: Double?,
    peakKibibytes: Double? = nil, latencies: Latencies.Percentiles? = nil
  ) {
    self.seconds = seconds
    self.processorSeconds = processorSeconds
    self.count = count
    self.sum = sum
    self.peakKibibytes = peakKibibytes
    self.latencies = latencies
  }

  /// Reads a line; nil when `seconds`, `cpu` or `count` is missing or a value is no number. Words
  /// with other names are passed over.
  public init?(_ line: some StringProtocol) {
    var values: [String: Double] = [:]
    for word in line.split(whereSeparator: \.isWhitespace) {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let value = Double(parts[1]) else { return nil }
      values[String(parts[0])] = value
    }
    guard let seconds = values["seconds"], let cpu = values["cpu"], let count = values["count"],
      seconds > 0, count > 0
    else { return nil }
    self.init(
      seconds: seconds, processorSeconds: cpu, count: count, sum: values["sum"],
      peakKibibytes: values["peak"])
    if let p50 = values["p50"], let p95 = values["p95"], let p99 = values["p99"] {
      latencies = .init(p50: p50, p95: p95, p99: p99)
    }
  }

  /// The line that says it.
  public var description: String {
    var words = ["seconds=\(seconds)", "cpu=\(processorSeconds)", "count=\(count)"]
    if let sum { words.append("sum=\(sum)") }
    if let peakKibibytes { words.append("peak=\(peakKibibytes)") }
    if let latencies {
      words += ["p50=\(latencies.p50)", "p95=\(latencies.p95)", "p99=\(latencies.p99)"]
    }
    return words.joined(separator: " ")
  }

  /// Times some work in this process.
  /// - Parameter work: does it, and returns how often it did it and the sum of what it saw.
  public static func of(
    _ work: () async throws -> (count: Int, sum: Double)
  ) async rethrows -> Measurement {
    let processor = Machine.processorSeconds
    let start = ContinuousClock.now
    let (count, sum) = try await work()
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    return Measurement(
      seconds: seconds, processorSeconds: Machine.processorSeconds - processor,
      count: Double(count), sum: sum, peakKibibytes: Double(Machine.peakKibibytes))
  }
}
