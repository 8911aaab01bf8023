public import PostgresClient
public import Roost
import RoostCore

/// What a storage URL asks of Postgres: libpq's parameters, and the store's own taken off.
struct PostgresPlan {
  var configuration: PostgresConfiguration
  var pool = PostgresPoolOptions()
  var schemaName: String?

  init(_ url: BackendURL, environment: [String: String]) throws(StoreError) {
    var url = url
    pool.minimum = try url.takeNumber("pool_min") ?? pool.minimum
    pool.maximum =
      try url.takeNumber("pool_max", or: "POSTGRES_POOL_SIZE", environment) ?? pool.maximum
    pool.overflow =
      try url.takeNumber("pool_overflow", or: "POSTGRES_MAX_OVERFLOW", environment)
      ?? pool.overflow
    if let seconds = try url.takeNumber("pool_timeout") { pool.acquireTimeout = .seconds(seconds) }
    guard pool.maximum >= 1, pool.minimum <= pool.maximum else {
      throw StoreError(
        .invalidConfiguration,
        "pool_max (or POSTGRES_POOL_SIZE) must be at least 1 and at least pool_min")
    }
    let statementCache = try url.takeNumber("statement_cache")
    schemaName = url.take("schema")
    do throws(PostgresError) {
      configuration = try PostgresConfiguration(url.remaining, environment: environment)
    } catch {
      throw StoreError(error)
    }
    configuration.statementCacheLimit = statementCache ?? configuration.statementCacheLimit
    if let schemaName {
      configuration.runtimeParameters["search_path"] = PostgresQuery.quote(identifier: schemaName)
    }
  }
}

extension BackendFactory {
  /// What a `postgres://` URL of a store and the environment come to, under libpq's keywords and
  /// with secrets masked; nothing is connected to. The store's own parameters are not among them.
  /// - Throws: `invalidConfiguration` and `unsupported`, as opening the store would.
  public static func postgresSettings(
    of url: String, environment: [String: String]
  ) throws(StoreError) -> [PostgresConfiguration.Setting] {
    var url = try BackendURL(url)
    for parameter in Store.parameters { _ = url.take(parameter) }
    let environment = environment.filter { !$0.value.isEmpty }
    return try PostgresPlan(url, environment: environment).configuration.settings
  }
}

extension BackendURL {
  /// Takes a parameter that is a number of at least 0, or a variable in its place.
  fileprivate mutating func takeNumber(
    _ name: String, or variable: String? = nil, _ environment: [String: String] = [:]
  ) throws(StoreError) -> Int? {
    if let text = take(name) { return try Self.number(text, name) }
    guard let variable, let text = environment[variable] else { return nil }
    return try Self.number(text, variable)
  }

  private static func number(_ text: String, _ name: String) throws(StoreError) -> Int {
    guard let number = Int(text), (0...100_000).contains(number) else {
      throw StoreError(.invalidConfiguration, "\(name)=\(text) is no number from 0 to 100000")
    }
    return number
  }
}
