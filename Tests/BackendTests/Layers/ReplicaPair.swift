import PostgresClient
import Roost
import RoostTesting
import Testing

/// A primary, its standby and a database on both.
struct ReplicaPair {
  let primary: ThrowawayPostgres
  let standby: ThrowawayPostgres
  let database: String

  private static func make() async throws -> ReplicaPair {
    let primary = try await ThrowawayPostgres.start(
      .trust, settings: ["synchronous_commit": "on"])
    let database = try await primary.createDatabase()
    return ReplicaPair(
      primary: primary, standby: try await primary.startStandby(), database: database)
  }

  var url: String { primary.url(database: database) + "?pool_timeout=10" }
  var replicaURL: String { standby.url(database: database) + "?pool_timeout=10" }

  func open(
    _ parameters: String = "", maximumLag: Duration = .seconds(10), replica: String = "",
    log: LogCollector = LogCollector()
  ) async throws -> Store {
    try await patiently {
      try await Tallies.open(
        url + parameters,
        replicas: ReplicaOptions(
          [replicaURL + replica], maximumLag: maximumLag, interval: .milliseconds(20)),
        log: log)
    }
  }

  func pauseReplay() async throws {
    try await Tallies.run("SELECT pg_wal_replay_pause()", on: standby.url())
    try await eventually("replay is paused") {
      let connection = try await PostgresConnection.connect(
        try PostgresConfiguration(standby.url(), environment: [:]))
      let state = try await connection.queryOne(
        "SELECT pg_get_wal_replay_pause_state()", as: String.self)
      await connection.close()
      return state == "paused"
    }
  }

  func waitUntilStreamed() async throws {
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(primary.url(), environment: [:]))
    try await eventually("it is streamed") {
      try await connection.queryOne(
        """
        SELECT count(*) = 1 AND bool_and(flush_lsn >= pg_current_wal_flush_lsn())
        FROM pg_stat_replication
        """, as: Bool.self)
    }
    await connection.close()
  }

  func resumeReplay() async throws {
    try await Tallies.run("SELECT pg_wal_replay_resume()", on: standby.url())
  }

  func stop() {
    standby.stop()
    primary.stop()
  }

  static func with(_ body: (ReplicaPair) async throws -> Void) async throws {
    let pair = try await make()
    defer { pair.stop() }
    try await body(pair)
  }
}

/// Opens a store; a server that takes longer than the two seconds that it has to say what it is is
/// asked again.
func patiently(_ open: () async throws -> Store) async throws -> Store {
  for _ in 0..<20 {
    do {
      return try await open()
    } catch let error as StoreError
      where [.unavailable, .deadlineExceeded].contains(error.code)
    {}
  }
  return try await open()
}

extension Store {
  /// How many reads the replica has served.
  var replicaReads: Int { replicas?.replicas.first?.reads ?? -1 }

  var isReplicaUsed: Bool { replicas?.replicas.first?.isUsed == true }

  /// Waits until reads of tallies are the replica's.
  func waitForReplica() async throws {
    try await eventually("the replica serves") {
      let before = replicaReads
      _ = try await find(Tally.self, 1)
      return replicaReads == before + 1
    }
  }

  /// Waits until the first tally is read, which may be nobody's to read for a moment.
  func waitForTally(_ value: Int) async throws {
    try await eventually("it is read") { (try? await find(Tally.self, 1))?.value == value }
  }

  /// Waits until the primary has been looked at again and again: each time the replica's lag grows.
  func waitForLooks(_ count: Int) async throws {
    var lag = Duration.zero
    for _ in 0..<count {
      try await eventually("the primary is looked at") {
        let now = replicas?.replicas.first?.lag ?? .zero
        defer { lag = max(lag, now) }
        return now > lag
      }
    }
  }
}
