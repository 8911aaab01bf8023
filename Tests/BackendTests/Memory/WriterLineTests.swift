import Roost
import RoostCore
import RoostMemory
import Testing

/// Who wants to write while somebody else has the right to: served, late, cancelled or refused.
/// Their tasks are detached, as nobody may use a store inside its own transaction.
@Suite(.timeLimit(.minutes(15))) struct WriterLineTests {
  @Test(arguments: [TestBackend.memory, .file])
  func aCrowdBehindATransaction(_ backend: TestBackend) async throws {
    try await withLayers([], on: backend) { store async throws in
      // More than one writer serves on its way out.
      let crowd = try await store.transaction { _ in
        let crowd = (0..<300).map { id in
          Task.detached { try await store.insert(RoutedItem(id: id, text: "crowd")) }
        }
        let cancelled = Task.detached {
          try await store.insert(RoutedItem(id: 1_000, text: "cancelled"))
        }
        let late = Task.detached {
          try await store.transaction(TransactionOptions(deadline: .milliseconds(40))) {
            try await $0.insert(RoutedItem(id: 1_001, text: "late"))
          }
        }
        try await Task.sleep(for: .milliseconds(200))
        cancelled.cancel()
        #expect(await failure { try await cancelled.value } == "cancelled -")
        #expect(await failure { try await late.value } == "deadlineExceeded -")
        return crowd
      }
      for task in crowd { _ = try await task.value }
      #expect(try await store.select(RoutedItem.self).count() == 300)
    }
  }

  @Test(arguments: [TestBackend.memory, .file])
  func whoFailsInLineHoldsNobodyUp(_ backend: TestBackend) async throws {
    try await withLayers([], on: backend) { store async throws in
      try await store.insert(RoutedItem(id: 0, text: "first"))
      let failures = await withTaskGroup { group in
        for number in 0..<400 {
          // Every second one wants a key that is taken.
          let id = number.isMultiple(of: 2) ? 0 : number
          group.addTask {
            await failure { try await store.insert(RoutedItem(id: id, text: "item")) }
          }
        }
        return await group.reduce(into: [:]) { counts, code in counts[code, default: 0] += 1 }
      }
      #expect(failures.count == 2 && failures["none"] == 200, "\(failures)")
      #expect(try await store.select(RoutedItem.self).count() == 201)
    }
  }

  @Test func whoClosesRefusesTheLine() async throws {
    try await withLayers([]) { store async throws in
      let holder = await failure {
        try await store.transaction { _ in
          let waiting = Task.detached {
            try await store.insert(RoutedItem(id: 1, text: "waits"))
          }
          try await Task.sleep(for: .milliseconds(100))
          await store.close()
          #expect(await failure { try await waiting.value } == "closed -")
        }
      }
      #expect(holder == "closed -")
    }
  }
}
