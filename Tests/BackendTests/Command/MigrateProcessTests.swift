import Foundation
import PostgresClient
import Roost
import RoostFile
import RoostTesting
import Testing

/// Processes that migrate at the same time, and processes that are killed.
@Suite(.timeLimit(.minutes(15)), .serialized) struct MigrateProcessTests {
  private static func write(_ files: [String: String], in folder: TemporaryFolder) throws -> String
  {
    let path = folder.path + "/migrations/library"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }
    return folder.path + "/migrations"
  }

  private static func set(_ files: [String: String]) -> MigrationSet {
    MigrationSet(
      system: "library", files: files.map { MigrationFile(name: $0.key, text: $0.value) })
  }

  private static let three = [
    "V001__a.sql": "CREATE TABLE a (id integer PRIMARY KEY);",
    "V002__b.sql": "CREATE TABLE b (id integer PRIMARY KEY);",
    "V003__c.sql": "CREATE TABLE c (id integer PRIMARY KEY);",
  ]

  // MARK: At once

  private func startTen(
    _ url: String, _ migrations: String
  ) async throws -> [RoostProcess.Outcome] {
    let processes = try (0..<10).map { _ in
      try RoostProcess(["migrate", "--url", url, "--migrations", migrations])
    }
    var outcomes: [RoostProcess.Outcome] = []
    for process in processes { outcomes.append(try await process.outcome()) }
    return outcomes
  }

  private static func applied(_ outcomes: [RoostProcess.Outcome]) -> [String] {
    outcomes.flatMap { $0.output.split(separator: "\n").map(String.init) }
      .filter { $0.hasPrefix("applied ") }.sorted()
  }

  @Test func tenProcessesOnPostgres() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.postgres.freshURL(in: folder)
    let outcomes = try await startTen(url, try Self.write(Self.three, in: folder))
    #expect(outcomes.map(\.code) == Array(repeating: 0, count: 10), "\(outcomes.map(\.errors))")
    #expect(
      Self.applied(outcomes)
        == ["a", "b", "c"].enumerated().map { index, name in
          "applied library/V00\(index + 1)__\(name).sql"
        })
  }

  /// A file store belongs to one process at a time: the others are told so.
  @Test func tenProcessesOnAFolder() async throws {
    let folder = try TemporaryFolder()
    let url = "file:\(folder.path)/store"
    // The folder is there already, so that all ten meet at its lock.
    let migrations = try Self.write(Self.three, in: folder)
    await (try await Migrator.open(url, backends: [.file], migrations: [], environment: [:]))
      .close()
    let outcomes = try await startTen(url, migrations)
    for outcome in outcomes where outcome.code != 0 {
      #expect(outcome.code == 1)
      #expect(outcome.errors.contains("is open in another process"), "\(outcome.errors)")
    }
    #expect(outcomes.contains { $0.code == 0 })
    #expect(Self.applied(outcomes).count == 3, "each migration once")
    let store = try await Store.open(
      url, backends: [.file], migrations: [Self.set(Self.three)], migrate: .check, environment: [:])
    #expect(try await store.appliedMigrations().map(\.version) == [1, 2, 3])
    await store.close()
  }

  // MARK: Killed

  /// Starts the command, waits on a thread of its own until a moment has come, and kills it.
  private func kill(
    _ words: [String], when hasCome: @escaping @Sendable () async throws -> Bool
  ) async throws {
    let running = try RoostProcess(words)
    while running.process.isRunning, try await !hasCome() {
      try await Task.sleep(for: .milliseconds(5))
    }
    Foundation.kill(running.process.processIdentifier, SIGKILL)
    #expect(try await running.outcome().code == -SIGKILL)
  }

  @Test func killedOnPostgres() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.postgres.freshURL(in: folder)
    let migrations = try Self.write(
      [
        "V001__pause.sql":
          "CREATE TABLE pause (id integer PRIMARY KEY, seconds integer NOT NULL); INSERT INTO pause VALUES (1, 0);",
        "V002__books.sql": """
        CREATE TABLE books (id integer PRIMARY KEY);
        -- roost: only postgres
        SELECT pg_sleep(seconds) FROM pause;
        CREATE TABLE loans (id integer PRIMARY KEY);
        """,
      ], in: folder)
    let words = ["migrate", "up", "--url", url, "--migrations", migrations]
    #expect(try await RoostProcess.run(words + ["--to", "1"]).code == 0)
    let connection = try await PostgresConnection.connect(
      PostgresConfiguration(url, environment: [:]))
    try await connection.simple("UPDATE pause SET seconds = 600")
    try await kill(words) {
      try await connection.queryOne(
        """
        SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
          AND wait_event = 'PgSleep')
        """, as: Bool.self)
    }
    // The next one waits for the lock, which the server gives back when it misses the client.
    try await connection.simple("UPDATE pause SET seconds = 0")
    #expect(
      try await connection.queryOne("SELECT to_regclass('books') IS NULL", as: Bool.self),
      "nothing of it is there")
    let next = try await RoostProcess.run(words)
    #expect(next.code == 0, "\(next.errors)")
    #expect(next.output == "applied library/V002__books.sql\n")
    #expect(
      try await connection.queryOne(
        "SELECT to_regclass('books') IS NOT NULL AND to_regclass('loans') IS NOT NULL",
        as: Bool.self))
    await connection.close()
  }

  /// The store opens with the old schema or with the new one, whole, and its rows are right.
  @Test func killedOnAFolder() async throws {
    let rows = 6_000
    let folder = try TemporaryFolder()
    let url = "file:\(folder.path)/store"
    let first = [
      "V001__books.sql": "CREATE TABLE books (id integer PRIMARY KEY, title text COLLATE \"C\");"
    ]
    let second = first.merging([
      "V002__size.sql": """
      ALTER TABLE books ADD COLUMN size bigint NOT NULL DEFAULT 7;
      CREATE TABLE authors (id integer PRIMARY KEY);
      ALTER TABLE books ADD CONSTRAINT has_size CHECK (size > 0);
      """,
      "V002__size.down.sql": "DROP TABLE authors; ALTER TABLE books DROP COLUMN size;",
    ]) { $1 }
    let migrations = try Self.write(second, in: folder)
    let store = try await Store.open(
      url, backends: [.file], migrations: [Self.set(first)], environment: [:])
    _ = try await store.backend.load(
      RowsToLoad(
        "books", columns: ["id", "title"],
        rows: (0..<rows).map { [.int(Int64($0)), .text("title \($0)")] }))
    await store.close()
    func words(_ verb: String) -> [String] {
      ["migrate", verb, "--url", url, "--migrations", migrations]
    }
    // How long it takes when nothing disturbs it, so that the moments fall into its work.
    let watch = ContinuousClock.now
    #expect(try await RoostProcess.run(words("up")).code == 0)
    let whole = ContinuousClock.now - watch
    var versions = 2
    for _ in 0..<8 {
      let start = ContinuousClock.now
      let moment = whole * Double.random(in: 0.2...1.1)
      let running = try RoostProcess(words(versions == 1 ? "up" : "down"))
      while ContinuousClock.now - start < moment, running.process.isRunning {
        try await Task.sleep(for: .milliseconds(1))
      }
      Foundation.kill(running.process.processIdentifier, SIGKILL)
      _ = try await running.outcome()
      versions = try await check(url, first: first, second: second, rows: rows)
    }
    let end = try await RoostProcess.run(words(versions == 1 ? "up" : "down"))
    #expect(end.code == 0, "\(end.errors)")
    #expect(
      try await check(url, first: first, second: second, rows: rows) == (versions == 1 ? 2 : 1))
  }

  /// - Returns: how many migrations the store has.
  private func check(
    _ url: String, first: [String: String], second: [String: String], rows: Int
  ) async throws -> Int {
    let migrator = try await Migrator.open(
      url, backends: [.file], migrations: [Self.set(second)], environment: [:])
    let report = try await migrator.verify()
    let versions = try await migrator.applied().map(\.version)
    await migrator.close()
    #expect(report.drifts == [])
    #expect(versions == [1] || versions == [1, 2])
    let store = try await Store.open(
      url, backends: [.file], migrations: [Self.set(versions == [1] ? first : second)],
      migrate: .check, environment: [:])
    let stored = try await MigrationFixture.rows("books", store)
    #expect(
      store.schema.tables.keys.sorted() == (versions == [1] ? ["books"] : ["authors", "books"]))
    #expect(stored.count == rows)
    let isRight = stored.enumerated().allSatisfy { place, row in
      row == ["\(place)", "title \(place)"] + (versions == [1] ? [] : ["7"])
    }
    #expect(isRight)
    await store.close()
    return versions.count
  }
}
