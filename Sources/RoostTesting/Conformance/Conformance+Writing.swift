import Foundation
import Roost
import RoostCore

extension ConformanceSuite {
  static let writing: [ConformanceCase] = [
    .init("insert: defaults, serial keys, returning", insertDefaults),
    .init("insert: no rows", insertNothing),
    .init("insertOrIgnore: passes conflicts over", insertOrIgnore),
    .init("upsert: inserts, changes, preserves", upsert),
    .init("upsert: only if changed", upsertIfChanged),
    .init("upsert: by a unique constraint", upsertByUnique),
    .init("upsert: the same key twice", upsertTwice),
    .init("update: a record by key", updateRecord),
    .init("update: by filter, over the old row", updateByFilter),
    .init("update: of no rows still checks its values", updateOfNothing),
    .init("delete: by key and by filter", delete),
    .init("load: all or none, continues the sequence", load),
    .init("load: many rows, chunked", loadMany),
  ]

  private static func insertDefaults(_ store: Store) async throws {
    let stored = try await store.insert([Account("Ann"), Account("Bob", visits: 3)])
    try expect(stored.map(\.name), ["Ann", "Bob"])
    try expect(stored.map(\.visits), [0, 3])
    try expect(
      stored.allSatisfy { $0.id != nil && $0.token != nil && $0.createdAt != nil }, "filled")
    try expect(Set(stored.compactMap(\.id)).count, 2)
    try expect(Set(stored.compactMap(\.token)).count, 2)
    try expect((stored[0].id ?? 0) < (stored[1].id ?? 0), "serial keys ascend in a batch")
    try expect(stored[0].createdAt, stored[1].createdAt, "one time for a batch")
    try expect(try await store.select(Account.self).fetch(), stored)
    let item = try await store.insert(Item("a", 1, "x"))
    try expect(item.quantity, 1)
    try expect(item.mood, .ok)
    let mixed = try await store.insert([
      Account("Cid", id: 1_000), Account("Dan"), Account("Eve", id: 2_000),
    ])
    try expect(mixed.map(\.name), ["Cid", "Dan", "Eve"], "in the order given")
  }

  private static func insertNothing(_ store: Store) async throws {
    try expect(try await store.insert([Account]()).count, 0)
    try expect(try await store.upsert([Account]()).count, 0)
    try expect(try await store.load([Account]()), 0)
  }

  private static func insertOrIgnore(_ store: Store) async throws {
    try await store.insert([Parent(1, code: "a"), Parent(2, code: "b")])
    let stored = try await store.insertOrIgnore([
      Parent(1, code: "x"), Parent(3, code: "b"), Parent(4, code: "c"), Parent(4, code: "d"),
    ])
    try expect(stored, [Parent(4, code: "c")], "key, unique and the batch's own rows")
    try expect(try await store.lines("parents"), ["[1, 'a']", "[2, 'b']", "[4, 'c']"])
    try await expectError(.checkViolation, constraint: "accounts_age_adult") {
      try await store.insertOrIgnore([Account("Ann", age: 1)])
    }
  }

  private static func upsert(_ store: Store) async throws {
    try await store.insert([Item("a", 1, "one", quantity: 5, owner: "x")])
    let stored = try await store.upsert(
      [Item("a", 1, "two", quantity: 6, mood: .sad), Item("a", 2, "three", quantity: 7)],
      preserving: { [$0.owner, $0.mood] })
    try expect(stored.map(\.title), ["two", "three"])
    try expect(
      try await store.lines("items"),
      ["['a', 1, 'two', 6, label'ok', 'x']", "['a', 2, 'three', 7, label'ok', NULL]"])
    try await expectError(.checkViolation, constraint: "items_quantity_check") {
      try await store.upsert([Item("a", 1, "two", quantity: -1)])
    }
    try await expectError(.uniqueViolation, constraint: "items_title_owner_key") {
      try await store.upsert([Item("b", 1, "two", owner: "x")])
    }
  }

  private static func upsertIfChanged(_ store: Store) async throws {
    try await store.insert([Item("a", 1, "one", quantity: 5), Item("a", 2, "two", quantity: 5)])
    let changed = try await store.upsert(
      [
        Item("a", 1, "one", quantity: 9), Item("a", 2, "other", quantity: 9),
        Item("a", 3, "three", quantity: 9),
      ], ifChanged: { [$0.title, $0.owner] })
    try expect(changed.map(\.slot), [2, 3])
    try expect(try await store.select(Item.self).values { $0.quantity }, [5, 9, 9])
    let owned = try await store.upsert(
      [Item("a", 1, "one", quantity: 7, owner: "o")], ifChanged: { [$0.title, $0.owner] })
    try expect(owned.map(\.quantity), [7], "NULL is distinct from a text")
    let never = try await store.upsert(
      [Item("a", 1, "never", quantity: 8)], ifChanged: { _ in [] })
    try expect(never.count, 0, "no column can differ when none is named")
    try expect(try await store.find(Item.self, "a", 1)?.title, "one")
  }

  private static func upsertByUnique(_ store: Store) async throws {
    let first = try await store.insert(Account("Ann", email: "ann@x", visits: 1))
    let second = try await store.upsert(
      [Account("Anna", email: "ann@x", visits: 2), Account("Bob", email: "bob@x")],
      on: { [$0.email] }, preserving: { [$0.createdAt, $0.token] })
    try expect(second[0].id, first.id, "the row keeps its key")
    try expect(second[0].token, first.token)
    try expect(second[0].name, "Anna")
    try expect(try await store.select(Account.self).count(), 2)
    let nulls = try await store.upsert(
      [Account("Cid"), Account("Dan")], on: { [$0.email] })
    try expect(nulls.count, 2, "NULLs never meet")
    try await expectError(.invalidQuery) {
      try await store.upsert([Account("Eve")], on: { [$0.age] })
    }
  }

