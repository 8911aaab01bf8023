import Foundation
package import PostgresClient
package import Roost
import RoostCore

/// Whether indexes serve the queries that a program is known to ask.
package struct PlanCheck: Sendable {
  /// The queries that no index serves.
  package private(set) var findings: [Finding] = []
  /// The indexes that serve the others.
  package private(set) var indexes: Set<String> = []

  /// Asks the server to plan queries as if to read whole tables were forbidden; where it has to do
  /// so nevertheless to find the rows of a condition, no index fits.
  ///
  /// It runs in a transaction that is rolled back, and asks for plans only.
  /// - Parameters:
  ///   - queries: the queries, with some values or other.
  ///   - schema: the tables that they are about.
  ///   - facts: how large the tables are.
  /// - Throws: `StoreError` for a query that does not fit the schema; `PostgresError`.
  package init(
    _ queries: [Query], _ schema: Schema, _ facts: ServerFacts, _ connection: PostgresConnection
  ) async throws {
    let session = ConnectionSession(connection: connection, schema: schema)
    let rows = Dictionary(facts.tables.map { ($0.name, $0.liveRows) }) { first, _ in first }
    try await connection.begin()
    try await connection.execute("SET LOCAL enable_seqscan = off")
    for query in queries where schema.tables[query.table] != nil {
      let plan = try await session.explain(query)
      indexes.formUnion(Self.indexes(in: plan))
      guard Self.readsAll(plan) else { continue }
      let count = rows[query.table] ?? 0
      findings.append(
        Finding(
          count >= ServerFacts.manyRows ? .warning : .info, "missing index",
          "no index serves: \(query.shape); it reads all \(count) rows of \(query.table)",
          advice: "compare the table's indexes with its migrations: roost migrate verify"))
    }
    try await connection.rollback()
  }

  /// The names of the indexes that a plan uses.
  static func indexes(in plan: String) -> Set<String> {
    var names: Set<String> = []
    for line in plan.split(separator: "\n") {
      let words = line.split(separator: " ")
      for (index, word) in words.enumerated().dropLast()
      where word == "using" || word == "on" && index >= 2 && words[index - 2] == "Index" {
        names.insert(words[index + 1].trimmingCharacters(in: ["\""]))
      }
    }
    return names
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
