import PostgresClient
import Roost
import RoostCore
import RoostPostgres
import RoostTesting
import Testing

/// A store whose callers are cancelled while Postgres works for them.
@Suite(.timeLimit(.minutes(15))) struct CancelledStoreTests {
  private func open() async throws -> Store {
    let server = try await ThrowawayPostgres.shared(.trust)
    let url = server.url(database: try await server.createDatabase()) + "?pool_max=2"
    let store = try await Store.open(
      url, backends: [.postgres], migrations: [Note.migrations], migrate: .auto, environment: [:])
    try await store.insert(Note(id: 1, text: "x"))
    return store
  }

  /// Holds the row of note 1 while the body runs.
  private func locked(
    _ store: Store, _ body: @Sendable () async throws -> Void
  ) async throws {
    try await store.transaction(TransactionOptions(isolation: .readCommitted)) { transaction in
      _ = try await transaction.find(Note.self, 1, lock: .forUpdate)
      try await body()
    }
  }

  private func backends(_ store: Store) async throws -> Int {
    try await store.transaction { transaction in
      try await transaction.postgres { connection in
        let counts = try await connection.query(
          """
          SELECT count(*) FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'
          """, as: Int.self)
        return counts.first ?? -1
      }
    }
  }

  @Test func aTransactionAndASingleStatement() async throws {
    let store = try await open()
    try await locked(store) {
      let waiting: [@Sendable () async throws -> Void] = [
        {
          try await store.transaction(TransactionOptions(isolation: .readCommitted)) {
            try await $0.insert(Note(id: 2, text: "y"))
            try await $0.update(Note(id: 1, text: "z"))
          }
        },
        { try await store.update(Note(id: 1, text: "z")) },
      ]
      for body in waiting {
        let task = Task.detached { try await body() }
        try await Task.sleep(for: .milliseconds(300))
        task.cancel()
        let result = await task.result
        let error = #expect(throws: StoreError.self) { try result.get() }
        #expect(error?.code == .cancelled)
      }
    }
    // Nobody waits for the lock any more, and nothing has changed.
    #expect(try await backends(store) == 0)
    #expect(try await store.select(Note.self).values { $0.text } == ["x"])
    await store.close()
  }

  @Test func aDeadlineWithinATransaction() async throws {
    let store = try await open()
    let error = await #expect(throws: PostgresError.self) {
      try await store.transaction { transaction in
        try await transaction.insert(Note(id: 2, text: "y"))
        try await transaction.savepoint {
          try await transaction.postgres { connection in
            let query: PostgresQuery = "SELECT pg_sleep(60)"
            try await connection.execute(query.timeout(.milliseconds(100)))
          }
        }
      }
    }
    #expect(error?.code == .deadlineExceeded)
    #expect(try await store.select(Note.self).values { $0.text } == ["x"])
    await store.close()
  }
}
