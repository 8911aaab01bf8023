import Foundation
import Proofs
import Roost
import RoostFile
import RoostMemory
import RoostTesting
import Testing

/// Files that several threads read piece by piece.
@Suite(.timeLimit(.minutes(15))) struct ReadingInPiecesTests {
  /// A store with an open journal of many lines: its first, which runs a migration, is among them,
  /// or in a snapshot of many lines.
  private func makeDisk(compacts: Bool) throws -> SimulatedFileSystem {
    let disk = SimulatedFileSystem()
    try disk.makeDirectory("/disk")
    let dice = Dice(seed: 3)
    let store = try StepwiseStore(disk, SharedLedger())
    for _ in 0..<20 { try store.commit(2, dice) }
    if compacts { store.compact() }
    for _ in 0..<20 { try store.commit(2, dice) }
    store.abandon()
    return disk
  }

  private enum Outcome: Equatable {
    case rows([[[Value]]], tornBytes: Int)
    case refused(StoreError.Code, String)
  }

  private func outcome(_ disk: SimulatedFileSystem, pieceLength: Int?) -> Outcome {
    let copy = disk.afterKill()
    do throws(StoreError) {
      let (_, lock, store) = try FileStore.recover(
        StepwiseStore.folder, files: copy, pieceLength: pieceLength)
      try? lock.close()
      let rows = store.state.tables.map { $0.rows.ascending().map(\.element) }
      return .rows(rows, tornBytes: store.tornBytes)
    } catch {
      return .refused(error.code, error.message)
    }
  }

  /// Wherever the pieces end, the store is the same.
  @Test(arguments: [true, false]) func anyLength(compacts: Bool) throws {
    let disk = try makeDisk(compacts: compacts)
    let whole = outcome(disk, pieceLength: nil)
    guard case .rows(let rows, 0) = whole else {
      Issue.record("\(whole)")
      return
    }
    #expect(rows.joined().count > 10)
    for length in [1, 50, 333, 1_000, 3_000] {
      #expect(outcome(disk, pieceLength: length) == whole, "pieces of \(length) bytes")
    }
  }

  /// Damage, too, is found where it is, and said in the same words.
  @Test(arguments: [
    ("snapshot.json", true), ("journal-00000002.open.jsonl", true),
    ("journal-00000001.open.jsonl", false),
  ])
  func damageInEveryLine(name: String, compacts: Bool) throws {
    let disk = try makeDisk(compacts: compacts)
    let path = "\(StepwiseStore.folder)/\(name)"
    let bytes = try #require(disk.bytes(path))
    let ends = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }
    #expect(ends.count > 5)
    var outcomes = 0
    for (start, end) in zip([0] + ends.map { $0 + 1 }, ends) {
      let line = Array(bytes[start...end])
      var flipped = line
      flipped[line.count / 2] ^= 1
      // Without its line end it is one with the next line; repeated it follows from itself.
      for new in [flipped, [], Array(line.dropLast()), line + line] {
        let damaged = disk.afterKill()
        try damaged.replace(path, by: Array(bytes[..<start]) + new + bytes[(end + 1)...])
        let whole = outcome(damaged, pieceLength: nil)
        if case .refused = whole { outcomes += 1 }
        #expect(outcome(damaged, pieceLength: 1) == whole)
        #expect(outcome(damaged, pieceLength: 400) == whole)
      }
    }
    #expect(outcomes > ends.count)
  }
}
