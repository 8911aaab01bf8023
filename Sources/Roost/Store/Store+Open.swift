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
  /// While it cannot be reached, records are kept in memory, with a warning, and carried over when
  /// it is back: see `Store.takeLeftBehind()`.
  case memory
  /// One that takes no changes goes on with reads; so does a hot standby when the store is opened,
  /// to which no migration is applied. One that is away when the store is opened is an error.
  case readOnly = "read-only"
}

extension Store {
  /// The URL parameters that every backend's URL may have.
  public static let parameters =
    ["fallback", "migrate", "write_behind"] + BackendURL.layerParameters

  /// Opens the store that a URL or the environment names.
  ///
  /// The URL is `url`, else the variable `POSTGRES_URL`, else `DATABASE_URL`, else `memory:` with
  /// a logged warning. A variable that is set and wrong is an error and never another store; an
  /// empty one counts as unset.
  ///
  /// The URL's parameter `migrate` is `auto` (the default of embedded backends), `check` (the
  /// default of Postgres) or `off`. With `fallback=memory` memory takes the place of a
  /// backend that cannot be reached, until it is back: `health()` says `degraded` meanwhile. With
  /// `fallback=read-only` one that takes no changes is read, as `ReadOnlyFallbackLayer` says. The
  /// default is `fallback=none`; a refused password or a wrong URL is an error in any case.
  ///
  /// `read_only=yes`, `cache=ROWS`, `cache_age=SECONDS`, `breaker=FAILURES`, `retry=ATTEMPTS`,
  /// `concurrency=CALLS`, `timeout=MILLISECONDS` and `chaos=...` put layers around the backend.
  /// `slow=MILLISECONDS` says from when on a call is slow. `write_behind=FOLDER` lets a file store
  /// in that folder answer, and carries its changes to the backend behind it.
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
  ///   - movingFrom: the URL of the store that this one takes the place of, while both are in use;
  ///     nil for what the variable `MIGRATE_FROM_URL` says. See ``StoreMove``.
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
    routes: [Route] = [], replicas: ReplicaOptions? = nil, layers: [any StorageLayer] = [],
    movingFrom: String? = nil, migrate: MigrationMode? = nil, requireURL: Bool = false,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    generators: StoreGenerators = .system, watch: WatchOptions = WatchOptions(),
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) async throws(StoreError) -> Store {
    var (target, registry, context) = try choose(
      url, backends, migrations, requireURL: requireURL, environment, log)
    var watch = watch
    watch.slowThreshold = try target.takeSlowThreshold() ?? watch.slowThreshold
    let plan = try MigrationPlan(migrations, now: generators.now())
    let tables = try RoutedTables(routes, main: target, plan.schema)
    let opening = StoreOpening(
      registry: registry, context: context, plan: plan, migrate: migrate, generators: generators,
      watch: watch)
    if let old = movingFrom ?? context.environment["MIGRATE_FROM_URL"] {
      guard routes.isEmpty else {
        throw StoreError(.unsupported, "a store with routes moves place by place")
      }
      return opening.store(try await opening.open(from: try BackendURL(old), to: target, layers))
    }
    var own = layers
    let listed = url == nil ? context.environment["DATABASE_REPLICA_URLS"] : nil
    if let options = replicas ?? listed.map({ ReplicaOptions(list: $0) }), !options.urls.isEmpty {
      let layer = try ReplicaLayer(options, registry, context)
      own.insert(layer, at: own.firstIndex { $0.place > .replicas } ?? own.endIndex)
    }
    let main = try await opening.open(target, own)
    return opening.store(
      try await open(routes, tables, beside: main) { url throws(StoreError) in
        var url = url
        guard try url.takeSlowThreshold() == nil else {
          throw StoreError(
            .invalidConfiguration,
            "slow is for the whole store: it has no meaning in a route's URL")
        }
        return try await opening.open(url)
      })
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
}
