import Foundation
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting
import Testing

/// Memory in the place of a Postgres that goes away, and comes back.
@Suite(.timeLimit(.minutes(15))) struct MemoryFallbackTests {
  private func open(_ url: String, _ log: LogCollector) async throws -> Store {
    try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: [Moved.migrations], migrate: .auto,
      environment: [:], log: { log.add($0) })
  }

  @Test func whatWasWrittenIsCarriedOverOrHandedOut() async throws {
    let server = try await ThrowawayPostgres.start(.trust)
    let url = server.url(database: try await server.createDatabase()) + "?fallback=memory"
    let log = LogCollector()
    let store = try await open(url, log)
    try await store.insert(Owner(id: 1, code: "first"))
    #expect(await store.health() == .ready)
    try await server.halt()
    // It was there, and nobody can tell now.
    #expect(try await store.find(Owner.self, 1) == nil)
    try await store.insert(Owner(id: 2, code: "second"))
    try await store.insert(Thing(id: 1, ownerID: 2))
    try await store.insert(Owner(id: 1, code: "another"))
    try await store.insert(Owner(id: 3, code: "first"))
    try await store.transaction { transaction in
      try await transaction.insert(Owner(id: 4, code: "fourth"))
      _ = try await transaction.delete(Owner.self, 3)
      try await transaction.insert(Owner(id: 5, code: "first"))
    }
    guard case .degraded(let reason) = await store.health() else {
      Issue.record("\(await store.health())")
      return
    }
    #expect(reason.contains("in memory only"), "\(reason)")
    try await server.restart()
    try await eventually("back") { try await store.find(Owner.self, 1)?.code == "first" }
    let owners = try await store.select(Owner.self).fetch()
    #expect(owners.map(\.id) == [1, 2, 4])
    #expect(try await store.find(Thing.self, 1)?.ownerID == 2)
    guard case .degraded(let left) = await store.health() else {
      Issue.record("\(await store.health())")
      return
    }
    #expect(left.contains("2 rows"), "\(left)")
    let rows = store.takeLeftBehind().sorted { $0.row < $1.row }
    #expect(
      rows.map(\.row) == [#"{"id":1,"code":"another"}"#, #"{"id":5,"code":"first"}"#])
    #expect(await store.health() == .ready)
    #expect(log.warnings.count { $0.contains("not taken by") } == 2, "\(log.warnings)")
    #expect(log.warnings.count { $0.contains("records are kept in memory only") } == 1)
    // And a second time.
    try await server.halt()
    try await store.insert(Owner(id: 9, code: "ninth"))
    try await server.restart()
    try await eventually("back") { await store.health() == .ready }
    #expect(try await store.select(Owner.self).fetch().map(\.id) == [1, 2, 4, 9])
    await store.close()
  }

  /// A server that answers nothing refuses nothing either.
  @Test func aServerThatFallsSilent() async throws {
    let server = try await ThrowawayPostgres.start(.trust)
    defer { server.stop() }
    let url = server.url(database: try await server.createDatabase())
    let log = LogCollector()
    let store = try await open(url + "?fallback=memory&timeout=10000&pool_timeout=10", log)
    try await store.insert(Owner(id: 1, code: "first"))
    try server.pause()
    // It is not known what became of the first ones.
    try await eventually("in memory") {
      let id = Int.random(in: 100...1_000_000)
      return await failure { try await store.insert(Owner(id: id, code: "\(id)")) } == "none"
    }
    try await store.insert(Owner(id: 2, code: "second"))
    try server.resume()
    try await eventually("back") { await store.health() == .ready }
    #expect(try await store.find(Owner.self, 1)?.code == "first")
    #expect(try await store.find(Owner.self, 2)?.code == "second")
    await store.close()
  }

  @Test func awayFromTheStart() async throws {
    let server = try await ThrowawayPostgres.start(.trust)
    let url = server.url(database: try await server.createDatabase()) + "?fallback=memory"
    try await server.halt()
    let log = LogCollector()
    let store = try await open(url, log)
    #expect(store.opening.degradation != nil)
    try await store.insert(Owner(id: 1, code: "a"))
    try await server.restart()
    try await eventually("back") { await store.health() == .ready }
    #expect(try await store.find(Owner.self, 1)?.code == "a")
    await store.close()
    let plain = try await open(url, log)
    #expect(try await plain.find(Owner.self, 1)?.code == "a")
    await plain.close()
  }
}
