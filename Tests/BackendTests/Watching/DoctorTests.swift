import Foundation
import PostgresClient
import Roost
import RoostCore
import RoostFile
import RoostSystems
import RoostTesting
import Testing

@testable import RoostPostgres

/// Each of the doctor's findings, provoked on a real server or a real folder.
@Suite(.serialized, .timeLimit(.minutes(15))) struct DoctorTests {
  private struct Answer: Decodable {
    var backend: String
    var findings: [Finding]
  }

  /// What `roost doctor --json` finds, and its exit code.
  private func diagnose(_ url: String) async throws -> (findings: [Finding], code: Int32) {
    let outcome = try await RoostProcess.run(["doctor", "--json", "--url", url])
    #expect(!outcome.output.contains("p@ss") && !outcome.output.contains("p%40ss"))
    let answer = try JSON(parsing: outcome.output.trimmingCharacters(in: .newlines))
      .decode(Answer.self)
    return (answer.findings, outcome.code)
  }

  private func has(
    _ findings: [Finding], _ severity: Finding.Severity, _ topic: String, _ words: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      findings.contains {
        $0.severity == severity && $0.topic == topic && $0.text.contains(words)
      }, "no \(severity) \(topic) with \"\(words)\" among \(findings)",
      sourceLocation: sourceLocation)
  }

  private func withConnection(
    _ url: String, _ body: @Sendable (PostgresConnection) async throws -> Void
  ) async throws {
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(url, environment: [:]))
    do {
      try await body(connection)
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  @Test func aSoundServerHasOnlyRemarks() async throws {
    let server = try await ThrowawayPostgres.start(.trust, isDurable: true)
    defer { server.stop() }
    await (try await TestBackend.open(server.url(), [.coherence, .traceability])).close()
    let (findings, code) = try await diagnose(server.url())
    // The disk of the machine that runs the tests is its own business.
    let serious = findings.filter { $0.severity > .info && $0.topic != "disk" }
    #expect(serious == [], "\(serious)")
    if !findings.contains(where: { $0.topic == "disk" }) { #expect(code == 0) }
    has(findings, .info, "TLS", "not encrypted; the server is on this machine")
    has(findings, .info, "version", "PostgreSQL ")
    has(findings, .info, "unused index", "agent_tasks_updated_at_idx")
    // The systems' own queries would use them.
    for index in ["projects_name_trgm_idx", "agent_tasks_pending_idx", "to_project_id_idx"] {
      #expect(!findings.contains { $0.text.contains(index) }, "\(index)")
    }
    has(findings, .info, "settings", "idle_in_transaction_session_timeout")
  }

  @Test func settingsThatLoseData() async throws {
    let server = try await ThrowawayPostgres.start(
      .trust,
      settings: ["full_page_writes": "off", "autovacuum": "off", "shared_buffers": "1MB"])
    defer { server.stop() }
    let (findings, code) = try await diagnose(server.url() + "?pool_max=400")
    #expect(code == 1)
    has(findings, .error, "settings", "fsync is off")
    has(findings, .error, "settings", "full_page_writes is off")
    has(findings, .error, "settings", "autovacuum is off")
    has(findings, .warning, "settings", "synchronous_commit is off")
    has(findings, .warning, "settings", "shared_buffers is 1 MiB")
    has(findings, .error, "connections", "the pool may open 400 connections")
    let (half, _) = try await diagnose(server.url() + "?pool_max=200")
    has(half, .warning, "connections", "two processes with pools of 200")
    #expect(findings.allSatisfy { $0.severity == .info || $0.advice != nil })
  }

  @Test func tablesAndIndexes() async throws {
    let server = try await ThrowawayPostgres.start(.trust, settings: ["autovacuum": "off"])
    defer { server.stop() }
    await (try await TestBackend.open(server.url(), [.coherence])).close()
    try await withConnection(server.url()) { connection in
      try await connection.simple(
        """
        DROP INDEX agent_tasks_status_task_type_idx, agent_tasks_attention_idx;
        DROP INDEX project_dependencies_to_project_id_idx;
        ALTER TABLE projects ALTER description TYPE varchar(9000) COLLATE "C";
        CREATE INDEX agent_tasks_big_idx ON agent_tasks (command);
        INSERT INTO agent_tasks (id, direction, task_type, model, command)
          SELECT 'task_' || n, 'do', 'impl', 'm', (SELECT string_agg(md5((n * 99 + k)::text), '') FROM generate_series(1, 15) k)
          FROM generate_series(1, 4000) n;
        INSERT INTO projects (ecosystem, name) SELECT 'debian', 'p' || n FROM generate_series(1, 1500) n;
        INSERT INTO project_dependencies (from_project_id, to_project_id)
          SELECT n, n + 1 FROM generate_series(1, 1400) n;
        DELETE FROM projects WHERE id > 400;
        DO $$ BEGIN FOR n IN 1..1100 LOOP PERFORM 1 FROM agent_tasks LIMIT 1; END LOOP; END $$;
        """)
      // So that the session's own counts are seen by others.
      try await connection.execute("SELECT pg_stat_force_next_flush()")
      try await connection.execute("SELECT 1")
    }
    let (findings, code) = try await diagnose(server.url())
    #expect(code == 1)
    has(findings, .warning, "missing index", "agent_tasks WHERE status IN (?)")
    has(findings, .info, "missing index", "to_project_id, the columns of foreign key")
    has(findings, .warning, "bloat", "projects has 1100 dead rows")
    has(findings, .warning, "unused index", "has used agent_tasks_big_idx")
    has(findings, .error, "drift", "agent_tasks_status_task_type_idx")
    has(findings, .error, "drift", "description")
    // What the indexes that are there serve is not complained of.
    #expect(!findings.contains { $0.text.contains("FROM projects WHERE (ecosystem = ?") })
  }

  @Test func migrationsThatWaitAndConnectionsThatFail() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let url = server.url(database: try await server.createDatabase())
    let migrator = try await Migrator.open(
      url, backends: [.postgres], migrations: [.coherence], environment: [:])
    try await migrator.up(to: 2)
    await migrator.close()
    has(try await diagnose(url).findings, .warning, "migrations", "V003__create_contributions.sql")
    let (refused, code) = try await diagnose("postgres://me:p%40ss@127.0.0.1:1/db")
    has(refused, .error, "connection", "127.0.0.1")
    #expect(code == 1)
  }

  @Test func aStandbyThatLags() async throws {
    let primary = try await ThrowawayPostgres.start(.trust)
    defer { primary.stop() }
    let standby = try await primary.startStandby()
    defer { standby.stop() }
    has(try await diagnose(standby.url()).findings, .error, "role", "takes no writes")
    let store = try await Store.open(
      standby.url(), backends: [.postgres], migrations: [], environment: [:])
    let report = await store.healthReport()
    #expect(!report.isReady && report.isLive, "\(report.checks)")
    await store.close()
    try await withConnection(primary.url()) { connection in
      try await connection.simple("CREATE TABLE lag (n int); INSERT INTO lag VALUES (1)")
    }
    try await withConnection(standby.url()) { connection in
      try await connection.simple("SELECT pg_wal_replay_pause()")
    }
    try await withConnection(primary.url()) { connection in
      try await connection.simple("INSERT INTO lag SELECT generate_series(1, 1000)")
      // The figures tell the standby's distance in bytes at once.
      var behind: Int64 = 0
      while behind == 0 {
        behind = try await ServerFigures.read(connection).lagBytes ?? 0
        try await Task.sleep(for: .milliseconds(10))
      }
    }
  }

  @Test func whatCannotBeHadHereIsToldFromFacts() {
    var facts = ServerFacts()
    facts.version = 120_022
    facts.sessions = 96
    facts.lagSeconds = 12
    facts.lagBytes = 4_096
    facts.settings = ["max_connections": "100", "superuser_reserved_connections": "3"]
    facts.disk = DiskSpace(total: 100 << 30, free: 10 << 30)
    let findings = facts.findings()
    has(findings, .warning, "TLS", "the session is not encrypted")
    has(findings, .warning, "version", "PostgreSQL 12 gets no fixes")
    has(findings, .warning, "lag", "a standby is 12 seconds, 4096 bytes behind")
    has(findings, .warning, "connections", "96 of 97 connections are taken")
    has(findings, .warning, "disk", "90 percent of the disk is used, 10240 MiB are free")
    facts.encryption = "TLSv1.3, AES"
    facts.disk = DiskSpace(total: 100 << 30, free: 1 << 30)
    has(facts.findings(), .info, "TLS", "encrypted with TLSv1.3")
    has(facts.findings(), .error, "disk", "99 percent")
  }

  @Test(arguments: [
    ("Limit\n  ->  Seq Scan on t\n        Filter: (a = 1)", true),
    ("Index Scan using t_pkey on t\n  Filter: (a = 1)", true),
    ("Index Scan using t_a on t\n  Index Cond: (a = 1)\n  Filter: (b = 2)", false),
    ("Limit\n  ->  Index Scan using t_pkey on t", false),
    ("Bitmap Heap Scan on t\n  Recheck Cond: (a = 1)\n  Filter: (b = 1)", false),
  ])
  func plansThatReadAll(plan: String, isAll: Bool) {
    #expect(PlanCheck.readsAll(plan) == isAll)
    let index = PlanCheck.indexes(in: plan)
    #expect(index == (plan.contains("t_a") ? ["t_a"] : plan.contains("t_pkey") ? ["t_pkey"] : []))
  }

  @Test func folders() async throws {
    let folder = try TemporaryFolder()
    let (path, url) = (folder.path + "/store", "file:\(folder.path)/store")
    let store = try await TestBackend.open(url, [.coherence])
    has(try await diagnose(url).findings, .info, "lock", "another process has the store open")
    await store.close()
    #expect(try await diagnose(url).findings.filter { $0.topic != "disk" } == [])
    try FileManager.default.createDirectory(
      atPath: path + "/quarantine", withIntermediateDirectories: false)
    try Data("torn".utf8).write(to: URL(fileURLWithPath: path + "/quarantine/line"))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    let (findings, code) = try await diagnose(url)
    #expect(code == 1)
    has(findings, .warning, "quarantine", "4 bytes")
    has(findings, .warning, "permissions", "mode 755")
    var figures = try FolderFigures(path)
    figures.journalBytes = 40 << 20
    figures.disk = DiskSpace(total: 1_000 << 20, free: 20 << 20)
    has(figures.findings(), .warning, "journal", "41943040 bytes beside a snapshot of 0")
    has(figures.findings(), .error, "disk", "98 percent")
    // Waiting migrations of a folder.
    var one = MigrationSet.coherence
    one.files.removeAll { $0.name.hasPrefix("V004") }
    let old = "file:\(folder.path)/old"
    await (try await TestBackend.open(old, [one])).close()
    has(try await diagnose(old).findings, .warning, "migrations", "V004")
  }
}
