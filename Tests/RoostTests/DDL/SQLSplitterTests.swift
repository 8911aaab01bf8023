import RoostCore
import Testing

@testable import Roost

@Suite struct SQLSplitterTests {
  private func texts(_ script: String) throws -> [String] {
    try SQLSplitter(script, file: "f.sql").statements.map(\.statement.text)
  }

  @Test func splitsOutsideStringsAndComments() throws {
    #expect(
      try texts(
        """
        ;; SELECT 'a;b' ; -- c;d
        SELECT "x;y", E'q\\';r' /* ;; /* nested; */ ; */ ;
        SELECT $$ a; b $$, $tag$ c; $$ d; $tag$;
        SELECT (1; 2)
        """) == [
          "SELECT 'a;b'", "SELECT \"x;y\", E'q\\';r'",
          "SELECT $$ a; b $$, $tag$ c; $$ d; $tag$", "SELECT (1; 2)",
        ])
    #expect(try texts("") == [] && texts(" -- nothing\n/* here */ ;") == [])
    #expect(try texts("\u{FEFF}SELECT 1") == ["SELECT 1"])
    #expect(try texts("SELECT 1\r\n;\r\nSELECT 2;\r\n") == ["SELECT 1", "SELECT 2"])
  }

  @Test func knowsPlaces() throws {
    let statements = try SQLSplitter("\n  é 1;\t-- x\n/* a\nb */ b;", file: "f.sql").statements
    #expect(statements.map { [$0.statement.line, $0.statement.column] } == [[2, 3], [4, 6]])
    #expect(statements[0].tokens[1].column == 5 && statements[0].tokens[2].column == 6)
    #expect(statements[0].statement.file == "f.sql")
  }

  @Test func readsDirectives() throws {
    let splitter = try SQLSplitter(
      """
      --roost: no-transaction
      -- roost:  only   postgres
      -- another comment
      -- roost: requires pg_trgm
      A;
      B;
      -- roost: requires hstore
      C
      """, file: "f.sql")
    #expect(!splitter.isTransactional)
    #expect(splitter.statements.map(\.statement.isOnlyPostgres) == [true, false, false])
    #expect(
      splitter.statements.map(\.statement.requiredExtension) == ["pg_trgm", nil, "hstore"])
    #expect(try SQLSplitter("A", file: "").isTransactional)
    let step = try SQLSplitter("A;\n-- roost: step\n-- roost: requires x\nB; C", file: "f.sql")
    #expect(step.statements.map(\.statement.isStep) == [false, true, false])
    #expect(step.statements[1].statement.requiredExtension == "x")
  }

  @Test func knowsWhatRunsInATransaction() throws {
    func text(_ sql: String) throws -> String? {
      try #require(SQLSplitter(sql, file: "").statements.first).statement.transactionalText()
    }
    #expect(
      try text("CREATE UNIQUE INDEX /* a */ CONCURRENTLY IF NOT EXISTS i ON t (concurrently)")
        == "CREATE UNIQUE INDEX /* a */  IF NOT EXISTS i ON t (concurrently)")
    #expect(try text("drop index concurrently é") == "drop index  é")
    #expect(try text("REINDEX TABLE CONCURRENTLY t") == "REINDEX TABLE  t")
    for same in ["CREATE INDEX \"concurrently\" ON t (a)", "SELECT 'CONCURRENTLY'", "ANALYZE t"] {
      #expect(try text(same) == same)
    }
    #expect(try text("VACUUM t") == nil)
    func index(_ sql: String) throws -> String? {
      try #require(SQLSplitter(sql, file: "").statements.first).statement.concurrentIndex()
    }
    #expect(try index("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I\" ON t (a)") == "I")
    #expect(try index("CREATE INDEX CONCURRENTLY ix ON t (a)") == "ix")
    for none in [
      "CREATE INDEX CONCURRENTLY ON t (a)", "CREATE INDEX ix ON t (a)",
      "DROP INDEX CONCURRENTLY ix", "SELECT 1",
    ] { #expect(try index(none) == nil, "\(none)") }
  }

  @Test(
    arguments: [
      ("-- roost: only mysql\nA", "f.sql:1:1: unknown directive \"only mysql\""),
      ("A;\n  -- roost: ONLY postgres\nB", "f.sql:2:3: unknown directive \"ONLY postgres\""),
      ("-- roost:\nA", "f.sql:1:1: unknown directive \"\""),
      ("CREATE\n-- roost: only postgres\nTABLE", "f.sql:2:1: a directive must stand before"),
      ("A;\n-- roost: only postgres\n", "f.sql:2:1: no statement follows the directive"),
      ("-- roost: requires a\n-- roost: requires b\nA", "f.sql:2:1: a statement requires one"),
      ("A 'b\nc", "f.sql:1:3: a string is not closed"),
      ("A E'b\\'", "f.sql:1:4: a string is not closed"),
      ("A\n \"b", "f.sql:2:2: a quoted identifier is not closed"),
      ("A \"\"", "f.sql:1:5: a quoted identifier is empty"),
      ("A /* /* */", "f.sql:1:3: a comment is not closed"),
      ("A $x$ b $y$", "f.sql:1:3: a dollar-quoted string is not closed"),
      ("A $1", "f.sql:1:3: unexpected \"$\""), ("A (b;", "f.sql:1:6: a parenthesis is not closed"),
      ("A U&\"x\"", "f.sql:1:3: U& strings and identifiers are not supported"),
      ("A U&'x'", "f.sql:1:3: U& strings"), ("A B'1'", "f.sql:1:3: bit strings"),
      ("A N'1'", "f.sql:1:3: national"), ("A 1x", "f.sql:1:4: trailing junk after a number"),
      ("A \\d", "f.sql:1:3: unexpected character U+5C"), ("A '\u{0}'", "f.sql:1:5: U+0000"),
      ("A E'\\u0000'", "f.sql:1:5: invalid escape"), ("A E'\\xff'", "f.sql:1:5: invalid escape"),
      ("A E'\\ud800'", "f.sql:1:5: invalid escape"),
      ("A E'\\", "f.sql:1:6: a string is not closed"),
      ("A;\n BEGIN; B", "f.sql:2:2: BEGIN is not allowed: a migration runs in one transaction"),
      ("-- roost: only postgres\nCOMMIT", "f.sql:2:1: COMMIT is not allowed"),
      ("END", "f.sql:1:1: END is not"), ("rollback;", "f.sql:1:1: ROLLBACK is not"),
      ("ABORT", "f.sql:1:1: ABORT is not"), ("SAVEPOINT x", "f.sql:1:1: SAVEPOINT is not"),
      ("START TRANSACTION", "f.sql:1:1: START is not"),
      ("RELEASE x", "f.sql:1:1: RELEASE is not"),
      ("PREPARE TRANSACTION 'x'", "f.sql:1:1: PREPARE is not"),
      ("-- roost: step\n-- roost: step\nA", "f.sql:2:1: a migration has one step"),
      ("-- roost: step\nA;\n-- roost: step\nB", "f.sql:3:1: a migration has one step"),
      ("-- roost: step\n-- roost: only postgres\nA", "f.sql:2:1: a step runs on every backend"),
      ("A;\n-- roost: step", "f.sql:2:1: no statement follows the directive"),
      ("CREATE FUNCTION f()\nBEGIN ATOMIC SELECT 1; END;", "f.sql:2:1: BEGIN ATOMIC"),
    ] as [(String, String)])
  func refuses(script: String, message: String) {
    do {
      _ = try SQLSplitter(script, file: "f.sql")
      Issue.record("no error")
    } catch {
      #expect(error.code == .invalidMigration && error.message.hasPrefix(message), "\(error)")
    }
  }

  @Test func lexesAsPostgres() throws {
    func kinds(_ text: String) throws -> [SQLToken.Kind] {
      try #require(SQLSplitter(text, file: "").statements.first).tokens.dropLast().map(\.kind)
    }
    #expect(
      try kinds(#"SelECT "MiX""ed" E'a\n\t\\\'''\u00e9\U0001F600\x41\101z' 'it''s' $a$x$$y$a$"#)
        == [
          .word("select"), .quoted("MiX\"ed"), .string("a\n\t\\''é😀AAz"), .string("it's"),
          .string("x$$y"),
        ])
    #expect(
      try kinds("1 1.5 .5 5. 1e10 1E-3 a.b x::int y:=2") == [
        .number("1"), .number("1.5"), .number(".5"), .number("5."), .number("1e10"),
        .number("1E-3"), .word("a"), .symbol("."), .word("b"), .word("x"), .symbol("::"),
        .word("int"), .word("y"), .symbol(":="), .number("2"),
      ])
    #expect(
      try kinds("a<-1 b||c d->>e f*-1 g<>-h i@-j k--comment\n!=l") == [
        .word("a"), .symbol("<"), .symbol("-"), .number("1"), .word("b"), .symbol("||"),
        .word("c"), .word("d"), .symbol("->>"), .word("e"), .word("f"), .symbol("*"),
        .symbol("-"), .number("1"), .word("g"), .symbol("<>"), .symbol("-"), .word("h"),
        .word("i"), .symbol("@-"), .word("j"), .word("k"), .symbol("!="), .word("l"),
      ])
    let long = String(repeating: "é", count: 40)
    #expect(try kinds(long) == [.word(String(repeating: "é", count: 31))])
    #expect(try kinds("É_$1") == [.word("É_$1")])
  }
}
