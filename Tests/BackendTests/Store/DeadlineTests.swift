import Foundation
import Roost
import RoostTesting
import Testing

/// A transaction's deadline holds, whether or not its timer comes to run in time.
@Suite(.serialized, .timeLimit(.minutes(15))) struct DeadlineTests {
  @Test(arguments: TestBackend.allCases)
  func aTimerThatIsLateLetsNothingPass(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let store = try await TestBackend.open(
      try await backend.freshURL(in: folder), [ConformanceSuite.migrations])
    let options = TransactionOptions(deadline: .milliseconds(50))
    for _ in 1...5 {
      let error = await #expect(throws: StoreError.self) {
        try await store.transaction(options) { transaction in
          // Keeps every thread busy that could run the timer, this one too.
          for _ in 1..<ProcessInfo.processInfo.activeProcessorCount {
            Task.detached { usleep(120_000) }
          }
          usleep(100_000)
        }
      }
      #expect(error?.code == .deadlineExceeded)
    }
    await store.close()
  }
}
