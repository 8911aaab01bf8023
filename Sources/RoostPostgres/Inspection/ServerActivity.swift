package import PostgresClient
import Roost
import RoostCore

/// What a database does, as its server counts it; counts are from the server's last reset.
package struct ServerActivity: Sendable, Codable, Equatable {
  /// A statement that runs now.
  package struct Statement: Sendable, Codable, Equatable {
    /// How long it has run, in seconds.
    package var seconds: Double
    /// Its session's state, such as `active`.
    package var state: String
    /// What it waits for, such as `Lock`; nil when it waits for nothing.
    package var waitsFor: String?
    /// Its text without values, on one line.
    package var query: String
  }

  /// The server's version, such as `15.14`.
  package var version: String
  /// Whether it follows another.
  package var isStandby: Bool
  /// How long the server has run, in seconds.
  package var uptime: Double
  /// The clients connected to the server, and how many may be.
  package var sessions: Int
  package var sessionLimit: Int
  /// The database's sessions by what they do.
  package var active: Int
  package var idle: Int
  package var inTransaction: Int
  /// Sessions that wait for a lock.
  package var waitingForLocks: Int
  /// The transactions so far.
  package var commits: Int64
  package var rollbacks: Int64
  /// The blocks so far that were found in memory, and that had to be read.
  package var blocksHit: Int64
  package var blocksRead: Int64
  /// The rows so far that queries have gone through, and that were inserted, updated and deleted.
  package var rowsRead: Int64
  package var rowsWritten: Int64
  package var deadlocks: Int64
  package var databaseBytes: Int64
  /// By how much a copy is behind; nil when there is none, or it does not show.
  package var lagSeconds: Double?
  package var lagBytes: Int64?
  package var standbys: Int
  /// The statement that has run for longest; nil when none runs.
  package var slowest: Statement?

  private static let databaseQuery: PostgresQuery = """
    SELECT current_setting('server_version'),
      extract(epoch FROM now() - pg_postmaster_start_time())::float8,
      xact_commit, xact_rollback, blks_hit, blks_read, tup_returned,
      tup_inserted + tup_updated + tup_deleted, deadlocks
    FROM pg_stat_database WHERE datname = current_database()
    """

  /// Without this very session.
  private static let sessionQuery: PostgresQuery = """
    SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = 'idle'),
      count(*) FILTER (WHERE state LIKE 'idle in transaction%'),
      count(*) FILTER (WHERE wait_event_type = 'Lock')
    FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend'
      AND pid <> pg_backend_pid()
    """

  /// Asks a server.
  /// - Throws: `PostgresError`.
  package static func read(
    _ connection: PostgresConnection
  ) async throws(PostgresError) -> ServerActivity {
    let server = try await ServerFigures.read(connection)
    let database = try await connection.queryOne(
      databaseQuery,
      as: (String, Double, Int64, Int64, Int64, Int64, Int64, Int64, Int64).self)
    let sessions = try await connection.queryOne(sessionQuery, as: (Int, Int, Int, Int).self)
    // Debian adds its own version behind a blank.
    let version = database.0.split(separator: " ").first.map(String.init) ?? database.0
    return ServerActivity(
      version: version, isStandby: server.isStandby, uptime: database.1,
      sessions: server.sessions, sessionLimit: server.sessionLimit, active: sessions.0,
      idle: sessions.1, inTransaction: sessions.2, waitingForLocks: sessions.3,
      commits: database.2, rollbacks: database.3, blocksHit: database.4, blocksRead: database.5,
      rowsRead: database.6, rowsWritten: database.7, deadlocks: database.8,
      databaseBytes: server.databaseBytes, lagSeconds: server.lagSeconds,
      lagBytes: server.lagBytes, standbys: server.standbys,
      slowest: try await running(connection, limit: 1).first)
  }

  /// The statements that have run for longest, those of sessions that wait in a transaction too.
  /// - Throws: `PostgresError`.
  package static func running(
    _ connection: PostgresConnection, limit: Int
  ) async throws(PostgresError) -> [Statement] {
    let rows = try await connection.query(
      """
      SELECT extract(epoch FROM clock_timestamp()
          - CASE WHEN state = 'active' THEN query_start ELSE xact_start END)::float8,
        state, wait_event_type, query
      FROM pg_stat_activity
      WHERE datname = current_database() AND backend_type = 'client backend'
        AND pid <> pg_backend_pid() AND state <> 'idle' AND query_start IS NOT NULL
      ORDER BY 1 DESC NULLS LAST LIMIT \(limit)
      """, as: (Double?, String?, String?, String?).self)
    return rows.map { row in
      Statement(
        seconds: row.0 ?? 0, state: row.1 ?? "", waitsFor: row.2 == "Client" ? nil : row.2,
        query: line(row.3 ?? ""))
    }
  }

  /// A statement on one line, without values.
  static func line(_ sql: String) -> String {
    ValueMask.apply(to: sql).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}

/// What a server knows of the statements that took longest.
package struct SlowStatements: Sendable, Codable, Equatable {
  /// A kind of statement.
  package struct Statement: Sendable, Codable, Equatable {
    /// Its text without values, on one line.
    package var query: String
    /// How often it ran.
    package var calls: Int64
    /// How long, in milliseconds: on average, at most, and all together.
    package var mean: Double
    package var longest: Double
    package var total: Double
    /// How many rows it returned or changed.
    package var rows: Int64
  }

  /// The worst by all the time that they took; nil when the server does not count them.
  package var statements: [Statement]?
  /// Why it does not, and what to do; nil when it does.
  package var advice: String?
  /// What runs now for longest, where statements are not counted.
  package var running: [ServerActivity.Statement] = []

  /// Asks a server.
  /// - Throws: `PostgresError`.
  package static func read(
    _ connection: PostgresConnection, limit: Int
  ) async throws(PostgresError) -> SlowStatements {
    let (isLoaded, schema) = try await connection.queryOne(
      """
      SELECT coalesce(current_setting('shared_preload_libraries', true), '')
          LIKE '%pg_stat_statements%',
        (SELECT nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
          WHERE extname = 'pg_stat_statements')
      """, as: (Bool?, String?).self)
    // Whom the setting is not shown to has to try.
    guard isLoaded != false, let schema else {
      let advice =
        isLoaded == false
        ? "add pg_stat_statements to shared_preload_libraries, restart the server, and run: "
          + "CREATE EXTENSION pg_stat_statements"
        : "run: CREATE EXTENSION pg_stat_statements"
      return SlowStatements(
        statements: nil, advice: advice,
        running: try await ServerActivity.running(connection, limit: limit))
    }
    let rows = try await connection.query(
      """
      SELECT query, calls, mean_exec_time, max_exec_time, total_exec_time, rows
      FROM \(identifier: schema).pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
      WHERE d.datname = current_database() ORDER BY total_exec_time DESC LIMIT \(limit)
      """, as: (String?, Int64, Double, Double, Double, Int64).self)
    return SlowStatements(
      statements: rows.map { row in
        Statement(
          query: ServerActivity.line(row.0 ?? ""), calls: row.1, mean: row.2, longest: row.3,
          total: row.4, rows: row.5)
      })
  }
}
