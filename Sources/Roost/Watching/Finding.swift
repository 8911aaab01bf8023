package import RoostCore

/// Something that whoever runs a store should know, and what to do about it.
package struct Finding: Sendable, Codable, Equatable {
  /// How much it matters.
  package enum Severity: String, Sendable, Codable, Comparable, CaseIterable {
    /// Good to know.
    case info
    /// It will hurt some day.
    case warning
    /// It hurts now, or data may be lost.
    case error

    package static func < (left: Severity, right: Severity) -> Bool {
      let order = Severity.allCases
      return (order.firstIndex(of: left) ?? 0) < (order.firstIndex(of: right) ?? 0)
    }
  }

  /// How much it matters.
  package var severity: Severity
  /// What it is about, a word or two.
  package var topic: String
  /// What was found.
  package var text: String
  /// What to do; nil when there is nothing to do.
  package var advice: String?

  package init(
    _ severity: Severity, _ topic: String, _ text: String, advice: String? = nil
  ) {
    self.severity = severity
    self.topic = topic
    self.text = text
    self.advice = advice
  }
}

extension Finding {
  /// Whether a disk is too full; nil when it is not.
  package static func disk(_ disk: DiskSpace) -> Finding? {
    guard disk.usedShare > HealthLimits.diskShare else { return nil }
    return Finding(
      disk.usedShare >= 0.95 ? .error : .warning, "disk",
      "\(Int(disk.usedShare * 100)) percent of the disk is used, \(disk.free >> 20) MiB are free",
      advice: "make room, or move the store to a larger disk")
  }
}
