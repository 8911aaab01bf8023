package import Roost
package import RoostCore
import RoostMemory

/// What people do with a store's folder while no process has it open.
package struct FolderTools {
  private let folder: StoreFolder

  /// The tools for a folder.
  package init(_ path: String, files: any FileSystem = SystemFileSystem()) {
    folder = StoreFolder(path: path, files: files)
  }

  /// Looks at every byte and every constraint, and changes nothing.
  /// - Throws: `locked` while a process has the store open; `invalidConfiguration` when there is no
  ///   store, or one of a newer format; what reading meets. Damage is not an error here.
  package func verify() throws(StoreError) -> FolderReport {
    try locked { () throws(StoreError) in
      do throws(StoreError) {
        let store = try Recovery(folder: folder).read().store
        var report = FolderReport(store)
        report.refused = try store.state.withoutRefused().refused
        return report
      } catch {
        guard error.code == .corrupted else { throw error }
        let reading = try TolerantReading(folder, .checksums)
        var report = FolderReport(reading.store)
        report.problem = error.message
        report.findings = reading.findings
        report.refused = try reading.store.state.withoutRefused().refused
        return report
      }
    }
  }

  /// Takes what stands in the folder for right: rows and commits that were edited, added or removed
  /// by hand. They are checked against all constraints and written as a new snapshot.
  /// - Returns: what was edited, and what is there now.
  /// - Throws: `corrupted` when a line cannot be read; the violation of a row that breaks a
  ///   constraint; as `verify`. Nothing is changed then.
  package func seal() throws(StoreError) -> FolderReport {
    try locked { () throws(StoreError) in
      let reading = try TolerantReading(folder, .content)
      if let finding = reading.findings.first {
        throw StoreError(.corrupted, "\(folder.path): \(finding)")
      }
      var store = reading.store
      let (state, refused) = try store.state.withoutRefused()
      if let row = refused.first {
        let others = refused.count > 1 ? " (and \(refused.count - 1) more)" : ""
        throw StoreError(.checkViolation, "\(row)\(others)", table: row.table)
      }
      store.state = state
      try FileStore.write(store, into: folder)
      var report = FolderReport(store)
      report.findings = reading.edits
      return report
    }
  }

  /// Writes what is as it was written, and keeps all constraints, into a new folder.
  /// - Returns: what was left behind, and what is in the new folder.
  /// - Throws: `corrupted` when not even the tables are known; `invalidConfiguration` when there is
  ///   a store in the new folder; as `verify`. This folder is not changed.
  package func salvage(into path: String) throws(StoreError) -> FolderReport {
    try locked { () throws(StoreError) in
      let reading = try TolerantReading(folder, .checksums)
      let (target, lock, old) = try FileStore.recover(path, files: folder.files)
      defer { try? lock.close() }
      guard old.generation == 0 else {
        throw StoreError(.invalidConfiguration, "there is a store at \(path) already")
      }
      var store = old
      let (state, refused) = try reading.store.state.withoutRefused()
      (store.state, store.lastSequence) = (state, reading.store.lastSequence)
      try FileStore.write(store, into: target)
      var report = FolderReport(store)
      report.findings = reading.findings
      report.refused = refused
      return report
    }
  }

  /// Replaces the journals by a snapshot. What the last process had no time for is done first.
  /// - Throws: as opening the store.
  package func compact() throws(StoreError) -> FolderReport {
    let (_, lock, store) = try FileStore.recover(
      folder.path, files: folder.files, isCreating: false)
    defer { try? lock.close() }
    try FileStore.write(store, into: folder)
    return FolderReport(store)
  }

  /// Runs a body while no process has the store open.
  private func locked<Result>(
    _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let lock = try folder.enterExisting()
    defer { try? lock.close() }
    return try body()
  }
}
