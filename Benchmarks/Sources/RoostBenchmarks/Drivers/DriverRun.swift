import Foundation
import PostgresClient
import RoostBench
import RoostCore

/// The workloads over Roost's driver.
struct DriverRun {
  private static let connections = 16

  private let url: String
  private let configuration: PostgresConfiguration
  private let pool: PostgresPool
  /// Whether each query takes a connection from the pool; else all are in one `withConnection`.
  private let usesPool: Bool

  init(url: String, usesPool: Bool) throws {
    self.url = url
    self.usesPool = usesPool
    configuration = try PostgresConfiguration(url, environment: [:])
    pool = try PostgresPool(configuration)
  }

  /// Does the work so often; the clocks start when the connection is there and has met the query.
  func measure(_ workload: DriverWorkload, count: Int) async throws -> Measurement {
    let run =
      switch workload {
      case .selectOne, .selectOneTLS, .selectOneUnix: try await selectOne(count)
      case .pgType: try await repeating(Self.pgType, count) { try Self.typeValue($0) }
      case .series:
        try await repeating("SELECT generate_series(1, 1000)", count) { row in
          Double(try row.decode(Int32.self, at: 0))
        }
      case .rows, .rowsTLS, .rowsUnix: try await rows(count)
      case .bytes: try await repeating(Self.bytes, count) { Self.ends($0) }
      case .arrays:
        try await repeating(Self.arrays, count) { row in
          try row.decode([Int32].self, at: 0).reduce(0) { $0 + Double($1) }
        }
      case .copyIn: try await copyIn(count)
      case .inserts: try await inserts(count)
      case .sixteen: try await sixteen(count)
      case .connect, .connectTLS: try await connect(count, isFirst: false)
      case .connectFirst: try await connect(count, isFirst: true)
      }
    await pool.close()
    return run
  }

  /// Does something so often, with the connection that it is given each time.
  private static func times(
    _ count: Int, _ pool: PostgresPool, _ usesPool: Bool,
    _ body: @escaping @Sendable (PostgresConnection) async throws -> (Int, Double)
  ) async throws -> (count: Int, sum: Double) {
    if usesPool {
      return try await adding(count) { try await pool.withConnection(body) }
    }
    return try await pool.withConnection { connection in
      try await adding(count) { try await body(connection) }
    }
  }

  private static func adding(
    _ count: Int, _ body: () async throws -> (Int, Double)
  ) async throws -> (count: Int, sum: Double) {
    var (done, sum) = (0, 0.0)
    for _ in 0..<count {
      let (more, value) = try await body()
      done += more
      sum += value
    }
    return (done, sum)
  }

  private func selectOne(_ count: Int) async throws -> Measurement {
    _ = try await Self.times(1, pool, usesPool, Self.one)
    if usesPool { return try await Self.timing(count) { try await pool.withConnection(Self.one) } }
    return try await pool.withConnection { connection in
      try await Self.timing(count) { try await Self.one(connection) }
    }
  }

  private static func timing(
    _ count: Int, _ query: () async throws -> (Int, Double)
  ) async throws -> Measurement {
    var latencies = Latencies()
    var run = try await Measurement.of {
      var sum = 0.0
      for _ in 0..<count {
        let start = ContinuousClock.now
        sum += try await query().1
        latencies.note(ContinuousClock.now - start)
      }
      return (count, sum)
    }
    run.latencies = latencies.percentiles
    return run
  }

  @Sendable
  private static func one(_ connection: PostgresConnection) async throws -> (Int, Double) {
    let one = try await connection.queryOne("SELECT 1", as: Int32.self)
    return (1, Double(one))
  }

  /// Runs a query again and again, counts the rows and adds up what `value` makes of each.
  private func repeating(
    _ sql: String, _ count: Int,
    _ value: @escaping @Sendable (borrowing PostgresRow) throws -> Double
  ) async throws -> Measurement {
    let query: @Sendable (PostgresConnection) async throws -> (Int, Double) = { connection in
      var (rows, sum) = (0, 0.0)
      try await connection.forEachRow("\(unsafeSQL: sql)") { row in
        rows += 1
        sum += try value(row)
      }
      return (rows, sum)
    }
    _ = try await Self.times(1, pool, usesPool, query)
    return try await Measurement.of { try await Self.times(count, pool, usesPool, query) }
  }

