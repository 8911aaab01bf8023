import Roost
import RoostCore

extension ConformanceSuite {
  static let transactions: [ConformanceCase] = [
    .init("transaction: commits, and rolls back on an error", commitAndRollBack),
    .init("transaction: sees its own changes, others do not", isolation),
    .init("transaction: an error dooms it", doomed),
    .init("transaction: a validation error dooms it", doomedByValidation),
    .init("savepoint: rolls back to its start", savepoint),
    .init("savepoint: nested", nestedSavepoints),
    .init("savepoint: an error that its body hides", hiddenError),
    .init("transaction: the store inside its own is refused", nestedTransaction),
    .init("transaction: the time is constant", constantTime),
    .init("transaction: read-only refuses changes", readOnly),
    .init("transaction: its deadline ends it", deadline),
    .init("transaction: reads and scans in one snapshot", snapshot),
  ]

  private static func commitAndRollBack(_ store: Store) async throws {
    let result = try await store.transaction { transaction in
      try await transaction.insert(Parent(1))
      return 7
    }
    try expect(result, 7)
    do {
      try await store.transaction { transaction in
        try await transaction.insert(Parent(2))
        try await transaction.delete(Parent.self, 1)
        throw OwnError(number: 5)
      }
      throw ConformanceFailure("the body's error was lost")
    } catch let error as OwnError {
      try expect(error, OwnError(number: 5))
    }
    try expect(try await store.select(Parent.self).values { $0.id }, [1])
  }

  private static func isolation(_ store: Store) async throws {
    try await store.insert(Parent(1, code: "old"))
    try await store.transaction { transaction in
      try await transaction.update(Parent(1, code: "new"))
      try await transaction.insert(Parent(2))
      try expect(try await transaction.find(Parent.self, 1)?.code, "new")
      try expect(try await transaction.select(Parent.self).count(), 2)
      // Past the store, which would refuse it as nested.
      let outside = try await store.backend.query(Query(table: "parents"))
      try expect(outside.map { ValueText.exact($0) }, ["[1, 'old']"])
    }
    try expect(try await store.lines("parents"), ["[1, 'new']", "[2, NULL]"])
  }

  private static func doomed(_ store: Store) async throws {
    try await store.insert(Parent(1))
    try await expectError(.transactionAborted, "a normal return") {
      try await store.transaction { transaction in
        try await transaction.insert(Parent(2))
        try await expectError(.uniqueViolation, constraint: "parents_pkey") {
          try await transaction.insert(Parent(1))
        }
        try await expectError(.transactionAborted, "a later read") {
          _ = try await transaction.select(Parent.self).count()
        }
        try await expectError(.transactionAborted, "a later write") {
          try await transaction.insert(Parent(3))
        }
        try await expectError(.transactionAborted, "a later savepoint") {
          try await transaction.savepoint {}
        }
      }
    }
    try expect(try await store.select(Parent.self).values { $0.id }, [1])
  }

  private static func doomedByValidation(_ store: Store) async throws {
    try await expectError(.transactionAborted) {
      try await store.transaction { transaction in
        try await transaction.insert(Parent(1))
        try await expectError(.valueTooLong) {
          try await transaction.insert(Parent(2, code: "longer than ten"))
        }
      }
    }
    try await expectError(.transactionAborted) {
      try await store.transaction { transaction in
        try await transaction.insert(Parent(1))
        try await expectError(.duplicateInBatch) {
          try await transaction.upsert([Parent(2), Parent(2)])
        }
      }
    }
    try await expectError(.transactionAborted) {
      try await store.transaction { transaction in
        try await transaction.insert(Parent(1))
        try await expectError(.notFound) { try await transaction.update(Parent(2)) }
      }
    }
    try expect(try await store.lines("parents"), [])
  }

  private static func savepoint(_ store: Store) async throws {
    try await store.transaction { transaction in
      try await transaction.insert(Parent(1))
      let value = try await transaction.savepoint {
        try await transaction.insert(Parent(2))
        return "kept"
      }
      try expect(value, "kept")
      do {
        try await transaction.savepoint {
          try await transaction.insert(Parent(3))
          try await transaction.delete(Parent.self, 1)
          throw OwnError()
        }
      } catch is OwnError {}
      try await expectError(.uniqueViolation, constraint: "parents_pkey") {
        try await transaction.savepoint {
          try await transaction.insert(Parent(4))
          try await transaction.insert(Parent(1))
        }
      }
      try await transaction.insert(Parent(5))
    }
    try expect(try await store.select(Parent.self).values { $0.id }, [1, 2, 5])
  }

