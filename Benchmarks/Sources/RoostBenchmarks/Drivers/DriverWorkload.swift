import Foundation
import PostgresClient
import RoostCore

/// What each driver is made to do, the peers' programs included: `Peers` has the same by these
/// names.
enum DriverWorkload: String, CaseIterable {
  /// Connections opened with SCRAM and closed, one after the other.
  case connect
  /// The same with nothing known from the connection before: Roost derives the key from the
  /// password and the salt once for all connections of a configuration, the others each time.
  case connectFirst = "connect-first"
  /// Prepared `SELECT 1`, one after the other.
  case selectOne = "select-one"
  /// One long result of (int4, text, float8, timestamptz), row by row.
  case rows
  /// Inserts of (int4, text, jsonb) in one flight.
  case inserts
  /// COPY in of typed (int4, text, float8).
  case copyIn = "copy-in"

  /// How often it is done in one measurement.
  func count(isQuick: Bool) -> Int {
    let full =
      switch self {
      case .connect, .connectFirst: 500
      case .selectOne: 60_000
      case .rows, .copyIn: 1_000_000
      case .inserts: 10_000
      }
    return isQuick && self != .inserts ? full / 3 : full
  }

  /// What is counted.
  var unit: String {
    switch self {
    case .connect, .connectFirst: "connections"
    case .selectOne: "queries"
    case .rows, .copyIn: "rows"
    case .inserts: "inserts"
    }
  }
}

/// The workloads over Roost's driver; each returns a sum over what it read.
extension DriverWorkload {
  /// Prints seconds, the process's CPU seconds, operations and the sum.
  func run(url: String, count: Int) async throws {
    let configuration = try PostgresConfiguration(url, environment: [:])
    let processor = Machine.processorSeconds
    let start = ContinuousClock.now
    let sum =
      switch self {
      case .connect: try await connect(count) { configuration }
      case .connectFirst:
        try await connect(count) { try PostgresConfiguration(url, environment: [:]) }
      case .selectOne: try await selectOne(configuration, count)
      case .rows: try await rows(configuration, count)
      case .inserts: try await inserts(configuration, count)
      case .copyIn: try await copyIn(configuration, count)
      }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    print(seconds, Machine.processorSeconds - processor, count, sum)
  }

  private func connect(
    _ count: Int, _ configuration: () throws -> PostgresConfiguration
  ) async throws -> Double {
    for _ in 0..<count {
      let connection = try await PostgresConnection.connect(configuration())
      await connection.close()
    }
    return Double(count)
  }

  private func selectOne(
    _ configuration: PostgresConfiguration, _ count: Int
  ) async throws -> Double {
    try await PostgresPool(configuration).withConnection { connection in
      var sum = 0
      for _ in 0..<count {
        let one = try await connection.queryOne("SELECT 1", as: Int32.self)
        sum += Int(one)
      }
      return Double(sum)
    }
  }

  private func rows(_ configuration: PostgresConfiguration, _ count: Int) async throws -> Double {
    try await PostgresPool(configuration).withConnection { connection in
      var sum = 0.0
      try await connection.forEachRow(
        """
        SELECT i::int4, 'row ' || i, i::float8 / 2, '2026-01-01Z'::timestamptz + i * interval '1 s'
        FROM generate_series(1, \(unsafeSQL: String(count))) AS i
        """
      ) { row in
        let (number, text, half, moment) = try row.decode(
          as: (Int32, String, Double, Timestamp).self)
        let seconds = moment.microsecondsSince2000 / 1_000_000
        sum += Double(number) + Double(text.utf8.count) + half + Double(seconds % 1_000)
      }
      return sum
    }
  }

  private func inserts(_ configuration: PostgresConfiguration, _ count: Int) async throws -> Double
  {
    try await PostgresPool(configuration).withConnection { connection in
      try await connection.simple(
        "CREATE TEMPORARY TABLE inserted (id int4, name text, document jsonb)")
      let affected = try await connection.executeMany(
        "INSERT INTO inserted VALUES ($1, $2, $3)", 1...count
      ) { number in (Int32(number), "name \(number)", JSONText("{\"number\":\(number)}")) }
      return Double(affected)
    }
  }

  private func copyIn(_ configuration: PostgresConfiguration, _ count: Int) async throws -> Double {
    try await PostgresPool(configuration).withConnection { connection in
      try await connection.simple(
        "CREATE TEMPORARY TABLE copied (id int4, name text, score float8)")
      let copied = try await connection.copyIn(
        into: "copied", columns: ["id", "name", "score"]
      ) { copy in
        try await copy.write(each: 1...count) { number in
          (Int32(number), "name \(number)", Double(number) / 2)
        }
      }
      return Double(copied)
    }
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
