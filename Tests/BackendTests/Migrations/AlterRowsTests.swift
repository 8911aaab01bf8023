import Roost
import Testing

/// A change of a table that has rows, and what comes of it on every backend.
struct Alteration: Sendable, CustomTestStringConvertible {
  enum Outcome: Sendable {
    /// The rows of the table, or of the one named.
    case rows([[String]], of: String = "t")
    /// The code, with the constraint or column that is named, and the key of the row that embedded
    /// backends name.
    case error(
      StoreError.Code, constraint: String? = nil, column: String? = nil, key: String? = nil)
  }

  var script: String
  var outcome: Outcome
  var testDescription: String { script }

  init(_ script: String, _ outcome: Outcome) {
    self.script = script
    self.outcome = outcome
  }

  /// Tables with two rows each.
  static let base = """
    CREATE TABLE p (id integer PRIMARY KEY);
    INSERT INTO p VALUES (10), (11);
    CREATE TABLE t (id integer PRIMARY KEY, a integer DEFAULT 4, s text COLLATE "C",
      v varchar(5) COLLATE "C", n text COLLATE "C" CHECK (n <> 'bad'));
    INSERT INTO t VALUES (1, 10, '7', 'ab', '1.25'), (2, NULL, 'x', 'cdefg', '30');
    """

  static let unchanged = [["1", "10", "7", "ab", "1.25"], ["2", "NULL", "x", "cdefg", "30"]]

  private static func with(_ first: String..., second: String...) -> [[String]] {
    [unchanged[0] + first, unchanged[1] + second]
  }

  static let all: [Alteration] = [
    .init("ALTER TABLE t ADD COLUMN b integer", .rows(with("NULL", second: "NULL"))),
    .init(
      "ALTER TABLE t ADD COLUMN b numeric(5,2) NOT NULL DEFAULT 7",
      .rows(with("7.00", second: "7.00"))),
    .init("ALTER TABLE t ADD COLUMN b serial", .rows(with("1", second: "2"))),
    .init(
      "ALTER TABLE t ADD COLUMN b integer NOT NULL",
      .error(.notNullViolation, column: "b", key: "(id) = (1)")),
    .init(
      "ALTER TABLE t DROP COLUMN a",
      .rows([["1", "7", "ab", "1.25"], ["2", "x", "cdefg", "30"]])),
    .init("ALTER TABLE t RENAME TO u", .rows(unchanged, of: "u")),
    .init("ALTER TABLE t RENAME COLUMN a TO b", .rows(unchanged)),
    .init("ALTER TABLE t RENAME CONSTRAINT t_pkey TO t_key", .rows(unchanged)),
    .init(
      "ALTER TABLE t ALTER a TYPE numeric(5,1)",
      .rows([["1", "10.0", "7", "ab", "1.25"], ["2", "NULL", "x", "cdefg", "30"]])),
    .init("ALTER TABLE t ALTER a TYPE smallint", .rows(unchanged)),
    .init(
      "ALTER TABLE t ALTER s TYPE integer USING s::integer",
      .error(.invalidValue, key: "(id) = (2)")),
    .init("ALTER TABLE t ALTER v TYPE varchar(4)", .error(.valueTooLong, key: "(id) = (2)")),
    .init("ALTER TABLE t ALTER v TYPE text", .rows(unchanged)),
    .init(
      "ALTER TABLE t DROP CONSTRAINT t_n_check, ALTER n TYPE numeric(4,1) USING n::numeric(4,1)",
      .rows([["1", "10", "7", "ab", "1.3"], ["2", "NULL", "x", "cdefg", "30.0"]])),
    .init(
      "ALTER TABLE t ALTER a SET NOT NULL",
      .error(.notNullViolation, column: "a", key: "(id) = (2)")),
    .init(
      "ALTER TABLE t ALTER s SET NOT NULL; ALTER TABLE t ALTER s DROP NOT NULL; "
        + "INSERT INTO t (id, s) VALUES (3, NULL)",
      .rows(unchanged + [["3", "4", "NULL", "NULL", "NULL"]])),
    .init(
      "ALTER TABLE t ALTER a SET DEFAULT 5; INSERT INTO t (id) VALUES (3)",
      .rows(unchanged + [["3", "5", "NULL", "NULL", "NULL"]])),
    .init(
      "ALTER TABLE t ALTER a DROP DEFAULT; INSERT INTO t (id) VALUES (3)",
      .rows(unchanged + [["3", "NULL", "NULL", "NULL", "NULL"]])),
    .init(
      "ALTER TABLE t ADD CHECK (a > 10)",
      .error(.checkViolation, constraint: "t_a_check", key: "(id) = (1)")),
    .init("ALTER TABLE t ADD CHECK (a > 9)", .rows(unchanged)),
    .init(
      "ALTER TABLE t DROP CONSTRAINT t_n_check; INSERT INTO t (id, n) VALUES (3, 'bad')",
      .rows(unchanged + [["3", "4", "NULL", "NULL", "bad"]])),
    .init(
      "ALTER TABLE t ADD UNIQUE (s); INSERT INTO t (id, s) VALUES (3, 'x')",
      .error(.uniqueViolation, constraint: "t_s_key")),
    .init(
      "INSERT INTO t (id, s) VALUES (3, 'x'); ALTER TABLE t ADD CONSTRAINT only_s UNIQUE (s)",
      .error(.uniqueViolation, constraint: "only_s", key: "(id) = (3)")),
    .init(
      "INSERT INTO t (id, s) VALUES (3, 'X'); CREATE UNIQUE INDEX one ON t (lower(s))",
      .error(.uniqueViolation, constraint: "one", key: "(id) = (3)")),
    .init("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p", .rows(unchanged)),
    .init(
      "INSERT INTO t (id) VALUES (3); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p",
      .error(.foreignKeyViolation, constraint: "t_a_fkey")),
    .init(
      "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (v, id)", .rows(unchanged)),
    .init(
      "ALTER TABLE t DROP COLUMN id, ADD PRIMARY KEY (a)",
      .error(.notNullViolation, column: "a")),
    .init("DROP TABLE t; CREATE TABLE t (k integer PRIMARY KEY)", .rows([])),
  ]
}

