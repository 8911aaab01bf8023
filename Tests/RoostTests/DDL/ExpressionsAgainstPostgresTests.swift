import PostgresClient
import Roost
import RoostCore
import RoostTesting
import Testing

/// Conditions written at random, with few parentheses, give the same for each row when a server
/// evaluates them and when the reader parses them and memory evaluates them. This holds precedence
/// and three-valued logic together.
@Suite(.timeLimit(.minutes(2))) struct ExpressionsAgainstPostgresTests {
  private static let table = """
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'great');
    CREATE TABLE t (
      id bigint PRIMARY KEY, a bigint, b bigint, n numeric(10,2), s text COLLATE "C",
      v varchar(10) COLLATE "C", f boolean, g boolean, m mood, d date);
    """

  private static let rows = [
    "(1, 1, 2, 1.50, 'abc', 'ABC', true, false, 'sad', '2026-11-20')",
    "(2, 0, -3, -0.01, ' a%b ', 'a_b', false, NULL, 'great', 'infinity')",
    "(3, NULL, 0, 100, '', 'é', NULL, true, NULL, '0044-03-15 BC')",
    "(4, 5, 5, NULL, NULL, ' ', true, true, 'ok', NULL)",
    "(5, -9, NULL, 0, 'Zé', NULL, NULL, NULL, 'ok', '1999-12-31')",
    "(6, 2, 2, 2, 'e\u{301}', 'a\\b', false, false, 'sad', '-infinity')",
  ]

  @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
  func agree(seed: UInt64) async throws {
    var writer = ConditionWriter(seed: seed)
    let conditions = (0..<250).map { _ in writer.condition(3) }
    let server = try await ThrowawayPostgres.shared(.trust)
    let database = try await server.createDatabase()
    let connection = try await PostgresConnection.connect(
      PostgresConfiguration(server.url(database: database), environment: [:]))
    let script = Self.table + "INSERT INTO t VALUES " + Self.rows.joined(separator: ",")
    try await connection.simple(script)
    let read = try Roost.MigrationScript(reading: script, file: "t.sql", onto: Schema())
    let table = try read.schema.table("t")
    guard case .insert(let insert) = read.changes.last else {
      Issue.record("no rows were read")
      return
    }
    var compared = 0
    for condition in conditions {
      // Comparisons that do not chain, for example, are nothing that memory needs to take.
      guard let expected = try await answer(condition, connection) else { continue }
      compared += 1
      do {
        let parsed = try Self.parse(condition)
        let bound = try BoundExpression(parsed, in: table)
        var answers: [String] = []
        for row in insert.rows {
          switch try bound.evaluate(row) {
          case .bool(let value): answers.append(value ? "true" : "false")
          case .null: answers.append("null")
          case let other: answers.append("\(other)")
          }
        }
        #expect(answers.joined(separator: " ") == expected, "seed \(seed): \(condition)")
      } catch {
        Issue.record("seed \(seed): \(condition): \(error)")
      }
    }
    await connection.close()
    #expect(compared > 150)
  }

  /// What the server says for each row; nil when it does not take the condition.
  private func answer(
    _ condition: String, _ connection: PostgresConnection
  ) async throws -> String? {
    let query =
      "SELECT string_agg(coalesce((\(condition))::text, 'null'), ' ' ORDER BY id) FROM t"
    do {
      return try await connection.simple(query).first?.decode(as: String.self).first
    } catch {
      if error.sqlState?.classCode == "42" { return nil }
      throw error
    }
  }

  private static func parse(_ condition: String) throws -> Roost.Expression {
    let script = try MigrationScript(
      reading: table.replacing("d date)", with: "d date, CHECK (\(condition)))"), file: "t.sql",
      onto: Schema())
    return try #require(script.schema.tables["t"]?.checks.first).expression
  }
}

/// Writes random conditions over the table above, the same ones for the same seed.
private struct ConditionWriter {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed &* 0x9E37_79B9_7F4A_7C15
  }

  private mutating func pick<T>(_ choices: [T]) -> T {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return choices[Int(state >> 33) % choices.count]
  }

  mutating func condition(_ depth: Int) -> String {
    guard depth > 0 else {
      return pick(["f", "g", "true", "false", "f IS NULL", "g IS NOT TRUE", "NULL::boolean"])
    }
    let (left, right) = (condition(depth - 1), condition(depth - 1))
    switch pick(Array(0..<16)) {
    case 0: return "\(left) AND \(right)"
    case 1: return "\(left) OR \(right)"
    case 2: return "NOT \(left)"
    case 3: return "(\(left) OR \(right))"
    case 4: return "(\(left)) IS \(pick(["", "NOT "]))\(pick(["TRUE", "FALSE", "NULL", "UNKNOWN"]))"
    case 5, 6, 7:
      return "\(number(2)) \(pick(["=", "<>", "!=", "<", "<=", ">", ">="])) \(number(2))"
    case 8: return "\(number(1)) IS \(pick(["", "NOT "]))DISTINCT FROM \(number(1))"
    case 9:
      return "\(number(1)) \(pick(["", "NOT "]))BETWEEN \(number(1)) AND \(number(1))"
    case 10: return "\(number(1)) \(pick(["", "NOT "]))IN (\(number(0)), \(number(0)), NULL, 2)"
    case 11: return "\(text(2)) \(pick(["=", "<>", "<", ">="])) \(text(2))"
    case 12:
      let pattern = pick(["'a%'", "'%b%'", "'_'", "'__'", "'%\\%%'", "'a!_b' ESCAPE '!'", "''"])
      return "\(text(1)) \(pick(["", "NOT "]))\(pick(["LIKE", "ILIKE"])) \(pattern)"
    case 13: return "m \(pick(["=", "<", ">=", "<>"])) \(pick(["'ok'", "'sad'::mood", "m"]))"
    case 14: return "m IN ('ok', 'great') OR d \(pick(["<", ">", "="])) '2000-01-01'"
    default: return "s = ANY (ARRAY['abc', '', 'x']) \(pick(["AND", "OR"])) \(left)"
    }
  }

  private mutating func number(_ depth: Int) -> String {
    guard depth > 0 else { return pick(["a", "b", "n", "1", "-2", "0.50", "id", "n"]) }
    let (left, right) = (number(depth - 1), number(depth - 1))
    switch pick(Array(0..<8)) {
    case 0: return "\(left) + \(right)"
    case 1: return "\(left) - \(right)"
    case 2: return "\(left) * \(right)"
    case 3: return "- \(left)"
    case 4: return "abs(\(left))"
    case 5: return "length(\(text(1)))"
    case 6: return "coalesce(\(left), 7)"
    default: return "(\(left) - \(right))"
    }
  }

  private mutating func text(_ depth: Int) -> String {
    // A text without a column has the database's collation, which is not ours.
    guard depth > 0 else {
      return pick(["s", "v", "s", "'abc'", "''", "'é'", "m::text"].map { $0 + " COLLATE \"C\"" })
    }
    let (left, right) = (text(depth - 1), text(depth - 1))
    switch pick(Array(0..<7)) {
    case 0: return "\(left) || \(right)"
    case 1: return "lower(\(left))"
    case 2: return "upper(\(left))"
    case 3: return "trim(\(left))"
    case 4: return "rtrim(\(left), 'cb')"
    case 5: return "coalesce(\(left), \(right), 'z')"
    default: return left
    }
  }
}
