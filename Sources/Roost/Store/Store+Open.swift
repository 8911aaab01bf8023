public import Foundation
import RoostCore

/// How far opening a store goes with migrations.
public enum MigrationMode: String, Sendable, CaseIterable {
  /// Waiting migrations are applied.
  case auto
  /// Waiting migrations are an error; needs no right to change tables.
  case check
  /// Nothing is compared; the tables are taken to be there.
  case off
}

/// What takes the place of a backend that cannot be reached when the store is opened.
public enum Fallback: String, Sendable, CaseIterable {
  /// Nothing: it is an error.
  case none
  /// `memory:`, with a warning: records are gone when the process ends.
  case memory
}

extension Store {
  /// The URL parameters that every backend's URL may have.
  public static let parameters = ["fallback", "migrate"] + BackendURL.layerParameters

  /// Opens the store that a URL or the environment names.
  ///
  /// The URL is `url`, else the variable `POSTGRES_URL`, else `DATABASE_URL`, else `memory:` with
  /// a logged warning. A variable that is set and wrong is an error and never another store; an
  /// empty one counts as unset.
  ///
  /// The URL's parameter `migrate` is `auto` (the default of embedded backends), `check` (the
  /// default of Postgres) or `off`. With `fallback=memory` a backend that cannot be reached is
  /// replaced by `memory:`: a warning is logged and `health()` says `degraded` from then on. The
  /// default is `fallback=none`; a refused password or a wrong URL is an error in any case.
  ///
  /// `read_only=yes`, `breaker=FAILURES`, `retry=ATTEMPTS`, `concurrency=CALLS`,
  /// `timeout=MILLISECONDS` and `chaos=...` put layers around the backend. `slow=MILLISECONDS` says
  /// from when on a call is slow.
  /// - Parameters:
  ///   - url: the store's URL; nil for the environment's.
  ///   - backends: the backends to choose from, by scheme.
  ///   - migrations: the systems whose tables the store holds.
  ///   - routes: tables that are kept elsewhere, each with a `migrate` and `fallback` of its own in
  ///     its URL. With routes raw SQL is `unsupported`, and so is a transaction over tables of two
  ///     places.
  ///   - layers: what stands around the backend, the outermost first; a route's place has those of
  ///     its URL. A layer that the URL asks for takes the place of the same kind here.
  ///   - migrate: how far to go with migrations; nil for the URL's word or the default.
  ///   - requireURL: whether having no URL at all is an error.
  ///   - environment: the variables.
  ///   - generators: clock and UUIDs.
  ///   - watch: what is slow, and who is told of calls and alerts.
  ///   - log: where log lines go.
  /// - Throws: `invalidConfiguration`, also for a foreign key between tables of two places;
  ///   `undefinedTable` for a route of an unknown table; `invalidMigration`, `migrationPending`,
  ///   `schemaDrift`, `unavailable`, `accessDenied`, `locked`, `corrupted`.
  public static func open(
    _ url: String? = nil, backends: [BackendFactory], migrations: [MigrationSet],
    routes: [Route] = [], layers: [any StorageLayer] = [], migrate: MigrationMode? = nil,
    requireURL: Bool = false,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    generators: StoreGenerators = .system, watch: WatchOptions = WatchOptions(),
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) async throws(StoreError) -> Store {
    var (target, registry, context) = try choose(
      url, backends, migrations, requireURL: requireURL, environment, log)
    var watch = watch
    watch.slowThreshold = try target.takeSlowThreshold() ?? watch.slowThreshold
    let slowCalls = SlowCallLog(watch, now: generators.now, log: log)
    let meter = { @Sendable [watch] (backend: any StorageBackend) in
      MetricsLayer(backend, slowCalls: slowCalls, onCall: watch.onCall)
    }
    let now = generators.now()
    let plan = try MigrationPlan(migrations, now: now)
    let tables = try RoutedTables(routes, main: target, plan.schema)
    let main = try await open(target, layers, meter, registry, context, plan, migrate, at: now)
    let opened = try await open(routes, tables, beside: main) { [context] url throws(StoreError) in
      var url = url
      guard try url.takeSlowThreshold() == nil else {
        throw StoreError(
          .invalidConfiguration, "slow is for the whole store: it has no meaning in a route's URL")
      }
      return try await open(url, [], meter, registry, context, plan, migrate, at: now)
    }
    let state = StoreWatch(
      slowCalls, opened.meters, plan: opened.checksMigrations ? plan : nil, now: generators.now)
    state.startAlerts(watch, opened.backend)
    return Store(
      context: StoreContext(
        backend: opened.backend, schema: opened.schema, generators: generators, watch: state),
      opening: opened.report)
  }

  /// A backend that is ready for use, its schema, and what opening it did.
  struct OpenedBackend {
    var backend: any StorageBackend
    var schema: Schema
    var report: OpeningReport
    /// Whether its migrations were looked at.
    var checksMigrations: Bool
    /// What counts the calls.
    var meters: [MetricsLayer] = []
  }

