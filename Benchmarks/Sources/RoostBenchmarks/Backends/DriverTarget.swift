import Foundation
import PostgresClient
import Roost
import RoostBench
import RoostCore

/// A mix over the driver alone: the same statements that a store sends, written by hand, each on a
/// connection from the pool.
struct DriverTarget: RecordTarget {
  private let kind: RecordKind
  private let pool: PostgresPool

  init(_ kind: RecordKind, _ pool: PostgresPool) {
    self.kind = kind
    self.pool = pool
  }

  func load(_ count: Int) async throws {
    for start in stride(from: 0, to: count, by: 10_000) {
      let numbers = start..<min(start + 10_000, count)
      switch kind {
      case .documents: _ = try await insert(numbers.map { BenchDocument.loaded($0) })
      case .tasks: _ = try await insert(numbers.map { BenchTask.loaded($0) })
      }
    }
  }

  func run(_ step: Step) async throws -> Double {
    switch (step, kind) {
    case (.read(let number), .documents): try await document(number).sum
    case (.read(let number), .tasks): try await task(number).sum
    case (.update(let number, let revision), .documents):
      try await update(BenchDocument(number, revision: revision))
    case (.update(let number, let revision), .tasks):
      try await update(BenchTask(number, revision: revision))
    case (.insert(let number), .documents):
      try await insert([BenchDocument(number, revision: 0)])
    case (.insert(let number), .tasks): try await insert([BenchTask(number, revision: 0)])
    case (.scan(let from, let count), .documents): try await documents(from, count)
    case (.scan(let from, let count), .tasks): try await tasks(from, count)
    case (.readAndUpdate(let number, let revision), .documents):
      try await replace(try await document(number), revision)
    case (.readAndUpdate(let number, let revision), .tasks):
      try await replace(try await task(number), revision)
    }
  }
}

extension DriverTarget {
  private func document(_ number: Int) async throws -> BenchDocument {
    let key = BenchKey.text(number)
    return try await pool.withConnection { connection in
      BenchDocument(
        try await connection.queryOne(
          """
          SELECT "id", "account_id", "document", "updated_at" FROM "bench_documents"
          WHERE ("id") = (\(key))
          """, as: BenchDocument.Tuple.self))
    }
  }

  private func documents(_ from: Int, _ count: Int) async throws -> Double {
    let (key, limit) = (BenchKey.text(from), Int64(count))
    return try await pool.withConnection { connection in
      let rows = try await connection.query(
        """
        SELECT "id", "account_id", "document", "updated_at" FROM "bench_documents"
        WHERE ("id" >= \(key)::text) ORDER BY "id" LIMIT \(limit)
        """, as: BenchDocument.Tuple.self)
      return rows.reduce(0) { $0 + BenchDocument($1).sum }
    }
  }

  private func update(_ row: BenchDocument) async throws -> Double {
    try await pool.withConnection { connection in
      let tag = try await connection.execute(
        """
        UPDATE "bench_documents" SET "document" = \(row.document), "updated_at" = \(row.updatedAt)
        WHERE ("id" = \(row.id)::text)
        """)
      return Double(tag.rowCount ?? 0)
    }
  }

  private func replace(_ row: BenchDocument, _ revision: Int) async throws -> Double {
    let new = row.revised(revision)
    try await pool.withConnection { connection in
      _ = try await connection.queryOne(
        """
        UPDATE "bench_documents" SET "account_id" = \(new.accountID), "document" = \(new.document),
        "updated_at" = \(new.updatedAt) WHERE (("id" = \(new.id)::text))
        RETURNING "id", "account_id", "document", "updated_at"
        """, as: BenchDocument.Tuple.self)
    }
    return row.sum
  }

  private func insert(_ rows: [BenchDocument]) async throws -> Double {
    let sent = (
      rows.map(\.id), rows.map(\.accountID), rows.map(\.document), rows.map(\.updatedAt)
    )
    return try await pool.withConnection { connection in
      let stored = try await connection.query(
        """
        INSERT INTO "bench_documents" ("id", "account_id", "document", "updated_at")
        SELECT * FROM unnest(\(sent.0)::text[], \(sent.1)::text[], \(sent.2)::jsonb[],
        \(sent.3)::timestamp with time zone[])
        RETURNING "id", "account_id", "document", "updated_at"
        """, as: BenchDocument.Tuple.self)
      return stored.reduce(0) { $0 + BenchDocument($1).sum }
    }
  }
}

