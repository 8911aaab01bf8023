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

extension Store {
  /// The URL parameters that every backend's URL may have.
  public static let parameters = ["migrate"]

  /// Opens the store that a URL or the environment names.
  ///
  /// The URL is `url`, else the variable `POSTGRES_URL`, else `DATABASE_URL`, else `memory:` with
  /// a logged warning. A variable that is set and wrong is an error and never another store; an
  /// empty one counts as unset.
  ///
  /// The URL's parameter `migrate` is `auto` (the default of embedded backends), `check` (the
  /// default of Postgres) or `off`.
  /// - Parameters:
  ///   - url: the store's URL; nil for the environment's.
  ///   - backends: the backends to choose from, by scheme.
  ///   - migrations: the systems whose tables the store holds.
  ///   - migrate: how far to go with migrations; nil for the URL's word or the default.
  ///   - requireURL: whether having no URL at all is an error.
  ///   - environment: the variables.
  ///   - generators: clock and UUIDs.
  ///   - log: where log lines go.
  /// - Throws: `invalidConfiguration`, `invalidMigration`, `migrationPending`, `schemaDrift`,
  ///   `unavailable`, `accessDenied`, `locked`, `corrupted`.
  public static func open(
    _ url: String? = nil, backends: [BackendFactory], migrations: [MigrationSet],
    migrate: MigrationMode? = nil, requireURL: Bool = false,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    generators: StoreGenerators = .system,
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) async throws(StoreError) -> Store {
    let now = generators.now()
    let plan = try MigrationPlan(migrations, now: now)
    let (backend, mode) = try await openBackend(
      url, backends, migrations, requireURL: requireURL, environment, log)
    do {
      let (report, schema) = try await prepare(backend, plan, mode ?? migrate, at: now, log)
      let context = StoreContext(backend: backend, schema: schema, generators: generators)
      return Store(context: context, opening: report)
    } catch {
      await backend.close()
      throw error
    }
  }

  /// Opens the backend alone, and takes the parameter `migrate` off its URL.
  static func openBackend(
    _ url: String?, _ backends: [BackendFactory], _ migrations: [MigrationSet], requireURL: Bool,
    _ environment: [String: String], _ log: @escaping @Sendable (LogLine) -> Void
  ) async throws(StoreError) -> (backend: any StorageBackend, mode: MigrationMode?) {
    let registry = try BackendRegistry(backends)
    let context = BackendContext(
      environment: environment, triggers: migrations.flatMap(\.triggers), log: log)
    var target = try BackendURL(
      try chooseURL(url, context, requireURL: requireURL))
    let mode = try migrationMode(&target)
    return (try await registry.open(target, context: context), mode)
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

  private static func migrationMode(_ url: inout BackendURL) throws(StoreError) -> MigrationMode? {
    guard let word = url.take("migrate") else { return nil }
    guard let mode = MigrationMode(rawValue: word) else {
      throw StoreError(
        .invalidConfiguration, "migrate=\(word) is none of auto, check, off")
    }
    return mode
  }

  private static func prepare(
    _ backend: any StorageBackend, _ plan: MigrationPlan, _ mode: MigrationMode?,
    at now: Timestamp, _ log: @Sendable (LogLine) -> Void
  ) async throws(StoreError) -> (OpeningReport, Schema) {
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
    let suffix = migrated.isEmpty ? "" : ", migrated \(migrated.count)"
    log(LogLine(.info, "opened \(backend.location)\(suffix)"))
    let report = OpeningReport(
      location: backend.location, migrated: migrated, passedOver: isEmbedded ? plan.passedOver : [])
    return (report, schema)
  }
}
