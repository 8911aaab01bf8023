import Foundation
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting
import Testing

/// Two kinds of rows without a foreign key between them.
struct RoutedItem: Record, Equatable {
  var id: Int
  var text: String

  static let table = "route_items"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let text = Column<String>("text")
  }
}

struct RoutedLog: Record, Equatable {
  var id: Int
  var text: String

  static let table = "route_logs"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let text = Column<String>("text")
  }
}

enum Routed {
  static let migrations = MigrationSet(
    system: "routing",
    files: [
      MigrationFile(
        name: "V001__routing.sql",
        text: """
          CREATE TABLE route_items (id integer PRIMARY KEY, text text COLLATE "C" NOT NULL);
          CREATE TABLE route_tags (
            id integer PRIMARY KEY,
            item_id integer NOT NULL REFERENCES route_items ON DELETE CASCADE
          );
          CREATE TABLE route_logs (id integer PRIMARY KEY, text text COLLATE "C" NOT NULL);
          INSERT INTO route_logs (id, text) VALUES (0, 'made');
          """)
    ])

  static let items = ["route_items", "route_tags"]

  static func open(
    _ url: String, _ routes: [Route], _ sets: [MigrationSet] = [migrations],
    migrate: MigrationMode? = .auto, log: LogCollector = LogCollector()
  ) async throws -> Store {
    try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: sets, routes: routes,
      migrate: migrate, environment: [:], log: { log.add($0) })
  }

  /// Items in a Postgres database of their own, the rest in memory.
  static func withStore(_ body: (Store) async throws -> Void) async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let url = server.url(database: try await server.createDatabase())
    let store = try await open("memory:", [Route(items, to: url)])
    do {
      try await body(store)
    } catch {
      await store.close()
      throw error
    }
    await store.close()
  }

  /// How many items and logs there are.
  static func counts(_ store: Store) async throws -> [Int] {
    [
      try await store.select(RoutedItem.self).count(),
      try await store.select(RoutedLog.self).count(),
    ]
  }

  static func expect(
    _ code: StoreError.Code, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
  ) async -> StoreError? {
    let error = await #expect(
      throws: StoreError.self, comment, sourceLocation: sourceLocation
    ) { try await body() }
    #expect(error?.code == code, comment, sourceLocation: sourceLocation)
    return error
  }
}
