import Foundation
package import Roost
package import RoostCore
package import RoostMemory
import Synchronization

/// Writes snapshots on a thread of its own, one at a time, while commits go on.
package final class Compactor: Sendable {
  private struct State {
    var isBusy = false
    /// The length of the snapshot that was finished last.
    var finished: Int64?
  }

  private let folder: StoreFolder
  private let log: @Sendable (LogLine) -> Void
  private let state = Mutex(State())

  package init(folder: StoreFolder, log: @escaping @Sendable (LogLine) -> Void) {
    self.folder = folder
    self.log = log
  }

  var isBusy: Bool { state.withLock { $0.isBusy } }

  /// The length of a snapshot that was finished since the last call.
  func finished() -> Int64? {
    state.withLock { state in
      defer { state.finished = nil }
      return state.finished
    }
  }

  /// Starts a snapshot of a state, which is a value: later commits do not change it.
  func start(_ database: DatabaseState, _ header: SnapshotHeader) {
    state.withLock { $0.isBusy = true }
    let thread = Thread { [self] in
      do throws(FileError) {
        let length = try write(database, header)
        state.withLock { $0.finished = length }
      } catch {
        // The journals stay, and with them everything; the next compaction tries again.
        log(LogLine(.warning, "\(folder.path): no snapshot: \(error)"))
      }
      state.withLock { $0.isBusy = false }
    }
    thread.name = "roost-compactor"
    thread.start()
  }

  /// Waits until no snapshot is being written.
  func wait() {
    while isBusy { Thread.sleep(forTimeInterval: 0.002) }
  }

  /// Writes a snapshot beside the old one, puts it in its place, and removes the journals before
  /// it. Each step is on the device before the next begins.
  /// - Returns: the snapshot's length in bytes.
  package func write(
    _ database: DatabaseState, _ header: SnapshotHeader
  ) throws(FileError) -> Int64 {
    let files = folder.files
    try folder.write(folder.temporaryPath) { file throws(FileError) in
      try SnapshotWriter.write(database, header, to: file)
    }
    try files.rename(folder.temporaryPath, to: folder.snapshotPath)
    try files.synchronizeDirectory(folder.path)
    for old in try folder.journals() where old.generation < header.generation {
      try files.unlink(old.path)
    }
    return try files.status(folder.snapshotPath)?.length ?? 0
  }
}
