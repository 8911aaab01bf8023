import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// What cannot be sent throws before a byte is, and harms nothing.
@Suite(.timeLimit(.minutes(5))) struct BadInputTests {
  private static let bad = "a\0b"

  /// Fields of the start-up that can hold a text.
  private static let fields: [@Sendable (inout PostgresConfiguration) -> Void] = [
    { $0.user = bad }, { $0.database = bad }, { $0.password = bad }, { $0.applicationName = bad },
    { $0.options = bad }, { $0.runtimeParameters["search_path"] = bad },
    { $0.runtimeParameters[bad] = "x" }, { $0.runtimeParameters[""] = "x" }, { $0.host = bad },
  ]

  @Test(arguments: fields.indices)
  func aConfiguration(_ index: Int) async {
    var configuration = ScriptedSteps.configuration
    Self.fields[index](&configuration)
    let transport = MemoryTransport(ScriptedSteps.session)
    do throws(PostgresError) {
      _ = try await PostgresConnection.connect(configuration, transport: transport)
      Issue.record("it was taken")
    } catch {
      #expect(error.code != .closed, "\(error)")
    }
    #expect(transport.counts.fromClient == 0)
  }

  private typealias Call = @Sendable (PostgresConnection) async throws -> Void

  /// Every call that takes a text or a value.
  private static let calls: [(name: String, call: Call)] = [
    ("query", { _ = try await $0.query(PostgresQuery(unsafeSQL: "SELECT '\(bad)'")) }),
    ("read", { try await $0.read("SELECT \(bad)") { _ in } }),
    ("simple", { try await $0.simple("SELECT '\(bad)'") }),
    ("a parameter", { try await $0.execute("SELECT \(bad)") }),
    ("an element", { try await $0.execute("SELECT \(["x", bad])") }),
    ("a document", { try await $0.execute("SELECT \(PostgresXML(bad))") }),
    ("a path", { try await $0.execute("SELECT \(PostgresJSONPath(bad))") }),
    ("a field", { try await $0.execute("SELECT \(PostgresComposite(1, bad))") }),
    ("a pair", { try await $0.execute("SELECT \(["k": bad] as [String: String?])") }),
    ("an identifier", { try await $0.execute("SELECT \(identifier: bad)") }),
    ("a channel", { try await $0.notify(bad) }),
    ("a payload", { try await $0.notify("c", bad) }),
    ("a table", { _ = try await $0.copyIn(into: bad, columns: ["a"]) { _ in } }),
    ("a schema", { _ = try await $0.copyIn(into: "t", schema: bad, columns: ["a"]) { _ in } }),
    ("a column", { _ = try await $0.copyIn(into: "t", columns: [bad]) { _ in } }),
    (
      "COPY in",
      {
        _ = try await $0.copyIn(PostgresQuery(unsafeSQL: "COPY \(bad) FROM STDIN"), data: [[1]])
      }
    ),
    (
      "COPY out",
      { _ = try await $0.copyOut(PostgresQuery(unsafeSQL: "COPY \(bad) TO STDOUT")) { _ in } }
    ),
    (
      "a pipeline",
      { connection in
        var batch = PostgresBatch()
        _ = batch.execute("SELECT 1")
        _ = batch.execute(PostgresQuery(unsafeSQL: "SELECT '\(bad)'"))
        let results = try await connection.pipeline(batch)
        if let failure = results.failures.first { throw failure }
      }
    ),
    (
      "a cursor",
      {
        try await $0.cursor(PostgresQuery(unsafeSQL: "SELECT '\(bad)'"), as: Int.self) { _ in }
      }
    ),
    (
      "many parameters",
      { connection in
        var parameters = PostgresParameters()
        for number in 0..<65_536 { try parameters.append(number) }
        try await connection.read("SELECT 1", parameters) { _ in }
      }
    ),
  ]

  @Test(arguments: calls.map(\.name))
  func aCall(_ name: String) async throws {
    let call = try #require(Self.calls.first { $0.name == name }).call
    let transport = MemoryTransport(ScriptedSteps.session)
    let connection = try await PostgresConnection.connect(
      ScriptedSteps.configuration, transport: transport)
    let before = transport.counts.fromClient
    let error = await #expect(throws: PostgresError.self) { try await call(connection) }
    #expect(error?.code == .encoding, "\(String(describing: error))")
    #expect(transport.counts.fromClient == before)
    #expect(!connection.isClosed)
    #expect(try await connection.simple("SELECT 1")[0].decode(as: Int.self) == [1])
  }

  /// Lengths beyond 32 bits, which were once cut to them (CVE-2024-27304, CVE-2024-32655). Nothing
  /// is that long here: only the count is asked.
  @Test(arguments: [1 << 30, (1 << 31) - 1, 1 << 31, 1 << 32, (1 << 32) + 5, 1 << 40])
  func aLengthBeyondTheLimit(_ count: Int) {
    var parameters = PostgresParameters()
    #expect(throws: PostgresEncodingError.self) {
      try parameters.append(type: .bytea, bytes: repeatElement(0, count: count))
    }
    #expect(parameters.count == 0)
  }

  /// CVE-2024-1597 and GHSA-j88v-2chj-qfwx: a driver that writes values into the text takes `--1`
  /// for a comment, and finds places for values within literals. Here values are never in the text.
  @Test func valuesAreNeverPartOfTheText() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let connection = try await PostgresConnection.connect(
      PostgresConfiguration(server.url(), environment: [:]))
    let (difference, text) = try await connection.queryOne(
      "SELECT 1-\(Int32(-1))::int4, \("'; DROP TABLE x; --")::text", as: (Int32, String).self)
    #expect(difference == 2 && text == "'; DROP TABLE x; --")
    let quoted = try await connection.queryOne(
      "SELECT $$ $1 $$ || \("a")::text || ' $2 ' || \("b")::text /* $3 */", as: String.self)
    #expect(quoted == " $1 a $2 b")
    await connection.close()
  }
}
