import RoostCore
import Synchronization

/// What a store knows of itself beside its rows: shared by all copies of the store.
final class StoreWatch: Sendable {
  /// How long backends and layers may take to say how they are.
  static let figuresTimeout = Duration.seconds(2)

  let slowCalls: SlowCallLog
  /// The migrations that the program was made for; nil when they are not looked at.
  let plan: MigrationPlan?
  private let meters: [MetricsLayer]
  private let now: @Sendable () -> Timestamp
  private let growth = Mutex(Growth())
  private let isClosed = Atomic(false)
  private let alerts = Mutex<Task<Void, Never>?>(nil)

  init(
    _ slowCalls: SlowCallLog, _ meters: [MetricsLayer], plan: MigrationPlan?,
    now: @escaping @Sendable () -> Timestamp
  ) {
    self.slowCalls = slowCalls
    self.meters = meters
    self.plan = plan
    self.now = now
  }

  deinit { alerts.withLock { $0?.cancel() } }

  /// The store is being closed: nothing is watched any more.
  func close() {
    isClosed.store(true, ordering: .releasing)
    alerts.withLock { $0?.cancel() }
  }

  /// Whether the store was closed.
  var wasClosed: Bool { isClosed.load(ordering: .acquiring) }

  func metrics(of backend: any StorageBackend) async -> StoreMetrics {
    let reported =
      wasClosed ? [] : await withinTime(Self.figuresTimeout) { await backend.figures() }
    let location = backend.location
    let figures = (reported ?? []).map { $0.labelled("backend", location) }
    let now = now()
    let growth = growth.withLock { $0.note(figures, at: now) }
    return StoreMetrics(
      takenAt: now, series: meters.flatMap { $0.snapshot() }, figures: figures + growth)
  }

  /// Evaluates rules until the store is closed or gone. Without a hook nothing runs.
  func startAlerts(_ options: WatchOptions, _ backend: any StorageBackend) {
    guard let hook = options.onAlert, !options.rules.isEmpty else { return }
    let interval = max(options.alertInterval, .milliseconds(10))
    let task = Task { [weak self] in
      var evaluator = AlertEvaluator(options.rules)
      while !Task.isCancelled {
        do { try await Task.sleep(for: interval) } catch { return }
        guard let metrics = await self?.metrics(of: backend) else { return }
        for alert in evaluator.evaluate(metrics, at: .now) { hook(alert) }
      }
    }
    alerts.withLock { $0 = task }
  }
}

extension Store {
  /// How the store's calls have fared since it was opened, and what its backends and layers report.
  ///
  /// What a backend does not say within two seconds is left out.
  ///
  ///     let text = await store.metrics.prometheus()
  public var metrics: StoreMetrics {
    get async { await core.context.watch.metrics(of: backend) }
  }

  /// The worst kinds of slow calls, the slowest first.
  public var slowCalls: [SlowCall] { core.context.watch.slowCalls.worst }

  /// How the store is, with what was looked at: for a process's live and ready endpoints.
  ///
  /// Looked at are the store itself, the backend under all layers, what backend and layers report
  /// by themselves (pool, lag, disk), and whether the migrations are those that the program was
  /// made for.
  /// - Parameter limit: how long the answer may take, whatever hangs.
  public func healthReport(within limit: Duration = .seconds(2)) async -> HealthReport {
    let watch = core.context.watch
    if watch.wasClosed {
      let check = HealthCheck("store", .failed, "the store is closed", isLiveness: true)
      return HealthReport(backend: opening.location, checks: [check])
    }
    let backend = backend
    let end = ContinuousClock.now + limit
    var checks = [HealthCheck("store", .passed, "the store is open", isLiveness: true)]
    // One question after the other: side by side they would be a crowd before a small pool, which
    // they are to judge.
    checks += await withinTime(limit) { await backend.healthChecks() } ?? []
    let health = await withinTime(end - .now) { await self.health() }
    checks.append(HealthCheck(health, within: limit))
    if let plan = watch.plan, health != nil {
      let records = await withinTime(end - .now) { try? await backend.appliedMigrations() } ?? nil
      if let records { checks.append(.migrations(plan, records)) }
    }
    return HealthReport(backend: opening.location, checks: checks)
  }
}