  private func rows(_ count: Int) async throws -> Measurement {
    try await pool.withConnection { connection in
      try await Measurement.of {
        var (seen, sum) = (0, 0.0)
        try await connection.forEachRow(
          """
          SELECT i::int4, 'row ' || i, i::float8 / 2,
            '2026-01-01Z'::timestamptz + i * interval '1 s'
          FROM generate_series(1, \(unsafeSQL: String(count))) AS i
          """
        ) { row in
          let (number, text, half, moment) = try row.decode(
            as: (Int32, String, Double, Timestamp).self)
          let seconds = moment.microsecondsSince2000 / 1_000_000
          sum += Double(number) + Double(text.utf8.count) + half + Double(seconds % 1_000)
          seen += 1
        }
        return (seen, sum)
      }
    }
  }

  private func copyIn(_ count: Int) async throws -> Measurement {
    try await pool.withConnection { connection in
      try await connection.simple(
        "CREATE TEMPORARY TABLE copied (id int4, name text, score float8)")
      return try await Measurement.of {
        let copied = try await connection.copyIn(
          into: "copied", columns: ["id", "name", "score"]
        ) { copy in
          try await copy.write(each: 1...count) { number in
            (Int32(number), "name \(number)", Double(number) / 2)
          }
        }
        return (count, Double(copied))
      }
    }
  }

  private func inserts(_ count: Int) async throws -> Measurement {
    try await pool.withConnection { connection in
      try await connection.simple(
        "CREATE TEMPORARY TABLE inserted (id int4, name text, document jsonb)")
      return try await Measurement.of {
        let affected = try await connection.executeMany(
          "INSERT INTO inserted VALUES ($1, $2, $3)", 1...count
        ) { number in (Int32(number), "name \(number)", JSONText("{\"number\":\(number)}")) }
        return (count, Double(affected))
      }
    }
  }

  private func sixteen(_ count: Int) async throws -> Measurement {
    var options = PostgresPoolOptions()
    (options.minimum, options.maximum) = (Self.connections, Self.connections)
    let pool = try PostgresPool(configuration, options: options)
    while pool.statistics.idle < Self.connections { try await Task.sleep(for: .milliseconds(1)) }
    let usesPool = usesPool
    let run = try await Measurement.of {
      try await withThrowingTaskGroup(of: Double.self) { group in
        for _ in 0..<Self.connections {
          group.addTask {
            try await Self.times(count / Self.connections, pool, usesPool, Self.one).sum
          }
        }
        return (count, try await group.reduce(0, +))
      }
    }
    await pool.close()
    return run
  }

  /// - Parameter isFirst: whether nothing is known from the connection before.
  private func connect(_ count: Int, isFirst: Bool) async throws -> Measurement {
    try await Measurement.of {
      for _ in 0..<count {
        let configuration =
          isFirst ? try PostgresConfiguration(url, environment: [:]) : configuration
        let connection = try await PostgresConnection.connect(configuration)
        await connection.close()
      }
      return (count, Double(count))
    }
  }
}

/// The queries, and what is added up of a row.
extension DriverRun {
  private static let pgType = """
    SELECT oid, typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory,
      typispreferred, typisdefined, typdelim, typrelid FROM pg_type WHERE oid < 10000
    """
  private static let bytes = "SELECT repeat('x', 1000000)::bytea FROM generate_series(1, 10)"
  private static let arrays = """
    SELECT array_fill(i, '{100}') FROM generate_series(1, 1000) AS i
    """

  private static func typeValue(_ row: borrowing PostgresRow) throws -> Double {
    let (
      oid, name, space, owner, length, byValue, kind, category, preferred, defined, mark, table
    ) = try row.decode(
      as: (
        UInt32, String, UInt32, UInt32, Int16, Bool, PostgresChar, PostgresChar, Bool, Bool,
        PostgresChar, UInt32
      ).self)
    var sum = Int(oid) + name.utf8.count + Int(space) + Int(owner) + Int(length) + Int(table)
    sum += (byValue ? 1 : 0) + (preferred ? 1 : 0) + (defined ? 1 : 0)
    sum += Int(kind.byte) + Int(category.byte) + Int(mark.byte)
    return Double(sum)
  }

  private static func ends(_ row: borrowing PostgresRow) -> Double {
    guard let bytes = row.bytes(at: 0), let last = bytes.last else { return .nan }
    return Double(bytes.count + Int(bytes[0]) + Int(bytes[bytes.count / 2]) + Int(last))
  }
}

/// A jsonb parameter whose text is there already, as the peers' programs have it.
private struct JSONText: PostgresEncodable {
  static var postgresParameterType: PostgresType { .jsonb }

  let text: String

  init(_ text: String) {
    self.text = text
  }

  func encode(into writer: inout PostgresValueWriter) {
    // jsonb's version.
    writer.write(UInt8(1))
    writer.write(text)
  }
}
