import Roost
import RoostCore
import Testing

@Suite struct CheckExpressionTests {
  private let a = Expression.column("a")
  private let s = Expression.column("s")

  /// Pairs of conditions that Postgres reads alike: as one would write it, and with the
  /// parentheses that its precedence puts in.
  @Test(
    arguments: [
      ("f OR g AND h", "f OR (g AND h)"), ("NOT f AND g", "(NOT f) AND g"),
      ("NOT a = b", "NOT (a = b)"), ("NOT a IS NULL", "NOT (a IS NULL)"),
      ("a + b * 2 = b - 1 - a", "(a + (b * 2)) = ((b - 1) - a)"),
      ("a = b IS NOT NULL", "(a = b) IS NOT NULL"), ("a < b IS TRUE", "(a < b) IS TRUE"),
      ("s || 'x' = v || 'y'", "(s || 'x') = (v || 'y')"),
      ("s || 'x' LIKE 'a%'", "(s || 'x') LIKE 'a%'"),
      ("a BETWEEN 1 AND 2 AND f", "(a BETWEEN 1 AND 2) AND f"),
      ("a NOT BETWEEN 1 + 1 AND b - 1 OR f", "(NOT (a >= (1 + 1) AND a <= (b - 1))) OR f"),
      ("- a + b > 0", "((-a) + b) > 0"), ("a * -b < 0", "(a * (-b)) < 0"),
      ("a IN (1, 2) = f", "(a IN (1, 2)) = f"), ("NOT s LIKE 'a'", "NOT (s LIKE 'a')"),
      ("f AND NOT g OR h", "(f AND (NOT g)) OR h"),
      ("a <> -1 AND a != +2", "(a <> (-1)) AND (a <> 2)"),
      ("s::text = v::text", "(s::text) = (v::text)"), ("-a::bigint = b", "(-(a::bigint)) = b"),
      ("a IS DISTINCT FROM b + 1", "a IS DISTINCT FROM (b + 1)"),
      ("a ISNULL OR b NOTNULL", "(a IS NULL) OR (NOT (b IS NULL))"),
    ] as [(String, String)])
  func precedence(written: String, meant: String) throws {
    #expect(try condition(written) == condition(meant))
  }

