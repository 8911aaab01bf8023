import Foundation
import Roost
import RoostSystems
import Testing

/// The verification queue: each entry to one worker, and back only from that one.
@Suite(.timeLimit(.minutes(15))) struct DataLakeStoreTests {
  private func withLake(
    _ backend: TestBackend, _ body: (DataLakeStore) async throws -> Void
  ) async throws {
    try await Traceability.withStore(backend) { try await body(DataLakeStore($0)) }
  }

  @Test(arguments: TestBackend.allCases)
  func queue(_ backend: TestBackend) async throws {
    try await withLake(backend) { lake in
      let user = UUID()
      #expect(try await lake.claimNext(worker: "w1") == nil)
      let first = try await lake.submit(["weight": 410], from: user)
      try await Task.sleep(for: .milliseconds(2))
      let second = try await lake.submit(["weight": 411], from: user)
      #expect(first.status == .pending && first.attempts == 0)
      #expect(try await lake.entries(of: ["weight": 410]) == [first])
      let claimed = try #require(try await lake.claimNext(worker: "w1"))
      #expect(claimed.entryID == first.entryID && claimed.status == .processing)
      #expect(claimed.worker == "w1" && claimed.attempts == 1 && claimed.claimedAt != nil)
      let refused: [(String, @Sendable () async throws -> Void)] = [
        ("forbidden", { try await lake.verify(first.entryID, worker: "w2") }),
        ("invalidTransition", { try await lake.verify(second.entryID, worker: "w1") }),
        ("invalidTransition", { try await lake.retry(first.entryID) }),
        ("notFound", { try await lake.fail(UUID(), worker: "w1", reason: "x") }),
      ]
      for (expected, call) in refused { #expect(await Traceability.outcome(call) == expected) }
      let verified = try await lake.verify(first.entryID, worker: "w1", dfid: "DFID-1")
      #expect(verified.status == .verified && verified.dfid == "DFID-1")
      #expect(verified.finishedAt != nil)

      _ = try await lake.claimNext(worker: "w2")
      let failed = try await lake.fail(second.entryID, worker: "w2", reason: "no such tag")
      #expect(failed.status == .failed && failed.failure == "no such tag")
      #expect(try await lake.entries(status: .failed).records == [failed])
      #expect(try await lake.claimNext(worker: "w2") == nil)
      let waiting = try await lake.retry(second.entryID)
      #expect(waiting.status == .pending && waiting.attempts == 1 && waiting.failure == nil)

      // A worker that went away: its entry is given to another, and it is told when it comes back.
      _ = try await lake.claimNext(worker: "w3")
      #expect(try await lake.release(claimedBefore: first.submittedAt ?? .now()) == 0)
      #expect(try await lake.release(claimedBefore: .infinity) == 1)
      #expect(try await lake.claimNext(worker: "w4")?.attempts == 3)
      let late = await Traceability.outcome {
        try await lake.verify(second.entryID, worker: "w3")
      }
      #expect(late == "forbidden")
      #expect(try await lake.find(second.entryID)?.worker == "w4")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func sixteenWorkers(_ backend: TestBackend) async throws {
    try await withLake(backend) { lake in
      for number in 0..<60 { try await lake.submit(["n": .number(Numeric(number))], from: UUID()) }
      let taken = Gathered<UUID>()
      let outcomes = await Traceability.outcomes(16) { number in
        while let entry = try await lake.claimNext(worker: "w\(number)") {
          taken.add(entry.entryID)
          try await lake.verify(entry.entryID, worker: "w\(number)")
        }
      }
      #expect(outcomes == ["done": 16])
      #expect(taken.all.count == 60 && Set(taken.all).count == 60, "each entry once")
      let pages = try await Traceability.pages {
        try await lake.entries(status: .verified, size: 25, after: $0)
      }
      #expect(pages.map(\.count) == [25, 25, 10])
      #expect(pages.flatMap { $0 }.allSatisfy { $0.attempts == 1 })
    }
  }
}
