import Roost
import RoostCore
import RoostMemory
import Synchronization
import Testing

/// Small histories of a writer beside the mover, in every order that one or two switches between
/// them can make: at each call of a backend the one may stop and the other go on. Whatever the
/// order, both stores end as a store ends that never moved, and the writer reads what it wrote.
@Suite(.timeLimit(.minutes(15))) struct MoveExplorerTests {
  @Test(arguments: History.all) func oneSwitch(history: History) async throws {
    let expected = try await Self.rowsWithoutMove(history)
    let (calls, _) = try await run(history, switches: [], expected)
    #expect(calls > 40)
    for place in 0..<calls { _ = try await run(history, switches: [place], expected) }
  }

  /// The mover comes between the writer's calls, and the writer then between the mover's.
  @Test(arguments: History.all) func twoSwitches(history: History) async throws {
    let expected = try await Self.rowsWithoutMove(history)
    let (calls, own) = try await run(history, switches: [], expected)
    #expect(own > 3 && own < calls)
    // All of them take minutes; these are others each time the calls change.
    var generator = SeededGenerator(seed: UInt64(calls))
    for _ in 0..<60 {
      let first = Int.random(in: 1..<own, using: &generator)
      let second = Int.random(in: (first + 1)..<calls, using: &generator)
      _ = try await run(history, switches: [first, second], expected)
    }
  }

  private static func rowsWithoutMove(_ history: History) async throws -> [String] {
    let store = try await TestBackend.open("memory:", [Moved.migrations])
    try await history.prepare(store)
    try await history.write(store)
    let rows = try await allRows(store.backend, store.schema)
    await store.close()
    return rows
  }

  /// Runs a history in one order.
  /// - Returns: how many calls there were, and how many until the writer had done all it does.
  private func run(
    _ history: History, switches: Set<Int>, _ expected: [String]
  ) async throws -> (calls: Int, untilWritten: Int) {
    let turns = Turns(switches)
    let old = try await open(turns)
    let new = try await open(turns)
    try await history.prepare(old)
    let store = try await Store.moving(from: old, to: new, eagerly)
    let move = try #require(store.move)
    async let written: Void = Turns.$actor.withValue(.writer) {
      try await history.write(store)
      turns.leave(.writer)
    }
    async let moved: Void = Turns.$actor.withValue(.mover) {
      try await move.reach(.live)
      turns.leave(.mover)
    }
    _ = try await (written, moved)
    try await move.drain()
    let rows = try await allRows(move.backend.to, store.schema)
    #expect(rows == expected, "switches \(switches.sorted())")
    #expect(
      try await allRows(move.backend.from, store.schema) == rows, "switches \(switches.sorted())")
    await store.close()
    return (turns.calls, turns.callsUntilWritten)
  }

  private func open(_ turns: Turns) async throws -> Store {
    try await Store.open(
      "memory:", backends: [.memory], migrations: [Moved.migrations],
      layers: [TurnLayer(turns: turns)], environment: [:])
  }
}

