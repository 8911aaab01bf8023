/// How a store watches itself, and whom it tells.
///
///     var watch = WatchOptions()
///     watch.onCall = { event in timer.record(event.duration) }
///     watch.onAlert = { alert in page(alert.description) }
///     let store = try await Store.open(backends: ..., migrations: ..., watch: watch)
public struct WatchOptions: Sendable {
  /// From how long on a call is slow; nil for never. The URL's `slow` beats it. Transactions and
  /// scans, which hold the caller's own code, are never slow; the calls in a transaction may be.
  public var slowThreshold: Duration? = .milliseconds(100)
  /// How many kinds of slow calls are kept, the worst of them.
  public var slowCallLimit = 50
  /// The least time between two log lines about slow calls of one kind, each with a plan.
  public var slowPause: Duration = .seconds(60)
  /// Called when a call has ended, in the caller's task; it should do little. Nil for nobody.
  public var onCall: (@Sendable (CallEvent) -> Void)?
  /// What is watched for; nothing is evaluated unless `onAlert` is there.
  public var rules: [AlertRule] = AlertRule.standard
  /// How often the rules are evaluated.
  public var alertInterval: Duration = .seconds(15)
  /// Told when an alert is raised and when it is cleared; nil for nobody.
  public var onAlert: (@Sendable (Alert) -> Void)?

  /// Slow calls from 100 ms on, no hook.
  public init() {}
}

/// A call that has ended, well or not.
public struct CallEvent: Sendable {
  /// What was asked, and of which table.
  public var call: StorageCall
  /// The backend and its place, without a password.
  public var backend: String
  /// How long it took; of a transaction, with the caller's own code in it.
  public var duration: Duration
  /// Why it failed; nil when it did not.
  public var failure: StoreError.Code?
}
