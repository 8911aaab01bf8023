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

/// What a store does without its backend.
public enum Fallback: String, Sendable, CaseIterable {
  /// Nothing: it is an error.
  case none
  /// One that cannot be reached when the store is opened is replaced by `memory:`, with a warning:
  /// records are gone when the process ends.
  case memory
  /// One that takes no changes goes on with reads; so does a hot standby when the store is opened,
  /// to which no migration is applied. One that is away when the store is opened is an error.
  case readOnly = "read-only"
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
  /// replaced by `memory:`: a warning is logged and `health()` says `degraded` from then on. With
  /// `fallback=read-only` one that takes no changes is read, as `ReadOnlyFallbackLayer` says. The
  /// default is `fallback=none`; a refused password or a wrong URL is an error in any case.
  ///
  /// `read_only=yes`, `cache=ROWS`, `cache_age=SECONDS`, `breaker=FAILURES`, `retry=ATTEMPTS`,
  /// `concurrency=CALLS`, `timeout=MILLISECONDS` and `chaos=...` put layers around the backend.
  /// - Parameters:
  ///   - url: the store's URL; nil for the environment's.
  ///   - backends: the backends to choose from, by scheme.
  ///   - migrations: the systems whose tables the store holds.
  ///   - routes: tables that are kept elsewhere, each with a `migrate` and `fallback` of its own in
  ///     its URL. With routes raw SQL is `unsupported`, and so is a transaction over tables of two
  ///     places.
  ///   - replicas: copies of the main place that are read from, as `ReplicaOptions` says; nil for
  ///     those of the variable `DATABASE_REPLICA_URLS`, separated by commas, when the URL is the
  ///     environment's, too. A replica's URL may ask for the layers from the breaker on.
  ///   - layers: what stands around the backend, the outermost first; a route's place has those of
  ///     its URL. A layer that the URL asks for takes the place of the same kind here.
  ///   - migrate: how far to go with migrations; nil for the URL's word or the default.
  ///   - requireURL: whether having no URL at all is an error.
  ///   - environment: the variables.
  ///   - generators: clock and UUIDs.
  ///   - log: where log lines go.
  /// - Throws: `invalidConfiguration`, also for a foreign key between tables of two places;
  ///   `undefinedTable` for a route of an unknown table; `invalidMigration`, `migrationPending`,
  ///   `schemaDrift`, `unavailable`, `accessDenied`, `locked`, `corrupted`.
  public static func open(
    _ url: String? = nil, backends: [BackendFactory], migrations: [MigrationSet],
    routes: [Route] = [], replicas: ReplicaOptions? = nil, layers: [any StorageLayer] = [],
    migrate: MigrationMode? = nil, requireURL: Bool = false,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    generators: StoreGenerators = .system,
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) async throws(StoreError) -> Store {
    let (target, registry, context) = try choose(
      url, backends, migrations, requireURL: requireURL, environment, log)
    let now = generators.now()
    let plan = try MigrationPlan(migrations, now: now)
    let tables = try RoutedTables(routes, main: target, plan.schema)
    var own = layers
    let listed = url == nil ? context.environment["DATABASE_REPLICA_URLS"] : nil
    if let options = replicas ?? listed.map({ ReplicaOptions(list: $0) }), !options.urls.isEmpty {
      let layer = try ReplicaLayer(options, registry, context)
      own.insert(layer, at: own.firstIndex { $0.place > .replicas } ?? own.endIndex)
    }
    let main = try await open(target, own, registry, context, plan, migrate, at: now)
    let opened = try await open(routes, tables, beside: main) { url throws(StoreError) in
      try await open(url, [], registry, context, plan, migrate, at: now)
    }
    return Store(
      context: StoreContext(
        backend: opened.backend, schema: opened.schema, generators: generators),
      opening: opened.report)
  }

  /// A backend that is ready for use, its schema, and what opening it did.
  struct OpenedBackend {
    var backend: any StorageBackend
    var schema: Schema
    var report: OpeningReport
  }

  private static func open(
    _ url: BackendURL, _ layers: [any StorageLayer], _ registry: BackendRegistry,
    _ context: BackendContext, _ plan: MigrationPlan, _ migrate: MigrationMode?, at now: Timestamp
  ) async throws(StoreError) -> OpenedBackend {
    var url = url
    var mode = try url.takeChoice("migrate", of: MigrationMode.self) ?? migrate
    let fallback = try url.takeChoice("fallback", of: Fallback.self) ?? .none
    var wanted = try url.takeLayers()
    let (backend, degradation) = try await open(url, fallback, registry, context)
    if fallback == .readOnly {
      wanted.append(ReadOnlyFallbackLayer())
      // What cannot be written cannot be migrated.
      if mode == .auto, case .unavailable = await backend.health() { mode = .check }
    }
    var opened: OpenedBackend
    do {
      opened = try await prepare(
        backend, plan, degradation == nil ? mode : .auto, at: now, context.log)
    } catch {
      await backend.close()
      throw error
    }
    opened.report.degradation = degradation
    opened.backend = try await backend.under(
      layers, or: wanted, LayerContext(schema: opened.schema, log: context.log))
    return opened
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
    return OpenedBackend(backend: backend, schema: schema, report: report)
  }
}
