import Foundation
import Roost
import RoostTesting
import Synchronization
import Testing

/// What a move does not do: each is a clear error, and nothing has changed.
@Suite(.timeLimit(.minutes(15))) struct MoveRefusalTests {
  private func open(_ url: String = "memory:") async throws -> Store {
    try await TestBackend.open(url, [Moved.migrations])
  }

  private func code(_ body: () async throws -> Void) async -> StoreError.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? StoreError)?.code
    }
  }

  @Test func twoMovers() async throws {
    let (old, new) = (try await open(), try await open())
    let first = try #require(try await Store.moving(from: old, to: new).move)
    let second = try #require(try await Store.moving(from: old, to: new).move)
    _ = try await first.mover.step()
    #expect(await code { _ = try await second.mover.step() } == .locked)
    try await second.request(.dualWrite)
    for _ in 0..<3 { _ = try await first.mover.step() }
    #expect(try await second.status().state.stage == .dualWrite)
    #expect(try await second.status().isRunning)
    await first.mover.release()
    _ = try await second.mover.step()
    #expect(await code { _ = try await first.mover.carry(from: .from) } == nil, "nothing waits")
    _ = try await first.backend.apply([
      .insert(
        Mutation.Insert(
          table: "owners", columns: ["id", "code"], rows: [[.int(1), .text("a")]]))
    ])
    #expect(await code { _ = try await first.mover.carry(from: .from) } == .locked)
    await old.close()
    await new.close()
  }

  @Test func whatDoesNotBelongTogether() async throws {
    let stores = [try await open(), try await open(), try await open()]
    let move = try #require(try await Store.moving(from: stores[0], to: stores[1]).move)
    try await move.reach(.dualWrite)
    for (from, to) in [(2, 1), (0, 2), (1, 0)] {
      let code = await code { _ = try await Store.moving(from: stores[from], to: stores[to]) }
      #expect(code == .invalidConfiguration, "\(from) to \(to)")
    }
    let other = try await TestBackend.open("memory:", [ConformanceSuite.migrations])
    let empty = try await open()
    #expect(await code { _ = try await Store.moving(from: empty, to: other) } == .schemaDrift)
    #expect(try await empty.appliedMigrations().count == 1)
    for store in stores + [other, empty] { await store.close() }
  }

  @Test func theSameStoreTwice() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.postgres.freshURL(in: folder)
    let (old, new) = (try await open(url), try await open(url + "?application_name=other"))
    #expect(await code { _ = try await Store.moving(from: old, to: new) } == .invalidConfiguration)
    await old.close()
    await new.close()
    let code = await code {
      _ = try await Store.open(
        "memory:twice", backends: TestBackend.factories, migrations: [Moved.migrations],
        movingFrom: "memory:twice", environment: [:])
    }
    #expect(code == .invalidConfiguration)
  }

  @Test(arguments: ["changes", "state"]) func edited(what: String) async throws {
    try await withMove(MovePair(.memory, .memory), [Moved.migrations]) { store, move in
      try await store.insert(Owner(id: 1, code: "a"))
      try await move.reach(.dualWrite)
      try await store.insert(Owner(id: 2, code: "b"))
      let edit =
        what == "state"
        ? Mutation.Update(
          table: "roost_moves", assignments: [.init("document", .literal(.json(["stage": 7])))],
          filter: .comparison(.equal, .column("name"), .literal(.text("state"))))
        : Mutation.Update(
          table: "roost_changes", assignments: [.init("row_key", .literal(.text("nonsense")))],
          filter: nil)
      _ = try await move.backend.from.apply([.update(edit)])
      #expect(await code { _ = try await move.mover.step() } == .corrupted)
      #expect(try await allRows(move.backend.to, store.schema) == [])
      #expect(try await allRows(move.backend.from, store.schema).count == 2)
    }
  }

  @Test func requests() async throws {
    try await withMove(MovePair(.memory, .memory), [Moved.migrations]) { store, move in
      for percent in [nil, 0, 101, -1] {
        let code = await code { try await move.request(.percentage, readPercent: percent) }
        #expect(code == .invalidConfiguration)
      }
      for (name, value) in [
        ("READ_FROM_POSTGRES_PERCENT", "101"), ("READ_FROM_POSTGRES_PERCENT", "some"),
        ("DUAL_WRITE_MODE", "maybe"),
      ] {
        let code = await code {
          _ = try await Store.open(
            "memory:", backends: TestBackend.factories, migrations: [Moved.migrations],
            movingFrom: "memory:", environment: [name: value])
        }
        #expect(code == .invalidConfiguration)
      }
      try await move.reach(.complete)
      try await move.request(.shadow)
      _ = try await move.mover.step()
      #expect(try await move.status().refusal?.contains("is complete") == true)
      #expect(move.backend.state.stage == .complete)
    }
  }

  /// Neither way when the other store is away; and no way but to completion.
  @Test func aStoreThatIsAway() async throws {
    let (old, new) = (AwayLayer(), AwayLayer())
    func open(_ layer: AwayLayer) async throws -> Store {
      try await Store.open(
        "memory:", backends: TestBackend.factories, migrations: [Moved.migrations],
        layers: [layer], environment: [:])
    }
    let store = try await Store.moving(from: try await open(old), to: try await open(new), eagerly)
    let move = try #require(store.move)
    try await store.insert(Owner(id: 1, code: "a"))
    try await move.reach(.shadow)
    new.isAway = true
    try await store.insert(Owner(id: 2, code: "b"))
    #expect(await code { _ = try await move.mover.step() } == .unavailable)
    guard case .degraded = await store.health() else {
      Issue.record("a change waits, and the health hides it")
      return
    }
    new.isAway = false
    try await move.reach(.live)
    #expect(try await store.find(Owner.self, 2)?.code == "b")
    old.isAway = true
    try await store.insert(Owner(id: 3, code: "c"))
    try await move.request(.shadow)
    _ = await code { _ = try await move.mover.step() }
    #expect(move.backend.state.stage == .live)
    #expect(try await move.status().refusal != nil)
    #expect(try await store.find(Owner.self, 3)?.code == "c")
    old.isAway = false
    try await move.request(.shadow)
    try await move.reach(.shadow)
    #expect(try await store.find(Owner.self, 3)?.code == "c")
    try await move.reach(.live)
    old.isAway = true
    try await move.reach(.complete)
    #expect(try await store.select(Owner.self).count() == 3)
    await store.close()
  }
}

/// A backend that can be away.
final class AwayLayer: StorageLayer {
  private let away = Atomic(false)

  var isAway: Bool {
    get { away.load(ordering: .relaxed) }
    set { away.store(newValue, ordering: .relaxed) }
  }

  var place: LayerPlace { .chaos }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    if isAway { throw StoreError(.unavailable, "it is away") }
    return try await next()
  }

  func health(_ below: Health) async -> Health { isAway ? .unavailable("it is away") : below }
}
