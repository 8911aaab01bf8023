package import Roost
import RoostCore

extension ServerFacts {
  /// From how many rows on it hurts to read all of a table.
  package static let manyRows: Int64 = 1_000
  /// How large an index may be before it matters that nobody uses it.
  private static let idleIndexBytes: Int64 = 1 << 20
  /// How often its table must have been looked into before that means something.
  private static let manyScans: Int64 = 1_000
  /// The oldest version that still gets fixes, as 15.4 is 150004. Source: PostgreSQL's versioning
  /// policy, November 2026.
  private static let oldestSupported = 140_000

  /// What is worth saying of the server.
  package func findings() -> [Finding] {
    connectionFindings() + settingFindings() + lagFindings() + tableFindings() + diskFindings()
  }

  private func connectionFindings() -> [Finding] {
    var findings: [Finding] = []
    if let encryption {
      findings.append(Finding(.info, "TLS", "the session is encrypted with \(encryption)"))
    } else if isLocal {
      findings.append(
        Finding(.info, "TLS", "the session is not encrypted; the server is on this machine"))
    } else {
      findings.append(
        Finding(
          .warning, "TLS", "the session is not encrypted",
          advice: "give the server a certificate and use sslmode=verify-full"))
    }
    if version < Self.oldestSupported {
      findings.append(
        Finding(
          .warning, "version", "PostgreSQL \(version / 10_000) gets no fixes any more",
          advice: "upgrade the server"))
    } else {
      findings.append(
        Finding(.info, "version", "PostgreSQL \(version / 10_000).\(version % 10_000)"))
    }
    if poolLimit > usableConnections {
      findings.append(
        Finding(
          .error, "connections",
          "the pool may open \(poolLimit) connections, and the server lets \(usableConnections) "
            + "in beside those reserved",
          advice: "lower pool_max or raise max_connections"))
    } else if poolLimit * 2 > usableConnections {
      findings.append(
        Finding(
          .warning, "connections",
          "two processes with pools of \(poolLimit) want more than the \(usableConnections) "
            + "connections that the server has beside those reserved",
          advice: "lower pool_max, raise max_connections, or put a pooler before the server"))
    }
    if sessions * 10 > usableConnections * 9 {
      findings.append(
        Finding(
          .warning, "connections", "\(sessions) of \(usableConnections) connections are taken",
          advice: "look for clients that leak connections, or raise max_connections"))
    }
    return findings
  }

  private func settingFindings() -> [Finding] {
    var findings: [Finding] = []
    if settings["fsync"] == "off" {
      findings.append(
        Finding(
          .error, "settings", "fsync is off: a crash of the machine can destroy the database",
          advice: "ALTER SYSTEM SET fsync = on, and reload"))
    }
    if settings["full_page_writes"] == "off" {
      findings.append(
        Finding(
          .error, "settings", "full_page_writes is off: a crash can leave torn pages",
          advice: "ALTER SYSTEM SET full_page_writes = on, and reload"))
    }
    if settings["synchronous_commit"] == "off" {
      findings.append(
        Finding(
          .warning, "settings",
          "synchronous_commit is off: the last acknowledged commits are lost in a crash",
          advice: "ALTER SYSTEM SET synchronous_commit = on, and reload"))
    }
    if settings["autovacuum"] == "off" {
      findings.append(
        Finding(
          .error, "settings", "autovacuum is off: tables only grow, and plans grow old",
          advice: "ALTER SYSTEM SET autovacuum = on, and reload"))
    }
    // In blocks of 8 KiB; 128 MiB is the server's own default.
    if let blocks = settings["shared_buffers"].flatMap({ Int64($0) }), blocks * 8_192 < 128 << 20 {
      findings.append(
        Finding(
          .warning, "settings", "shared_buffers is \(blocks * 8 / 1_024) MiB, which is tiny",
          advice: "give it about a quarter of the machine's memory, and restart"))
    }
    if settings["idle_in_transaction_session_timeout"] == "0" {
      findings.append(
        Finding(
          .info, "settings", "idle_in_transaction_session_timeout is not set",
          advice: "set it, so that no forgotten transaction keeps locks and dead rows for ever"))
    }
    return findings
  }

  private func lagFindings() -> [Finding] {
    var findings: [Finding] = []
    if isStandby {
      findings.append(
        Finding(
          .error, "role", "the server is a standby and takes no writes",
          advice: "connect to the primary, for example with target_session_attrs=read-write"))
    }
    if let lagSeconds, lagSeconds > HealthLimits.lag / .seconds(1) {
      let bytes = lagBytes.map { ", \($0) bytes" } ?? ""
      findings.append(
        Finding(
          .warning, "lag",
          "\(isStandby ? "the server" : "a standby") is \(Int64(min(lagSeconds, 1e15))) seconds"
            + "\(bytes) behind",
          advice: "look at its network, its disk, and long queries on it"))
    }
    return findings
  }

  private func tableFindings() -> [Finding] {
    var findings: [Finding] = []
    for key in bareKeys {
      findings.append(
        Finding(
          key.rows >= Self.manyRows ? .warning : .info, "missing index",
          "no index of \(key.table) begins with \(key.columns), the columns of foreign key "
            + "\(key.name): a delete of what they refer to reads all \(key.rows) rows",
          advice: "CREATE INDEX CONCURRENTLY ON \(key.table) (\(key.columns))"))
    }
    let since = countedSince.map { " since \($0)" } ?? ""
    let idle = idleIndexes.filter {
      $0.bytes >= Self.idleIndexBytes && $0.scans >= Self.manyScans
    }
    for index in idle {
      findings.append(
        Finding(
          .warning, "unused index",
          "none of \(index.scans) looks into \(index.table)\(since) has used \(index.name); it "
            + "takes \(index.bytes) bytes, and every write keeps it up to date",
          advice: "if that stays so, on standbys too, remove it by a migration"))
    }
    let others = idleIndexes.map(\.name).filter { name in !idle.contains { $0.name == name } }
    if !others.isEmpty {
      findings.append(
        Finding(
          .info, "unused index",
          "not used yet\(since), but small or of a table that is hardly used: "
            + others.sorted().joined(separator: ", ")))
    }
    for table in tables
    where table.deadRows >= Self.manyRows && table.deadRows * 5 > table.liveRows {
      let vacuum = table.lastVacuum.map { "last vacuumed \($0)" } ?? "never vacuumed"
      findings.append(
        Finding(
          .warning, "bloat",
          "\(table.name) has \(table.deadRows) dead rows beside \(table.liveRows) live ones; "
            + vacuum,
          advice: "VACUUM \(table.name), and look for long transactions if it does not help"))
    }
    return findings
  }

  private func diskFindings() -> [Finding] {
    disk.flatMap { Finding.disk($0) }.map { [$0] } ?? []
  }
}