extension DriverTarget {
  private func task(_ number: Int) async throws -> BenchTask {
    let key = BenchKey.text(number)
    return try await pool.withConnection { connection in
      BenchTask(
        try await connection.queryOne(
          """
          SELECT "id", "number", "direction", "task_type", "status", "model", "command", "output",
          "progress_pct", "created_at", "updated_at" FROM "bench_tasks"
          WHERE ("id") = (\(key))
          """, as: BenchTask.Tuple.self))
    }
  }

  private func tasks(_ from: Int, _ count: Int) async throws -> Double {
    let (key, limit) = (BenchKey.text(from), Int64(count))
    return try await pool.withConnection { connection in
      let rows = try await connection.query(
        """
        SELECT "id", "number", "direction", "task_type", "status", "model", "command", "output",
        "progress_pct", "created_at", "updated_at" FROM "bench_tasks"
        WHERE ("id" >= \(key)::text) ORDER BY "id" LIMIT \(limit)
        """, as: BenchTask.Tuple.self)
      return rows.reduce(0) { $0 + BenchTask($1).sum }
    }
  }

  /// A statement with values of which some may be NULL.
  private static func query<each Value: PostgresEncodable>(
    _ sql: String, _ values: repeat each Value
  ) throws -> PostgresQuery {
    var parameters = PostgresParameters()
    for value in repeat each values { try parameters.append(value) }
    return PostgresQuery(unsafeSQL: sql, parameters: parameters)
  }

  private func update(_ row: BenchTask) async throws -> Double {
    let query = try Self.query(
      """
      UPDATE "bench_tasks" SET "status" = $1, "progress_pct" = $2, "updated_at" = $3
      WHERE ("id" = $4::text)
      """, row.status, row.percent, row.updatedAt, row.id)
    return try await pool.withConnection { connection in
      Double(try await connection.execute(query).rowCount ?? 0)
    }
  }

  private func replace(_ row: BenchTask, _ revision: Int) async throws -> Double {
    let new = row.revised(revision)
    let query = try Self.query(
      """
      UPDATE "bench_tasks" SET "number" = $1, "direction" = $2, "task_type" = $3, "status" = $4,
      "model" = $5, "command" = $6, "output" = $7, "progress_pct" = $8, "created_at" = $9,
      "updated_at" = $10 WHERE (("id" = $11::text))
      RETURNING "id", "number", "direction", "task_type", "status", "model", "command", "output",
      "progress_pct", "created_at", "updated_at"
      """, Int64(new.number), new.direction, new.taskType, new.status, new.model, new.command,
      new.output, new.percent, new.createdAt, new.updatedAt, new.id)
    try await pool.withConnection { connection in
      _ = try await connection.queryOne(query, as: BenchTask.Tuple.self)
    }
    return row.sum
  }

  private func insert(_ rows: [BenchTask]) async throws -> Double {
    try await pool.withConnection { connection in
      let stored = try await connection.query(
        """
        INSERT INTO "bench_tasks" ("id", "number", "direction", "task_type", "status", "model",
        "command", "output", "progress_pct", "created_at", "updated_at")
        SELECT * FROM unnest(\(rows.map(\.id))::text[], \(rows.map { Int64($0.number) })::bigint[],
        \(rows.map(\.direction))::text[], \(rows.map(\.taskType))::text[],
        \(rows.map(\.status))::text[], \(rows.map(\.model))::text[],
        \(rows.map(\.command))::text[], \(rows.map(\.output))::text[],
        \(rows.map(\.percent))::integer[], \(rows.map(\.createdAt))::timestamp with time zone[],
        \(rows.map(\.updatedAt))::timestamp with time zone[])
        RETURNING "id", "number", "direction", "task_type", "status", "model", "command", "output",
        "progress_pct", "created_at", "updated_at"
        """, as: BenchTask.Tuple.self)
      return stored.reduce(0) { $0 + BenchTask($1).sum }
    }
  }
}

extension BenchDocument {
  typealias Tuple = (String, String, JSON, Timestamp)

  init(_ row: Tuple) {
    self.init(id: row.0, accountID: row.1, document: row.2, updatedAt: row.3)
  }
}

extension BenchTask {
  typealias Tuple = (
    String, Int64, String, String, String, String, String, String?, Int32?, Timestamp, Timestamp
  )

  var percent: Int32? { progressPct.map { Int32($0) } }

  init(_ row: Tuple) {
    self.init(
      id: row.0, number: Int(row.1), direction: row.2, taskType: row.3, status: row.4,
      model: row.5, command: row.6, output: row.7, progressPct: row.8.map { Int($0) },
      createdAt: row.9, updatedAt: row.10)
  }
}
