import Roost
import RoostTesting
import Testing

/// Transactions beside each other show nothing that their isolation level forbids.
@Suite(.timeLimit(.minutes(15))) struct HistoryTests {
  private func history(
    _ backend: TestBackend, _ isolation: TransactionOptions.Isolation, seed: UInt64
  ) async throws -> TransactionHistory {
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    var stores = [try await TestBackend.open(url, [ListAppendRun.migrations])]
    if backend == .postgres {
      stores.append(try await TestBackend.open(url, [ListAppendRun.migrations]))
    }
    var run = ListAppendRun()
    run.seed = seed
    run.isolation = isolation
    run.transactions = backend == .postgres ? 200 : 400
    let history = try await run.run(on: stores)
    for store in stores { await store.close() }
    let committed = history.transactions.count { $0.outcome == .committed }
    #expect(committed > run.transactions / 10, "\(committed) were committed")
    return history
  }

  /// One writer at a time, who sees all before it, whatever level is asked for.
  @Test(arguments: [TestBackend.memory, .file], [1, 2] as [UInt64])
  func oneAfterTheOther(backend: TestBackend, seed: UInt64) async throws {
    let found = try await history(backend, .readCommitted, seed: seed)
      .anomalies(under: .strictlySerializable)
    #expect(found == [])
  }

  @Test(
    arguments: [
      (TransactionOptions.Isolation.readCommitted, IsolationPromise.readCommitted),
      (.repeatableRead, .snapshot), (.serializable, .serializable),
    ])
  func asPostgresPromises(
    isolation: TransactionOptions.Isolation, promise: IsolationPromise
  ) async throws {
    let found = try await history(.postgres, isolation, seed: 3).anomalies(under: promise)
    #expect(found == [])
  }

  /// The control: what the level below allows does happen, and is found.
  @Test func theLevelBelowShowsIt() async throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let history = try await history(.postgres, .readCommitted, seed: seed)
      if !history.anomalies(under: .serializable).isEmpty { return }
    }
    Issue.record("no anomaly in 20 histories of read committed")
  }
}
