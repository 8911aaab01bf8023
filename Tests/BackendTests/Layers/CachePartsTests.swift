import RoostTesting
import Testing

@testable import Roost

/// The parts of a cache, without a store.
@Suite(.timeLimit(.minutes(15))) struct CachePartsTests {
  @Test func theBoundedCacheIsAsAList() {
    var cache = BoundedCache<Int, Int>(countLimit: 20, byteLimit: 100)
    // The one used last comes last.
    var model: [(key: Int, value: Int, bytes: Int)] = []
    var generator = SystemRandomNumberGenerator()
    for step in 0..<20_000 {
      let key = Int.random(in: 0..<40, using: &generator)
      let place = model.firstIndex { $0.key == key }
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<4:
        #expect(cache.value(of: key) == place.map { model[$0].value })
        if let place { model.append(model.remove(at: place)) }
      case 4:
        cache.remove(key)
        if let place { model.remove(at: place) }
      case 5 where step.isMultiple(of: 500):
        cache.removeAll()
        model = []
      default:
        let bytes = Int.random(in: 0...110, using: &generator) / 4
        cache.put(step, for: key, byteCount: bytes)
        if let place { model.remove(at: place) }
        model.append((key, step, bytes))
        while model.count > 20 || model.reduce(0, { $0 + $1.bytes }) > 100 { model.removeFirst() }
      }
      #expect(cache.count == model.count)
      #expect(cache.byteCount == model.reduce(0) { $0 + $1.bytes })
    }
    cache.put(1, for: 1, byteCount: 101)
    #expect(!cache.contains(1), "what is too large by itself is not kept")
  }

  @Test func announcementsAreReadAgain() throws {
    var changes = RowChanges()
    changes.add("a \"b\"", .all)
    changes.add("tallies", .keys([[.int(1)], [.int(-2)]]))
    let invalidation = Invalidation(changes)
    #expect(invalidation.rows.count == 2)
    #expect(Invalidation(invalidation.text(of: changes, byteLimit: 8_000)) == invalidation)
    let short = try #require(Invalidation(invalidation.text(of: changes, byteLimit: 60)))
    #expect(short.tables == ["a \"b\"", "tallies"] && short.rows.isEmpty)
    #expect(Invalidation(invalidation.text(of: changes, byteLimit: 20)) == .everything)
    #expect(
      Invalidation(RowChanges.everything).text(of: .everything, byteLimit: 99) == #"{"all": true}"#)
  }

  @Test func digestsAreTheSameEverywhere() {
    // FNV-1a over the table's bytes and 0xff, then the number's eight bytes, the lowest first.
    var expected: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in Array("t".utf8) + [0xff, 7, 0, 0, 0, 0, 0, 0, 0] {
      expected = (expected ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    #expect(RowDigest.of("t", [.int(7)]) == expected)
    #expect(
      RowDigest.of("t", [.text("a"), .text("b")]) != RowDigest.of("t", [.text("ab"), .text("")]))
    #expect(RowDigest.of("t", [.double(1)]) == nil)
  }

  private func reach() throws -> ChangeReach {
    let plan = try MigrationPlan([ConformanceSuite.migrations], now: .now())
    return ChangeReach(plan.schema)
  }

  @Test func changesByKeyTableAndTrigger() throws {
    let reach = try reach()
    func changes(_ mutation: Mutation) -> RowChanges { reach.changes(of: mutation) }
    func keys(_ table: String, _ keys: [[Value]]) -> RowChanges {
      var changes = RowChanges()
      changes.add(table, .keys(Set(keys)))
      return changes
    }
    func all(_ tables: String...) -> RowChanges {
      var changes = RowChanges()
      for table in tables { changes.add(table, .all) }
      return changes
    }
    let one = Expression.comparison(.equal, .column("id"), .literal(.int(1)))
    let points = [Mutation.Assignment("points", .literal(.int(3)))]
    #expect(
      changes(.update(.init(table: "rankings", assignments: points, filter: one)))
        == keys("rankings", [[.int(1)]]))
    #expect(
      changes(.update(.init(table: "rankings", assignments: points, filter: .not(one))))
        == all("rankings"))
    let moved = [Mutation.Assignment("id", .literal(.int(3)))]
    #expect(
      changes(.update(.init(table: "rankings", assignments: moved, filter: one)))
        == all("rankings"))
    #expect(
      changes(
        .insert(.init(table: "rankings", columns: ["level", "id"], rows: [[.int(9), .int(4)]])))
        == keys("rankings", [[.int(4)]]))
    // A serial key is not known before, and is after.
    let insert = Mutation.insert(
      .init(table: "accounts", columns: ["name"], rows: [[.text("x")]], returning: true))
    #expect(changes(insert) == all("accounts"))
    let stored: [Value] = [.int(7), .text("x")]
    #expect(
      reach.changes(of: insert, MutationResult(affected: 1, rows: [stored]))
        == keys("accounts", [[.int(7)]]))
    // links -> leaves (cascade), links -> links (set null); parents -> entries, with a trigger.
    #expect(changes(.delete(.init(table: "links", filter: one))) == all("links", "leaves"))
    #expect(changes(.delete(.init(table: "parents", filter: one))).isEverything)
    // A trigger may write anywhere.
    #expect(changes(.delete(.init(table: "entries", filter: one))).isEverything)
    #expect(changes(.delete(.init(table: "nothing", filter: one))).isEverything)
  }

  @Test func onlyWhatIsSureIsKept() {
    var state = CacheState(rows: 10, bytes: 10_000, age: .seconds(10))
    state.tables = ["t"]
    let now = ContinuousClock.now
    let key: [Value] = [.int(1)]
    func row(_ number: Int64) -> [Value] { [.int(1), .int(number)] }
    func begin() -> CacheState.Read { state.begin(1, "t", key, at: now) }
    func found() -> [Value]?? { state.find(1, "t", key, at: now) }

    // Off.
    state.end(begin(), found: row(1))
    #expect(found() == nil)
    state.restart(isOn: true)
    state.end(begin(), found: row(1))
    #expect(found() == .some(row(1)))
    // Too old.
    #expect(state.find(1, "t", key, at: now + .seconds(10)) == nil)

    // A change while it was read.
    var read = begin()
    var changes = RowChanges()
    changes.add("t", .all)
    state.invalidate(Invalidation(changes))
    state.end(read, found: row(1))
    #expect(found() == nil)

    // A change of it that is under way.
    state.hold(Invalidation(changes))
    state.end(begin(), found: row(1))
    #expect(found() == nil)
    state.invalidate(Invalidation(changes))
    state.release(Invalidation(changes))

    // Two reads that saw different rows and end in whatever order.
    for (first, second) in [(1, 2), (2, 1)] as [(Int64, Int64)] {
      let (one, two) = (begin(), begin())
      state.end(one, found: row(first))
      state.end(two, found: row(second))
      #expect(found() == nil)
    }
    // Reads that agree are kept, also beside one that was made void.
    read = begin()
    state.invalidate(Invalidation(changes))
    let next = begin()
    state.end(read, found: row(3))
    state.end(next, found: row(3))
    #expect(found() == .some(row(3)))
    // Another row with the same digest is not taken for it.
    #expect(state.find(1, "t", [.int(2)], at: now) == nil)
    #expect(state.find(1, "u", key, at: now) == nil)
  }

  @Test func aReplicaServesWhatItHasReached() {
    var state = ReplicaState(
      replicas: ["one"], tables: ["a", "b"], maximumLag: .seconds(10))
    let time = ContinuousClock.now
    func replay(_ position: UInt64) {
      _ = state.note(0, ReplicationStatus(isReplica: true, position: position))
    }
    state.notePrimary(at: 5, begin: state.now, time: time)
    replay(5)
    #expect(state.replica(for: "a") == 0 && state.replica(for: nil) == 0)
    // Only the table that was written goes to the primary, until what was looked at is replayed.
    let early = state.now
    state.noteChange(of: ["a"])
    state.notePrimary(at: 6, begin: early, time: time)
    replay(6)
    #expect(state.replica(for: "a") == nil && state.replica(for: "b") == 0)
    state.notePrimary(at: 7, begin: state.now, time: time)
    #expect(state.replica(for: "a") == nil && state.replica(for: nil) == nil)
    replay(7)
    #expect(state.replica(for: "a") == 0 && state.replica(for: nil) == 0)
    // What was seen at the primary counts while the primary is there; what was written, always.
    state.noteRead(of: ["b"])
    state.noteChange(of: ["a"])
    #expect(state.replica(for: "b") == nil)
    state.notePrimary(absence: "away")
    #expect(state.replica(for: "b") == 0 && state.replica(for: "a") == nil)
    // One that is promoted is no replica.
    #expect(state.note(0, ReplicationStatus(isReplica: false, position: 9)) != nil)
    #expect(state.replica(for: "b") == nil)
  }
}
