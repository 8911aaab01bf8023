import Foundation
import Roost
import RoostCore
import RoostFile
import RoostTesting

extension Proof {
  /// A fault at each call of a script.
  static let faults = Proof(
    "faults", "a full or failing device at each call of a script of 200 and more"
  ) { request in
    let tried = try await FaultScript(seed: request.seed).run()
    return "\(tried) faults, nothing lost, nothing that had failed came back"
  }
}

/// A script on the store with all its threads, in which one call after the other fails.
package struct FaultScript {
  /// How long a fault lasts.
  private enum Length: CaseIterable {
    case once, fromThenOn
  }

  private static let commits = 75
  private let seed: UInt64

  package init(seed: UInt64) {
    self.seed = seed
  }

  /// Runs the script with every fault, or with every so many-th.
  /// - Returns: how many there were.
  package func run(every step: Int = 1) async throws -> Int {
    let calls = try await run { _ in .proceed }
    try require(calls > 200, "the script has only \(calls) calls")
    var tried = 0
    var number = 0
    for call in 0..<calls {
      for length in Length.allCases {
        for error in [ENOSPC, EDQUOT, EIO] {
          number += 1
          guard number % step == 0 else { continue }
          do {
            _ = try await run { asked in
              let isDue = length == .once ? asked.number == call : asked.number >= call
              return isDue && asked.operation != .flock ? .fail(error) : .proceed
            }
          } catch {
            throw Violation("call \(call), \(length): \(error)")
          }
          tried += 1
        }
      }
    }
    return tried
  }

  private func run(_ rule: @escaping FaultyFileSystem.Rule) async throws -> Int {
    let dice = Dice(seed: seed)
    let disk = SimulatedFileSystem(seed: seed)
    try disk.makeDirectory("/disk")
    try disk.synchronizeDirectory("/")
    let shared = SharedLedger()
    let first = try StepwiseStore(disk, shared)
    try first.commit(1, dice)
    first.abandon()
    var ledger = shared.ledger
    let files = FaultyFileSystem(disk, rule)
    if let store = try open(files) {
      try await write(to: store, &ledger, dice)
      await store.close()
    }
    let calls = files.count
    try check(disk.afterKill(), ledger)
    for _ in 0..<3 { try check(disk.afterPowerLoss(&dice.generator), ledger) }
    return calls
  }

  /// - Returns: nil when the store could not be opened.
  private func open(_ files: any FileSystem) throws -> (any StorageBackend)? {
    do throws(StoreError) {
      return try FileStore.open(
        StepwiseStore.folder, files: files, limits: .init(compactionFloor: 12_000))
    } catch {
      try require([.inputOutput, .storageFull].contains(error.code), "\(error)")
      return nil
    }
  }

  /// Commits until the store takes no more.
  private func write(
    to store: any StorageBackend, _ ledger: inout Ledger, _ dice: Dice
  ) async throws {
    for _ in 0..<Self.commits {
      let number = ledger.issued + 1
      let expected = try await expectation(store, number, dice)
      ledger.issue(expected.rows)
      do throws(StoreError) {
        _ = try await store.apply(expected.mutations)
        ledger.acknowledge()
      } catch {
        switch error.code {
        case .storageFull, .inputOutput: ledger.withdraw()
        case .outcomeUnknown: return
        default: throw Violation("\(error)")
        }
      }
      let rows = try await store.query(Query(table: "proofs"))
      let seen = try ledger.number(of: rows, hasTable: true)
      try require(seen == ledger.acknowledged, "\(seen) is seen and \(ledger.acknowledged) is not")
    }
  }

  /// What a commit changes, and the rows that it leaves.
  private func expectation(
    _ store: any StorageBackend, _ number: Int, _ dice: Dice
  ) async throws -> (mutations: [Mutation], rows: [[Value]]) {
    let mutations = Ledger.mutations(number, dice)
    struct Undo: Error {}
    let rows = Rows()
    do {
      _ = try await store.transaction(TransactionOptions()) { transaction in
        _ = try await transaction.apply(mutations)
        rows.rows = try await transaction.query(Query(table: "proofs"))
        throw Undo()
      }
    } catch is Undo {}
    return (mutations, rows.rows)
  }

  /// Rows that a transaction hands out. Unchecked sendability holds since its caller waits for it.
  private final class Rows: @unchecked Sendable {
    var rows: [[Value]] = []
  }

  private func check(_ disk: SimulatedFileSystem, _ ledger: Ledger) throws {
    var ledger = ledger
    let (_, lock, store) = try FileStore.recover(
      StepwiseStore.folder, files: disk, pieceLength: StepwiseStore.pieceLength)
    try lock.close()
    try ledger.settle(store.state)
  }
}
