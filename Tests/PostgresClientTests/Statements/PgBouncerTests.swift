import Foundation
import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// Through Debian's PgBouncer, which in transaction mode gives each transaction another of its two
/// server connections.
@Suite(
  .timeLimit(.minutes(2)), .serialized,
  .enabled(if: ThrowawayPgBouncer.isInstalled, "PgBouncer is not installed"))
struct PgBouncerTests {
  private static let started = Mutex<
    [ThrowawayPgBouncer.PoolMode: Task<ThrowawayPgBouncer, any Error>]
  >([:])

  private func configuration(
    _ mode: ThrowawayPgBouncer.PoolMode = .transaction, cacheLimit: Int = 0
  ) async throws -> PostgresConfiguration {
    let task = Self.started.withLock { started in
      let task =
        started[mode]
        ?? Task.detached {
          try await ThrowawayPgBouncer.start(before: try await .shared(.trust), mode)
        }
      started[mode] = task
      return task
    }
    var configuration = try PostgresConfiguration(try await task.value.url(), environment: [:])
    configuration.statementCacheLimit = cacheLimit
    configuration.cancelTimeout = .seconds(20)
    return configuration
  }

  private func pool(_ configuration: PostgresConfiguration) throws -> PostgresPool {
    var options = PostgresPoolOptions()
    options.maximum = 8
    return try PostgresPool(configuration, options: options)
  }

  /// One of twenty statements, whose answer tells whether it was the one that was meant.
  private func ask(_ connection: PostgresConnection, _ worker: Int, _ number: Int) async throws {
    var parameters = PostgresParameters()
    try parameters.append("w\(worker)")
    try parameters.append(Double(number))
    let text = "SELECT \((worker + number) % 20), $1 || 'é', ARRAY[$2, 1.5::float8], now()"
    let (statement, name, numbers, time) = try await connection.queryOne(
      PostgresQuery(unsafeSQL: text, parameters: parameters),
      as: (Int, String, [Double], Date).self)
    #expect(statement == (worker + number) % 20)
    #expect(name == "w\(worker)é")
    #expect(numbers == [Double(number), 1.5])
    #expect(abs(time.timeIntervalSinceNow) < 3_600)
  }

  /// Many tasks with many statements over two server connections; returns how many failed because a
  /// name was not there.
  private func crowd(_ pool: PostgresPool) async throws -> Int {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for worker in 0..<16 {
        group.addTask {
          var failures = 0
          for number in 0..<40 {
            do {
              try await pool.withConnection { connection in
                guard number.isMultiple(of: 4) else {
                  return try await ask(connection, worker, number)
                }
                try await connection.transaction { connection in
                  try await ask(connection, worker, number)
                  try await ask(connection, worker, number)
                }
              }
            } catch let error as PostgresError {
              guard error.sqlState == .invalidStatementName else { throw error }
              failures += 1
            }
          }
          return failures
        }
      }
      return try await group.reduce(0, +)
    }
  }

  @Test(arguments: ThrowawayPgBouncer.PoolMode.allCases)
  func manyTasksAndStatements(_ mode: ThrowawayPgBouncer.PoolMode) async throws {
    // In session mode two clients at a time are all there is, and names are good.
    var options = PostgresPoolOptions()
    options.maximum = mode == .session ? 2 : 8
    let configuration = try await configuration(mode, cacheLimit: mode == .session ? 256 : 0)
    let pool = try PostgresPool(configuration, options: options)
    #expect(try await crowd(pool) == 0)
    await pool.close()
  }

  /// With the default cache the first query whose name is missing makes an end of names: outside of
  /// transactions nobody notices.
  @Test func namesAreGivenUp() async throws {
    let notices = Mutex(0)
    var configuration = try await configuration(cacheLimit: 256)
    configuration.onNotice = { notice in
      if notice.message.contains("pooler") { notices.withLock { $0 += 1 } }
    }
    let pool = try pool(configuration)
    // At most those that had begun when it was noticed.
    #expect(try await crowd(pool) <= 8)
    #expect(notices.withLock { $0 } == 1)
    #expect(try await crowd(pool) == 0)
    await pool.close()
  }

  @Test func pipelinesAndExecuteMany() async throws {
    let pool = try pool(try await configuration())
    try await pool.withConnection { connection in
      try await connection.simple(
        "DROP TABLE IF EXISTS bounced; CREATE TABLE bounced (a int4, b text)")
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<8 {
        group.addTask {
          try await pool.withConnection { connection in
            for _ in 0..<10 {
              var batch = PostgresBatch()
              var rows: [PostgresBatch.Rows<Int, String>] = []
              for number in 0..<10 {
                rows.append(
                  batch.query(
                    "SELECT \(number)::int4, \("w\(worker)")::text", as: (Int, String).self))
                if number.isMultiple(of: 3) { batch.barrier() }
              }
              let results = try await connection.pipeline(batch)
              for (number, row) in rows.enumerated() {
                let value = try results[row]
                #expect(value.count == 1 && value[0].0 == number && value[0].1 == "w\(worker)")
              }
              try await connection.executeMany(
                "INSERT INTO bounced VALUES ($1, $2)", (0..<10).map { (Int32($0), "w\(worker)") },
                commitEvery: 3)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    try await pool.withConnection { connection async throws in
      #expect(try await connection.queryOne("SELECT count(*) FROM bounced", as: Int.self) == 800)
    }
    await pool.close()
  }

  @Test func cursorsCopiesAndTypes() async throws {
    let pool = try pool(try await configuration())
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<6 {
        group.addTask {
          try await pool.withConnection { connection in
            var sum = 0
            try await connection.cursor(
              "SELECT g + \(worker)::int4 FROM generate_series(1, 100) g", as: Int.self,
              batchSize: 7
            ) { cursor in
              for try await number in cursor { sum += number }
            }
            #expect(sum == 5_050 + 100 * worker)
            var copied = 0
            try await connection.copyOut(rowsOf: "SELECT g FROM generate_series(1, 100) g") { row in
              copied += try row.decode(as: Int.self)
            }
            #expect(copied == 5_050)
            // A type that has to be looked up.
            let domains = try await connection.queryOne(
              "SELECT ARRAY['a.b']::information_schema.sql_identifier[]", as: [String].self)
            #expect(domains == ["a.b"])
          }
        }
      }
      try await group.waitForAll()
    }
    await pool.close()
  }

  @Test(arguments: ThrowawayPgBouncer.PoolMode.allCases)
  func cancelling(_ mode: ThrowawayPgBouncer.PoolMode) async throws {
    let connection = try await PostgresConnection.connect(try await configuration(mode))
    let observer = try await PostgresConnection.connect(
      try PostgresConfiguration(
        try await ThrowawayPostgres.shared(.trust).url(), environment: [:]))
    for round in 0..<5 {
      let mark = "bounced \(mode) \(round)"
      let task = Task {
        try await connection.execute(PostgresQuery(unsafeSQL: "SELECT pg_sleep(60) /* \(mark) */"))
      }
      try await Task.sleep(for: .seconds(1))
      task.cancel()
      let result = await task.result
      let error = #expect(throws: PostgresError.self) { try result.get() }
      #expect(error?.code == .cancelled)
      #expect(error?.cause?.sqlState == .queryCanceled)
      let running = try await observer.queryOne(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE \("%" + mark + "%") AND pid <> pg_backend_pid()",
        as: Int.self)
      #expect(running == 0)
      #expect(try await connection.queryOne("SELECT \(round)::int4", as: Int.self) == round)
    }
    await connection.close()
    await observer.close()
  }
}
