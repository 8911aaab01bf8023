import Roost
import RoostCore
import Testing

@Suite struct OtherStatementTests {
  private let base = """
    CREATE TABLE t (id int PRIMARY KEY, n numeric(5,2), s text DEFAULT 'd', j jsonb);
    """

  @Test func triggers() throws {
    let script = try read(
      """
      CREATE OR REPLACE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS $body$
      BEGIN NEW.n := 1; RETURN NEW; END; $body$;
      CREATE TRIGGER one AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW
        EXECUTE FUNCTION bump();
      CREATE TRIGGER two BEFORE UPDATE ON t FOR ROW EXECUTE PROCEDURE bump();
      CREATE OR REPLACE TRIGGER two BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION bump();
      DROP TRIGGER IF EXISTS three ON t;
      """, after: base)
    #expect(
      script.schema.tables["t"]?.triggers == [
        TriggerDefinition(
          name: "one", isBefore: false, events: [.insert, .update, .delete], function: "bump"),
        TriggerDefinition(name: "two", isBefore: true, events: [.insert], function: "bump"),
      ])
    #expect(script.passedOver.count == 2)
    #expect(
      try read("DROP TRIGGER one ON t CASCADE", after: base + script.statements[1].text)
        .schema.tables["t"]?.triggers == [])
  }

  @Test func rows() throws {
    let script = try read(
      """
      INSERT INTO t (j, id, n) VALUES ('{"b": 1, "a": 1e1}', 1, 2.345), (NULL, -2, '7');
      INSERT INTO t VALUES (3, NULL, 'x') ON CONFLICT DO NOTHING;
      """, after: base)
    #expect(
      script.changes == [
        .insert(
          Mutation.Insert(
            table: "t", columns: ["j", "id", "n"],
            rows: [
              [.json(["a": 10, "b": 1]), .int(1), .numeric(Numeric("2.35") ?? 0)],
              [.null, .int(-2), .numeric(Numeric("7.00") ?? 0)],
            ])),
        .insert(
          Mutation.Insert(
            table: "t", columns: ["id", "n", "s"], rows: [[.int(3), .null, .text("x")]],
            conflict: .ignore)),
      ])
    #expect(script.schema == (try read(base)).schema)
  }

  @Test func passesOverWhatAServerNeeds() throws {
    let script = try read(
      """
      COMMENT ON TABLE t IS 'a; table';
      GRANT SELECT ON t TO public; REVOKE ALL ON t FROM public;
      SET lock_timeout = '1s'; RESET ALL; ANALYZE t;
      CREATE EXTENSION IF NOT EXISTS pgcrypto; DROP EXTENSION pgcrypto;
      CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$; DROP FUNCTION f();
      -- roost: only postgres
      DO $$ BEGIN RAISE NOTICE 'x'; END $$;
      """, after: base)
    #expect(script.changes.isEmpty && script.passedOver.count == 11)
    #expect(script.passedOver[0] == "V001__test.sql:1: COMMENT ON TABLE t IS 'a; table'")
    #expect(script.statements.count == 11 && script.isTransactional)
  }

  @Test(
    arguments: [
      ("CREATE TRIGGER x INSTEAD OF INSERT ON t", "1:18: expected BEFORE or AFTER"),
      ("CREATE TRIGGER x AFTER TRUNCATE ON t", "1:24: expected INSERT, UPDATE or DELETE"),
      ("CREATE TRIGGER x AFTER UPDATE OF n ON t", "1:31: UPDATE OF columns"),
      ("CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION f()", "1:36: only triggers FOR EACH"),
      ("CREATE TRIGGER x AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION f()", "1:36: only"),
      (
        "CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW WHEN (true) EXECUTE FUNCTION f()",
        "1:49: WHEN of a trigger"
      ),
      ("CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f(1)", "1:68: arguments"),
      ("CREATE TRIGGER x AFTER INSERT OR INSERT ON t", "1:34: the event is there twice"),
      ("DROP TRIGGER x ON t", "1:14: trigger \"x\" of table \"t\" does not exist"),
      ("INSERT INTO t SELECT 1", "1:15: only INSERT ... VALUES"),
      ("INSERT INTO t (id, x) VALUES (1, 2)", "1:20: column \"x\" of table \"t\" does not exist"),
      ("INSERT INTO t (id) VALUES (1, 2)", "1:27: the row has 2 values for 1 columns"),
      ("INSERT INTO t (id) VALUES (now())", "1:28: the function \"now\" is not supported"),
      ("INSERT INTO t (id) VALUES (DEFAULT)", "1:28: DEFAULT as a value is not supported"),
      ("INSERT INTO t (id) VALUES ('x')", "1:28: 'x' is not a valid integer"),
      ("INSERT INTO t (id, n) VALUES (1, 1000)", "1:34: 1000 is not a valid numeric(5,2)"),
      ("INSERT INTO t (id) VALUES (1) RETURNING id", "1:31: \"returning\" is not expected here"),
      ("INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO NOTHING", "1:43: only ON CONFLICT DO"),
      ("UPDATE t SET n = 1", "1:1: the statement UPDATE"), ("VACUUM", "1:1: the statement VACUUM"),
      ("CREATE VIEW v AS SELECT 1", "1:1: the statement CREATE VIEW is not supported"),
    ] as [(String, String)])
  func refuses(sql: String, message: String) throws {
    let text = try #require(failure(sql, after: base))
    #expect(text.hasPrefix(message), "\(text)")
  }
}
