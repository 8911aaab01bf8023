import Roost
import RoostCore
import Testing

@Suite struct IndexTests {
  private let base = """
    CREATE TABLE t (id int PRIMARY KEY, a int, b text, c timestamptz, d jsonb, u int UNIQUE);
    """

  private func indexes(_ sql: String) throws -> [IndexDefinition] {
    try #require(try read(sql, after: base).schema.tables["t"]).indexes
  }

  @Test func keysAndOrders() throws {
    let all = try indexes(
      """
      CREATE INDEX i ON t (a, b DESC, c ASC NULLS FIRST, u DESC NULLS LAST);
      CREATE UNIQUE INDEX IF NOT EXISTS j ON t USING btree (lower(b), (a + 1) DESC)
        WHERE b IS NOT NULL AND a > 0;
      CREATE INDEX k ON t (b COLLATE "C" text_pattern_ops);
      """)
    func key(_ name: String, _ isDescending: Bool = false, _ nullsFirst: Bool? = nil)
      -> IndexDefinition.Key
    { .init(.column(name), isDescending: isDescending, nullsFirst: nullsFirst) }
    #expect(
      all == [
        IndexDefinition(
          name: "i",
          keys: [key("a"), key("b", true), key("c", false, true), key("u", true, false)]),
        IndexDefinition(
          name: "j",
          keys: [
            .init(.function(.lower, [.column("b")])),
            .init(.arithmetic(.add, .column("a"), .literal(.int(1))), isDescending: true),
          ], isUnique: true,
          predicate: .and([
            .not(.isNull(.column("b"))),
            .comparison(.greater, .column("a"), .literal(.int(0))),
          ])),
        IndexDefinition(name: "k", keys: [key("b")]),
      ])
    #expect(all[0].keys.map(\.nullsFirst) == [false, true, true, false])
  }

  @Test func changesOnlyTheDefinition() throws {
    let script = try read("CREATE INDEX ON t (a)", after: base)
    guard case .redefineTable("t", let table, let sources) = script.changes.first else {
      Issue.record("\(script.changes)")
      return
    }
    #expect(table.indexes.map(\.name) == ["t_a_idx"])
    #expect(sources == (0..<6).map { .old($0) })
  }

  @Test func passesOverOtherMethods() throws {
    let script = try read(
      """
      CREATE EXTENSION pg_trgm;
      CREATE INDEX g ON t USING gin (b gin_trgm_ops, (d -> 'x') jsonb_path_ops)
        WITH (fastupdate = off);
      CREATE INDEX h ON t USING hash (b);
      -- roost: requires pg_trgm
      CREATE INDEX n ON t ((b ~ 'x'));
      -- roost: only postgres
      CREATE INDEX ON t ((d ->> 'kind'));
      CREATE INDEX IF NOT EXISTS t_pkey ON t (a);
      """, after: base)
    #expect(script.changes.isEmpty)
    #expect(
      script.passedOver == [
        "V001__test.sql:1: CREATE EXTENSION pg_trgm",
        "V001__test.sql:2: CREATE INDEX g ON t USING gin (b ...",
        "V001__test.sql:4: CREATE INDEX h ON t USING hash (b)",
        "V001__test.sql:6: CREATE INDEX n ON t ((b ~ 'x'))",
        "V001__test.sql:8: CREATE INDEX ON t ((d ->> 'kind'))",
        "V001__test.sql:9: CREATE INDEX IF NOT EXISTS t_pkey ON t ...",
      ])
    #expect(script.statements.count == 6 && script.statements[3].requiredExtension == "pg_trgm")
  }

  @Test func concurrently() throws {
    let sql = "CREATE INDEX CONCURRENTLY i ON t (a); DROP INDEX CONCURRENTLY i"
    #expect(failure(sql, after: base)?.hasPrefix("1:14: CONCURRENTLY cannot run") == true)
    let script = try read("-- roost: no-transaction\n\(sql)", after: base)
    #expect(!script.isTransactional && script.changes.count == 2)
    #expect(script.schema.tables["t"]?.indexes == [])
  }

  @Test func dropsAndRenames() throws {
    let both = base + "CREATE INDEX i ON t (a); CREATE INDEX j ON t (b);"
    #expect(
      try read("DROP INDEX i, j RESTRICT", after: both).schema.tables["t"]?.indexes == [])
    let kept = try read("DROP INDEX IF EXISTS x", after: both)
    #expect(kept.changes.isEmpty && kept.passedOver.count == 1)
    #expect(
      try read("ALTER INDEX i RENAME TO k", after: both).schema.tables["t"]?.indexes.map(\.name)
        == ["k", "j"])
  }

  @Test(
    arguments: [
      ("CREATE INDEX t ON t (a)", "1:14: relation \"t\" exists already"),
      ("CREATE INDEX t_u_key ON t (a)", "1:14: relation \"t_u_key\" exists already"),
      ("CREATE INDEX i ON x (a)", "1:19: table \"x\" does not exist"),
      ("CREATE INDEX i ON t (x)", "1:22: column \"x\" of table \"t\" does not exist"),
      ("CREATE INDEX i ON t (d)", "1:22: a json column cannot be a key"),
      ("CREATE INDEX i ON t (a + 1)", "1:24: expected \")\""),
      ("CREATE INDEX i ON t (md5(b))", "1:22: the function \"md5\" is not supported"),
      ("CREATE INDEX i ON t ((d ->> 'x'))", "1:25: the operator \"->>\" is not supported"),
      ("CREATE INDEX i ON t (b gin_trgm_ops)", "1:24: the operator class \"gin_trgm_ops\""),
      ("CREATE INDEX i ON t USING magic (a)", "1:27: the index method \"magic\" is not known"),
      ("CREATE UNIQUE INDEX i ON t USING gin (b)", "1:34: a gin index cannot be unique"),
      ("CREATE INDEX ON t USING gin (b)", "1:25: a gin index, which embedded backends"),
      ("CREATE INDEX i ON t (a) INCLUDE (b)", "1:25: INCLUDE of an index is not supported"),
      ("CREATE INDEX i ON t (a) WITH (fillfactor = 70)", "1:25: WITH of an index"),
      ("CREATE INDEX i ON t (a) WHERE b", "1:31: a condition must be boolean"),
      ("CREATE INDEX i ON t (a) WHERE x = 1", "1:31: column \"x\""),
      ("CREATE INDEX IF NOT EXISTS ON t (a)", "1:28: \"on\" is a reserved word"),
      ("DROP INDEX i", "1:12: index \"i\" does not exist"),
      ("DROP INDEX t_pkey", "1:12: index \"t_pkey\" belongs to a constraint of table \"t\""),
      ("ALTER INDEX t_pkey RENAME TO x", "1:13: index \"t_pkey\" belongs to a constraint"),
    ] as [(String, String)])
  func refuses(sql: String, message: String) throws {
    let text = try #require(failure(sql, after: base))
    #expect(text.hasPrefix(message), "\(text)")
  }
}
