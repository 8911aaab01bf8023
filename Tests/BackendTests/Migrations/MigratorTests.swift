import Foundation
import Roost
import RoostMemory
import Testing

/// Applying, undoing, noting: the same on every backend.
@Suite(.timeLimit(.minutes(15))) struct MigratorTests {
  private static let scripts = [
    """
    CREATE TABLE books (id integer PRIMARY KEY, title text COLLATE "C" NOT NULL, year integer,
      note text COLLATE "C");
    INSERT INTO books VALUES (1, 'Emma', 1815, 'x'), (2, 'Persuasion', 1817, NULL);
    """,
    """
    ALTER TABLE books DROP COLUMN year;
    ALTER TABLE books ADD CONSTRAINT has_title CHECK (title <> '');
    """,
    "CREATE TABLE loans (id serial PRIMARY KEY, book_id integer NOT NULL REFERENCES books);",
  ]
  private static let downs = [
    1: "DROP TABLE books;",
    2: """
    -- roost: only postgres
    SELECT 1;
    ALTER TABLE books DROP CONSTRAINT has_title, ADD COLUMN year integer;
    """,
    3: "DROP TABLE loans;",
  ]
  private static let set = MigrationFixture.set(scripts, downs: downs)

  private func states(_ fixture: MigrationFixture, _ set: MigrationSet) async throws -> [String] {
    try await fixture.migrate(set) { migrator in
      try await migrator.status().migrations.map { "\($0.version) \($0.state.rawValue)" }
    }
  }

  @Test(arguments: TestBackend.allCases)
  func upAndDown(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let set = Self.set
    #expect(try await states(fixture, set) == ["1 pending", "2 pending", "3 pending"])
    #expect(try await fixture.up(set, to: 2) == ["test/V001__step1.sql", "test/V002__step2.sql"])
    #expect(try await states(fixture, set) == ["1 applied", "2 applied", "3 pending"])
    #expect(try await fixture.up(set) == ["test/V003__step3.sql"])
    #expect(try await fixture.up(set) == [])
    let last = try await fixture.migrate(set) { try await $0.down().map(\.file) }
    #expect(last == ["test/V003__step3.down.sql"])
    #expect(try await fixture.versions(set) == [1, 2])
    // The second brings a column back at the end of the table; rows read by the first's schema
    // have it in its place.
    try await fixture.migrate(set) { _ = try await $0.down(to: 1) }
    #expect(try await states(fixture, set) == ["1 applied", "2 pending", "3 pending"])
    let first = MigrationFixture.set([Self.scripts[0]])
    let rows = [["1", "Emma", "NULL", "x"], ["2", "Persuasion", "NULL", "NULL"]]
    #expect(try await fixture.rows("books", first) == rows)
    try await fixture.compact(first)
    #expect(try await fixture.rows("books", first) == rows, "compacted")
    #expect(try await fixture.up(set).count == 2)
    let all = try await fixture.migrate(set) { try await $0.down(to: 0).map(\.file) }
    #expect(all == [3, 2, 1].map { "test/V00\($0)__step\($0).down.sql" })
    #expect(try await states(fixture, set) == ["1 pending", "2 pending", "3 pending"])
    #expect(try await fixture.migrate(set) { try await $0.down().count } == 0, "nothing is left")
  }

  @Test(arguments: TestBackend.allCases)
  func dryRunsChangeNothing(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    try await fixture.migrate(Self.set) { migrator in
      let up = try await migrator.up(to: 2, isDryRun: true)
      #expect(up.map(\.direction) == [.up, .up])
      #expect(up[1].sql == Self.scripts[1].dropLast(0))
      #expect(try await migrator.applied().isEmpty)
      _ = try await migrator.up(to: 2)
      let down = try await migrator.down(isDryRun: true)
      #expect(down.map(\.sql) == [Self.downs[2] ?? ""])
      let passedOver = backend == .postgres ? [] : ["test/V002__step2.down.sql:2: SELECT 1"]
      #expect(down.map(\.passedOver) == [passedOver])
      #expect(try await migrator.applied().map(\.version) == [1, 2])
    }
  }

  @Test(arguments: TestBackend.allCases)
  func whatCannotBeUndone(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let set = MigrationFixture.set(
      Self.scripts, downs: [1: "DROP TABLE books;", 3: "DROP TABLE books CASCADE;"])
    try await fixture.up(set)
    func failure(to version: Int? = nil) async -> String? {
      let error = await MigrationFixture.failure {
        try await fixture.migrate(set) { _ = try await $0.down(to: version) }
      }
      #expect(error?.code == .invalidMigration)
      return error?.message
    }
    #expect(
      await failure()?.hasPrefix(
        "test/V003__step3.down.sql does not undo test/V003__step3.sql: table \"books\" is missing")
        == true)
    #expect(try await fixture.versions(set) == [1, 2, 3], "nothing was changed")
    let better = MigrationFixture.set(Self.scripts, downs: [3: "DROP TABLE loans;"])
    let error = await MigrationFixture.failure {
      try await fixture.migrate(better) { _ = try await $0.down(to: 0) }
    }
    #expect(
      error?.message
        == "test/V002__step2.sql cannot be undone: there is no test/V002__step2.down.sql")
    #expect(try await fixture.versions(set) == [1, 2, 3], "it was seen before the first ran")
    // A table that others need, by a script that the reader sees through.
    let wrong = MigrationFixture.set(Self.scripts, downs: [3: "DROP TABLE loans; DROP TABLE x;"])
    let unknown = await MigrationFixture.failure {
      try await fixture.migrate(wrong) { _ = try await $0.down() }
    }
    #expect(unknown?.message == "test/V003__step3.down.sql:1:30: table \"x\" does not exist")
  }

  @Test func downFilesNeedTheirMigration() async {
    var set = Self.set
    set.files.append(MigrationFile(name: "V009__other.down.sql", text: "DROP TABLE x;"))
    for (file, message) in [
      (
        MigrationFile(name: "V009__other.down.sql", text: "DROP TABLE x;"),
        "test/V009__other.down.sql undoes nothing: there is no V009__other.sql"
      ),
      (
        MigrationFile(name: "V003__step.down.sql", text: "DROP TABLE x;"),
        "test/V003__step.down.sql undoes nothing: there is no V003__step.sql"
      ),
      (
        MigrationFile(name: "V004__empty.sql", text: "-- later\n;"),
        "test/V004__empty.sql has no statement"
      ),
    ] {
      var set = Self.set
      set.files.append(file)
      let error = await MigrationFixture.failure { [set] in
        _ = try await Migrator.open(
          "memory:", backends: [.memory], migrations: [set], environment: [:])
      }
      #expect(error?.code == .invalidMigration && error?.message == message)
    }
  }

  // MARK: Drift

  @Test(arguments: TestBackend.allCases)
  func editedAndMissingFiles(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    try await fixture.up(Self.set)
    var edited = Self.set
    let place = try #require(edited.files.firstIndex { $0.name == "V002__step2.sql" })
    edited.files[place].text += "-- an afterthought\n"
    edited.files.removeAll { $0.name.hasPrefix("V003") }
    #expect(try await states(fixture, edited) == ["1 applied", "2 edited", "3 missing"])
    for error in [
      await MigrationFixture.failure { [edited] in try await fixture.up(edited) },
      await MigrationFixture.failure { [edited] in try await fixture.open(edited) { _ in } },
    ] {
      #expect(error?.code == .schemaDrift)
      #expect(
        error?.message
          == "test/V002__step2.sql was edited after it was applied: take the edit back, or accept "
          + "it with: roost migrate repair")
    }
    edited.files[place].text = Self.scripts[1]
    let missing = await MigrationFixture.failure { [edited] in try await fixture.up(edited) }
    #expect(missing?.code == .schemaDrift)
    #expect(
      missing?.message.hasPrefix("the store has migration test/V003__step3.sql, which") == true)
  }

  @Test(arguments: TestBackend.allCases)
  func lineEndsAreNoEdit(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    try await fixture.up(Self.set)
    for end in ["\r\n", "\r"] {
      var other = Self.set
      for index in other.files.indices {
        other.files[index].text = other.files[index].text.replacing("\n", with: end)
      }
      #expect(try await states(fixture, other) == ["1 applied", "2 applied", "3 applied"])
    }
  }

  @Test(arguments: TestBackend.allCases)
  func repair(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    try await fixture.up(Self.set, to: 2)
    var edited = MigrationFixture.set([Self.scripts[0], Self.scripts[1] + "\n-- said better\n"])
    edited.files[1].name = "V002__better.sql"
    let repaired = try await fixture.migrate(edited) { try await $0.repair() }
    #expect(repaired == MigrationRepair(accepted: ["test/V002__better.sql"], forgotten: []))
    #expect(try await states(fixture, edited) == ["1 applied", "2 applied"])
    try await fixture.compact(edited)
    let applied = try await fixture.migrate(edited) { try await $0.applied() }
    #expect(applied.map(\.name) == ["step1", "better"])
    #expect(try await fixture.rows("books", edited).count == 2)
    #expect(
      try await fixture.migrate(edited) { try await $0.repair() }
        == MigrationRepair(accepted: [], forgotten: []))

    // An edit that declares another table is accepted where the server has the last word only.
    let other = MigrationFixture.set([
      Self.scripts[0].replacing("year integer", with: "year bigint"), Self.scripts[1],
    ])
    let wrong = MigrationFixture.set([
      Self.scripts[0].replacing("note text", with: "remark text"), Self.scripts[1],
    ])
    for set in [other, wrong] {
      let error = await MigrationFixture.failure {
        try await fixture.migrate(set) { _ = try await $0.repair() }
      }
      // A column that is gone again is no difference.
      let isRefused = backend != .postgres && set.files[0].text.contains("remark")
      #expect(error?.code == (isRefused ? .schemaDrift : nil), "\(error.map { "\($0)" } ?? "")")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func repairForgets(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let rows = "INSERT INTO books VALUES (3, 'Sanditon', NULL);"
    try await fixture.up(MigrationFixture.set([Self.scripts[0], Self.scripts[1], rows]))
    let two = MigrationFixture.set([Self.scripts[0], Self.scripts[1]])
    let repaired = try await fixture.migrate(two) { try await $0.repair() }
    #expect(repaired == MigrationRepair(accepted: [], forgotten: ["test/V003__step3.sql"]))
    try await fixture.compact(two)
    #expect(
      try await fixture.rows("books", two).map { $0[1] } == ["Emma", "Persuasion", "Sanditon"])
    guard backend != .postgres else { return }
    let one = MigrationFixture.set([Self.scripts[0]])
    let error = await MigrationFixture.failure {
      try await fixture.migrate(one) { _ = try await $0.repair() }
    }
    #expect(error?.code == .schemaDrift)
    #expect(try await fixture.versions(two) == [1, 2])
  }

  /// The columns stand in the order of application then, in the store and in what reads it.
  @Test(arguments: TestBackend.allCases)
  func outOfOrder(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let base = "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1);"
    let third = "ALTER TABLE t ADD COLUMN third integer NOT NULL DEFAULT 3;"
    var without = MigrationFixture.set([base, "SELECT", third])
    without.files.remove(at: 1)
    try await fixture.up(without)
    let set = MigrationFixture.set([
      base, "ALTER TABLE t ADD COLUMN second integer NOT NULL DEFAULT 2;", third,
    ])
    #expect(try await states(fixture, set) == ["1 applied", "2 outOfOrder", "3 applied"])
    let error = await MigrationFixture.failure { try await fixture.up(set) }
    #expect(error?.code == .schemaDrift)
    #expect(error?.message.hasSuffix("roost migrate up --out-of-order") == true)
    try await fixture.migrate(set) { _ = try await $0.up(allowingOutOfOrder: true) }
    #expect(try await fixture.versions(set) == [1, 3, 2])
    #expect(try await fixture.rows("t", set) == [["1", "3", "2"]])
    try await fixture.compact(set)
    #expect(try await fixture.rows("t", set) == [["1", "3", "2"]])
    #expect(try await states(fixture, set) == ["1 applied", "2 applied", "3 applied"])
  }

  // MARK: Systems and baselines

  @Test(arguments: TestBackend.allCases)
  func systemsAreToldApart(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let other = MigrationFixture.set(
      ["CREATE TABLE others (id integer PRIMARY KEY);"], downs: [1: "DROP TABLE others;"],
      system: "other")
    try await fixture.migrate(Self.set, other) { migrator in
      #expect(try await migrator.up().count == 4)
      let error = await MigrationFixture.failure { _ = try await migrator.down() }
      #expect(error?.code == .invalidConfiguration)
      #expect(error?.message == "several systems could be meant: name one of test, other")
      let runs = try await migrator.only("test").down(to: 0)
      #expect(runs.count == 3)
      #expect(try await migrator.down().map(\.file) == ["other/V001__step1.down.sql"])
      #expect(throws: StoreError.self) { try migrator.only("none") }
      let version = await MigrationFixture.failure { _ = try await migrator.only("test").up(to: 9) }
      #expect(version?.message == "test has no migration V9")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func baseline(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let error = await MigrationFixture.failure {
      let noted = try await fixture.migrate(Self.set) { try await $0.baseline(2) }
      #expect(noted == ["test/V001__step1.sql", "test/V002__step2.sql"])
    }
    guard backend == .postgres else {
      #expect(error?.code == .unsupported)
      #expect(try await fixture.versions(Self.set) == [])
      return
    }
    #expect(error == nil)
    #expect(try await fixture.versions(Self.set) == [1, 2])
    let again = await MigrationFixture.failure {
      try await fixture.migrate(Self.set) { _ = try await $0.baseline(3) }
    }
    #expect(again?.code == .invalidConfiguration)
    let drifts = try await fixture.migrate(Self.set) { try await $0.verify() }
    #expect(
      drifts.drifts.map(\.description) == [
        "table \"books\" is missing: expected (id, title, note)"
      ])
    #expect(drifts.migrations.map(\.version) == [3])
  }

  /// Ten that start together, each with a handle of its own on one memory store.
  @Test func tenAtOnceInMemory() async throws {
    let fixture = try await MigrationFixture(.memory)
    let applied = try await withThrowingTaskGroup(of: [String].self) { group in
      for _ in 0..<10 { group.addTask { try await fixture.up(Self.set) } }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(applied.sorted() == [1, 2, 3].map { "test/V00\($0)__step\($0).sql" })
  }

  @Test(arguments: [TestBackend.memory, .file])
  func verifyEmbedded(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    try await fixture.up(Self.set)
    let clean = try await fixture.migrate(Self.set) { try await $0.verify() }
    #expect(clean.isClean && clean.warnings.isEmpty)
    let edited = MigrationFixture.set(
      [
        Self.scripts[0].replacing("title text COLLATE \"C\" NOT NULL", with: "title varchar(90)"),
        Self.scripts[1].replacing("title <> ''", with: "title <> 'x'"),
        Self.scripts[2].replacing("REFERENCES books", with: "UNIQUE"),
      ])
    let report = try await fixture.migrate(edited) { try await $0.verify() }
    #expect(report.migrations.map(\.state) == [.edited, .edited, .edited])
    #expect(
      report.drifts.map(\.description) == [
        "table \"books\", column \"title\": type: expected character varying(90), found text",
        "table \"books\", column \"title\": nullability: expected NULL, found NOT NULL",
        "table \"books\", column \"title\": collation: expected none, found C",
        "table \"books\", constraint \"has_title\": expected CHECK over (title), found another definition",
        "table \"loans\", constraint \"loans_book_id_key\" is missing: expected UNIQUE (book_id)",
        "table \"loans\", constraint \"loans_book_id_fkey\" is extra: FOREIGN KEY (book_id) REFERENCES books (id) ON DELETE NO ACTION",
      ])
    #expect(
      report.warnings.count == 1
        && report.warnings[0].hasPrefix("table \"books\", column \"title\" lacks"))
  }
}
