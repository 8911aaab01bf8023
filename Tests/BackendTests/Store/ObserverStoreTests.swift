import PostgresClient
import Roost
import RoostMemory
import RoostPostgres
import RoostTesting
import Synchronization
import Testing

/// A store's connections tell the same observer as anybody's.
@Suite(.timeLimit(.minutes(15))) struct ObserverStoreTests {
  @Test func aStoreTellsItsObserver() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let events = Mutex<[PostgresQueryEvent]>([])
    var observer = PostgresObserver()
    observer.onQuery = { event in events.withLock { $0.append(event) } }
    let store = try await Store.open(
      server.url(database: try await server.createDatabase()),
      backends: [.memory, .postgres(observer: observer)], migrations: [Note.migrations],
      migrate: .auto, environment: [:])
    events.withLock { $0.removeAll() }
    try await store.insert(Note(id: 1, text: "secret"))
    let told = events.withLock { $0 }
    #expect(told.contains { $0.sql.contains("INSERT INTO") && $0.rowCount == 1 })
    #expect(!told.contains { "\($0)".contains("secret") })
    await store.close()
  }
}
