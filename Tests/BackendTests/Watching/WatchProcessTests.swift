import Foundation
import PostgresClient
import Roost
import RoostCore
import RoostPostgres
import RoostSystems
import RoostTesting
import Testing

/// `roost health`, `roost slow` and `roost monitor` as processes.
@Suite(.serialized, .timeLimit(.minutes(15))) struct WatchProcessTests {
  private static let script = "/usr/bin/script"

  private func json(_ outcome: RoostProcess.Outcome) throws -> JSON {
    try JSON(parsing: outcome.output.trimmingCharacters(in: .newlines))
  }

  /// Runs the command until a busy server has answered in the seconds that it has.
  private func answered(_ words: [String]) async throws -> RoostProcess.Outcome {
    var outcome = try await RoostProcess.run(words)
    for _ in 0..<30 where outcome.output.contains("no answer within") {
      outcome = try await RoostProcess.run(words)
    }
    return outcome
  }

  @Test func healthHasItsExitCodes() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.postgres.freshURL(in: folder)
    await (try await TestBackend.open(url, [.coherence])).close()
    let good = try await answered(["health", "--json", "--url", url])
    let ready = try json(good)
    #expect(good.code == 0 && ready["isReady"]?.bool == true, "\(good.errors)")
    let instead = "postgres://me:p%40ss@127.0.0.1:1/db?fallback=memory&connect_timeout=1"
    let degraded = try await answered(["health", "--json", "--url", instead])
    let instance = try json(degraded)
    #expect(degraded.code == 4 && instance["state"]?.string == "degraded")
    let gone = try await RoostProcess.run(
      ["health", "--json", "--url", "postgres://me:p%40ss@127.0.0.1:1/db"])
    let absent = try json(gone)
    #expect(gone.code == 1 && absent["isReady"]?.bool == false)
    #expect(!(gone.output + gone.errors + degraded.output).contains("p%40ss"))
    let wrong = try await RoostProcess.run(["health", "--url", "redis://x"])
    #expect(wrong.code == 1 && wrong.output == "" && wrong.errors.contains("redis"))
    // A store that waits for migrations is not ready.
    let old = try await TestBackend.postgres.freshURL(in: folder)
    let migrator = try await Migrator.open(
      old, backends: [.postgres], migrations: [.coherence], environment: [:])
    try await migrator.up(to: 1)
    await migrator.close()
    let waiting = try await answered(["health", "--url", old])
    #expect(waiting.code == 1 && waiting.output.contains("failed    migrations"))
  }

  @Test func aPausedServerIsToldInTime() async throws {
    let server = try await ThrowawayPostgres.start(.trust)
    defer { server.stop() }
    let url = server.url()
    let (health, monitor) = try await server.whilePaused {
      let health = try await RoostProcess.run(["health", "--json", "--url", url])
      let running = try RoostProcess(["monitor", "--interval", "1", "--frames", "9", "--url", url])
      return (health, running)
    }
    #expect(health.code == 1)
    #expect(try json(health)["checks"]?[0]?["text"]?.string?.contains("no answer") == true)
    // It was opened while the server was silent, and shows what there is once it goes on.
    let outcome = try await monitor.outcome()
    #expect(outcome.output.contains("primary"), "\(outcome.output) \(outcome.errors)")
  }

  @Test func slowStatements() async throws {
    let server = try await ThrowawayPostgres.start(
      .trust, settings: ["shared_preload_libraries": "pg_stat_statements"])
    defer { server.stop() }
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(server.url(), environment: [:]))
    let sleeping = Task { try await connection.execute("SELECT pg_sleep(300), 'hunter2'") }
    var none = try await RoostProcess.run(["slow", "--url", server.url()])
    while !none.output.contains("pg_sleep") {
      none = try await RoostProcess.run(["slow", "--url", server.url()])
    }
    #expect(none.errors.contains("run: CREATE EXTENSION pg_stat_statements"))
    #expect(none.output.contains("SELECT pg_sleep(?), ?") && !none.output.contains("hunter2"))
    sleeping.cancel()
    _ = await sleeping.result
    await connection.close()
    let other = try await PostgresConnection.connect(
      try PostgresConfiguration(server.url(), environment: [:]))
    try await other.simple("CREATE EXTENSION pg_stat_statements")
    try await other.simple("SELECT pg_sleep(0.2), 'hunter2' AS secret")
    await other.close()
    let counted = try await RoostProcess.run(["slow", "--json", "--url", server.url()])
    let statements = try #require(try json(counted)["statements"]?.array)
    #expect(
      statements.contains {
        $0["query"]?.string?.contains("pg_sleep") == true
          && ($0["longest"]?.number ?? 0) > Numeric(199)
      }, "\(counted.output)")
    #expect(!counted.output.contains("hunter2"))
    let text = try await RoostProcess.run(["slow", "--limit", "1", "--url", server.url()])
    #expect(text.output.split(separator: "\n").count == 2)
    let file = try await RoostProcess.run(["slow", "--url", "file:x"])
    #expect(file.code == 2 && file.errors.contains("slowCalls"))
  }

  @Test func slowWithoutTheLibrary() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let outcome = try await RoostProcess.run(["slow", "--url", server.url()])
    #expect(outcome.code == 0 && outcome.errors.contains("shared_preload_libraries"))
  }

  @Test func monitorOfAServer() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.postgres.freshURL(in: folder)
    await (try await TestBackend.open(url, [.coherence])).close()
    let outcome = try await answered(
      ["monitor", "--interval", "1", "--frames", "2", "--url", url])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let frames = outcome.output.components(separatedBy: "roost monitor  ").dropFirst()
    #expect(frames.count == 2)
    let last = try #require(frames.last)
    for word in [
      "primary", "p50", "p95", "p99", "sessions", "commits/s", "rows read/s", "written/s",
      "cache hits", "locks", "lag", "size",
    ] {
      #expect(last.contains(word), "\(word) in \(last)")
    }
    // No terminal: no escapes, and nothing wider than it would be on one.
    #expect(!outcome.output.contains("\u{1B}"))
    #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    let words = ["monitor", "--json", "--interval", "1", "--url", url]
    var once = try json(try await answered(words))
    for _ in 0..<30 where once["perSecond"]?["commits"]?.number == nil {
      once = try json(try await answered(words))
    }
    #expect(once["server"]?["databaseBytes"]?.int64.map { $0 > 1_000_000 } == true)
    #expect(once["perSecond"]?["commits"]?.number != nil && once["probe"]?["p99"]?.number != nil)
  }

  @Test func monitorOfAFolderThatAnotherHolds() async throws {
    let folder = try TemporaryFolder()
    let url = "file:\(folder.path)/store"
    let store = try await TestBackend.open(url, [.coherence])
    let outcome = try await RoostProcess.run(["monitor", "--frames", "1", "--url", url])
    #expect(outcome.code == 0 && outcome.output.contains("last write"), "\(outcome.errors)")
    let once = try json(
      try await RoostProcess.run(["monitor", "--json", "--interval", "1", "--url", url]))
    #expect(once["folder"]?["journalBytes"]?.int64.map { $0 > 0 } == true)
    // The lock is still the owner's, who writes on.
    _ = try await store.appliedMigrations()
    await store.close()
    let memory = try await RoostProcess.run(["monitor", "--url", "memory:"])
    #expect(memory.code == 0 && memory.output.contains("nowhere but its own process"))
    let none = try await RoostProcess.run(
      ["monitor", "--frames", "1", "--url", "file:\(folder.path)/none"])
    #expect(none.output.contains("no store"))
  }

  /// On a terminal, which `script` makes: the second screen is left again on Ctrl-C.
  @Test(
    .enabled(if: FileManager.default.isExecutableFile(atPath: Self.script)),
    arguments: [SIGINT, SIGTERM])
  func theScreenIsRestored(_ signal: Int32) async throws {
    let folder = try TemporaryFolder()
    let url = "file:\(folder.path)/store"
    await (try await TestBackend.open(url, [.coherence])).close()
    let (program, path) = (try RoostProcess.program().path, folder.path + "/typescript")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.script)
    process.arguments = [
      "-qfec", "echo $$ > \(folder.path)/pid; exec \(program) monitor --url \(url)", path,
    ]
    process.standardOutput = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    func text() -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
    while !text().contains("last write") { try await Task.sleep(for: .milliseconds(10)) }
    let pid = try String(contentsOfFile: folder.path + "/pid", encoding: .utf8)
    kill(try #require(Int32(pid.trimmingCharacters(in: .newlines))), signal)
    while process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
    #expect(text().contains("\u{1B}[?1049h"))
    #expect(text().contains("\u{1B}[?1049l"))
    #expect(process.terminationStatus == (signal == SIGINT ? 130 : 143))
  }
}
