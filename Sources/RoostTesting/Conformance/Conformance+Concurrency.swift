import Roost
import RoostCore

extension ConformanceSuite {
  static let concurrency: [ConformanceCase] = [
    .init("concurrency: increments are atomic", increments),
    .init("concurrency: serializable transactions are retried", serializable),
    .init("concurrency: rows locked for update", lockedRows),
    .init("concurrency: skipping locked rows, each job once", skipLocked),
    .init("concurrency: one of many inserts of a key wins", racingInserts),
    .init("concurrency: cancellation leaves nothing", cancellation),
  ]

  private static func increments(_ store: Store) async throws {
    try await store.insert(Ranking(1, points: 0))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<10 {
            try await store.select(Ranking.self).where { $0.id == 1 }
              .update { [$0.points.increment(by: 1)] }
          }
        }
      }
      try await group.waitForAll()
    }
    try expect(try await store.find(Ranking.self, 1)?.points, 80)
  }

  private static func serializable(_ store: Store) async throws {
    try await store.insert(Ranking(1, level: 0))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<5 {
            try await store.transaction(TransactionOptions(attempts: 100)) { transaction in
              var ranking = try await transaction.get(Ranking.self, 1)
              ranking.level += 1
              try await transaction.update(ranking)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    try expect(try await store.find(Ranking.self, 1)?.level, 20)
  }

  private static func lockedRows(_ store: Store) async throws {
    try await store.insert(Ranking(1, level: 0))
    let options = TransactionOptions(isolation: .readCommitted)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<5 {
            try await store.transaction(options) { transaction in
              guard var ranking = try await transaction.find(Ranking.self, 1, lock: .forUpdate)
              else { throw ConformanceFailure("the row is gone") }
              ranking.level += 1
              try await transaction.update(ranking)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    try expect(try await store.find(Ranking.self, 1)?.level, 20, "a lock loses no update")
    let shared = try await store.transaction(options) { transaction in
      try await transaction.select(Ranking.self).locked(.forShare).fetch().count
    }
    try expect(shared, 1)
  }

  private static func skipLocked(_ store: Store) async throws {
    try await store.load((1...20).map { Ranking($0, level: 0) })
    let taken = Collector<Int>()
    let options = TransactionOptions(isolation: .readCommitted)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          while true {
            let job = try await store.transaction(options) { transaction -> Int? in
              let jobs = transaction.select(Ranking.self).where { $0.level == 0 }
                .limit(1).locked(.forUpdateSkippingLocked)
              guard let job = try await jobs.first() else { return nil }
              try await transaction.select(Ranking.self).where { $0.id == job.id }
                .update { [$0.level.set(to: 1)] }
              return job.id
            }
            guard let job else { return }
            taken.add(job)
          }
        }
      }
      try await group.waitForAll()
    }
    try expect(taken.all.sorted(), Array(1...20), "each job once")
  }

  private static func racingInserts(_ store: Store) async throws {
    let outcomes = Collector<String>()
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<8 {
        group.addTask {
          do {
            try await store.insert(Parent(number, code: "same"))
            outcomes.add("in")
          } catch let error as StoreError {
            outcomes.add("\(error.code) \(error.constraint ?? "")")
          } catch {
            outcomes.add("\(error)")
          }
        }
      }
    }
    let expected = Array(repeating: "uniqueViolation parents_code_key", count: 7)
    try expect(outcomes.all.sorted(), ["in"] + expected)
    try expect(try await store.select(Parent.self).count(), 1)
  }

  private static func cancellation(_ store: Store) async throws {
    let started = Collector<Void>()
    let task = Task {
      try await store.transaction { transaction in
        try await transaction.insert(Parent(1))
        started.add(())
        try await Task.sleep(for: .seconds(60))
      }
    }
    while started.all.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
    task.cancel()
    if case .success = await task.result {
      throw ConformanceFailure("a cancelled transaction was committed")
    }
    try await store.insert(Parent(2))
    try expect(try await store.select(Parent.self).values { $0.id }, [2])
  }
}
