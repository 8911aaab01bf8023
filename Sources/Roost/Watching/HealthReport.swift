/// One thing that was looked at to say how a store is.
public struct HealthCheck: Sendable, Codable, Equatable {
  /// What came of it.
  public enum State: String, Sendable, Codable {
    /// All is well.
    case passed
    /// It works, but not as it should.
    case degraded
    /// It does not work.
    case failed
  }

  /// What was looked at, a word.
  public var name: String
  /// What came of it.
  public var state: State
  /// A sentence for people, without secrets.
  public var text: String
  /// Whether a failure is the process's own, so that only a restart mends it.
  public var isLiveness: Bool

  /// Makes a check.
  public init(_ name: String, _ state: State, _ text: String, isLiveness: Bool = false) {
    self.name = name
    self.state = state
    self.text = text
    self.isLiveness = isLiveness
  }
}

/// How a store is, for an HTTP endpoint: whether the process lives, and whether it is ready for
/// work. The two are apart, since a process that waits for its database must not be restarted.
public struct HealthReport: Sendable, Codable, Equatable {
  /// How the store is.
  public enum State: String, Sendable, Codable {
    /// It answers and can be written, and all is as it should be.
    case ready
    /// It answers and can be written, but something is not as it should be.
    case degraded
    /// It does not answer, or cannot be written.
    case unavailable
  }

  /// How the store is: the worst of its checks.
  public var state: State
  /// Whether the process itself is well: false means that it should be restarted.
  public var isLive: Bool
  /// Whether it should get work: false while it is unavailable.
  public var isReady: Bool
  /// The backend and its place, without a password.
  public var backend: String
  /// What was looked at.
  public var checks: [HealthCheck]

  /// Makes a report of checks.
  public init(backend: String, checks: [HealthCheck]) {
    self.backend = backend
    self.checks = checks
    isLive = !checks.contains { $0.isLiveness && $0.state == .failed }
    isReady = !checks.contains { $0.state == .failed }
    let isWell = checks.allSatisfy { $0.state == .passed }
    state = isReady ? (isWell ? .ready : .degraded) : .unavailable
  }
}

extension HealthCheck {
  /// What `StorageBackend.health()` says, as a check; nil stands for no answer within a time.
  init(_ health: Health?, within limit: Duration) {
    switch health {
    case .ready: self.init("backend", .passed, "it answers and can be written")
    case .degraded(let reason): self.init("backend", .degraded, reason)
    case .unavailable(let reason): self.init("backend", .failed, reason)
    case nil: self.init("backend", .failed, "no answer within \(limit)")
    }
  }

  /// Whether a store has the migrations that a program was made for, in its texts. One that the
  /// program does not know is normal while a newer one is rolled out, and no failure.
  package static func migrations(
    _ plan: MigrationPlan, _ records: [AppliedMigration]
  ) -> HealthCheck {
    let status = plan.status(records)
    let waiting = status.filter { $0.state == .pending || $0.state == .outOfOrder }
    let changed = status.filter { $0.state == .edited || $0.state == .missing }
    func names(_ migrations: [MigrationStatus]) -> String {
      migrations.map(\.file).joined(separator: ", ")
    }
    if !waiting.isEmpty {
      return HealthCheck("migrations", .failed, "waiting: \(names(waiting)); run: roost migrate")
    }
    if !changed.isEmpty {
      return HealthCheck(
        "migrations", .degraded, "not as this program knows them: \(names(changed))")
    }
    return HealthCheck("migrations", .passed, "\(status.count) applied, none waiting")
  }

  /// Whether a disk has room: degraded when more than `HealthLimits.diskShare` is used, failed when
  /// less than a hundredth is left.
  package static func disk(usedShare: Double) -> HealthCheck {
    let text = "\(Int((usedShare * 100).rounded(.down))) percent of the disk is used"
    let state: State =
      usedShare >= 0.99 ? .failed : usedShare > HealthLimits.diskShare ? .degraded : .passed
    return HealthCheck("disk", state, text)
  }
}

/// What checks and alerts measure against: the owners' thresholds.
package enum HealthLimits {
  /// How full a disk may be, from 0 to 1.
  package static let diskShare = 0.8
  /// By how much a copy may be behind.
  package static let lag = Duration.seconds(10)
  /// How long 95 of 100 calls may take.
  package static let latency = Duration.milliseconds(500)
  /// Which part of the calls may fail, from 0 to 1.
  package static let failureShare = 0.01
}
