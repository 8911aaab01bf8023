package import Roost
package import RoostCore
import RoostFile
import RoostMemory
import RoostTesting

/// A file store that is written step by step by the thread that calls, so that the same seed makes
/// the same calls of the file system. Its parts are those of the store that runs on threads.
package final class StepwiseStore {
  package static let folder = "/disk/store"
  /// Small, so that its files are read in several pieces, as large ones are.
  package static let pieceLength = 1_000
  private static let moment = Timestamp(microsecondsSince2000: 700_000_000_000_000)

  private let ledger: SharedLedger
  private let lock: any OpenFile
  private let compactor: Compactor
  private var journal: Journal
  private var state: DatabaseState
  /// Whether nothing can be written any more.
  private(set) var isPoisoned = false
  /// How many bytes of a torn end were put aside.
  let tornBytes: Int

  /// Opens the store, and compares what is in it with what may be.
  package init(_ files: any FileSystem, _ ledger: SharedLedger) throws {
    self.ledger = ledger
    let (folder, lock, store) = try FileStore.recover(
      Self.folder, files: files, pieceLength: Self.pieceLength)
    self.lock = lock
    state = store.state
    tornBytes = store.tornBytes
    // Some lines take several writes.
    journal = Journal(store, folder, .init(piece: 300))
    compactor = Compactor(folder: folder, log: { _ in })
    try ledger.ledger.settle(state)
  }

  /// Makes commits, which go into one write.
  package func commit(_ count: Int, _ dice: Dice) throws(StoreError) {
    var state = state
    var commits: [Commit] = []
    for _ in 0..<count {
      var workspace = Workspace(state, isRecording: true, now: Self.moment)
      var change: MigrationChange?
      if ledger.ledger.issued == 0 {
        change = .ran(try Self.migrate(&workspace))
      } else {
        for mutation in Ledger.mutations(ledger.ledger.issued + 1, dice) {
          _ = try workspace.apply(mutation)
        }
      }
      state = workspace.state
      commits.append(
        Commit(epoch: 0, effects: workspace.effects, migration: change, state: state))
      ledger.ledger.issue(Ledger.rows(state))
    }
    do throws(WriteFailure) {
      _ = try journal.append(commits)
      self.state = state
      ledger.ledger.acknowledge()
    } catch {
      guard case .nothingWritten = error else {
        isPoisoned = true
        return
      }
      ledger.ledger.withdraw()
    }
  }

  private static func migrate(_ workspace: inout Workspace) throws(StoreError) -> PlannedMigration {
    let file = Ledger.migrations.files[0]
    let record = AppliedMigration(
      system: "proofs", version: 1, name: "proofs", checksum: "", appliedAt: moment)
    let planned = try PlannedMigration(record, text: file.text, onto: Schema())
    try workspace.apply(planned)
    return planned
  }

  /// Replaces the journals by a snapshot.
  package func compact() {
    do throws(WriteFailure) {
      let header = try journal.rotate()
      // When it cannot be written, the journals stay.
      _ = try? compactor.write(state, header)
    } catch {
      if case .unknown = error { isPoisoned = true }
    }
  }

  /// Ends as a process does that closes the store, or that has to give up.
  package func close() {
    if !isPoisoned { try? journal.close() }
    try? lock.close()
  }

  /// Ends as a process does that is killed.
  package func abandon() {
    try? lock.close()
  }
}
