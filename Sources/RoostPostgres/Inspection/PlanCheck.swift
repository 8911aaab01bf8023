package import PostgresClient
package import Roost
import RoostCore

/// Whether indexes serve the queries that a program is known to ask.
package enum PlanCheck {
  /// Asks the server to plan queries as if to read whole tables were forbidden; where it has to do
  /// so nevertheless to find the rows of a condition, no index fits.
  ///
  /// It runs in a transaction that is rolled back, and asks for plans only.
  /// - Parameters:
  ///   - queries: the queries, with some values or other.
  ///   - schema: the tables that they are about.
  ///   - facts: how large the tables are.
  /// - Throws: `StoreError` for a query that does not fit the schema; `PostgresError`.
  package static func findings(
    _ queries: [Query], _ schema: Schema, _ facts: ServerFacts, _ connection: PostgresConnection
  ) async throws -> [Finding] {
    let session = ConnectionSession(connection: connection, schema: schema)
    let rows = Dictionary(facts.tables.map { ($0.name, $0.liveRows) }) { first, _ in first }
    var findings: [Finding] = []
    try await connection.begin()
    try await connection.execute("SET LOCAL enable_seqscan = off")
    for query in queries where query.filter != nil && schema.tables[query.table] != nil {
      guard readsAll(try await session.explain(query)) else { continue }
      let count = rows[query.table] ?? 0
      findings.append(
        Finding(
          count >= ServerFacts.manyRows ? .warning : .info, "missing index",
          "no index serves: \(query.shape); it reads all \(count) rows of \(query.table)",
          advice: "compare the table's indexes with its migrations: roost migrate verify"))
    }
    try await connection.rollback()
    return findings
  }

  /// Whether a plan finds its rows by looking at all of a table: a scan that has a condition and
  /// no index for it. One that walks an index for its order alone looks at all, too.
  static func readsAll(_ plan: String) -> Bool {
    var isScan = false
    for line in plan.split(separator: "\n") {
      let text = line.drop { $0 == " " }
      if text.hasPrefix("->") || !line.hasPrefix(" ") {
        isScan =
          text.contains("Seq Scan on ") || text.contains("Index Scan using ")
          || text.contains("Index Only Scan using ") || text.contains("Index Scan Backward using ")
      } else if text.hasPrefix("Index Cond:") {
        isScan = false
      } else if text.hasPrefix("Filter:"), isScan {
        return true
      }
    }
    return false
  }
}