/// ALTER TABLE on stored rows: the same outcome on every backend, also when a file store is read
/// back from its journal and from a snapshot.
@Suite(.timeLimit(.minutes(15))) struct AlterRowsTests {
  @Test(arguments: TestBackend.allCases)
  func outcomes(_ backend: TestBackend) async throws {
    for alteration in Alteration.all {
      try await check(alteration, backend)
    }
  }

  private func check(_ alteration: Alteration, _ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let before = MigrationFixture.set([Alteration.base])
    let set = MigrationFixture.set([Alteration.base, alteration.script])
    let comment: Comment = "\(alteration.script) on \(backend)"
    try await fixture.up(before)
    let error = await MigrationFixture.failure { try await fixture.up(set) }
    switch alteration.outcome {
    case .rows(let rows, let table):
      #expect(error == nil, comment)
      #expect(try await fixture.rows(table, set) == rows, comment)
      try await fixture.compact(set)
      #expect(try await fixture.rows(table, set) == rows, "compacted: \(comment)")
    case .error(let code, let constraint, let column, let key):
      #expect(error?.code == code, "\(comment): \(error.map { "\($0)" } ?? "no error")")
      #expect(error?.constraint == constraint, comment)
      if let column { #expect(error?.column == column, comment) }
      let message = error?.message ?? ""
      #expect(message.hasPrefix("test/V002__step2.sql:1:"), "\(comment): \(message)")
      if let key, backend != .postgres {
        #expect(message.contains("with \(key)"), "\(comment): \(message)")
      }
      #expect(try await fixture.rows("t", before) == Alteration.unchanged, comment)
      #expect(try await fixture.versions(set) == [1], comment)
    }
  }
}
