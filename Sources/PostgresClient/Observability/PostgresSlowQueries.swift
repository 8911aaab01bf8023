import PostgresWire
import RoostCore
import Synchronization

/// Who is told of queries that took long.
///
///     observer.slowQueries = PostgresSlowQueries(threshold: .seconds(1)) { slow in
///       let plan = try? await slow.plan()
///       log("\(slow.event.sql) took \(slow.event.duration)\n\(plan ?? "no plan")")
///     }
///
/// The closure runs in a task of its own, so that nobody waits for it. What it asks the server is
/// never reported as slow itself, however long it takes.
public struct PostgresSlowQueries: Sendable {
  /// Counts the reports that run.
  final class Limiter: Sendable {
    private let counts = Mutex((running: 0, passedOver: 0))

    /// How many were passed over since the last report; nil when this one is to be, too.
    func begin(_ limit: Int) -> Int? {
      counts.withLock { counts in
        guard counts.running < limit else {
          counts.passedOver += 1
          return nil
        }
        counts.running += 1
        defer { counts.passedOver = 0 }
        return counts.passedOver
      }
    }

    func end() { counts.withLock { $0.running -= 1 } }
  }

  /// From how long on a query is slow.
  public var threshold: Duration
  /// How many reports may run at the same time; slow queries beyond are only counted. When a server
  /// is slow, all queries are, and it would have to plan each of them again.
  public var limit = 1
  let report: @Sendable (PostgresSlowQuery) async -> Void
  let limiter = Limiter()

  /// Reports queries that took at least so long.
  public init(
    threshold: Duration, report: @escaping @Sendable (PostgresSlowQuery) async -> Void
  ) {
    self.threshold = threshold
    self.report = report
  }
}

/// A query that took long.
public struct PostgresSlowQuery: Sendable {
  /// How long a plan may take unless something else is said.
  public static let defaultPlanTimeout = Duration.seconds(5)

  /// What is known of it; its parameters are kept out unless the observer shows them.
  public let event: PostgresQueryEvent
  /// How many slow queries were passed over since the last report.
  public let passedOver: Int
  let parameters: PostgresParameters
  /// Hands on a connection that is not the query's.
  let connect: PlanConnection

  /// What the server would do for it now: EXPLAIN, never ANALYZE, of the same text with the same
  /// parameters, on another connection (of the same pool, if it is one's) and in a transaction that
  /// may only read. The query is not run again.
  ///
  /// - Parameter timeout: how long all of it may take, a connection included.
  /// - Returns: the plan as text, a line for each of its lines.
  /// - Throws: `PostgresError`: `unsupported` for a script, a COPY, and statements without a plan
  ///   (those with one are SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE, or begin with
  ///   WITH); `deadlineExceeded`; what the server says, for example of a temporary table that only
  ///   the query's session has.
  public func plan(
    timeout: Duration = PostgresSlowQuery.defaultPlanTimeout
  ) async throws(PostgresError) -> String {
    guard [.statement, .pipelined, .cursor].contains(event.kind), Self.hasPlan(event.statement)
    else { throw PostgresError(.unsupported, "EXPLAIN does not take this statement") }
    let query = PostgresQuery(
      unsafeSQL: "EXPLAIN (FORMAT TEXT) \(event.statement)", parameters: parameters,
      timeout: timeout)
    let connect = connect
    let task = Task {
      let lines = Mutex<[String]>([])
      try await connect { connection in
        try await connection.simple("BEGIN READ ONLY", timeout: timeout)
        let found = try await connection.query(query, as: String.self)
        lines.withLock { $0 = found }
        try await connection.simple("ROLLBACK", timeout: timeout)
      }
      return lines.withLock { $0 }.joined(separator: "\n")
    }
    let timer = Task {
      try await Task.sleep(for: timeout)
      task.cancel()
    }
    defer { timer.cancel() }
    do {
      return try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
    } catch {
      let error = PostgresError(anyError: error)
      guard error.code == .cancelled, !Task.isCancelled else { throw error }
      throw PostgresError(.deadlineExceeded, "the plan did not come within \(timeout)")
    }
  }

  private static let plannedVerbs: Set<String> = [
    "delete", "insert", "merge", "select", "table", "update", "values", "with",
  ]

  /// Whether a statement's first word says that EXPLAIN takes it.
  static func hasPlan(_ sql: String) -> Bool {
    var rest = sql.utf8[...]
    while let byte = rest.first {
      if byte <= UInt8(ascii: " ") || byte == UInt8(ascii: "(") {
        rest.removeFirst()
      } else if rest.starts(with: "--".utf8) {
        rest = rest.drop { $0 != UInt8(ascii: "\n") }
      } else if rest.starts(with: "/*".utf8) {
        rest = afterComment(rest)
      } else {
        break
      }
    }
    let verb = rest.prefix { $0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z") }
    return plannedVerbs.contains(String(decoding: verb, as: UTF8.self).lowercased())
  }

  /// What is behind a comment, in which others may lie.
  private static func afterComment(_ text: Substring.UTF8View) -> Substring.UTF8View {
    var rest = text
    var depth = 0
    repeat {
      if rest.starts(with: "/*".utf8) {
        depth += 1
        rest = rest.dropFirst(2)
      } else if rest.starts(with: "*/".utf8) {
        depth -= 1
        rest = rest.dropFirst(2)
      } else {
        rest = rest.dropFirst()
      }
    } while depth > 0 && !rest.isEmpty
    return rest
  }
}

/// Runs a closure with a connection on which a query is planned.
typealias PlanConnection =
  @Sendable (@Sendable (PostgresConnection) async throws -> Void) async throws -> Void

extension PostgresConfiguration {
  /// Plans on a connection of its own.
  var planConnection: PlanConnection {
    { body in
      let connection = try await PostgresConnection.connect(self)
      do {
        try await connection.run(body)
        await connection.close()
      } catch {
        await connection.close()
        throw error
      }
    }
  }
}