/// What a writer does while a store moves.
struct History: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let prepare: @Sendable (Store) async throws -> Void
  let write: @Sendable (Store) async throws -> Void

  /// Makes a change and reads it back.
  private static func put(_ store: Store, _ id: Int, _ code: String) async throws {
    try await store.upsert([Owner(id: id, code: code)])
    #expect(try await store.find(Owner.self, id)?.code == code)
  }

  private static func remove(_ store: Store, _ id: Int) async throws {
    _ = try await store.delete(Owner.self, id)
    #expect(try await store.find(Owner.self, id) == nil)
  }

  static let all = [
    History(testDescription: "one row written twice") { store in
      try await put(store, 1, "a")
    } write: { store in
      try await put(store, 1, "b")
      try await put(store, 1, "c")
    },
    History(testDescription: "rows removed, and one made again") { store in
      try await put(store, 1, "a")
      try await put(store, 2, "b")
      try await put(store, 3, "c")
    } write: { store in
      try await remove(store, 2)
      try await remove(store, 3)
      try await put(store, 3, "d")
    },
    History(testDescription: "a unique value goes from row to row") { store in
      try await put(store, 1, "a")
      try await put(store, 2, "b")
    } write: { store in
      try await put(store, 1, "c")
      try await put(store, 2, "a")
      try await put(store, 1, "b")
    },
    History(testDescription: "children go with their parent") { store in
      try await put(store, 1, "a")
      try await store.insert([Thing(id: 1, ownerID: 1), Thing(id: 2, keeperID: 1)])
    } write: { store in
      try await remove(store, 1)
      #expect(try await store.find(Thing.self, 1) == nil)
      try await put(store, 1, "b")
      try await store.insert(Thing(id: 3, ownerID: 1))
    },
    History(testDescription: "a child of a parent that was there before") { store in
      try await put(store, 1, "a")
    } write: { store in
      try await store.insert(Thing(id: 1, ownerID: 1))
      try await store.upsert([Thing(id: 1, keeperID: 1)])
      #expect(try await store.find(Thing.self, 1)?.keeperID == 1)
    },
    History(testDescription: "a child changes its parent, which goes") { store in
      try await put(store, 1, "a")
      try await put(store, 2, "b")
      try await store.insert(Thing(id: 1, ownerID: 1))
    } write: { store in
      try await store.upsert([Thing(id: 1, ownerID: 2)])
      try await remove(store, 1)
      #expect(try await store.find(Thing.self, 1)?.ownerID == 2)
    },
  ]
}

/// Lets one of two actors go on at a time, and the other from certain calls on.
final class Turns: Sendable {
  enum Actor: Sendable {
    case writer, mover

    var other: Actor { self == .writer ? .mover : .writer }
  }

  @TaskLocal static var actor: Actor?

  private struct State {
    var turn = Actor.writer
    var left: Set<Actor> = []
    var calls = 0
    var untilWritten = 0
    /// Calls by one actor in a row: who waits for the other must let it go on.
    var row = 0
    /// Reads that are compared run beside the writer, as it.
    var waiting: [Actor: [CheckedContinuation<Void, Never>]] = [:]
  }

  private let switches: Set<Int>
  private let state = Mutex(State())

  init(_ switches: Set<Int>) {
    self.switches = switches
  }

  var calls: Int { state.withLock { $0.calls } }
  var callsUntilWritten: Int { state.withLock { $0.untilWritten } }

  /// Waits for the current actor's turn.
  func take() async {
    guard let actor = Self.actor else { return }
    await withCheckedContinuation { continuation in
      let next = state.withLock { state -> [CheckedContinuation<Void, Never>] in
        if state.turn == actor || state.left.count == 2 {
          state.calls += 1
          state.row += 1
          guard switches.contains(state.calls) || state.row > 150,
            !state.left.contains(actor.other)
          else { return [continuation] }
          state.turn = actor.other
          state.row = 0
          state.waiting[actor, default: []].append(continuation)
          return state.waiting.removeValue(forKey: actor.other) ?? []
        }
        state.waiting[actor, default: []].append(continuation)
        return []
      }
      for continuation in next { continuation.resume() }
    }
  }

  /// The actor has done all it does.
  func leave(_ actor: Actor) {
    let next = state.withLock { state in
      state.left.insert(actor)
      if actor == .writer { state.untilWritten = state.calls }
      state.turn = actor.other
      state.row = 0
      return state.waiting.removeValue(forKey: actor.other) ?? []
    }
    for continuation in next { continuation.resume() }
  }
}

/// Waits for its caller's turn before each call, and behind each that may have changed something.
struct TurnLayer: StorageLayer {
  let turns: Turns

  var place: LayerPlace { .chaos }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    // A transaction holds the right to write: nobody could go on in the middle of it.
    if call.isInTransaction { return try await next() }
    await turns.take()
    let result = try await next()
    if call.mayWrite { await turns.take() }
    return result
  }
}
