import Roost
import RoostTesting
import Testing

/// The answer of any one change that the mover makes is lost, on either side, and any one change
/// fails: the stores never both count, and end with the same rows.
@Suite(.timeLimit(.minutes(15))) struct MoveLostAnswerTests {
  @Test(arguments: [true, false], [true, false])
  func atEveryChange(onNew: Bool, isMade: Bool) async throws {
    var reached = 0
    for place in 0..<60 {
      let steps = Array(repeating: ScriptedLayer.Step.pass, count: place)
      let layer = ScriptedLayer(steps + [isMade ? .lose : .fail(.unavailable)]) { call in
        call.mayWrite && !call.isInTransaction
      }
      let old = try await open(onNew ? nil : layer)
      let new = try await open(onNew ? layer : nil)
      let owners = (0..<5).map { Owner(id: $0, code: "c\($0)") }
      while (try? await old.upsert(owners)) == nil {}
      // To join them is the program's start, which is made again.
      guard let store = try? await Store.moving(from: old, to: new, eagerly),
        let move = store.move
      else { continue }
      try await run(store, move, place)
      if layer.calls.count > place { reached += 1 }
      await store.close()
    }
    #expect(reached > 20)
  }

  private func open(_ layer: ScriptedLayer?) async throws -> Store {
    try await Store.open(
      "memory:", backends: TestBackend.factories, migrations: [Moved.migrations],
      layers: layer.map { [$0] } ?? [], environment: [:])
  }

  private func run(_ store: Store, _ move: StoreMove, _ place: Int) async throws {
    while (try? await move.request(.live)) == nil {}
    var id = 100
    for _ in 0..<2_000 where move.backend.state.stage != .live {
      _ = try? await move.mover.step()
      if id < 110, !move.backend.state.isFenced {
        id += 1
        let owner = Owner(id: id, code: "n\(id)")
        while (try? await store.upsert([owner])) == nil {}
      }
    }
    #expect(move.backend.state.stage == .live, "change \(place)")
    while (try? await store.upsert([Owner(id: 1, code: "after")])) == nil {}
    for _ in 0..<50 { _ = try? await move.mover.step() }
    let rows = try await allRows(move.backend.to, store.schema)
    #expect(rows.count == 5 + id - 100, "change \(place)")
    #expect(try await allRows(move.backend.from, store.schema) == rows, "change \(place)")
    #expect(try await state(move.backend.from) == state(move.backend.to), "change \(place)")
  }

  /// The state as a side has it.
  private func state(_ backend: any StorageBackend) async throws -> String? {
    let row = try await backend.get("roost_moves", keys: [[.text("state")]], lock: nil)[0]
    guard case .json(let document)? = row?[1] else { return nil }
    return document["state"]?.description
  }
}
