import RoostTesting
import Testing

/// The checker finds each kind of anomaly in the smallest history that shows it, and only there.
@Suite struct HistoryCheckerTests {
  private func kinds(
    _ promise: IsolationPromise, final: [Int: [Int]],
    _ transactions: TransactionHistory.Transaction...
  ) -> [HistoryAnomaly.Kind] {
    TransactionHistory(transactions, final: final).anomalies(under: promise).map(\.kind)
  }

  /// Transactions that all overlap.
  private func transaction(
    _ steps: TransactionHistory.Step..., outcome: TransactionHistory.Outcome = .committed,
    at time: UInt64? = nil
  ) -> TransactionHistory.Transaction {
    TransactionHistory.Transaction(steps, outcome, began: time ?? 0, ended: time ?? 100)
  }

  @Test(arguments: IsolationPromise.allCases) func nothingIsWrong(promise: IsolationPromise) {
    let found = kinds(
      promise, final: [1: [1, 2, 3], 2: [4]],
      transaction(.append(key: 1, element: 1), .append(key: 1, element: 2), at: 1),
      transaction(.read(key: 1, elements: [1, 2]), .append(key: 2, element: 4), at: 2),
      transaction(.read(key: 2, elements: [4]), .append(key: 1, element: 3), at: 3),
      transaction(.append(key: 1, element: 9), outcome: .failed, at: 4),
      transaction(.append(key: 1, element: 10), outcome: .unknown, at: 5))
    #expect(found == [])
  }

  @Test func whatNobodyMayShow() {
    #expect(kinds(.readCommitted, final: [1: [7]]) == [.garbage])
    #expect(
      kinds(.readCommitted, final: [1: [1, 1]], transaction(.append(key: 1, element: 1)))
        == [.garbage])
    #expect(
      kinds(.readCommitted, final: [1: []], transaction(.append(key: 1, element: 1)))
        == [.lostAppend])
    #expect(
      kinds(
        .readCommitted, final: [1: [1]],
        transaction(.append(key: 1, element: 1), outcome: .failed)) == [.abortedRead])
    #expect(
      kinds(
        .readCommitted, final: [1: []],
        transaction(.append(key: 1, element: 1), outcome: .failed),
        transaction(.read(key: 1, elements: [1]))) == [.abortedRead])
    #expect(
      kinds(
        .readCommitted, final: [1: [1, 2]],
        transaction(.append(key: 1, element: 1)), transaction(.append(key: 1, element: 2)),
        transaction(.read(key: 1, elements: [2]))) == [.incompatibleOrder])
    #expect(
      kinds(
        .readCommitted, final: [1: [1, 2]],
        transaction(.append(key: 1, element: 1), .append(key: 1, element: 2)),
        transaction(.read(key: 1, elements: [1]))) == [.intermediateRead])
    #expect(
      kinds(
        .readCommitted, final: [1: [1]],
        transaction(.append(key: 1, element: 1), .read(key: 1, elements: []))) == [.internalRead])
  }

  @Test func writesInACircle() {
    let found = kinds(
      .readCommitted, final: [1: [1, 2], 2: [4, 3]],
      transaction(.append(key: 1, element: 1), .append(key: 2, element: 3)),
      transaction(.append(key: 1, element: 2), .append(key: 2, element: 4)))
    #expect(found == [.writeCycle])
  }

  @Test func readsOfEachOther() {
    let found = kinds(
      .readCommitted, final: [1: [1], 2: [2]],
      transaction(.append(key: 1, element: 1), .read(key: 2, elements: [2])),
      transaction(.append(key: 2, element: 2), .read(key: 1, elements: [1])))
    #expect(found == [.circularInformationFlow])
  }

  /// The second reads half of the first: allowed to read committed, to a snapshot not.
  @Test func halfOfAnother() {
    func found(_ promise: IsolationPromise) -> [HistoryAnomaly.Kind] {
      kinds(
        promise, final: [1: [1], 2: [2]],
        transaction(.append(key: 1, element: 1), .append(key: 2, element: 2)),
        transaction(.read(key: 1, elements: []), .read(key: 2, elements: [2])))
    }
    #expect(found(.readCommitted) == [])
    #expect(found(.snapshot) == [.snapshotCycle])
    #expect(found(.serializable) == [.dependencyCycle])
  }

  @Test func aReadThatChanges() {
    func found(_ promise: IsolationPromise) -> [HistoryAnomaly.Kind] {
      kinds(
        promise, final: [1: [1]], transaction(.append(key: 1, element: 1)),
        transaction(.read(key: 1, elements: []), .read(key: 1, elements: [1])))
    }
    #expect(found(.readCommitted) == [])
    #expect(found(.snapshot) == [.internalRead])
  }

  /// Each reads what the other writes: write skew.
  @Test func writeSkew() {
    func found(_ promise: IsolationPromise) -> [HistoryAnomaly.Kind] {
      kinds(
        promise, final: [1: [1], 2: [2]],
        transaction(.read(key: 2, elements: []), .append(key: 1, element: 1)),
        transaction(.read(key: 1, elements: []), .append(key: 2, element: 2)))
    }
    #expect(found(.snapshot) == [])
    #expect(found(.serializable) == [.dependencyCycle])
  }

  @Test func anOldRead() {
    func found(_ promise: IsolationPromise) -> [HistoryAnomaly.Kind] {
      kinds(
        promise, final: [1: [1]], transaction(.append(key: 1, element: 1), at: 1),
        transaction(.read(key: 1, elements: []), at: 2))
    }
    #expect(found(.serializable) == [])
    #expect(found(.strictlySerializable) == [.realTimeCycle])
  }
}
