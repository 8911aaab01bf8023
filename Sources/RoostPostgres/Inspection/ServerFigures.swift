import PostgresClient
import Roost
import RoostCore

/// What one question to a server says of how it is.
struct ServerFigures: Sendable {
  /// Whether it follows another.
  var isStandby: Bool
  /// The bytes of the database, with its indexes.
  var databaseBytes: Int64
  /// How many clients are connected to the server.
  var sessions: Int
  /// How many may be.
  var sessionLimit: Int
  /// By how many seconds a standby is behind its primary, or the slowest standby behind this
  /// server; nil when there is none, or it does not show.
  var lagSeconds: Double?
  /// The same in bytes of the write-ahead log.
  var lagBytes: Int64?
  /// How many standbys follow.
  var standbys: Int

  /// A standby that has replayed all that it got is not behind, however long nothing has come.
  private static let query: PostgresQuery = """
    SELECT pg_is_in_recovery(), pg_database_size(current_database()),
      (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
      current_setting('max_connections')::int,
      CASE WHEN pg_is_in_recovery() THEN
        CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
          ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END
      ELSE (SELECT extract(epoch FROM max(replay_lag)) FROM pg_stat_replication)
      END::float8,
      CASE WHEN pg_is_in_recovery()
        THEN pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
        ELSE (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))
          FROM pg_stat_replication) END::int8,
      (SELECT count(*) FROM pg_stat_replication)
    """

  static func read(_ connection: PostgresConnection) async throws(PostgresError) -> ServerFigures {
    let row = try await connection.queryOne(
      query, as: (Bool, Int64, Int, Int, Double?, Int64?, Int).self)
    return ServerFigures(
      isStandby: row.0, databaseBytes: row.1, sessions: row.2, sessionLimit: row.3,
      lagSeconds: row.4, lagBytes: row.5, standbys: row.6)
  }
}

extension PostgresBackend {
  /// How long the server may take to say how it is: half of the time in which somebody waits for
  /// it, so that the pool's figures come in any case.
  private static let serverTimeout = Duration.seconds(1)

  /// What the server says in time; nil else.
  private func serverFigures() async -> ServerFigures? {
    await withinTime(Self.serverTimeout) { [self] in
      try? await withConnection { connection in try await ServerFigures.read(connection) }
    } ?? nil
  }

  func figures() async -> [Figure] {
    let server = await serverFigures()
    var figures = poolFigures()
    figures.append(
      Figure("roost_server_up", server == nil ? 0 : 1, help: "Whether the server answers."))
    guard let server else { return figures }
    figures += [
      Figure(
        "roost_database_bytes", Double(server.databaseBytes),
        help: "The bytes of the database, with its indexes."),
      Figure(
        "roost_server_sessions", Double(server.sessions),
        help: "How many clients are connected to the server."),
      Figure(
        "roost_server_session_limit", Double(server.sessionLimit),
        help: "How many clients may be connected to the server."),
    ]
    if let lag = server.lagSeconds {
      figures.append(
        Figure(Figure.lagSeconds, lag, help: "By how many seconds a copy is behind."))
    }
    if let lag = server.lagBytes {
      figures.append(
        Figure(
          "roost_replication_lag_wal", Double(lag),
          help: "By how many bytes of the write-ahead log a copy is behind."))
    }
    return figures
  }

  private func poolFigures() -> [Figure] {
    let (pool, limit) = poolState
    let help = "How many connections the pool has, by what they do."
    var figures = [("in_use", pool.inUse), ("idle", pool.idle), ("connecting", pool.connecting)]
      .map { state, count in
        Figure("roost_pool_connections", Double(count), labels: ["state": state], help: help)
      }
    figures += [
      Figure(
        "roost_pool_connection_limit", Double(limit),
        help: "How many connections the pool may have."),
      Figure(Figure.poolWaiting, Double(pool.waiting), help: "How many wait for a connection."),
    ]
    for (name, part) in [("0.5", 0.5), ("0.95", 0.95), ("0.99", 0.99)] {
      guard let wait = pool.waitTimes.percentile(part) else { continue }
      figures.append(
        Figure(
          "roost_pool_wait_seconds", wait / .seconds(1), labels: ["quantile": name],
          help: "How long callers waited for a connection."))
    }
    let counters = [
      ("roost_pool_acquisitions_total", pool.acquisitions, "How often a connection was asked for."),
      ("roost_pool_timeouts_total", pool.timeouts, "How many got no connection in time."),
      ("roost_pool_connects_total", pool.connects, "How many connections were opened."),
      ("roost_pool_connect_failures_total", pool.connectFailures, "How many could not be opened."),
      (
        "roost_statement_hits_total", pool.statementHits,
        "How often a statement was prepared already."
      ),
      (
        "roost_statement_parses_total", pool.statementParses,
        "How often a statement had to be parsed."
      ),
    ]
    return figures
      + counters.map { Figure($0.0, Double($0.1), kind: .counter, help: $0.2) }
  }

  func healthChecks() async -> [HealthCheck] {
    let (pool, limit) = poolState
    let isExhausted = pool.waiting > 0 && pool.inUse >= limit
    var checks = [
      HealthCheck(
        "pool", isExhausted ? .failed : .passed,
        "\(pool.inUse) of \(limit) connections in use, \(pool.waiting) callers wait")
    ]
    // Whether it answers at all is what `health()` says; one more in the queue helps nobody.
    guard !isExhausted, let server = await serverFigures() else { return checks }
    let isCrowded = server.sessions * 10 > server.sessionLimit * 9
    checks.append(
      HealthCheck(
        "sessions", isCrowded ? .degraded : .passed,
        "the server has \(server.sessions) of at most \(server.sessionLimit)"))
    if let lag = server.lagSeconds {
      let isLate = lag > HealthLimits.lag / .seconds(1)
      let whole = Int(clamping: Int64(min(lag, 1e15)))
      checks.append(
        HealthCheck(
          "lag", isLate ? .degraded : .passed,
          server.isStandby
            ? "\(whole) seconds behind the primary" : "a standby is \(whole) seconds behind"))
    }
    return checks
  }
}