  @Test func overSeveralLines() throws {
    #expect(
      try condition("a > 1 -- ; not the end)\r\n  AND ( /* ( ; */ s <> ';'\n\tOR s = ')' )\n")
        == condition("a > 1 AND (s <> ';' OR s = ')')"))
    #expect(try condition("s =\n$q$it's ; )$q$") == condition("s = 'it''s ; )'"))
  }

  @Test func tests() throws {
    #expect(try condition("a IS NULL") == .isNull(a))
    #expect(try condition("a IS NOT NULL") == .not(.isNull(a)))
    #expect(try condition("f IS TRUE") == .isTrue(.column("f")))
    #expect(try condition("f IS NOT TRUE") == .not(.isTrue(.column("f"))))
    #expect(try condition("f IS FALSE") == .isTrue(.not(.column("f"))))
    #expect(try condition("f IS NOT FALSE") == .not(.isTrue(.not(.column("f")))))
    #expect(try condition("f IS UNKNOWN") == .isNull(.column("f")))
    #expect(try condition("a IS DISTINCT FROM b") == .not(.isNotDistinct(a, .column("b"))))
    #expect(try condition("a IS NOT DISTINCT FROM b") == .isNotDistinct(a, .column("b")))
    #expect(try condition("f AND g AND h") == .and(["f", "g", "h"].map { .column($0) }))
  }

  @Test func membership() throws {
    let one: [Expression] = [.literal(.text("x")), .literal(.text("y"))]
    #expect(try condition("s IN ('x', 'y')") == .isIn(s, one))
    #expect(try condition("s NOT IN ('x', 'y')") == .not(.isIn(s, one)))
    #expect(try condition("s = ANY (ARRAY['x', 'y'])") == .isIn(s, one))
    #expect(try condition("s = ANY ('{x,y}'::text[])") == .isIn(s, one))
    #expect(try condition("s <> ALL (ARRAY['x'::text, 'y'])") == .not(.isIn(s, one)))
    // As pg_dump writes a check of a varchar column.
    #expect(
      try condition(
        "((v)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))")
        == .isIn(.cast(.column("v"), .text), one))
  }

  @Test func patterns() throws {
    func like(_ pattern: String, _ ignoringCase: Bool = false) -> Expression {
      .like(s, pattern: .literal(.text(pattern)), ignoringCase: ignoringCase)
    }
    #expect(try condition("s LIKE 'a\\_%'") == like("a\\_%"))
    #expect(try condition("s ILIKE 'a%'") == like("a%", true))
    #expect(try condition("s NOT LIKE 'a'") == .not(like("a")))
    #expect(try condition("s LIKE 'a!%!!\\b%' ESCAPE '!'") == like("a\\%!\\\\b%"))
    #expect(try condition("s LIKE 'a\\%' ESCAPE ''") == like("a\\\\%"))
    #expect(
      try condition("s LIKE v") == .like(s, pattern: .column("v"), ignoringCase: false))
  }

  @Test func functionsAndCasts() throws {
    func equals(_ expression: Expression, _ text: String) -> Expression {
      .comparison(.equal, expression, .literal(.text(text)))
    }
    #expect(try condition("lower(s) = 'a'") == equals(.function(.lower, [s]), "a"))
    #expect(try condition("TRIM(s) = 'a'") == equals(.function(.btrim, [s]), "a"))
    #expect(
      try condition("trim(both 'x' from s) = 'a'")
        == equals(.function(.btrim, [s, .literal(.text("x"))]), "a"))
    #expect(
      try condition("trim(leading from s) = 'a'") == equals(.function(.ltrim, [s]), "a"))
    #expect(
      try condition("trim(trailing 'y' from s) = 'a'")
        == equals(.function(.rtrim, [s, .literal(.text("y"))]), "a"))
    #expect(
      try condition("coalesce(s, v, 'z') = 'a'")
        == equals(.function(.coalesce, [s, .column("v"), .literal(.text("z"))]), "a"))
    #expect(
      try condition("char_length(s) > 2")
        == .comparison(.greater, .function(.length, [s]), .literal(.int(2))))
    #expect(
      try condition("character_length(s) = length(v)")
        == .comparison(.equal, .function(.length, [s]), .function(.length, [.column("v")])))
    #expect(
      try condition("abs(n) <= 1.50")
        == .comparison(
          .lessOrEqual, .function(.abs, [.column("n")]),
          .literal(.numeric(Numeric("1.50") ?? 0))))
    #expect(try condition("m::text = 'sad'") == equals(.cast(.column("m"), .text), "sad"))
    #expect(
      try condition("s COLLATE \"C\" <> ''")
        == .comparison(.notEqual, s, .literal(.text(""))))
    #expect(
      try condition("m = 'ok'::mood")
        == .comparison(.equal, .column("m"), .literal(.text("ok"))))
  }

  @Test(
    arguments: [
      ("x > 1", "6:25: column \"x\" of table \"t\" does not exist"),
      ("a > ", "6:29: expected an expression"), ("a", "6:25: a condition must be boolean"),
      ("a = 'x'", "6:25: 'x' cannot be compared with a integer"),
      ("a + s = 1", "6:25: text is not a number"), ("a < b < 3", "6:31: comparisons do not chain"),
      ("a / 2 = 1", "6:27: the operator \"/\" is not supported"),
      ("s ~ 'x'", "6:27: the operator \"~\" is not supported"),
      ("j ->> 'k' = 'x'", "6:27: the operator \"->>\" is not supported"),
      ("md5(s) = 'x'", "6:25: the function \"md5\" is not supported"),
      ("now() > d", "6:25: the function \"now\" is not supported"),
      ("CASE WHEN f THEN g END", "6:25: CASE is not supported"),
      ("a IN (SELECT 1)", "6:31: subqueries are not supported"),
      ("a = (SELECT 1)", "6:30: subqueries"), ("(a, b) = (1, 2)", "6:27: row values"),
      ("a > ALL (ARRAY[1])", "6:29: only = ANY"),
      ("s = ANY (l)", "6:29: ANY and ALL need an array"),
      ("a IS 5", "6:30: expected NULL, TRUE"), ("t.a > 1", "6:26: write the column without"),
      ("s LIKE 'a\\'", "6:32: LIKE pattern must not end with escape character"),
      ("s LIKE 'a' ESCAPE 'xy'", "6:43: invalid escape string"),
      ("s SIMILAR TO 'a'", "6:27: SIMILAR TO is not supported"),
      ("a BETWEEN SYMMETRIC 1 AND 2", "6:35: BETWEEN SYMMETRIC"),
      ("a::text = '1'", "6:25: a cast from integer to text is not supported"),
      ("n::integer = 1", "6:25: a cast from numeric(10,2) to integer is not supported"),
      ("'x'::integer = a", "6:28: 'x' is not a valid integer"),
      ("m = 'happy'::mood", "6:36: 'happy' is not a valid mood"),
      ("m = 'happy'", "6:25: 'happy' cannot be compared with a mood"),
      ("d AT TIME ZONE 'UTC' = d", "6:27: AT is not supported"),
      ("a = 1 2", "6:31: expected \")\""),
      ("l[1] = 'x'", "6:26: subscripts"),
      ("lower(a) = 'x'", "6:25: integer is not text"), ("m LIKE 'x'", "6:25: mood is not text"),
      ("lower(s, s) = 'x'", "6:25: wrong number of arguments for lower"),
      ("u = 'nonsense'", "6:25: 'nonsense' cannot be compared with a uuid"),
      ("current_user = s", "6:25: \"current_user\" is not supported in an expression"),
    ] as [(String, String)])
  func refuses(sql: String, message: String) throws {
    let text = try #require(
      failure(
        """
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE TABLE t (
          id integer PRIMARY KEY, a integer, b bigint, n numeric(10,2), s text, v varchar(5),
          f boolean, g boolean, h boolean, m mood,
          u uuid, d date, j jsonb, l text[],
          CONSTRAINT c   CHECK (\(sql)));
        """))
    #expect(text.hasPrefix(message), "\(text)")
  }

  @Test func isBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "(", count: depth) + "f" + String(repeating: ")", count: depth)
    }
    #expect(try condition(nested(90)) == .column("f"))
    let deep = "CREATE TABLE t (f boolean PRIMARY KEY CHECK (\(nested(100_000))))"
    #expect(failure(deep)?.contains("nested too deeply") == true)
    let nots = String(repeating: "NOT ", count: 100_000) + "f"
    #expect(
      failure("CREATE TABLE t (f boolean PRIMARY KEY CHECK (\(nots)))")?
        .contains("nested too deeply") == true)
    let long = Array(repeating: "f", count: 400).joined(separator: " OR ")
    #expect(try condition(long) == .or(Array(repeating: .column("f"), count: 400)))
    let longer = Array(repeating: "1", count: 100_000).joined(separator: " + ")
    #expect(
      failure("CREATE TABLE t (f boolean PRIMARY KEY CHECK (\(longer) > 0))")?
        .contains("too many operators") == true)
  }
}
