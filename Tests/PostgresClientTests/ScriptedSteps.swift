import PostgresClient
import RoostCore
import RoostTesting

/// A session with a bit of everything, step by step, and what each step is to give.
enum ScriptedSteps {
  static let password = "secret"

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static func number(_ number: Int32) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }

  private static let columns = [
    PostgresColumn(name: "id", type: .int4), PostgresColumn(name: "label", type: .text),
  ]

  static let answers: [String: ScriptedAnswer] = {
    var rows = ScriptedAnswer(tag: "SELECT 3")
    rows.parameters = [.int8]
    rows.columns = columns
    rows.rows = [
      [number(1), text("one")], [number(2), nil], [number(-3), text("three, and a bit more")],
    ]
    var one = ScriptedAnswer(tag: "SELECT 1")
    one.columns = [PostgresColumn(name: "a", type: .int4, format: .text)]
    one.rows = [[text("1")]]
    var failing = ScriptedAnswer(tag: "")
    failing.kind = .failure(
      PostgresServerMessage(
        severity: .error, sqlState: SQLState("22012"), message: "division by zero"))
    var copyIn = ScriptedAnswer(tag: "COPY 2")
    copyIn.kind = .copyIn
    var copyOut = ScriptedAnswer(tag: "COPY 2")
    copyOut.kind = .copyOut
    copyOut.rows = [[text("1\tone\n")], [text("2\t\\N\n")]]
    var begin = ScriptedAnswer(tag: "BEGIN")
    begin.status = .inTransaction
    var insert = ScriptedAnswer(tag: "INSERT 0 1")
    insert.parameters = [.int8]
    insert.status = .inTransaction
    return [
      "SELECT id, label FROM items WHERE id < $1": rows, "SELECT 1": one, "SELECT 1/0": failing,
      "COPY items FROM STDIN": copyIn, "COPY items TO STDOUT": copyOut, "BEGIN": begin,
      "INSERT INTO items VALUES ($1)": insert, "COMMIT": ScriptedAnswer(tag: "COMMIT"),
    ]
  }()

  /// Made once: the password is derived for it.
  static let session = ScriptedSession(password: password, answers: answers)

  static let configuration: PostgresConfiguration = {
    var configuration = PostgresConfiguration(
      host: "127.0.0.1", port: 1, user: "scripted", password: password)
    configuration.sslMode = .disable
    configuration.connectTimeout = .seconds(30)
    configuration.queryTimeout = .seconds(30)
    return configuration
  }()

  /// What a step gave: what it returned, or the code of its error. Nil when it threw what no caller
  /// expects.
  struct Outcome: Sendable, Equatable {
    var name: String
    var value: String?
    var code: PostgresError.Code?
    var sqlState: SQLState?
  }

  private typealias Step = @Sendable (PostgresConnection) async throws -> String

  /// `rows` has a timeout of its own type: the statement is parsed, kept, and run again.
  private static let rows: Step = { connection in
    let query: PostgresQuery = "SELECT id, label FROM items WHERE id < \(10)"
    return "\(try await connection.query(query, as: (Int32, String?).self))"
  }

  private static let steps: [(name: String, run: Step)] = [
    ("rows", rows), ("rows again", rows),
    (
      "script",
      { connection in
        try await connection.simple("SELECT 1; SELECT 1").map {
          "\($0.tag) \(try $0.decode(as: Int.self))"
        }.joined(separator: ", ")
      }
    ),
    ("failure", { "\(try await $0.execute("SELECT 1/0"))" }),
    ("failing script", { "\(try await $0.simple("SELECT 1; SELECT 1/0; SELECT 1").count)" }),
    (
      "copy in",
      {
        "\(try await $0.copyIn("COPY items FROM STDIN", data: [text("1\tone\n"), text("2\t\\N\n")]))"
      }
    ),
    (
      "copy out",
      { connection in
        var data: [UInt8] = []
        let count = try await connection.copyOut("COPY items TO STDOUT") { data += $0 }
        return "\(count) \(String(decoding: data, as: UTF8.self))"
      }
    ),
    (
      "pipeline",
      { connection in
        var batch = PostgresBatch()
        let first = batch.query(
          "SELECT id, label FROM items WHERE id < \(10)", as: (Int32, String?).self)
        batch.barrier()
        let failing = batch.execute("SELECT 1/0")
        batch.barrier()
        let last = batch.query(
          "SELECT id, label FROM items WHERE id < \(3)", as: (Int32, String?).self)
        let results = try await connection.pipeline(batch)
        do throws(PostgresError) {
          _ = try results[failing]
          return "no error"
        } catch {
          return "\(try results[first]) \(error.sqlState?.rawValue ?? "") \(try results[last])"
        }
      }
    ),
    (
      "begin",
      { connection in
        try await connection.begin()
        return "\(connection.transactionStatus)"
      }
    ),
    ("insert", { "\(try await $0.execute("INSERT INTO items VALUES (\(1))"))" }),
    (
      "commit",
      { connection in
        try await connection.commit()
        return "\(connection.transactionStatus)"
      }
    ),
    ("rows at last", rows),
  ]

  /// What `run` came to.
  struct Run: Sendable {
    var outcomes: [Outcome] = []
    /// Whether a step failed so that the connection was closed.
    var wasClosed = false
    /// Whether a step failed in a way that it must not, with what.
    var surprises: [String] = []
  }

  /// Runs the steps until the connection is closed; what is wrong in any case is a surprise.
  static func run(
    _ connect: () async throws -> PostgresConnection
  ) async -> Run {
    var result = Run()
    let connection: PostgresConnection
    do {
      connection = try await connect()
    } catch {
      result.outcomes = [outcome("connect", error, &result)]
      result.wasClosed = true
      return result
    }
    for step in steps {
      do {
        result.outcomes.append(Outcome(name: step.name, value: try await step.run(connection)))
        if connection.isClosed { result.surprises.append("\(step.name) closed without an error") }
      } catch {
        result.outcomes.append(outcome(step.name, error, &result))
      }
      if connection.isClosed {
        result.wasClosed = true
        break
      }
    }
    if result.wasClosed {
      // What is closed stays closed, and says so.
      do {
        result.surprises.append("a closed connection ran \(try await steps[0].run(connection))")
      } catch {
        if outcome("after", error, &result).code != .closed {
          result.surprises.append("a closed connection threw \(error)")
        }
      }
    }
    await connection.close()
    return result
  }

  private static func outcome(_ name: String, _ error: any Error, _ run: inout Run) -> Outcome {
    guard let error = error as? PostgresError else {
      run.surprises.append("\(name) threw \(error)")
      return Outcome(name: name)
    }
    if error.description.contains(password) { run.surprises.append("\(name) shows the password") }
    return Outcome(name: name, code: error.code, sqlState: error.sqlState)
  }
}