  private static func upsertTwice(_ store: Store) async throws {
    try await expectError(.duplicateInBatch) {
      try await store.upsert([Parent(1, code: "a"), Parent(2), Parent(1, code: "b")])
    }
    try expect(try await store.lines("parents"), [])
    let two = try await store.upsert(
      [Parent(1, code: "é"), Parent(2, code: "e\u{301}")], on: { [$0.code] })
    try expect(two.count, 2, "composed and decomposed are two keys")
  }

  private static func updateRecord(_ store: Store) async throws {
    try await store.insert(Item("a", 1, "one", quantity: 2, owner: "x"))
    let stored = try await store.update(Item("a", 1, "uno"))
    try expect(stored, Item("a", 1, "uno", quantity: 1, mood: .ok))
    try await expectError(.notFound) { try await store.update(Item("a", 2, "two")) }
    try expect(try await store.select(Item.self).count(), 1)
  }

  private static func updateByFilter(_ store: Store) async throws {
    try await store.insert(
      [1, 2, 3, 4].map { (slot: Int) in Item("a", slot, "t\(slot)", quantity: slot) })
    let count = try await store.select(Item.self).where { $0.slot > 2 }
      .update { [$0.quantity.increment(by: 10), $0.owner.set(to: "o")] }
    try expect(count, 2)
    try expect(try await store.select(Item.self).values { $0.quantity }, [1, 2, 13, 14])
    let swapped = try await store.select(Item.self).where { $0.slot == 4 }.updateReturning {
      columns in
      [
        .init("slot", .column("quantity")), .init("quantity", .column("slot")),
      ]
    }
    try expect(swapped.map(\.slot), [14])
    try expect(swapped.map(\.quantity), [4])
    try await expectError(.checkViolation, constraint: "items_quantity_check") {
      try await store.select(Item.self).update { [$0.quantity.increment(by: -4)] }
    }
    try expect(try await store.select(Item.self).values { $0.quantity }, [1, 2, 13, 4])
    let nulls = try await store.insert(Ranking(1))
    try await store.select(Ranking.self).update { [$0.points.increment(by: 1)] }
    try expect(try await store.find(Ranking.self, nulls.id)?.points, nil, "NULL stays NULL")
    try await store.select(Ranking.self).update { [$0.level.set(to: 2_147_483_647)] }
    try await expectError(.valueOutOfRange) {
      try await store.select(Ranking.self).update { [$0.level.increment(by: 1)] }
    }
  }

  private static func updateOfNothing(_ store: Store) async throws {
    let none = store.select(Sample.self).where { $0.id > 5 }
    try expect(try await none.update { [$0.short.set(to: "ok")] }, 0)
    try await expectError(.valueTooLong) { try await none.update { [$0.short.set(to: "123456")] } }
    try await expectError(.valueOutOfRange) { try await none.update { [$0.small.set(to: 40_000)] } }
    try await expectError(.undefinedColumn) {
      try await none.update { _ in [.init("nothing", .literal(.int(1)))] }
    }
  }

  private static func delete(_ store: Store) async throws {
    try await store.insert((1...6).map { Ranking($0, points: $0) })
    try expect(try await store.delete(Ranking.self, 2), true)
    try expect(try await store.delete(Ranking.self, 2), false)
    try expect(try await store.select(Ranking.self).where { $0.points > 4 }.delete(), 2)
    try expect(try await store.select(Ranking.self).values { $0.id }, [1, 3, 4])
    try expect(try await store.select(Ranking.self).delete(), 3)
  }

  private static func load(_ store: Store) async throws {
    try await store.insert(Account("Zoe"))
    try expect(
      try await store.load([Account("Ann", id: 500), Account("Bob", id: 300)]), 2)
    let next = try await store.insert(Account("Cid"))
    try expect((next.id ?? 0) > 500, "the sequence goes on behind the greatest key")
    try await expectError(.uniqueViolation, constraint: "accounts_pkey") {
      try await store.load([Account("Dan", id: 900), Account("Eve", id: 500)])
    }
    // Rows that give other columns are one load all the same.
    try await expectError(.uniqueViolation, constraint: "accounts_pkey") {
      try await store.load([Account("Fay"), Account("Dan", id: 900), Account("Eve", id: 500)])
    }
    try expect(try await store.select(Account.self).count(), 4)
    try expect(
      try await store.load([Account("Dan"), Account("Eve", id: 700), Account("Gus")]), 3)
    try expect(try await store.select(Account.self).where { $0.name == "Gus" }.first()?.id, 701)
  }

  private static func loadMany(_ store: Store) async throws {
    let count = 10_500
    try expect(try await store.load((1...count).map { Ranking($0, level: $0) }), count)
    try expect(try await store.select(Ranking.self).count(), count)
    let keys = stride(from: count, to: 0, by: -1).map { [Value.int(Int64($0))] }
    let found = try await store.find(Ranking.self, keys: keys)
    try expect(found.compactMap { $0?.level }.first, count)
    try expect(found.count { $0 != nil }, count)
    try await expectError(.uniqueViolation, constraint: "rankings_pkey") {
      try await store.insert((count...(count + 10_100)).reversed().map { Ranking($0) })
    }
    try await expectError(.uniqueViolation, constraint: "rankings_pkey") {
      try await store.load((count...(count + 10_100)).reversed().map { Ranking($0) })
    }
    try expect(try await store.select(Ranking.self).count(), count, "no chunk of it stays")
  }
}
