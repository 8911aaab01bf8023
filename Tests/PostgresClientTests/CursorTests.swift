import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// Rows fetched batch by batch through a portal.
@Suite(.timeLimit(.minutes(5))) struct CursorTests {
  private func withConnection(
    _ body: @Sendable (PostgresConnection) async throws -> Void
  ) async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(server.url(), environment: [:]))
    do {
      try await connection.run(body)
      #expect(connection.transactionStatus == .idle)
      #expect(try await connection.queryOne("SELECT 40 + \(2)", as: Int.self) == 42)
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  private struct Stop: Error {}

  private func failure(_ body: () async throws -> Void) async -> PostgresError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? PostgresError
    }
  }

  private func openPortals(_ connection: PostgresConnection) async throws -> Int {
    try await connection.queryOne(
      "SELECT count(*) FROM pg_cursors WHERE name LIKE 'p%'", as: Int.self)
  }

  @Test(arguments: [1, 3, 10, 1_000]) func batches(_ size: Int) async throws {
    try await withConnection { connection async throws in
      let sizes = try await connection.cursor(
        "SELECT g, 'n' || g FROM generate_series(1, \(10)) g", as: (Int, String).self,
        batchSize: size
      ) { cursor in
        var sizes: [Int] = []
        var last = 0
        while let batch = try await cursor.next() {
          for (number, name) in batch {
            #expect(number == last + 1 && name == "n\(number)")
            last = number
          }
          sizes.append(batch.count)
        }
        #expect(last == 10)
        let more = try await cursor.next()
        #expect(more == nil)
        return sizes
      }
      #expect(sizes.reduce(0, +) == 10)
      #expect(sizes.allSatisfy { $0 <= size })
      #expect(sizes.count == (10 + size - 1) / size)
    }
  }

  @Test func rowByRowAndNothing() async throws {
    try await withConnection { connection async throws in
      var numbers: [Int] = []
      try await connection.cursor(
        "SELECT g FROM generate_series(1, 2500) g", as: Int.self, batchSize: 1_000
      ) { cursor in
        for try await number in cursor { numbers.append(number) }
      }
      #expect(numbers == Array(1...2_500))
      try await connection.cursor("SELECT 1 WHERE false", as: Int.self) { cursor in
        let rows = try await cursor.next()
        #expect(rows == nil)
      }
    }
  }

  /// The server makes no more rows than are asked for: a row beyond the batch would fail.
  @Test func theServerIsHeldBack() async throws {
    try await withConnection { connection async throws in
      try await connection.cursor(
        "SELECT 1 / (11 - g) FROM generate_series(1, 1000000) g", as: Int.self, batchSize: 5
      ) { cursor in
        let batch = try await cursor.next()
        #expect(batch?.count == 5)
        let second = try await cursor.next()
        #expect(second?.count == 5)
        let error = await failure { _ = try await cursor.next() }
        #expect(error?.sqlState == SQLState("22012"))
      }
    }
  }

  @Test func inATransactionThePortalIsClosed() async throws {
    try await withConnection { connection async throws in
      try await connection.transaction { connection in
        try await connection.cursor(
          "SELECT g FROM generate_series(1, 100) g", as: Int.self, batchSize: 10
        ) { cursor in
          _ = try await cursor.next()
          let portals1 = try await openPortals(connection)
          #expect(portals1 == 1)
        }
        let portals2 = try await openPortals(connection)
        #expect(portals2 == 0)
        await #expect(throws: Stop.self) {
          try await connection.cursor(
            "SELECT g FROM generate_series(1, 100) g", as: Int.self, batchSize: 10
          ) { cursor in
            _ = try await cursor.next()
            throw Stop()
          }
        }
        let portals3 = try await openPortals(connection)
        #expect(portals3 == 0)
        // Two at once, and other statements in between.
        try await connection.cursor(
          "SELECT g FROM generate_series(1, 4) g", as: Int.self, batchSize: 2
        ) { outer in
          while let batch = try await outer.next() {
            let sum = try await connection.cursor(
              "SELECT g FROM generate_series(1, \(batch[0])) g", as: Int.self, batchSize: 1
            ) { inner in
              var sum = 0
              for try await number in inner { sum += number }
              return sum
            }
            #expect(sum == batch[0] * (batch[0] + 1) / 2)
          }
        }
        let portals4 = try await openPortals(connection)
        #expect(portals4 == 0)
      }
    }
  }

  @Test func aCancelledTaskLeavesNoPortal() async throws {
    try await withConnection { connection async throws in
      try await connection.begin()
      let task = Task {
        try await connection.cursor(
          "SELECT g FROM generate_series(1, 100) g", as: Int.self, batchSize: 10
        ) { cursor in
          _ = try await cursor.next()
          withUnsafeCurrentTask { $0?.cancel() }
          _ = try await cursor.next()
        }
      }
      let result = await task.result
      #expect(throws: PostgresError.self) { try result.get() }
      let portals5 = try await openPortals(connection)
      #expect(portals5 == 0)
      try await connection.rollback()
    }
  }

  @Test func itsOwnTransactionMayOnlyRead() async throws {
    try await withConnection { connection async throws in
      try await connection.simple("CREATE TABLE IF NOT EXISTS cursor_target (a int4)")
      let error = await #expect(throws: PostgresError.self) {
        try await connection.cursor(
          "INSERT INTO cursor_target VALUES (1) RETURNING a", as: Int.self
        ) { cursor in try await cursor.next() }
      }
      #expect(error?.sqlState == SQLState("25006"))
      for size in [0, -1, Int(Int32.max) + 1] {
        let error = await #expect(throws: PostgresError.self) {
          try await connection.cursor("SELECT 1", as: Int.self, batchSize: size) { _ in }
        }
        #expect(error?.message.contains("batchSize") == true)
      }
    }
  }

  @Test func aRowThatDoesNotFitLeavesTheCursorUsable() async throws {
    try await withConnection { connection async throws in
      try await connection.cursor(
        "SELECT CASE WHEN g <> 2 THEN g END FROM generate_series(1, 6) g", as: Int.self,
        batchSize: 3
      ) { cursor in
        let error = await failure { _ = try await cursor.next() }
        #expect(error?.code == .decoding)
        let rest = try await cursor.next()
        #expect(rest == [4, 5, 6])
      }
    }
  }

  @Test func aServerThatSendsMoreThanWasAskedFor() async throws {
    let server = try ScriptedServer { conversation in
      try conversation.logIn()
      try conversation.readRequest()
      try conversation.send(.commandComplete(tag: "BEGIN"), .readyForQuery(.inTransaction))
      try conversation.describe([PostgresColumn(name: "a", type: .text, format: .text)])
      try conversation.readRequest()
      try conversation.send(.bindComplete)
      while true { try conversation.send(.dataRow([[0x78]])) }
    }
    let connection = try await PostgresConnection.connect(server.configuration())
    let error = await #expect(throws: PostgresError.self) {
      try await connection.cursor("SELECT a", as: String.self, batchSize: 10) { cursor in
        try await cursor.next()
      }
    }
    #expect(error?.code == .protocolViolation)
    #expect(connection.isClosed)
  }
}
