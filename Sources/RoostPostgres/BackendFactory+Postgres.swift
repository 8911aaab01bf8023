public import PostgresClient
public import Roost
import RoostCore

extension BackendFactory {
  /// `postgres://` and `postgresql://` keep rows in a Postgres database; the URL is libpq's
  /// connection URI, completed by a service and the PG* variables; with
  /// several hosts, the first that is as `target_session_attrs` wants is used.
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
    let plan = try PostgresPlan(url, environment: context.environment)
    let backend: PostgresBackend
    do throws(PostgresError) {
      var configuration = plan.configuration
      configuration.observer = observer
      backend = try PostgresBackend(configuration, plan.pool, schemaName: plan.schemaName)
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
