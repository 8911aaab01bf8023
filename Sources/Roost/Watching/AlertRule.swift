public import RoostCore

/// What a store is watched for: a measure that must not stay above a limit.
public struct AlertRule: Sendable {
  /// What is measured over a window of time.
  public enum Measure: Sendable, Equatable {
    /// How long this part of the calls took at most, in seconds, such as 0.95; transactions and
    /// scans, which hold the caller's own code, are left out.
    case latency(percentile: Double)
    /// Which part of the calls failed for a reason of the backend's, from 0 to 1: refused values,
    /// violated constraints and conflicts are no such reason.
    case failureShare
    /// The greatest value among the figures of a name.
    case figure(String)
  }

  /// The rule's name, for the alert.
  public var name: String
  /// What is measured.
  public var measure: Measure
  /// What it must not exceed.
  public var limit: Double
  /// How long it must be above the limit before the alert is raised, and below it before the alert
  /// is cleared, so that it does not flap.
  public var duration: Duration
  /// How far below the limit counts as below once the alert is raised, as a part of the limit.
  public var clearShare: Double
  /// How much time latency and failures are taken over.
  public var window: Duration
  /// With fewer calls in the window latency and failures are not judged.
  public var leastCalls: Int

  /// Makes a rule: above the limit for 30 seconds, cleared below nine tenths of it for as long,
  /// over a window of a minute with 20 calls at least.
  public init(
    _ name: String, _ measure: Measure, above limit: Double, for duration: Duration = .seconds(30),
    clearShare: Double = 0.9, window: Duration = .seconds(60), leastCalls: Int = 20
  ) {
    self.name = name
    self.measure = measure
    self.limit = limit
    self.duration = duration
    self.clearShare = clearShare
    self.window = window
    self.leastCalls = leastCalls
  }

  /// 95 of 100 calls within 500 ms, no more than 1 percent of failures, nobody waits for a
  /// connection, disks no more than 80 percent full, copies no more than 10 seconds behind.
  public static let standard = [
    AlertRule(
      "slow calls", .latency(percentile: 0.95), above: HealthLimits.latency / .seconds(1)),
    AlertRule("failing calls", .failureShare, above: HealthLimits.failureShare),
    AlertRule("pool exhausted", .figure(Figure.poolWaiting), above: 0),
    AlertRule("disk full", .figure(Figure.diskUsedShare), above: HealthLimits.diskShare),
    AlertRule("lagging copy", .figure(Figure.lagSeconds), above: HealthLimits.lag / .seconds(1)),
  ]
}

/// An alert that was raised or cleared.
public struct Alert: Sendable, Equatable, CustomStringConvertible {
  /// The rule's name.
  public var rule: String
  /// Whether it is raised now; else it is over.
  public var isRaised: Bool
  /// What was measured, in the measure's unit.
  public var value: Double
  /// What it must not exceed.
  public var limit: Double
  /// When.
  public var at: Timestamp

  /// A line for people.
  public var description: String {
    let text = value == value.rounded() ? "\(Int64(clamping: value))" : "\(value)"
    return "\(isRaised ? "raised" : "cleared"): \(rule): \(text), the limit is \(limit)"
  }
}

extension Int64 {
  fileprivate init(clamping value: Double) {
    self = Int64(exactly: value) ?? (value < 0 ? .min : .max)
  }
}
