import PostgresClient
public import Roost
import RoostCore

extension BackendFactory {
  /// `postgres://` and `postgresql://` keep rows in a Postgres database; the URL is libpq's
  /// connection URI, completed by the PG* variables.
  ///
  /// Parameters of the store's own: `pool_min` (0), `pool_max` (10) and `pool_overflow` (0)
  /// connections, `pool_timeout` (30) seconds to wait for one, and `schema`, in which tables are
  /// made and found. Opening connects once, so that a server that cannot be used shows at once.
  public static let postgres = BackendFactory(
    schemes: ["postgres", "postgresql"]
  ) { url, context throws(StoreError) in
    var url = url
    var options = PostgresPoolOptions()
    options.minimum = try url.takeNumber("pool_min") ?? options.minimum
    options.maximum = try url.takeNumber("pool_max") ?? options.maximum
    options.overflow = try url.takeNumber("pool_overflow") ?? options.overflow
    if let seconds = try url.takeNumber("pool_timeout") {
      options.acquireTimeout = .seconds(seconds)
    }
    guard options.maximum >= 1, options.minimum <= options.maximum else {
      throw StoreError(
        .invalidConfiguration, "pool_max must be at least 1 and at least pool_min")
    }
    let schemaName = url.take("schema")
    let backend: PostgresBackend
    do throws(PostgresError) {
      var configuration = try PostgresConfiguration(
        uri: url.remaining, environment: context.environment)
      if let schemaName {
        configuration.runtimeParameters["search_path"] =
          PostgresQuery.quote(identifier: schemaName)
      }
      backend = try PostgresBackend(configuration, options, schemaName: schemaName)
    } catch {
      throw StoreError(error)
    }
    do throws(StoreError) {
      // Any question will do: a server that cannot be used is to show now.
      _ = try await backend.appliedMigrations()
      return backend
    } catch {
      await backend.close()
      throw error
    }
  }
}

extension BackendURL {
  /// Takes a parameter that is a number of at least 0.
  fileprivate mutating func takeNumber(_ name: String) throws(StoreError) -> Int? {
    guard let text = take(name) else { return nil }
    guard let number = Int(text), (0...100_000).contains(number) else {
      throw StoreError(.invalidConfiguration, "\(name)=\(text) is no number from 0 to 100000")
    }
    return number
  }
}
