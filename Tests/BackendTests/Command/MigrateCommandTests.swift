import Foundation
import PostgresClient
import Roost
import RoostPostgres
import RoostSystems
import RoostTesting
import Testing

/// `roost migrate` and its verbs.
@Suite(.timeLimit(.minutes(15))) struct MigrateCommandTests {
  /// A folder of one system's files, for `--migrations`.
  private struct Files {
    let folder: TemporaryFolder
    var path: String { folder.path + "/migrations" }

    init(_ files: [String: String] = Files.books, system: String = "library") throws {
      folder = try TemporaryFolder()
      for (name, text) in files { try write(name, text, system: system) }
    }

    static let books = [
      "V001__books.sql": "CREATE TABLE books (id integer PRIMARY KEY, title text COLLATE \"C\");",
      "V001__books.down.sql": "DROP TABLE books;",
      "V002__year.sql": "ALTER TABLE books ADD COLUMN year integer;",
      "V002__year.down.sql": "ALTER TABLE books DROP COLUMN year;",
    ]

    func write(_ name: String, _ text: String, system: String = "library") throws {
      let path = "\(path)/\(system)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    func names(_ system: String) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(system)").sorted()
    }
  }

  private func migrate(_ words: [String], _ url: String, _ files: Files?) async throws
    -> RoostProcess.Outcome
  {
    try await RoostProcess.run(
      ["migrate"] + words + ["--url", url] + (files.map { ["--migrations", $0.path] } ?? []))
  }

  private func expect(
    _ words: [String], _ url: String, _ files: Files? = nil, code: Int32 = 0, output: String = "",
    error: String? = nil
  ) async throws {
    let outcome = try await migrate(words, url, files)
    #expect(outcome.code == code, "\(words): \(outcome.errors)")
    #expect(outcome.output == output, "\(words)")
    if let error {
      #expect(outcome.errors.hasSuffix("roost: \(error)\n"), "\(words): \(outcome.errors)")
    }
  }

  @Test(arguments: [TestBackend.file, .postgres])
  func goesUpAndDown(_ backend: TestBackend) async throws {
    let files = try Files()
    let url = try await backend.freshURL(in: files.folder)
    try await expect(
      ["up", "--to", "1"], url, files, output: "applied library/V001__books.sql\n")
    try await expect(
      ["up", "--dry-run"], url, files,
      output: "-- library/V002__year.sql\nALTER TABLE books ADD COLUMN year integer;\n\n")
    try await expect([], url, files, output: "applied library/V002__year.sql\n")
    try await expect(["up"], url, files, output: "nothing to do\n")
    try await expect(["verify"], url, files, output: "the store is as its migrations say\n")
    try await expect(
      ["down", "--dry-run"], url, files,
      output: "-- library/V002__year.down.sql\nALTER TABLE books DROP COLUMN year;\n\n")
    try await expect(["down"], url, files, output: "undone  library/V002__year.down.sql\n")
    let status = try await migrate(["status"], url, files)
    let lines = status.output.split(separator: "\n")
    #expect(status.code == 0 && lines.count == 2)
    #expect(lines.first?.hasPrefix("applied    library/V001__books.sql  20") == true)
    #expect(lines.last == "pending    library/V002__year.sql")
    try await expect(
      ["verify"], url, files, code: 1, output: "pending    library/V002__year.sql\n")
    try await expect(
      ["down", "--to", "0", "--json"], url, files,
      output: """
        {"backend":"\(try await location(url, files))","applied":[],\
        "undone":["library/V001__books.down.sql"],"passedOver":[]}

        """)
  }

  /// What the command calls the store.
  private func location(_ url: String, _ files: Files) async throws -> String {
    let outcome = try await migrate(["status"], url, files)
    return String(outcome.errors.dropFirst("roost: ".count).dropLast())
  }

  @Test(arguments: [TestBackend.file, .postgres])
  func driftAndRepair(_ backend: TestBackend) async throws {
    let files = try Files()
    let url = try await backend.freshURL(in: files.folder)
    try await expect(
      [], url, files,
      output: "applied library/V001__books.sql\napplied library/V002__year.sql\n")
    try files.write("V002__year.sql", "ALTER TABLE books ADD COLUMN year int;")
    try await expect(
      ["up"], url, files, code: 1,
      error:
        "library/V002__year.sql was edited after it was applied: take the edit back, or accept "
        + "it with: roost migrate repair")
    let status = try await migrate(["status"], url, files)
    #expect(status.code == 0 && status.output.contains("edited     library/V002__year.sql"))
    #expect(try await migrate(["verify"], url, files).code == 1)
    try await expect(["repair"], url, files, output: "accepted library/V002__year.sql\n")
    try await expect(["repair"], url, files, output: "nothing to do\n")
    try await expect(["verify"], url, files, output: "the store is as its migrations say\n")
    try files.write("V003__third.sql", "ALTER TABLE books ADD COLUMN third integer;")
    _ = try await migrate(["up"], url, files)
    try files.write("V002__year.sql", "SELECT nonsense")
    let wrong = try await migrate(["verify", "--json"], url, files)
    #expect(wrong.code == 1)
    #expect(wrong.errors.contains("library/V002__year.sql:1:1: the statement SELECT NONSENSE"))
  }

  @Test func outOfOrder() async throws {
    let files = try Files()
    let url = try await TestBackend.file.freshURL(in: files.folder)
    try files.write("V005__late.sql", "CREATE TABLE late (id integer PRIMARY KEY);")
    _ = try await migrate([], url, files)
    try files.write("V004__behind.sql", "CREATE TABLE behind (id integer PRIMARY KEY);")
    try await expect(
      ["up"], url, files, code: 1,
      error: "library/V004__behind.sql was added behind a greater version that is applied already: "
        + "give it the next number, or apply it with: roost migrate up --out-of-order")
    try await expect(
      ["up", "--out-of-order"], url, files, output: "applied library/V004__behind.sql\n")
  }

  @Test func verifyAnswersInJSON() async throws {
    let files = try Files()
    let url = try await TestBackend.postgres.freshURL(in: files.folder)
    _ = try await migrate([], url, files)
    let store = try await Store.open(
      url, backends: [.postgres], migrations: [], migrate: .off, environment: [:])
    _ = try await store.postgres { try await $0.simple("ALTER TABLE books DROP COLUMN title") }
    await store.close()
    let outcome = try await migrate(["verify", "--json"], url, files)
    #expect(outcome.code == 1)
    #expect(
      outcome.output.hasSuffix(
        """
        "clean":false,"migrations":[],"drifts":[{"kind":"column","table":"books","object":"title",\
        "expected":"text","found":null}],"warnings":[]}

        """), "\(outcome.output)")
  }

  @Test func baselines() async throws {
    let files = try Files()
    let postgres = try await TestBackend.postgres.freshURL(in: files.folder)
    try await expect(
      ["baseline", "1"], postgres, files, output: "noted library/V001__books.sql\n")
    try await expect(
      ["baseline", "2"], postgres, files, code: 1,
      error: "the store has migrations of library already, so there is no baseline to set")
    let file = try await TestBackend.file.freshURL(in: files.folder)
    _ = try await migrate(["up", "--to", "1"], file, files)
    let outcome = try await migrate(["baseline", "2"], file, files)
    #expect(outcome.code == 1 && outcome.errors.contains("no tables but those"))
  }

  // MARK: Systems

  @Test func choosesTheSystem() async throws {
    let files = try Files()
    let url = try await TestBackend.file.freshURL(in: files.folder)
    try files.write("V001__x.sql", "CREATE TABLE x (id integer PRIMARY KEY);", system: "other")
    try files.write("V001__x.down.sql", "DROP TABLE x;", system: "other")
    try await expect(
      ["up"], url, files, code: 2,
      error: "the store is empty: name one system: --system library or other")
    try await expect(
      ["up", "--system", "none"], url, files, code: 2, error: "there is no system \"none\"")
    try await expect(
      ["up", "--system", "other"], url, files, output: "applied other/V001__x.sql\n")
    try await expect(["up"], url, files, output: "nothing to do\n")
    _ = try await migrate(["up", "--system", "library"], url, files)
    try await expect(
      ["down"], url, files, code: 2, error: "name one system: --system library or other")
    try await expect(
      ["down", "--system", "other"], url, files, output: "undone  other/V001__x.down.sql\n")
    // Only one system is left with something to undo.
    try await expect(["down"], url, files, output: "undone  library/V002__year.down.sql\n")
    try await expect(
      ["up"], url, code: 2,
      error: "the store has migrations of library, which are not among these: name a folder of "
        + "them with --migrations, or a system with --system")
  }

  @Test func compiledInSystems() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.file.freshURL(in: folder)
    let up = try await RoostProcess.run(["migrate", "--url", url])
    #expect(up.code == 0)
    #expect(
      up.output.hasPrefix(
        "applied coherence/V001__create_projects.sql\napplied coherence/V002__index_project_text.sql\n"
      ), "\(up.output)")
    let down = try await RoostProcess.run(["migrate", "down", "--to", "0", "--url", url])
    #expect(down.code == 0, "\(down.errors)")
    #expect(down.output.contains("undone  coherence/V001__create_projects.down.sql\n"))
  }

  // MARK: New files and wrong words

  @Test func writesNewFiles() async throws {
    let files = try Files()
    func new(_ words: String...) async throws -> RoostProcess.Outcome {
      try await RoostProcess.run(["migrate", "new"] + words + ["--migrations", files.path])
    }
    let third = try await new("add_authors")
    #expect(third.code == 0)
    #expect(
      third.output
        == "written \(files.path)/library/V003__add_authors.sql\n"
        + "written \(files.path)/library/V003__add_authors.down.sql\n")
    #expect(try await new("more").output.contains("V004__more.sql"))
    #expect(try await new("first", "--system", "shop").code == 0)
    #expect(try files.names("shop") == ["V001__first.down.sql", "V001__first.sql"])
    #expect(try await new("next").code == 2, "two systems by now")
    for name in ["Big", "two words", "a__b", "../x", ""] {
      #expect(try await new(name, "--system", "shop").code == 2, "\(name)")
    }
    let text = try String(
      contentsOfFile: files.path + "/library/V003__add_authors.sql", encoding: .utf8)
    #expect(text == "-- Add authors.\n")
    // A file that says nothing yet is no migration.
    let url = try await TestBackend.file.freshURL(in: files.folder)
    let up = try await migrate(["up", "--system", "library"], url, files)
    #expect(up.code == 1 && up.errors.contains("library/V003__add_authors.sql has no statement"))
  }

  @Test(
    arguments: [
      ["fly"], ["up", "3"], ["new"], ["baseline"], ["baseline", "x"], ["baseline", "0"],
      ["down", "--to", "x"], ["status", "--to", "1"], ["verify", "--dry-run"],
      ["down", "--out-of-order"], ["up", "--migrations", "/no/such/folder"],
    ])
  func wrongWords(_ words: [String]) async throws {
    let outcome = try await RoostProcess.run(["migrate"] + words + ["--url", "memory:"])
    #expect(outcome.code == 2 && outcome.output == "", "\(words): \(outcome.errors)")
  }
}
