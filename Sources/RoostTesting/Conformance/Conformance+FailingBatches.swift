import Roost
import RoostCore

extension ConformanceSuite {
  /// Every cause of failure in the middle of a batch, by every way to write a batch.
  static let failingBatches: [ConformanceCase] = [
    .init(
      "failing batch: not null", { try await tryBatch($0, Item("m", 5, nil), .notNullViolation) }),
    .init("failing batch: check") {
      try await tryBatch(
        $0, Item("m", 5, "m", quantity: -1), .checkViolation, "items_quantity_check")
    },
    .init("failing batch: unique") {
      try await tryBatch(
        $0, Item("m", 5, "taken", owner: "o"), .uniqueViolation, "items_title_owner_key")
    },
    .init("failing batch: partial unique index") {
      try await tryBatch(
        $0, Item("m", 5, "happy", mood: .happy), .uniqueViolation, "items_happy_title")
    },
    .init("failing batch: too long") {
      try await tryBatch($0, Item("longer than ten", 5, "m"), .valueTooLong)
    },
    .init("failing batch: out of range") {
      try await tryBatch($0, Item("m", 1 << 33, "m"), .valueOutOfRange)
    },
    .init("failing batch: conversion") {
      try await tryBatch($0, Item("m\0", 5, "m"), .invalidValue)
    },
    .init("failing batch: the same key twice", failWithDuplicates),
    .init("failing batch: foreign key", failWithForeignKey),
    .init("failing batch: in a transaction and a savepoint", failInTransaction),
    .init("failing batch: update and delete by filter", failByFilter),
  ]

  private static func batch(_ wrong: Item) -> [Item] {
    items(0..<20) + [wrong] + items(20..<40)
  }

  private static func items(_ slots: Range<Int>) -> [Item] {
    slots.map { slot in Item("n", slot, "n\(slot)", quantity: slot) }
  }

  private static func tryBatch(
    _ store: Store, _ wrong: Item, _ code: StoreError.Code, _ constraint: String? = nil
  ) async throws {
    try await store.insert([
      Item("a", 1, "taken", owner: "o"), Item("a", 2, "happy", mood: .happy),
    ])
    let before = try await store.lines("items")
    let items = batch(wrong)
    try await expectError(code, constraint: constraint, "insert") { try await store.insert(items) }
    try expect(try await store.lines("items"), before, "insert")
    try await expectError(code, constraint: constraint, "load") { try await store.load(items) }
    try expect(try await store.lines("items"), before, "load")
    try await expectError(code, constraint: constraint, "upsert") { try await store.upsert(items) }
    try expect(try await store.lines("items"), before, "upsert")
    if code != .uniqueViolation {
      try await expectError(code, constraint: constraint, "insertOrIgnore") {
        try await store.insertOrIgnore(items)
      }
      try expect(try await store.lines("items"), before, "insertOrIgnore")
    }
    // What failed has left nothing behind that would be in the way.
    try expect(try await store.insert(Self.items(0..<40)).count, 40)
  }

  private static func failWithDuplicates(_ store: Store) async throws {
    let items = batch(Item("n", 3, "again"))
    try await expectError(.uniqueViolation, constraint: "items_pkey") {
      try await store.insert(items)
    }
    try await expectError(.uniqueViolation, constraint: "items_pkey") {
      try await store.load(items)
    }
    try await expectError(.duplicateInBatch) { try await store.upsert(items) }
    try expect(try await store.lines("items"), [])
    try expect(try await store.insertOrIgnore(items).count, 40)
  }

  private static func failWithForeignKey(_ store: Store) async throws {
    try await store.insert((1...5).map { Parent($0) })
    let links = (1...30).map { Link($0, cascade: $0 == 15 ? 99 : $0 % 5 + 1) }
    try await expectError(.foreignKeyViolation, constraint: "links_cascade_id_fkey") {
      try await store.insert(links)
    }
    try await expectError(.foreignKeyViolation, constraint: "links_cascade_id_fkey") {
      try await store.load(links)
    }
    try await expectError(.foreignKeyViolation, constraint: "links_cascade_id_fkey") {
      try await store.upsert(links)
    }
    try await expectError(.foreignKeyViolation, constraint: "links_cascade_id_fkey") {
      try await store.insertOrIgnore(links)
    }
    try expect(try await store.lines("links"), [])
    try expect(try await store.lines("parents").count, 5)
  }

  private static func failInTransaction(_ store: Store) async throws {
    let items = batch(Item("m", 5, nil))
    try await expectError(.notNullViolation, "the error leaves the transaction") {
      try await store.transaction { transaction in
        try await transaction.insert(Parent(1))
        try await transaction.insert(items)
      }
    }
    try expect(try await store.lines("parents"), [])
    try await store.transaction { transaction in
      try await transaction.insert(Parent(1))
      try await expectError(.notNullViolation) {
        try await transaction.savepoint {
          try await transaction.insert(Parent(2))
          try await transaction.insert(items)
        }
      }
      try await transaction.insert(Parent(3))
    }
    try expect(try await store.lines("parents"), ["[1, NULL]", "[3, NULL]"])
    try expect(try await store.lines("items"), [])
  }

  private static func failByFilter(_ store: Store) async throws {
    try await store.insert(items(0..<10))
    let before = try await store.lines("items")
    try await expectError(.checkViolation, constraint: "items_quantity_check") {
      try await store.select(Item.self).where { $0.slot > 2 }
        .update { [$0.quantity.increment(by: -5)] }
    }
    try await expectError(.uniqueViolation, constraint: "items_pkey") {
      try await store.select(Item.self).update { [$0.slot.set(to: 3)] }
    }
    try expect(try await store.lines("items"), before)
    try await store.insert((1...3).map { Parent($0) })
    try await store.insert(Link(1, action: 2))
    try await expectError(.foreignKeyViolation, constraint: "links_action_id_fkey") {
      try await store.select(Parent.self).delete()
    }
    try expect(try await store.select(Parent.self).count(), 3)
  }
}
