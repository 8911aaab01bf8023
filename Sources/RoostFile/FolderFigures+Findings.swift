package import Roost
package import RoostCore

extension FolderFigures {
  /// What is worth saying of a store's folder.
  package func findings() -> [Finding] {
    var findings: [Finding] = []
    if permissions & 0o077 != 0 {
      findings.append(
        Finding(
          .warning, "permissions",
          "others than the owner may enter the folder (mode \(String(permissions, radix: 8)))",
          advice: "chmod 700, unless that is meant"))
    }
    // A store starts a snapshot as soon as the journals have outgrown the last one and a floor.
    let floor = JournalWriter.compactionFloor
    if journalBytes > 4 * max(snapshotBytes ?? 0, floor) {
      findings.append(
        Finding(
          .warning, "journal",
          "the journals have \(journalBytes) bytes beside a snapshot of \(snapshotBytes ?? 0): no "
            + "snapshot comes about, and opening the store reads all of them",
          advice: "look for \"no snapshot\" in the program's log; the disk may be full"))
    }
    if quarantineBytes > 0 {
      findings.append(
        Finding(
          .warning, "quarantine",
          "\(quarantineBytes) bytes of unfinished or damaged lines were put aside",
          advice: "look at the files in the folder quarantine, then remove them"))
    }
    if let disk, let finding = Finding.disk(disk) { findings.append(finding) }
    return findings
  }

  /// Whether another process has the store open, found out by asking for its lock and giving it
  /// back at once.
  package static func isLocked(
    _ path: String, files: any FileSystem = SystemFileSystem()
  ) throws(StoreError) -> Bool {
    let folder = StoreFolder(path: path, files: files)
    return try folder.attempt { () throws(FileError) in
      let file = try files.open(folder.lockPath, .readWrite)
      do throws(FileError) {
        try file.lock()
        try file.close()
        return false
      } catch {
        try? file.close()
        guard error.reason == .locked else { throw error }
        return true
      }
    }
  }
}
