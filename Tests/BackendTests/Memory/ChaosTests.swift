import Roost
import RoostTesting
import Synchronization
import Testing

/// Conflicts on purpose, which an embedded backend would never have by itself.
@Suite struct ChaosTests {
  @Test func everyTransactionFails() async throws {
    let store = try await TestBackend.open("memory:?chaos=100", [ConformanceSuite.migrations])
    let runs = Mutex(0)
    await #expect {
      try await store.transaction(.init(attempts: 3)) { _ in runs.withLock { $0 += 1 } }
    } throws: { error in
      (error as? StoreError)?.code == .serializationFailure
    }
    #expect(runs.withLock { $0 } == 3)
    await store.close()
  }

  @Test func enoughAttemptsSucceed() async throws {
    let store = try await TestBackend.open("memory:?chaos=50", [ConformanceSuite.migrations])
    for _ in 0..<20 {
      // One in 2^64 fails.
      try await store.transaction(.init(attempts: 64)) { _ in }
    }
    await store.close()
  }

  @Test(arguments: ["-1", "101", "often"])
  func noPercentage(_ text: String) async throws {
    await #expect(throws: StoreError.self) {
      try await TestBackend.open("memory:?chaos=\(text)", [])
    }
  }
}
