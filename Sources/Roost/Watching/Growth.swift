import RoostCore

/// Samples of sizes, and how fast they grow.
///
/// It keeps one sample a minute, of the last two hours.
struct Growth: Sendable {
  private struct Sample: Sendable {
    var at: Timestamp
    /// The sizes by name and labels.
    var sizes: [Key: Double]
  }

  private struct Key: Hashable, Sendable {
    var name: String
    var labels: [String: String]
  }

  /// The least time between two samples that are kept, and how many these are: two hours.
  private static let pause = Duration.seconds(60)
  private static let sampleLimit = 120

  private var samples: [Sample] = []

  /// Notes the sizes among figures, and says how fast those grow that were noted before.
  mutating func note(_ figures: [Figure], at now: Timestamp) -> [Figure] {
    var sizes: [Key: Double] = [:]
    for figure in figures where figure.kind == .gauge && figure.name.hasSuffix("_bytes") {
      sizes[Key(name: figure.name, labels: figure.labels)] = figure.value
    }
    let growth = sizes.compactMap { key, size in rate(key, size, at: now) }
    // A clock that was set back begins anew.
    if let last = samples.last, last.at > now { samples = [] }
    let isDue =
      samples.count < 2
      || Self.seconds(from: samples[samples.count - 2].at, to: now) >= Self.pause / .seconds(1)
    if !isDue { samples.removeLast() }
    samples.append(Sample(at: now, sizes: sizes))
    if samples.count > Self.sampleLimit { samples.removeFirst() }
    return growth.sorted { ($0.labels["size"] ?? "") < ($1.labels["size"] ?? "") }
  }

  private func rate(_ key: Key, _ size: Double, at now: Timestamp) -> Figure? {
    guard let first = samples.first(where: { $0.sizes[key] != nil }), first.at < now,
      let old = first.sizes[key]
    else { return nil }
    let hours = Self.seconds(from: first.at, to: now) / 3_600
    var labels = key.labels
    labels["size"] = key.name
    return Figure(
      "roost_growth_bytes_per_hour", (size - old) / hours, labels: labels,
      help: "How fast a size grows, from the samples of the last two hours.")
  }

  private static func seconds(from start: Timestamp, to end: Timestamp) -> Double {
    (Double(end.microsecondsSince2000) - Double(start.microsecondsSince2000)) / 1_000_000
  }
}
