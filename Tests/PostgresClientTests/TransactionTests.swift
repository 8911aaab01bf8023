import PostgresClient
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// Counts from several tasks.
private final class Counter: Sendable {
  private let count = Mutex(0)

  var value: Int { count.withLock { $0 } }

  func increment() {
    count.withLock { $0 += 1 }
  }
}

@Suite(.timeLimit(.minutes(5))) struct TransactionTests {
  private struct Failure: Error, Equatable {}

  private func makePool() async throws -> PostgresPool {
    let server = try await ThrowawayPostgres.shared(.trust)
    let database = try await server.createDatabase()
    return try PostgresPool(
      PostgresConfiguration(server.url(database: database), environment: [:]))
  }

  @Test func commitsAndRollsBack() async throws {
    let pool = try await makePool()
    try await pool.withConnection { connection in
      try await connection.execute("CREATE TABLE t (a int)")
      try await connection.transaction { connection in
        try await connection.execute("INSERT INTO t VALUES (\(1))")
      }
      await #expect(throws: Failure()) {
        try await connection.transaction { connection in
          try await connection.execute("INSERT INTO t VALUES (\(2))")
          throw Failure()
        }
      }
      try await connection.transaction(.init(isolation: .repeatableRead)) { connection in
        #expect(
          try await connection.queryOne("SHOW transaction_isolation", as: String.self)
            == "repeatable read")
        await #expect(throws: Failure()) {
          try await connection.savepoint { connection in
            try await connection.execute("INSERT INTO t VALUES (3)")
            throw Failure()
          }
        }
        try await connection.savepoint { connection in
          try await connection.execute("INSERT INTO t VALUES (4)")
        }
      }
      #expect(try await connection.query("SELECT a FROM t ORDER BY a", as: Int.self) == [1, 4])
    }
    await pool.close()
  }

  @Test func aCommitThatRollsBackIsNoticed() async throws {
    let pool = try await makePool()
    try await pool.withConnection { connection in
      let error = await #expect(throws: PostgresError.self) {
        try await connection.transaction { connection in
          _ = try? await connection.execute("SELECT 1 / 0")
        }
      }
      #expect(error?.code == .transactionRolledBack)
      #expect(connection.transactionStatus == .idle)
    }
    await pool.close()
  }

  @Test func serializationFailuresAreRunAgain() async throws {
    let pool = try await makePool()
    try await pool.withConnection { connection in
      try await connection.simple("CREATE TABLE c (n int); INSERT INTO c VALUES (0)")
    }
    let runs = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          try await pool.withConnection { connection in
            for _ in 0..<5 {
              try await connection.transaction(.init(isolation: .serializable, attempts: 100)) {
                connection in
                runs.increment()
                let n = try await connection.queryOne("SELECT n FROM c", as: Int.self)
                try await connection.execute("UPDATE c SET n = \(n + 1)::int4")
              }
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let n = try await pool.withConnection { connection in
      try await connection.queryOne("SELECT n FROM c", as: Int.self)
    }
    #expect(n == 20)
    #expect(runs.value >= 20)
    await pool.close()
  }

  @Test func aConnectionLostInCommitHasAnUnknownOutcome() async throws {
    let pool = try await makePool()
    try await pool.withConnection { connection in
      try await connection.simple(
        """
        CREATE TABLE d (a int);
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN
            PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); RETURN NULL;
          END $$;
        CREATE CONSTRAINT TRIGGER d AFTER INSERT ON d DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION die()
        """)
      let error = await #expect(throws: PostgresError.self) {
        try await connection.transaction { connection in
          try await connection.execute("INSERT INTO d VALUES (1)")
        }
      }
      #expect(error?.code == .outcomeUnknown)
      #expect(connection.isClosed)
    }
    await pool.close()
  }
}