  private static func open(
    _ url: BackendURL, _ layers: [any StorageLayer],
    _ meter: (any StorageBackend) -> MetricsLayer, _ registry: BackendRegistry,
    _ context: BackendContext, _ plan: MigrationPlan, _ migrate: MigrationMode?, at now: Timestamp
  ) async throws(StoreError) -> OpenedBackend {
    var url = url
    let mode = try url.takeChoice("migrate", of: MigrationMode.self) ?? migrate
    let fallback = try url.takeChoice("fallback", of: Fallback.self) ?? .none
    let wanted = try url.takeLayers()
    let (backend, degradation) = try await open(url, fallback, registry, context)
    do {
      var opened = try await prepare(
        backend, plan, degradation == nil ? mode : .auto, at: now, context.log)
      opened.report.degradation = degradation
      let metrics = meter(backend)
      opened.meters = [metrics]
      opened.backend = try opened.backend.under(layers, or: wanted + [metrics])
      return opened
    } catch {
      await backend.close()
      throw error
    }
  }

  /// Opens the backend alone: nothing takes its place, and no migration is looked at.
  static func openBackend(
    _ url: String?, _ backends: [BackendFactory], _ migrations: [MigrationSet], requireURL: Bool,
    _ environment: [String: String], _ log: @escaping @Sendable (LogLine) -> Void
  ) async throws(StoreError) -> any StorageBackend {
    var (target, registry, context) = try choose(
      url, backends, migrations, requireURL: requireURL, environment, log)
    for parameter in parameters { _ = target.take(parameter) }
    return try await registry.open(target, context: context)
  }

  private static func choose(
    _ url: String?, _ backends: [BackendFactory], _ migrations: [MigrationSet], requireURL: Bool,
    _ environment: [String: String], _ log: @escaping @Sendable (LogLine) -> Void
  ) throws(StoreError) -> (BackendURL, BackendRegistry, BackendContext) {
    let registry = try BackendRegistry(backends)
    let context = BackendContext(
      environment: environment, triggers: migrations.flatMap(\.triggers), log: log)
    let target = try BackendURL(try chooseURL(url, context, requireURL: requireURL))
    return (target, registry, context)
  }

  /// The URL by precedence.
  private static func chooseURL(
    _ url: String?, _ context: BackendContext, requireURL: Bool
  ) throws(StoreError) -> String {
    if let url { return url }
    for name in ["POSTGRES_URL", "DATABASE_URL"] {
      if let value = context.environment[name] { return value }
    }
    guard !requireURL else {
      throw StoreError(
        .invalidConfiguration, "neither POSTGRES_URL nor DATABASE_URL is set")
    }
    context.log(
      LogLine(.warning, "DATABASE_URL is not set: records are kept in memory only"))
    return "memory:"
  }

  /// Opens the backend, or what may take its place when it cannot be reached.
  private static func open(
    _ url: BackendURL, _ fallback: Fallback, _ registry: BackendRegistry, _ context: BackendContext
  ) async throws(StoreError) -> (backend: any StorageBackend, degradation: String?) {
    guard fallback == .memory else { return (try await registry.open(url, context: context), nil) }
    guard registry.schemes.contains("memory") else {
      throw StoreError(
        .invalidConfiguration, "fallback=memory needs the memory backend among the backends")
    }
    do throws(StoreError) {
      return (try await registry.open(url, context: context), nil)
    } catch {
      guard error.code == .unavailable else { throw error }
      let degradation = "in-memory only, in place of \(url): \(error.message)"
      context.log(
        LogLine(.warning, "\(degradation); records are gone when the process ends"))
      return (try await registry.open(try BackendURL("memory:"), context: context), degradation)
    }
  }

  private static func prepare(
    _ backend: any StorageBackend, _ plan: MigrationPlan, _ mode: MigrationMode?,
    at now: Timestamp, _ log: @Sendable (LogLine) -> Void
  ) async throws(StoreError) -> OpenedBackend {
    let isEmbedded = !backend.capabilities.contains(.sql)
    var migrated: [String] = []
    // A store may have its columns in another order than the files, after files out of order.
    var schema = plan.schema
    switch mode ?? (isEmbedded ? .auto : .check) {
    case .auto: (migrated, schema) = try await plan.apply(to: backend, at: now)
    case .check: schema = try await plan.check(backend)
    case .off: break
    }
    try await backend.adopt(schema)
    if !migrated.isEmpty {
      log(LogLine(.info, "migrated \(migrated.count): \(migrated.joined(separator: ", "))"))
    }
    log(LogLine(.info, "opened \(backend.location)"))
    let report = OpeningReport(
      location: backend.location, migrated: migrated, passedOver: isEmbedded ? plan.passedOver : [])
    return OpenedBackend(
      backend: backend, schema: schema, report: report, checksMigrations: mode != .off)
  }
}
