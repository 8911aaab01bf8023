package import PostgresClient
import Roost
package import RoostCore

/// What a server says that tells whether it is set up well for a store.
package struct ServerFacts: Sendable {
  /// A table's figures.
  struct Table: Sendable {
    var name: String
    var liveRows: Int64
    var deadRows: Int64
    var lastVacuum: Timestamp?
  }

  /// A foreign key that no index of its table begins with.
  struct BareKey: Sendable {
    var table: String
    var name: String
    var columns: String
    var rows: Int64
  }

  /// An index that no query has used since figures are counted.
  struct IdleIndex: Sendable {
    var table: String
    var name: String
    var bytes: Int64
    /// How often the table was looked into in another way.
    var scans: Int64
  }

  var version = 0
  var settings: [String: String] = [:]
  var isStandby = false
  var sessions = 0
  var lagSeconds: Double?
  var lagBytes: Int64?
  /// Whether the session is encrypted.
  var encryption: String?
  /// Whether the server is on this machine: a Unix socket or the loopback address.
  var isLocal = false
  /// When the figures of use began to be counted; nil for with the database.
  var countedSince: Timestamp?
  var tables: [Table] = []
  var bareKeys: [BareKey] = []
  private(set) var idleIndexes: [IdleIndex] = []
  /// The disk under the server, where it is this machine's.
  package var disk: DiskSpace?
  /// How many connections the store's own pool may open.
  package var poolLimit = 0

  /// The settings that are looked at, in their base units.
  private static let settingNames = [
    "autovacuum", "data_directory", "fsync", "full_page_writes",
    "idle_in_transaction_session_timeout",
    "max_connections", "shared_buffers", "superuser_reserved_connections", "synchronous_commit",
  ]

  /// The connections that ordinary roles may have.
  var usableConnections: Int {
    (settings["max_connections"].flatMap { Int($0) } ?? 0)
      - (settings["superuser_reserved_connections"].flatMap { Int($0) } ?? 0)
  }

  /// Asks a server.
  /// - Throws: `PostgresError`.
  package static func read(
    _ connection: PostgresConnection
  ) async throws(PostgresError) -> ServerFacts {
    var facts = ServerFacts()
    let server = try await ServerFigures.read(connection)
    facts.isStandby = server.isStandby
    facts.sessions = server.sessions
    facts.lagSeconds = server.lagSeconds
    facts.lagBytes = server.lagBytes
    facts.encryption = connection.encryption.map { "\($0.version), \($0.cipher)" }
    let host = connection.host.address ?? connection.host.name
    facts.isLocal =
      host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@") || host.hasPrefix("127.")
      || host == "::1" || host == "localhost"
    let settings = try await connection.query(
      "SELECT name, setting FROM pg_settings WHERE name = ANY (\(settingNames))",
      as: (String, String?).self)
    for (name, value) in settings { facts.settings[name] = value }
    (facts.version, facts.countedSince) = try await connection.queryOne(
      """
      SELECT current_setting('server_version_num')::int,
        (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database())
      """, as: (Int, Timestamp?).self)
    facts.tables = try await tables(connection)
    facts.bareKeys = try await bareKeys(connection)
    facts.idleIndexes = try await idleIndexes(connection)
    if facts.isLocal, let folder = facts.settings["data_directory"] {
      facts.disk = DiskSpace(of: folder)
    }
    return facts
  }

  /// Passes over indexes that are known to be of use.
  package mutating func keep(_ indexes: Set<String>) {
    idleIndexes.removeAll { indexes.contains($0.name) }
  }

  private static func tables(
    _ connection: PostgresConnection
  ) async throws(PostgresError) -> [Table] {
    let rows = try await connection.query(
      """
      SELECT relname::text, n_live_tup, n_dead_tup, greatest(last_vacuum, last_autovacuum)
      FROM pg_stat_user_tables WHERE pg_table_is_visible(relid) ORDER BY 1
      """, as: (String, Int64, Int64, Timestamp?).self)
    return rows.map { Table(name: $0.0, liveRows: $0.1, deadRows: $0.2, lastVacuum: $0.3) }
  }

  /// The order of the columns in an index does not matter, as long as they are its first ones; a
  /// partial index does not count.
  private static func bareKeys(
    _ connection: PostgresConnection
  ) async throws(PostgresError) -> [BareKey] {
    let rows = try await connection.query(
      """
      SELECT c.relname::text, k.conname::text,
        (SELECT string_agg(a.attname, ', ' ORDER BY u.place)
          FROM unnest(k.conkey) WITH ORDINALITY u (number, place)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
        coalesce((SELECT n_live_tup FROM pg_stat_user_tables s WHERE s.relid = c.oid), 0)
      FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
      WHERE k.contype = 'f' AND pg_table_is_visible(c.oid) AND NOT EXISTS (
        SELECT FROM pg_index x
        WHERE x.indrelid = k.conrelid AND x.indisvalid AND x.indpred IS NULL
          AND (SELECT array_agg(n) FROM unnest(
            (x.indkey::int2[])[0:cardinality(k.conkey) - 1]) n) @> k.conkey)
      ORDER BY 1, 2
      """, as: (String, String, String?, Int64).self)
    return rows.map { BareKey(table: $0.0, name: $0.1, columns: $0.2 ?? "", rows: $0.3) }
  }

  /// Without those that are there for another reason: of constraints, and for foreign keys.
  private static func idleIndexes(
    _ connection: PostgresConnection
  ) async throws(PostgresError) -> [IdleIndex] {
    let rows = try await connection.query(
      """
      SELECT s.relname::text, s.indexrelname::text, pg_relation_size(s.indexrelid),
        coalesce(t.seq_scan, 0) + coalesce(t.idx_scan, 0)
      FROM pg_stat_user_indexes s JOIN pg_index x ON x.indexrelid = s.indexrelid
      JOIN pg_stat_user_tables t ON t.relid = s.relid
      WHERE s.idx_scan = 0 AND NOT x.indisunique AND pg_table_is_visible(s.relid)
        AND NOT EXISTS (
          SELECT FROM pg_constraint k
          WHERE k.contype = 'f' AND k.conrelid = s.relid
            AND (SELECT array_agg(n) FROM unnest(
              (x.indkey::int2[])[0:cardinality(k.conkey) - 1]) n) @> k.conkey)
      ORDER BY 3 DESC, 2
      """, as: (String, String, Int64, Int64).self)
    return rows.map { IdleIndex(table: $0.0, name: $0.1, bytes: $0.2, scans: $0.3) }
  }
}
