import Roost
import RoostCore

extension ConformanceSuite {
  static let triggers: [ConformanceCase] = [
    .init("trigger: insert, update and delete", everyEvent),
    .init("trigger: rows of one statement, a load, an upsert", severalRows),
    .init("trigger: rows that a cascade removes", cascades),
    .init("trigger: one sets off another", rollUp),
    .init("trigger: its error is the statement's", failing),
    .init("trigger: what a savepoint or transaction takes back", rollBack),
  ]

  private static func totals(_ session: some RecordSession) async throws -> [String] {
    try await session.select(Ledger.self).fetch().map { "\($0.id): \($0.total ?? .nan)" }
  }

  private static func everyEvent(_ store: Store) async throws {
    try await store.insert([Ledger(1), Ledger(2)])
    try await store.insert(Entry(1, in: 1, Numeric(2.5)))
    try expect(try await totals(store), ["1: 2.50", "2: 0.00"])
    try await store.update(Entry(1, in: 1, 4))
    try expect(try await totals(store), ["1: 4.00", "2: 0.00"])
    try await store.update(Entry(1, in: 2, 5))
    try expect(try await totals(store), ["1: 0.00", "2: 5.00"])
    try await store.delete(Entry.self, 1)
    try expect(try await totals(store), ["1: 0.00", "2: 0.00"])
  }

  private static func severalRows(_ store: Store) async throws {
    try await store.insert([Ledger(1), Ledger(2)])
    try await store.insert([Entry(1, in: 1, 1), Entry(2, in: 2, 2), Entry(3, in: 1, 3)])
    try expect(try await totals(store), ["1: 4.00", "2: 2.00"])
    try await store.load([Entry(4, in: 2, 4), Entry(5, in: 2, 5)])
    try expect(try await totals(store), ["1: 4.00", "2: 11.00"])
    try await store.upsert([Entry(5, in: 1, 6), Entry(6, in: 1, 7)])
    try expect(try await totals(store), ["1: 17.00", "2: 6.00"])
    try await store.insertOrIgnore([Entry(5, in: 1, 50), Entry(7, in: 2, 1)])
    try expect(try await totals(store), ["1: 17.00", "2: 7.00"])
    try await store.select(Entry.self).where { $0.ledgerID == 1 }
      .update { [$0.amount.increment(by: Numeric(0.25))] }
    try expect(try await totals(store), ["1: 18.00", "2: 7.00"])
    try await store.select(Entry.self).where { $0.id <= 4 }.delete()
    try expect(try await totals(store), ["1: 13.50", "2: 1.00"])
  }

  private static func cascades(_ store: Store) async throws {
    try await store.insert([Parent(1), Parent(2)])
    try await store.insert([Ledger(1), Ledger(2)])
    try await store.insert([
      Entry(1, in: 1, by: 1, 1), Entry(2, in: 1, by: 2, 2), Entry(3, in: 2, by: 1, 3),
      Entry(4, in: 2, 4),
    ])
    try await store.delete(Parent.self, 1)
    try expect(try await totals(store), ["1: 2.00", "2: 4.00"])
    try await store.delete(Ledger.self, 1)
    try expect(try await totals(store), ["2: 4.00"])
    try expect(try await store.select(Entry.self).values { $0.id }, [4])
  }

  private static func rollUp(_ store: Store) async throws {
    try await store.insert([Ledger(1), Ledger(2, below: 1), Ledger(3, below: 2), Ledger(4)])
    try await store.insert([Entry(1, in: 3, 1), Entry(2, in: 2, 2), Entry(3, in: 4, 4)])
    try expect(try await totals(store), ["1: 3.00", "2: 3.00", "3: 1.00", "4: 4.00"])
    try await store.update(Entry(3, in: 3, 5))
    try expect(try await totals(store), ["1: 8.00", "2: 8.00", "3: 6.00", "4: 0.00"])
    try await store.delete(Ledger.self, 2)
    try expect(try await totals(store), ["1: 8.00", "3: 6.00", "4: 0.00"])
  }

  private static func failing(_ store: Store) async throws {
    try await store.insert([Ledger(1), Ledger(2, below: 1)])
    try await store.insert([Entry(1, in: 2, 60)])
    let error = try await expectError(.checkViolation, constraint: "ledgers_total_limit") {
      try await store.insert([Entry(2, in: 2, 1), Entry(3, in: 1, 40)])
    }
    try expect(error.table, "ledgers")
    try expect(try await totals(store), ["1: 60.00", "2: 60.00"])
    try expect(try await store.select(Entry.self).values { $0.id }, [1])
    try await expectError(.checkViolation, constraint: "entries_amount_check") {
      try await store.insert(Entry(2, in: 2, -1))
    }
    try await expectError(.foreignKeyViolation, constraint: "entries_ledger_id_fkey") {
      try await store.insert(Entry(2, in: 9, 1))
    }
  }

  private static func rollBack(_ store: Store) async throws {
    try await store.insert([Ledger(1), Ledger(2, below: 1)])
    try await store.transaction { transaction in
      try await transaction.insert(Entry(1, in: 2, 1))
      do {
        try await transaction.savepoint {
          try await transaction.insert(Entry(2, in: 2, 2))
          try expect(try await totals(transaction), ["1: 3.00", "2: 3.00"])
          throw ConformanceFailure("on purpose")
        }
      } catch is ConformanceFailure {}
      try expect(try await totals(transaction), ["1: 1.00", "2: 1.00"])
    }
    do {
      try await store.transaction { transaction in
        try await transaction.insert(Entry(3, in: 2, 3))
        throw ConformanceFailure("on purpose")
      }
    } catch is ConformanceFailure {}
    try expect(try await totals(store), ["1: 1.00", "2: 1.00"])
  }
}
