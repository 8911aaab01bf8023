public import PostgresClient
public import Roost
import RoostCore

extension BackendFactory {
  /// `postgres://` and `postgresql://` keep rows in a Postgres database; the URL is libpq's
  /// connection URI, completed by the PG* variables.
  ///
  /// Parameters of the store's own: `pool_min` (0), `pool_max` (else POSTGRES_POOL_SIZE, else 10)
  /// and `pool_overflow` (else POSTGRES_MAX_OVERFLOW, else 0) connections, `pool_timeout` (30)
  /// seconds to wait for one, `statement_cache` (256), how many prepared statements a connection
  /// keeps, and `schema`, in which tables are made and found. Opening connects once, so that a
  /// server that cannot be used shows at once.
  public static let postgres = BackendFactory.postgres(observer: nil)

  /// The same, with an observer that is told what the store's connections do, such as queries with
  /// their duration, and slow ones with their plan.
  ///
  ///     try await Store.open(backends: [.memory, .postgres(observer: observer)])
  public static func postgres(observer: PostgresObserver?) -> BackendFactory {
    BackendFactory(schemes: ["postgres", "postgresql"]) { url, context throws(StoreError) in
      try await openPostgres(url, context, observer)
    }
  }

  private static func openPostgres(
    _ url: BackendURL, _ context: BackendContext, _ observer: PostgresObserver?
  ) async throws(StoreError) -> any StorageBackend {
    var url = url
    var options = PostgresPoolOptions()
    options.minimum = try url.takeNumber("pool_min") ?? options.minimum
    options.maximum =
      try url.takeNumber("pool_max", or: "POSTGRES_POOL_SIZE", context) ?? options.maximum
    options.overflow =
      try url.takeNumber("pool_overflow", or: "POSTGRES_MAX_OVERFLOW", context) ?? options.overflow
    if let seconds = try url.takeNumber("pool_timeout") {
      options.acquireTimeout = .seconds(seconds)
    }
    guard options.maximum >= 1, options.minimum <= options.maximum else {
      throw StoreError(
        .invalidConfiguration,
        "pool_max (or POSTGRES_POOL_SIZE) must be at least 1 and at least pool_min")
    }
    let statementCache = try url.takeNumber("statement_cache")
    let schemaName = url.take("schema")
    let backend: PostgresBackend
    do throws(PostgresError) {
      var configuration = try PostgresConfiguration(
        uri: url.remaining, environment: context.environment)
      configuration.statementCacheLimit = statementCache ?? configuration.statementCacheLimit
      configuration.observer = observer
      if let schemaName {
        configuration.runtimeParameters["search_path"] =
          PostgresQuery.quote(identifier: schemaName)
      }
      backend = try PostgresBackend(configuration, options, schemaName: schemaName)
    } catch {
      throw StoreError(error)
    }
    do throws(StoreError) {
      context.log(LogLine(.info, "connecting to \(backend.location)"))
      // Any question will do: a server that cannot be used is to show now.
      _ = try await backend.appliedMigrations()
      context.log(LogLine(.info, "connected to \(backend.location)"))
      return backend
    } catch {
      await backend.close()
      throw error
    }
  }
}

extension BackendURL {
  /// Takes a parameter that is a number of at least 0, or a variable in its place.
  fileprivate mutating func takeNumber(
    _ name: String, or variable: String? = nil, _ context: BackendContext? = nil
  ) throws(StoreError) -> Int? {
    if let text = take(name) { return try Self.number(text, name) }
    guard let variable, let text = context?.environment[variable] else { return nil }
    return try Self.number(text, variable)
  }

  private static func number(_ text: String, _ name: String) throws(StoreError) -> Int {
    guard let number = Int(text), (0...100_000).contains(number) else {
      throw StoreError(.invalidConfiguration, "\(name)=\(text) is no number from 0 to 100000")
    }
    return number
  }
}
