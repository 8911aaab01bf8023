import Foundation
import PostgresClient
import Roost
import RoostCore

/// Compares a database with its migrations by running these once more: in a scratch schema, within
/// a transaction that is always rolled back. The server itself says then what each statement means.
enum ShadowSchema {
  /// How long the migrations wait for a lock, should they name a live table after all.
  private static let lockTimeout = "10s"

  static func drifts(
    from applied: [PlannedMigration], _ configuration: PostgresConfiguration
  ) async throws(StoreError) -> [SchemaDrift] {
    if applied.isEmpty { return [] }
    do {
      return try await PostgresMigrationSession.withConnection(configuration) { connection in
        try await storeErrors { () throws(PostgresError) in try await connection.begin() }
        let drifts = try await compare(applied, connection)
        try await storeErrors { () throws(PostgresError) in try await connection.rollback() }
        return drifts
      }
    } catch let error as StoreError {
      // The connection was closed, and with it the transaction rolled back.
      throw error
    } catch {
      throw StoreError(.internal, "comparing failed: \(error)")
    }
  }

  private static func compare(
    _ applied: [PlannedMigration], _ connection: PostgresConnection
  ) async throws(StoreError) -> [SchemaDrift] {
    let live = try await storeErrors { () throws(PostgresError) in
      try await connection.queryOne(
        """
        SELECT nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = to_regclass(\(MigrationTable.name))
        """, as: String.self)
    }
    let shadow = "roost_shadow_" + UUID().uuidString.lowercased().prefix(8)
    try await create(shadow, connection)
    try await PostgresMigrationSession.setPath(to: shadow, isLocal: true, connection)
    let extensions = try await PostgresMigrationSession.availableExtensions(connection)
    for migration in applied {
      for statement in migration.statements {
        if let name = statement.requiredExtension, !extensions.contains(name) { continue }
        guard let text = try statement.transactionalText() else { continue }
        try await PostgresMigrationSession.execute(statement, text, connection)
      }
    }
    try await PostgresMigrationSession.setPath(to: shadow, isLocal: true, connection)
    let expected = try await CatalogSnapshot(shadow, connection)
    try await PostgresMigrationSession.setPath(to: live, isLocal: true, connection)
    return try await CatalogSnapshot(live, connection).drifts(from: expected)
  }

  private static func create(
    _ shadow: String, _ connection: PostgresConnection
  ) async throws(StoreError) {
    do throws(StoreError) {
      try await storeErrors { () throws(PostgresError) in
        try await connection.execute("SELECT set_config('lock_timeout', \(lockTimeout), true)")
        try await connection.execute("CREATE SCHEMA \(identifier: shadow)")
      }
    } catch {
      guard error.code == .accessDenied else { throw error }
      throw StoreError(
        .accessDenied,
        "comparing makes a scratch schema, which is rolled back, and needs the right to: GRANT "
          + "CREATE ON DATABASE ... TO ... (\(error.message))", sqlState: error.sqlState)
    }
  }
}
