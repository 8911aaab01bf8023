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
