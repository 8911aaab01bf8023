import RoostCore

/// Holds rules against snapshots, one after the other. Latency and failures are those between two
/// snapshots, not since the start.
struct AlertEvaluator: Sendable {
  private struct Sample: Sendable {
    var at: ContinuousClock.Instant
    var durations = DurationHistogram()
    var calls = 0
    var failures = 0
  }

  fileprivate struct State: Sendable {
    var isRaised = false
    /// Since when the measure has said the opposite of what the alert is; nil while it agrees.
    var since: ContinuousClock.Instant?
  }

  private let rules: [AlertRule]
  private var states: [State]
  /// The totals of the longest window, the oldest first.
  private var samples: [Sample] = []

  init(_ rules: [AlertRule]) {
    self.rules = rules
    states = Array(repeating: State(), count: rules.count)
  }

  /// Takes a snapshot and says which alerts it raises and clears.
  mutating func evaluate(_ metrics: StoreMetrics, at now: ContinuousClock.Instant) -> [Alert] {
    samples.append(Self.sample(of: metrics, at: now))
    let longest = rules.map(\.window).max() ?? .zero
    // One sample that is as old as the window, or older, is needed to take the difference.
    while samples.count > 2, samples[1].at + longest <= now { samples.removeFirst() }
    var alerts: [Alert] = []
    for (index, rule) in rules.enumerated() {
      guard let value = value(of: rule, metrics, at: now) else { continue }
      if states[index].changes(to: value, rule, at: now) {
        alerts.append(
          Alert(
            rule: rule.name, isRaised: states[index].isRaised, value: value, limit: rule.limit,
            at: metrics.takenAt))
      }
    }
    return alerts
  }

  private static func sample(
    of metrics: StoreMetrics, at now: ContinuousClock.Instant
  ) -> Sample {
    var sample = Sample(at: now)
    for series in metrics.series where !series.operation.holdsOwnCode {
      sample.durations.add(series.durations)
      sample.calls += series.durations.count
      sample.failures += series.failures.reduce(0) { $0 + ($1.key.isBackendsFault ? $1.value : 0) }
    }
    return sample
  }

  /// What a rule measures; nil when nothing can be said.
  private func value(
    of rule: AlertRule, _ metrics: StoreMetrics, at now: ContinuousClock.Instant
  ) -> Double? {
    if case .figure(let name) = rule.measure { return metrics.greatest(name) }
    guard let last = samples.last,
      let first = samples.dropLast().last(where: { $0.at + rule.window <= now }) ?? samples.first,
      last.at > first.at, last.calls - first.calls >= max(rule.leastCalls, 1)
    else { return nil }
    switch rule.measure {
    case .latency(let percentile):
      let durations = last.durations.since(first.durations)
      return durations.percentile(percentile).map { $0 / .seconds(1) }
    case .failureShare:
      return Double(last.failures - first.failures) / Double(last.calls - first.calls)
    case .figure: return nil
    }
  }
}

extension AlertEvaluator.State {
  /// Takes a value; true when the alert is raised or cleared by it.
  fileprivate mutating func changes(
    to value: Double, _ rule: AlertRule, at now: ContinuousClock.Instant
  ) -> Bool {
    let isAbove = value > (isRaised ? rule.limit * rule.clearShare : rule.limit)
    guard isAbove != isRaised else {
      since = nil
      return false
    }
    let start = since ?? now
    since = start
    guard now - start >= rule.duration else { return false }
    isRaised.toggle()
    since = nil
    return true
  }
}

extension StoreError.Code {
  /// Whether the backend is to blame, and not what was asked of it.
  fileprivate var isBackendsFault: Bool {
    switch self {
    case .unavailable, .deadlineExceeded, .outcomeUnknown, .accessDenied, .corrupted, .storageFull,
      .inputOutput, .internal:
      true
    default: false
    }
  }
}
