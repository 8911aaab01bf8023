import Roost
import RoostTesting
import Synchronization
import Testing

/// A store whose Postgres goes away.
@Suite(.timeLimit(.minutes(15))) struct RoutedOutageTests {
  @Test func memoryGoesOn() async throws {
    let server = try await ThrowawayPostgres.start(.trust)
    let url = server.url(database: try await server.createDatabase()) + "?pool_timeout=5"
    defer { server.stop() }
    let store = try await Routed.open("memory:", [Route(Routed.items, to: url)])
    try await store.insert(RoutedItem(id: 1, text: "x"))
    #expect(await store.health() == .ready)

    // In the middle of a transaction.
    let interrupted = await #expect(throws: StoreError.self) {
      try await store.transaction { transaction in
        try await transaction.insert(RoutedItem(id: 2, text: "lost"))
        try await server.halt()
        while case .ready = await store.health() { try await Task.sleep(for: .milliseconds(20)) }
        try await transaction.insert(RoutedItem(id: 3, text: "lost"))
      }
    }
    #expect(interrupted?.code == .unavailable)
    guard case .unavailable(let reason) = await store.health() else {
      Issue.record("healthy without its Postgres")
      return
    }
    #expect(reason.hasPrefix("postgres://roost@127.0.0.1:\(server.port)"))

    _ = await Routed.expect(.unavailable) { _ = try await store.select(RoutedItem.self).count() }
    _ = await Routed.expect(.unavailable) {
      try await store.insert(RoutedItem(id: 4, text: "lost"))
    }
    let bodies = Mutex(0)
    _ = await Routed.expect(.unavailable) {
      try await store.transaction { transaction in
        bodies.withLock { $0 += 1 }
        try await transaction.insert(RoutedItem(id: 4, text: "lost"))
      }
    }
    #expect(bodies.withLock { $0 } == 1)
    _ = await Routed.expect(.unavailable, "an error that the body hides") {
      try await store.transaction { transaction in
        _ = try? await transaction.select(RoutedItem.self).count()
      }
    }

    // Memory needs none of it, transactions with savepoints included.
    for number in 1...50 {
      try await store.transaction { transaction in
        try await transaction.savepoint {
          try await transaction.insert(RoutedLog(id: number, text: "kept"))
        }
      }
    }
    #expect(try await store.select(RoutedLog.self).count() == 51)
    let untouched = try await store.transaction { _ in 3 }
    #expect(untouched == 3)
    // The backend alone, where an outage in a savepoint is survived.
    try await store.backend.transaction(TransactionOptions()) { transaction in
      _ = await Routed.expect(.unavailable) {
        try await transaction.savepoint {
          _ = try await transaction.query(Query(table: "route_items"))
        }
      }
      let rows = try await transaction.query(Query(table: "route_logs"))
      #expect(rows.count == 51)
    }
    await store.close()
  }
}
