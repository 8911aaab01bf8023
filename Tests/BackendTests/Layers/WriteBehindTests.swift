import Foundation
import Roost
import RoostTesting
import Testing

/// A folder answers, and Postgres gets what it is told behind it.
@Suite(.timeLimit(.minutes(15))) struct WriteBehindTests {
  private func open(_ url: String) async throws -> Store {
    try await TestBackend.open(url, [Moved.migrations])
  }

  @Test func whatIsAcknowledgedGetsThere() async throws {
    let folder = try TemporaryFolder()
    let back = try await TestBackend.postgres.freshURL(in: folder)
    let before = try await open(back)
    try await before.insert(Owner(id: 1, code: "there before"))
    await before.close()
    let url = back + "?write_behind=\(folder.path)/front".replacing("/", with: "%2F")
    for round in 0..<3 {
      let store = try await open(url)
      #expect(try await store.find(Owner.self, 1)?.code == "there before")
      try await withThrowingTaskGroup { group in
        for writer in 0..<4 {
          group.addTask {
            for number in 0..<50 {
              let id = 10 + round * 200 + writer * 50 + number
              try await store.upsert([Owner(id: id, code: "a\(id)")])
              try await store.upsert([Owner(id: id, code: "b\(id)")])
              #expect(try await store.find(Owner.self, id)?.code == "b\(id)")
              if number % 5 == 0 { _ = try await store.delete(Owner.self, id) }
            }
          }
        }
        try await group.waitForAll()
      }
      // Closing waits for what is on its way, ten seconds: a busy machine carries a little in them.
      let move = try #require(store.move)
      try await eventually("nothing waits") { (try? await move.status().waiting) == 0 }
      try await store.upsert([Owner(id: 2, code: "last \(round)")])
      let rows = try await allRows(store.backend, store.schema)
      await store.close()
      let after = try await open(back)
      #expect(try await allRows(after.backend, after.schema) == rows)
      #expect(rows.count == 2 + (round + 1) * 160)
      await after.close()
    }
  }

  @Test func awayAndBack() async throws {
    let folder = try TemporaryFolder()
    let server = try await ThrowawayPostgres.start(.trust)
    let back = server.url(database: try await server.createDatabase())
    let url = back + "?write_behind=\(folder.path)/front".replacing("/", with: "%2F")
    let store = try await open(url)
    try await store.insert(Owner(id: 1, code: "a"))
    try await server.halt()
    for id in 2..<50 { try await store.insert(Owner(id: id, code: "a\(id)")) }
    guard case .degraded = await store.health() else {
      Issue.record("\(await store.health())")
      return
    }
    try await server.restart()
    await store.close()
    let again = try await open(url)
    let rows = try await allRows(again.backend, again.schema)
    #expect(rows.count == 49)
    let move = try #require(again.move)
    try await eventually("nothing waits") { (try? await move.status().waiting) == 0 }
    await again.close()
    let after = try await open(back)
    #expect(try await allRows(after.backend, after.schema) == rows)
    await after.close()
  }
}