  private static func nestedSavepoints(_ store: Store) async throws {
    try await store.transaction { transaction in
      try await transaction.savepoint {
        try await transaction.insert(Parent(1))
        do {
          try await transaction.savepoint {
            try await transaction.insert(Parent(2))
            _ = try await transaction.savepoint { try await transaction.insert(Parent(3)) }
            throw OwnError()
          }
        } catch is OwnError {}
        _ = try await transaction.savepoint { try await transaction.insert(Parent(4)) }
      }
      do {
        try await transaction.savepoint {
          _ = try await transaction.savepoint { try await transaction.insert(Parent(5)) }
          throw OwnError()
        }
      } catch is OwnError {}
    }
    try expect(try await store.select(Parent.self).values { $0.id }, [1, 4])
  }

  private static func hiddenError(_ store: Store) async throws {
    try await store.insert(Parent(1))
    try await store.transaction { transaction in
      try await expectError(.transactionAborted) {
        try await transaction.savepoint {
          try await transaction.insert(Parent(2))
          _ = try? await transaction.insert(Parent(1))
        }
      }
      try await transaction.insert(Parent(3))
    }
    try expect(try await store.select(Parent.self).values { $0.id }, [1, 3])
  }

  private static func nestedTransaction(_ store: Store) async throws {
    try await store.transaction { transaction in
      try await transaction.insert(Parent(1))
      try await expectError(.nestedTransaction) { try await store.insert(Parent(2)) }
      try await expectError(.nestedTransaction) { _ = try await store.select(Parent.self).count() }
      try await expectError(.nestedTransaction) {
        try await store.select(Parent.self).scan { _ in }
      }
      try await expectError(.nestedTransaction) { try await store.transaction { _ in } }
      try await transaction.insert(Parent(3))
    }
    try expect(try await store.select(Parent.self).values { $0.id }, [1, 3])
  }

  private static func constantTime(_ store: Store) async throws {
    let times = try await store.transaction { transaction in
      let first = try await transaction.insert(Account("Ann"))
      try await Task.sleep(for: .milliseconds(3))
      let second = try await transaction.insert(Account("Bob"))
      return [first.createdAt, second.createdAt]
    }
    try expect(times[0], times[1])
    try await Task.sleep(for: .milliseconds(3))
    let later = try await store.insert(Account("Cid"))
    guard let time = later.createdAt, let first = times[0] else {
      throw ConformanceFailure("a default is missing")
    }
    try expect(
      time.microsecondsSince2000 > first.microsecondsSince2000, "a later call has a later time")
  }

  private static func readOnly(_ store: Store) async throws {
    try await store.insert(Parent(1))
    let options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
    let count = try await store.transaction(options) { try await $0.select(Parent.self).count() }
    try expect(count, 1)
    do {
      try await store.transaction(options) { _ = try await $0.insert(Parent(2)) }
      throw ConformanceFailure("a read-only transaction wrote")
    } catch let error as StoreError {
      try expect(error.code, .invalidQuery)
    }
    try expect(try await store.select(Parent.self).count(), 1)
  }

  private static func deadline(_ store: Store) async throws {
    let options = TransactionOptions(deadline: .milliseconds(150))
    try await expectError(.deadlineExceeded) {
      try await store.transaction(options) { transaction in
        try await transaction.insert(Parent(1))
        try await Task.sleep(for: .milliseconds(600))
        try await transaction.insert(Parent(2))
      }
    }
    try await expectError(.deadlineExceeded, "in a savepoint") {
      try await store.transaction(options) { transaction in
        try await transaction.savepoint {
          try await transaction.insert(Parent(1))
          try await Task.sleep(for: .milliseconds(600))
          try await transaction.insert(Parent(2))
        }
      }
    }
    try await expectError(.deadlineExceeded, "a return behind it") {
      try await store.transaction(options) { transaction in
        try await transaction.insert(Parent(1))
        try await Task.sleep(for: .milliseconds(600))
      }
    }
    try await store.insert(Parent(3))
    try expect(try await store.select(Parent.self).values { $0.id }, [3])
  }

  private static func snapshot(_ store: Store) async throws {
    try await store.load((1...30).map { Ranking($0) })
    let options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
    try await store.transaction(options) { transaction in
      try expect(try await transaction.select(Ranking.self).count(), 30)
      _ = try await store.backend.apply([.delete(.init(table: "rankings", filter: nil))])
      try expect(try await transaction.select(Ranking.self).count(), 30)
      let seen = Collector<Int>()
      try await transaction.select(Ranking.self).scan(batchSize: 7) { seen.add($0.count) }
      try expect(seen.all, [7, 7, 7, 7, 2])
    }
    try expect(try await store.select(Ranking.self).count(), 0)
  }
}
