import Foundation
import Roost
import RoostCore
import Testing

/// What a file store keeps of a migration.
@Suite(.timeLimit(.minutes(15))) struct FileMigrationTests {
  private func expectRows(
    _ expected: [String: [[String]]], _ set: MigrationSet, _ fixture: MigrationFixture
  ) async throws {
    for round in ["read back", "compacted", "read back again"] {
      for (table, rows) in expected {
        #expect(try await fixture.rows(table, set) == rows, "\(table), \(round)")
      }
      if round == "read back" { try await fixture.compact(set) }
    }
  }

  /// A later CREATE TABLE moves the place of the table that was altered before it.
  @Test(arguments: TestBackend.allCases)
  func tableBeforeTheAlteredOne(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let base = """
      CREATE TABLE b (id serial PRIMARY KEY, s text COLLATE "C");
      INSERT INTO b (s) VALUES ('one'), ('two');
      CREATE TABLE z (id integer PRIMARY KEY, s text COLLATE "C");
      INSERT INTO z VALUES (1, 'kept');
      """
    try await fixture.up(MigrationFixture.set([base]))
    let set = MigrationFixture.set([
      base,
      """
      ALTER TABLE b ADD COLUMN c integer NOT NULL DEFAULT 3;
      INSERT INTO z VALUES (2, 'new');
      CREATE TABLE a (id integer PRIMARY KEY, flag boolean);
      INSERT INTO a VALUES (5, true);
      INSERT INTO b (s) VALUES ('three');
      """,
    ])
    try await fixture.up(set)
    try await expectRows(
      [
        "a": [["5", "true"]], "b": [["1", "one", "3"], ["2", "two", "3"], ["3", "three", "3"]],
        "z": [["1", "kept"], ["2", "new"]],
      ], set, fixture)
    // The sequence goes on where it was.
    try await fixture.open(set) { store in
      let result = try await store.backend.apply([
        .insert(.init(table: "b", columns: ["s"], rows: [[.text("four")]], returning: true))
      ])
      #expect(result[0].rows[0][0] == .int(4))
    }
  }

  @Test(arguments: TestBackend.allCases)
  func rowsBeforeAnAlteration(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let set = MigrationFixture.set([
      """
      CREATE TABLE t (id integer PRIMARY KEY, s text COLLATE "C");
      INSERT INTO t VALUES (1, '10'), (2, '20');
      ALTER TABLE t RENAME TO u;
      ALTER TABLE u ALTER s TYPE integer USING s::integer;
      ALTER TABLE u RENAME id TO k;
      INSERT INTO u VALUES (3, 30);
      CREATE TABLE t (id integer PRIMARY KEY);
      """
    ])
    try await fixture.up(set)
    try await expectRows(["t": [], "u": [["1", "10"], ["2", "20"], ["3", "30"]]], set, fixture)
  }

  /// Random defaults are journalled, not drawn again.
  @Test func randomDefaultsStay() async throws {
    let fixture = try await MigrationFixture(.file)
    let set = MigrationFixture.set([
      "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2);",
      """
      ALTER TABLE t ADD COLUMN u uuid NOT NULL DEFAULT gen_random_uuid(),
        ADD COLUMN at timestamptz NOT NULL DEFAULT now();
      INSERT INTO t (id) VALUES (3);
      """,
    ])
    try await fixture.up(set)
    let rows = try await fixture.rows("t", set)
    #expect(Set(rows.map { $0[1] }).count == 3 && Set(rows.map { $0[2] }).count == 1)
    try await expectRows(["t": rows], set, fixture)
  }

  /// Migrations had no direction in the journals of programs that could not undo one.
  @Test func journalWithoutDirections() async throws {
    let fixture = try await MigrationFixture(.file)
    let set = MigrationFixture.set([
      "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2);",
      "ALTER TABLE t ADD COLUMN n integer NOT NULL DEFAULT 8;",
    ])
    try await fixture.up(set)
    let path = String(fixture.url.dropFirst("file:".count)) + "/journal-00000001.jsonl"
    let file = URL(fileURLWithPath: path)
    let lines = String(decoding: try Data(contentsOf: file), as: UTF8.self)
      .split(separator: "\n").map(String.init)
    try #require(lines.count { $0.contains("\"direction\":\"up\",") } == 2)
    // Each line's checksum starts from the one before it.
    var seed = try #require(UInt32(lines[0].dropLast(2).suffix(8), radix: 16))
    var result = lines[0] + "\n"
    for line in lines.dropFirst() {
      let open = line.replacing("\"direction\":\"up\",", with: "").dropLast(
        #","crc":"12345678"}"#.count)
      seed = CRC32C.checksum(Array(open.utf8), from: seed)
      result += "\(open),\"crc\":\"\(CRC32C.text(seed))\"}\n"
    }
    try Data(result.utf8).write(to: file)
    try await expectRows(["t": [["1", "8"], ["2", "8"]]], set, fixture)
  }
}
