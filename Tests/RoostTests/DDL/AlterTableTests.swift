import Roost
import RoostCore
import Testing

@Suite struct AlterTableTests {
  private let base = """
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE p (id int PRIMARY KEY, code varchar(10) NOT NULL UNIQUE);
    CREATE TABLE t (
      id serial PRIMARY KEY,
      a int CHECK (a > 0),
      b text DEFAULT 'x',
      p_id int REFERENCES p ON DELETE CASCADE,
      m mood,
      UNIQUE (a, b),
      CHECK (length(b) > a)
    );
    CREATE INDEX t_b_idx ON t (lower(b)) WHERE a > 1;
    """

  private func table(_ sql: String, _ name: String = "t") throws -> TableDefinition {
    try #require(try read(sql, after: base).schema.tables[name])
  }

  @Test func addsColumns() throws {
    let script = try read(
      "ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 1 CHECK (c < 9), ADD d bigserial UNIQUE",
      after: base)
    guard case .redefineTable("t", let table, let sources) = script.changes.first else {
      Issue.record("\(script.changes)")
      return
    }
    #expect(script.changes.count == 1)
    #expect(table.columns.map(\.name) == ["id", "a", "b", "p_id", "m", "c", "d"])
    #expect(sources == (0..<5).map { .old($0) } + [.defaultValue, .defaultValue])
    #expect(table.checks.map(\.name) == ["t_a_check", "t_check", "t_c_check"])
    #expect(table.uniqueConstraints.map(\.name) == ["t_a_b_key", "t_d_key"])
    #expect(
      try self.table("ALTER TABLE IF EXISTS ONLY t ADD COLUMN IF NOT EXISTS a text").columns
        == self.table("").columns)
    let passed = try read("ALTER TABLE IF EXISTS x ADD c int", after: base)
    #expect(passed.changes.isEmpty && passed.passedOver.count == 1)
  }

  @Test func dropsColumnsWithWhatNamesThem() throws {
    let script = try read("ALTER TABLE t DROP COLUMN a, DROP IF EXISTS zz", after: base)
    guard case .redefineTable("t", let table, let sources) = script.changes.first else {
      Issue.record("\(script.changes)")
      return
    }
    #expect(table.columns.map(\.name) == ["id", "b", "p_id", "m"])
    #expect(sources == [.old(0), .old(2), .old(3), .old(4)])
    #expect(table.checks.isEmpty && table.uniqueConstraints.isEmpty && table.indexes.isEmpty)
    #expect(table.foreignKeys.map(\.name) == ["t_p_id_fkey"])
  }

  @Test func replacesTheKey() throws {
    let changed = try table(
      "ALTER TABLE t ADD PRIMARY KEY (a), DROP CONSTRAINT t_pkey, DROP COLUMN id")
    #expect(changed.primaryKey == KeyConstraint(name: "t_pkey", columns: ["a"]))
    #expect(changed.columns.map(\.name) == ["a", "b", "p_id", "m"])
    #expect(!changed.columns[0].isNullable)
  }

  @Test func setsColumnAttributes() throws {
    let changed = try table(
      """
      ALTER TABLE t ALTER COLUMN a SET NOT NULL, ALTER b DROP DEFAULT, ALTER a SET DEFAULT 2 + 3,
        ALTER m SET DEFAULT 'ok'
      """)
    #expect(!changed.columns[1].isNullable && changed.columns[2].defaultValue == nil)
    #expect(changed.columns[1].defaultValue == .value(.int(5)))
    #expect(
      changed.columns[4].defaultValue
        == .value(.label(Enumeration(name: "mood", labels: ["sad", "ok"]).labels[1])))
    #expect(try table("ALTER TABLE p ALTER code DROP NOT NULL", "p").columns[1].isNullable)
  }

  @Test func changesTypes() throws {
    let changed = try table(
      """
      ALTER TABLE t ALTER a TYPE bigint, ALTER b SET DATA TYPE varchar(20) COLLATE "C",
        ALTER COLUMN m TYPE text, ALTER id TYPE bigint
      """)
    #expect(
      changed.columns.map(\.type)
        == [.bigint, .bigint, .varchar(length: 20), .integer, .text])
    #expect(changed.columns[2].collation == "C" && changed.columns[0].isSerial)
    #expect(changed.columns[2].defaultValue == .value(.text("x")))
    let read = try table(
      "ALTER TABLE p ADD n text; ALTER TABLE p ALTER n TYPE numeric(5,2) USING n::numeric(5,2)", "p"
    )
    #expect(read.columns[2].type == .numeric(precision: 5, scale: 2))
    #expect(
      try table("ALTER TABLE p ADD n text; ALTER TABLE p ALTER n TYPE mood USING (n::mood)", "p")
        .columns[2].type == .enumeration(Enumeration(name: "mood", labels: ["sad", "ok"])))
  }

  @Test func renamesEverywhere() throws {
    let script = try read(
      """
      ALTER TABLE p RENAME COLUMN id TO key;
      ALTER TABLE t RENAME b TO "B";
      ALTER TABLE p RENAME TO parents;
      ALTER TABLE t RENAME CONSTRAINT t_a_b_key TO pair;
      ALTER TABLE t RENAME CONSTRAINT t_a_check TO positive;
      """, after: base)
    let table = try #require(script.schema.tables["t"])
    #expect(script.schema.tables["p"] == nil)
    #expect(script.schema.tables["parents"]?.primaryKey.columns == ["key"])
    #expect(script.schema.tables["parents"]?.primaryKey.name == "p_pkey")
    #expect(table.foreignKeys.first?.referencedTable == "parents")
    #expect(table.foreignKeys.first?.referencedColumns == ["key"])
    #expect(table.uniqueConstraints == [KeyConstraint(name: "pair", columns: ["a", "B"])])
    #expect(table.checks.map(\.name) == ["positive", "t_check"])
    #expect(table.checks[1].expression.columns == ["a", "B"])
    #expect(table.indexes[0].keys[0].expression == .function(.lower, [.column("B")]))
    // After every step each foreign key finds its table and columns.
    var schema = try read(base).schema
    for change in script.changes {
      schema.apply(change)
      for table in schema.tables.values {
        for key in table.foreignKeys {
          let target = try schema.table(key.referencedTable)
          _ = try target.requirePositions(of: key.referencedColumns)
        }
      }
    }
    #expect(schema == script.schema)
  }

  @Test func dropsConstraints() throws {
    let changed = try table(
      """
      ALTER TABLE t DROP CONSTRAINT t_a_check, DROP CONSTRAINT t_a_b_key RESTRICT,
        DROP CONSTRAINT t_p_id_fkey, DROP CONSTRAINT IF EXISTS zz
      """)
    #expect(changed.checks.map(\.name) == ["t_check"])
    #expect(changed.uniqueConstraints.isEmpty && changed.foreignKeys.isEmpty)
    let script = try read(
      "ALTER TABLE p DROP COLUMN id CASCADE, ADD PRIMARY KEY (code)", after: base)
    #expect(script.schema.tables["t"]?.foreignKeys == [])
    #expect(script.schema.tables["p"]?.primaryKey.name == "p_pkey")
  }

  @Test func addsEnumValues() throws {
    let script = try read(
      """
      ALTER TYPE mood ADD VALUE 'great';
      ALTER TYPE mood ADD VALUE 'fine' BEFORE 'ok';
      ALTER TYPE mood ADD VALUE 'awful' BEFORE 'sad';
      ALTER TYPE mood ADD VALUE 'better' AFTER 'fine';
      ALTER TYPE mood ADD VALUE IF NOT EXISTS 'ok';
      """, after: base)
    let type = try #require(script.schema.enumerations["mood"])
    #expect(type.labels.map(\.text) == ["awful", "sad", "fine", "better", "ok", "great"])
    #expect(type.labels.map(\.position) == type.labels.map(\.position).sorted())
    #expect(type.label("sad")?.position == 0 && type.label("ok")?.position == 1)
    #expect(script.schema.tables["t"]?.columns[4].type == .enumeration(type))
    // Each value redefines the type and the one table that has it.
    #expect(script.changes.count == 8 && script.passedOver.count == 1)
  }

  @Test func dropsTablesAndTypes() throws {
    #expect(
      try read("DROP TABLE p, t; DROP TYPE mood", after: base).schema == Schema())
    let script = try read("DROP TABLE IF EXISTS p, zz CASCADE", after: base)
    #expect(script.schema.tables["t"]?.foreignKeys == [] && script.schema.tables["p"] == nil)
    let cycle = try read(
      """
      ALTER TABLE p ADD t_id int REFERENCES t;
      DROP TABLE t, p;
      """, after: base)
    #expect(cycle.schema.tables.isEmpty)
  }

  @Test(
    arguments: [
      ("ALTER TABLE x ADD c int", "1:13: table \"x\" does not exist"),
      ("ALTER TABLE t ADD a int", "1:19: column \"a\" is there twice"),
      ("ALTER TABLE t ADD c int,\n DROP zz", "2:7: column \"zz\" of table \"t\" does not exist"),
      ("ALTER TABLE t DROP id", "1:13: table \"t\" would have no primary key"),
      ("ALTER TABLE t DROP CONSTRAINT t_pkey", "1:13: table \"t\" would have no primary key"),
      ("ALTER TABLE t ADD PRIMARY KEY (a)", "1:19: table \"t\" has a primary key already"),
      ("ALTER TABLE p DROP id", "1:20: constraint \"t_p_id_fkey\" of table \"t\" refers to column"),
      ("ALTER TABLE p DROP CONSTRAINT p_pkey", "1:31: constraint \"t_p_id_fkey\" of table \"t\""),
      ("ALTER TABLE t DROP CONSTRAINT zz", "1:31: constraint \"zz\" of table \"t\" does not exist"),
      ("ALTER TABLE t ADD CONSTRAINT t_check CHECK (a > 1)", "1:30: constraint \"t_check\" of"),
      (
        "ALTER TABLE t ADD CONSTRAINT p_pkey UNIQUE (b)", "1:30: relation \"p_pkey\" exists already"
      ),
      ("ALTER TABLE t ADD CHECK (a > 1) NOT VALID", "1:33: NOT VALID is not supported"),
      ("ALTER TABLE t ALTER a TYPE text", "1:23: \"a\" cannot be converted from integer to text"),
      ("ALTER TABLE t ALTER b TYPE int", "1:23: \"b\" cannot be converted from text to integer"),
      ("ALTER TABLE t ALTER b TYPE int USING b::int", "1:23: 'x' is not a valid integer"),
      ("ALTER TABLE t ALTER b TYPE int USING length(b)", "1:38: USING other than b::integer"),
      (
        "ALTER TABLE t ALTER b TYPE varchar(2) USING b::varchar(2)",
        "1:23: \"b\" cannot be converted"
      ),
      ("ALTER TABLE t ALTER a TYPE int[]", "1:23: \"a\" cannot be converted"),
      ("ALTER TABLE p ALTER id TYPE numeric", "1:24: foreign key \"t_p_id_fkey\" of table \"t\""),
      ("ALTER TABLE t ALTER id TYPE numeric", "1:24: a serial column must stay an integer"),
      ("ALTER TABLE t ALTER b TYPE uuid USING b::uuid", "1:23: 'x' is not a valid uuid"),
      ("ALTER TABLE t ALTER id DROP NOT NULL", "1:21: column \"id\" is part of the primary key"),
      ("ALTER TABLE t ALTER id DROP DEFAULT", "1:21: the column has a sequence"),
      ("ALTER TABLE t ALTER id SET DEFAULT 1", "1:21: the column has a sequence"),
      ("ALTER TABLE t ALTER a SET STATISTICS 5", "1:23: this action on a column is not supported"),
      ("ALTER TABLE t ENABLE TRIGGER x", "1:15: this action of ALTER TABLE is not supported"),
      ("ALTER TABLE t RENAME a TO b", "1:27: column \"b\" of table \"t\" exists already"),
      ("ALTER TABLE t RENAME x TO y", "1:22: column \"x\" of table \"t\" does not exist"),
      ("ALTER TABLE t RENAME TO p", "1:25: relation \"p\" exists already"),
      ("ALTER TABLE t RENAME TO mood", "1:25: type \"mood\" exists already"),
      ("ALTER TABLE t RENAME CONSTRAINT t_check TO t_a_check", "1:44: constraint \"t_a_check\""),
      ("ALTER TYPE mood ADD VALUE 'ok'", "1:27: label 'ok' is there twice"),
      ("ALTER TYPE mood ADD VALUE 'x' AFTER 'y'", "1:37: type \"mood\" has no label 'y'"),
      ("ALTER TYPE mood RENAME TO x", "1:17: only ALTER TYPE ... ADD VALUE"),
      ("ALTER TYPE zz ADD VALUE 'x'", "1:12: type \"zz\" does not exist"),
      ("CREATE TYPE mood AS ENUM ()", "1:13: type \"mood\" exists already"),
      ("CREATE TYPE x AS ENUM ('a', 'a')", "1:29: label 'a' is there twice"),
      ("CREATE TYPE x AS (a int)", "1:15: only CREATE TYPE ... AS ENUM"),
      ("DROP TYPE mood CASCADE", "1:11: column \"m\" of table \"t\" has type \"mood\""),
      ("DROP TABLE p", "1:12: constraint \"t_p_id_fkey\" of table \"t\" refers to table \"p\""),
      ("DROP TABLE zz", "1:12: table \"zz\" does not exist"),
      ("DROP TYPE zz", "1:11: type \"zz\" does not exist"),
    ] as [(String, String)])
  func refuses(sql: String, message: String) throws {
    let text = try #require(failure(sql, after: base))
    #expect(text.hasPrefix(message), "\(text)")
  }
}
