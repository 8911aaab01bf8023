import Foundation
import Roost
import RoostTesting
import Synchronization
import Testing

/// Transactions of a store whose items are in Postgres and whose logs are in memory.
@Suite(.timeLimit(.minutes(15))) struct RoutedTransactionTests {
  private struct OwnError: Error, Equatable {}

  @Test func calls() async throws {
    try await Routed.withStore { store in
      try await store.insert((1...20).map { RoutedItem(id: $0, text: "i\($0)") })
      try await store.load((1...20).map { RoutedLog(id: $0, text: "l\($0)") })
      #expect(try await store.find(RoutedItem.self, 7) == RoutedItem(id: 7, text: "i7"))
      #expect(try await store.find(RoutedLog.self, 7) == RoutedLog(id: 7, text: "l7"))
      #expect(try await store.select(RoutedItem.self).sum { $0.id } == .int(210))
      let plan = try await store.select(RoutedLog.self).where { $0.id == 1 }.explain()
      #expect(plan == "route_logs_pkey on route_logs: 1 fixed column x 1, in order")
      let seen = Mutex(0)
      try await store.select(RoutedItem.self).scan(batchSize: 6) { batch in
        seen.withLock { $0 += batch.count }
      }
      #expect(seen.withLock { $0 } == 20)
      #expect(try await store.backend.apply([]) == [])
      let error = await Routed.expect(.unsupported) {
        _ = try await store.backend.apply([
          .delete(.init(table: "route_tags", filter: nil)),
          .delete(.init(table: "route_items", filter: nil)),
          .delete(.init(table: "route_logs", filter: nil)),
        ])
      }
      #expect(error?.table == "route_logs")
      #expect(error?.message.contains(#"but "route_tags" is in postgres://roost@"#) == true)
      #expect(error?.message.hasSuffix(#"and "route_logs" in memory:"#) == true)
      #expect(try await store.select(RoutedItem.self).count() == 20, "nothing was done")
      _ = await Routed.expect(.undefinedTable) {
        _ = try await store.backend.query(Query(table: "nothing"))
      }
    }
  }

  @Test func commitAndRollBack() async throws {
    try await Routed.withStore { store in
      for round in 1...3 {
        let result = try await store.transaction { transaction in
          try await transaction.insert(RoutedItem(id: round, text: "kept"))
          return try await transaction.select(RoutedItem.self).count()
        }
        #expect(result == round)
        await #expect(throws: OwnError()) {
          try await store.transaction { transaction in
            try await transaction.insert(RoutedItem(id: 100 + round, text: "lost"))
            throw OwnError()
          }
        }
        await #expect(throws: OwnError()) {
          try await store.transaction { transaction in
            try await transaction.insert(RoutedLog(id: round, text: "lost"))
            throw OwnError()
          }
        }
      }
      #expect(try await store.select(RoutedItem.self).values { $0.id } == [1, 2, 3])
      #expect(try await store.select(RoutedLog.self).values { $0.id } == [0])
      let untouched = try await store.transaction { _ in 7 }
      #expect(untouched == 7)
      await #expect(throws: OwnError()) { try await store.transaction { _ in throw OwnError() } }
    }
  }

  @Test func twoPlaces() async throws {
    try await Routed.withStore { store in
      let error = await Routed.expect(.transactionAborted, "a normal return") {
        try await store.transaction { transaction in
          try await transaction.insert(RoutedItem(id: 1, text: "x"))
          let error = await Routed.expect(.unsupported) {
            try await transaction.insert(RoutedLog(id: 1, text: "y"))
          }
          #expect(error?.message.contains(#"but "route_items" is in postgres://"#) == true)
          #expect(error?.message.hasSuffix(#"and "route_logs" in memory:"#) == true)
          _ = await Routed.expect(.transactionAborted, "the first place, too") {
            _ = try await transaction.select(RoutedItem.self).count()
          }
        }
      }
      #expect(error?.message.contains("route_logs") == true)
      // The backend itself, without a store above it, dooms its transaction in the same way.
      _ = await Routed.expect(.transactionAborted) {
        try await store.backend.transaction(TransactionOptions()) { transaction in
          let log = Mutation.insert(
            .init(table: "route_logs", columns: ["id", "text"], rows: [[.int(5), .text("z")]]))
          _ = try await transaction.apply([log])
          _ = await Routed.expect(.unsupported) {
            _ = try await transaction.query(Query(table: "route_items"))
          }
          _ = await Routed.expect(.transactionAborted) { _ = try await transaction.apply([log]) }
          _ = await Routed.expect(.transactionAborted) { try await transaction.savepoint {} }
        }
      }
      // A savepoint survives it.
      try await store.transaction { transaction in
        try await transaction.insert(RoutedLog(id: 2, text: "kept"))
        _ = await Routed.expect(.unsupported) {
          try await transaction.savepoint {
            try await transaction.insert(RoutedLog(id: 3, text: "lost"))
            try await transaction.insert(RoutedItem(id: 3, text: "lost"))
          }
        }
        try await transaction.insert(RoutedLog(id: 4, text: "kept"))
      }
      #expect(try await store.select(RoutedLog.self).values { $0.id } == [0, 2, 4])
      #expect(try await store.select(RoutedItem.self).count() == 0)
    }
  }

  @Test func savepointsBeforeAnyTable() async throws {
    try await Routed.withStore { store in
      try await store.transaction { transaction in
        await #expect(throws: OwnError()) {
          try await transaction.savepoint {
            try await transaction.insert(RoutedItem(id: 1, text: "lost"))
            try await transaction.savepoint {
              try await transaction.insert(RoutedItem(id: 2, text: ""))
            }
            throw OwnError()
          }
        }
        // The choice is forgotten: this transaction may be memory's now.
        try await transaction.savepoint {
          await #expect(throws: OwnError()) {
            try await transaction.savepoint {
              try await transaction.insert(RoutedItem(id: 3, text: "lost"))
              throw OwnError()
            }
          }
          try await transaction.insert(RoutedLog(id: 1, text: "kept"))
        }
        await #expect(throws: OwnError()) {
          try await transaction.savepoint {
            try await transaction.insert(RoutedLog(id: 2, text: "lost"))
            throw OwnError()
          }
        }
        _ = await Routed.expect(.unsupported, "the kept savepoint's choice stays") {
          try await transaction.savepoint {
            _ = try await transaction.select(RoutedItem.self).count()
          }
        }
        // An error that the body hides ends the savepoint.
        _ = await Routed.expect(.transactionAborted) {
          try await transaction.savepoint {
            _ = try? await transaction.insert(RoutedLog(id: 1, text: "again"))
          }
        }
        try await transaction.insert(RoutedLog(id: 3, text: "kept"))
      }
      #expect(try await store.select(RoutedLog.self).values { $0.id } == [0, 1, 3])
      #expect(try await store.select(RoutedItem.self).count() == 0)
      // An error that the body hides, in a savepoint that opened the place.
      try await store.insert(RoutedItem(id: 9, text: "there"))
      try await store.transaction { transaction in
        _ = await Routed.expect(.transactionAborted) {
          try await transaction.savepoint {
            _ = try? await transaction.insert(RoutedItem(id: 9, text: "again"))
          }
        }
        try await transaction.insert(RoutedLog(id: 4, text: "kept"))
      }
      #expect(try await store.find(RoutedLog.self, 4) != nil)
    }
  }

  /// Two transactions that read what the other writes: one of them runs again.
  @Test func conflictsAreRetried() async throws {
    try await Routed.withStore { store in
      try await store.insert([RoutedItem(id: 1, text: "0"), RoutedItem(id: 2, text: "0")])
      let runs = Counter()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            for _ in 0..<5 {
              try await store.transaction(TransactionOptions(attempts: 200)) { transaction in
                _ = runs.next()
                var item = try await transaction.get(RoutedItem.self, 1)
                item.text = String((Int(item.text) ?? 0) + 1)
                try await transaction.update(item)
              }
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try await store.find(RoutedItem.self, 1)?.text == "20", "no increment is lost")
      #expect(runs.count >= 20)

      // One that must fail at first: the other commits between its read and its write.
      let attempts = Counter()
      try await store.transaction { transaction in
        let attempt = attempts.next()
        let item = try await transaction.get(RoutedItem.self, 2)
        if attempt == 1 {
          let other = Task.detached {
            _ = try await store.update(RoutedItem(id: 2, text: "between"))
          }
          try await other.value
        }
        try await transaction.update(RoutedItem(id: 2, text: item.text + "!"))
      }
      #expect(attempts.count == 2)
      #expect(try await store.find(RoutedItem.self, 2)?.text == "between!")
    }
  }

  /// A conflict that shows at the commit only.
  @Test func failingCommitsAreRetried() async throws {
    let store = try await Routed.open(
      "memory:", [Route(["route_logs"], to: "memory:?chaos=conflicts:100")])
    let runs = Counter()
    _ = await Routed.expect(.serializationFailure) {
      try await store.transaction(TransactionOptions(attempts: 3)) { transaction in
        _ = runs.next()
        try await transaction.insert(RoutedLog(id: 1, text: "x"))
      }
    }
    #expect(runs.count == 3)
    #expect(try await store.select(RoutedLog.self).count() == 1)
    try await store.transaction { try await $0.insert(RoutedItem(id: 1, text: "x")) }
    #expect(
      try await store.select(RoutedItem.self).count() == 1, "the other place has no conflicts")
    await store.close()
  }

  @Test func firstTouchesAtOnce() async throws {
    try await Routed.withStore { store in
      try await store.transaction { transaction in
        try await withThrowingTaskGroup(of: Void.self) { group in
          for number in 0..<8 {
            group.addTask { try await transaction.insert(RoutedItem(id: number, text: "x")) }
          }
          try await group.waitForAll()
        }
      }
      #expect(try await store.select(RoutedItem.self).count() == 8)
    }
  }

  @Test func cancellation() async throws {
    try await Routed.withStore { store in
      for isItem in [true, false] {
        let (started, signal) = AsyncStream<Void>.makeStream()
        let task = Task {
          try await store.transaction { transaction in
            if isItem {
              try await transaction.insert(RoutedItem(id: 1, text: "lost"))
            } else {
              try await transaction.insert(RoutedLog(id: 1, text: "lost"))
            }
            signal.finish()
            try await Task.sleep(for: .seconds(60))
          }
        }
        for await _ in started {}
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }

        // A body that does not notice is not committed, either.
        let (begun, signalBegun) = AsyncStream<Void>.makeStream()
        let cancelled = Gate()
        let careless = Task {
          try await store.transaction { transaction in
            if isItem {
              try await transaction.insert(RoutedItem(id: 2, text: "lost"))
            } else {
              try await transaction.insert(RoutedLog(id: 2, text: "lost"))
            }
            signalBegun.finish()
            await cancelled.wait()
          }
        }
        for await _ in begun {}
        careless.cancel()
        cancelled.open()
        let error = await Routed.expect(.cancelled) { try await careless.value }
        #expect(error != nil)
      }
      let counts = try await Routed.counts(store)
      #expect(counts == [0, 1])
    }
  }

  /// Cancelled while the place is being opened: the writer of memory is taken.
  @Test func cancellationWhileOpening() async throws {
    try await Routed.withStore { store in
      let (held, signal) = AsyncStream<Void>.makeStream()
      let release = Gate()
      let holder = Task {
        try await store.transaction { transaction in
          try await transaction.insert(RoutedLog(id: 1, text: "kept"))
          signal.finish()
          await release.wait()
        }
      }
      for await _ in held {}
      let waiting = Task {
        try await store.transaction { try await $0.insert(RoutedLog(id: 2, text: "lost")) }
      }
      try await Task.sleep(for: .milliseconds(20))
      waiting.cancel()
      let error = await Routed.expect(.cancelled) { _ = try await waiting.value }
      #expect(error != nil)
      release.open()
      try await holder.value
      #expect(try await store.select(RoutedLog.self).values { $0.id } == [0, 1])
    }
  }

  @Test func deadlines() async throws {
    try await Routed.withStore { store in
      let short = TransactionOptions(deadline: .milliseconds(50))
      for isItem in [true, false] {
        _ = await Routed.expect(.deadlineExceeded, "a late first touch") {
          try await store.transaction(short) { transaction in
            try await Task.sleep(for: .milliseconds(80))
            if isItem {
              _ = try await transaction.select(RoutedItem.self).count()
            } else {
              _ = try await transaction.select(RoutedLog.self).count()
            }
          }
        }
      }
      _ = await Routed.expect(.deadlineExceeded, "no touch at all") {
        try await store.transaction(short) { _ in try await Task.sleep(for: .milliseconds(80)) }
      }
      _ = await Routed.expect(.deadlineExceeded, "not even a savepoint makes up for it") {
        try await store.transaction(short) { transaction in
          _ = try? await transaction.savepoint {
            try await transaction.insert(RoutedItem(id: 1, text: "lost"))
            try await Task.sleep(for: .milliseconds(80))
            try await transaction.insert(RoutedItem(id: 2, text: "lost"))
          }
          try await transaction.insert(RoutedLog(id: 1, text: "lost"))
        }
      }
      let counts = try await Routed.counts(store)
      #expect(counts == [0, 1])
    }
  }

  @Test func useAfterTheEnd() async throws {
    try await Routed.withStore { store in
      let kept = Mutex<(any StorageTransaction)?>(nil)
      try await store.backend.transaction(TransactionOptions()) { transaction in
        kept.withLock { $0 = transaction }
      }
      let transaction = try #require(kept.withLock { $0 })
      _ = await Routed.expect(.transactionAborted) {
        _ = try await transaction.query(Query(table: "route_logs"))
      }
    }
  }
}

/// Counts from several tasks.
private final class Counter: Sendable {
  private let value = Mutex(0)

  var count: Int { value.withLock { $0 } }

  /// Counts one more.
  func next() -> Int {
    value.withLock { value in
      value += 1
      return value
    }
  }
}

/// A gate that tasks wait at until it opens, cancelled or not.
private final class Gate: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream<Void>.makeStream() }

  func open() { continuation.finish() }

  /// In a task of its own, which nobody cancels.
  func wait() async {
    await Task { for await _ in stream {} }.value
  }
}
