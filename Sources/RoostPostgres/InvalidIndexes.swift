import PostgresClient
import Roost
import RoostCore

/// The indexes that a CREATE INDEX CONCURRENTLY has left when it failed: every write keeps them up
/// to date, and no query uses them.
enum InvalidIndexes {
  /// The invalid indexes of visible tables, without those that are being built right now.
  static func read(_ connection: PostgresConnection) async throws(StoreError) -> [SchemaDrift] {
    let rows = try await storeErrors { () throws(PostgresError) in
      try await connection.query(
        """
        SELECT c.relname::text, i.relname::text FROM pg_index x
        JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
        WHERE NOT x.indisvalid AND i.relkind = 'i' AND pg_table_is_visible(c.oid)
          AND NOT EXISTS (
            SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.oid)
        ORDER BY 1, 2
        """, as: (String, String).self)
    }
    return rows.map { table, index in drift(table, index) }
  }

  /// Says how to get rid of an index.
  static func drift(_ table: String, _ index: String) -> SchemaDrift {
    SchemaDrift(
      .invalidIndex, table: table, object: index, expected: nil,
      found: "DROP INDEX CONCURRENTLY \(PostgresQuery.quote(identifier: index));")
  }
}
