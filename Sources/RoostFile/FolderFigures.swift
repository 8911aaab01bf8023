package import Roost
package import RoostCore
import RoostMemory

/// What can be seen of a store's folder from outside, without its lock, while its owner writes.
package struct FolderFigures: Sendable, Equatable {
  /// The bytes of all journals.
  package var journalBytes: Int64 = 0
  /// How many journals there are.
  package var journalCount = 0
  /// The bytes of the snapshot; nil when there is none yet.
  package var snapshotBytes: Int64?
  /// The bytes of damaged or unfinished lines that were put aside.
  package var quarantineBytes: Int64 = 0
  /// When the folder's files were last written; nil when there is none.
  package var lastWrite: Timestamp?
  /// The permission bits of the folder.
  package var permissions: UInt16
  /// The disk; nil when it cannot be asked.
  package var disk: DiskSpace?

  /// Looks into a folder.
  /// - Throws: `invalidConfiguration` when there is no store.
  package init(_ path: String, files: any FileSystem = SystemFileSystem()) throws(StoreError) {
    let folder = StoreFolder(path: path, files: files)
    guard let status = try folder.attempt({ () throws(FileError) in try files.status(path) }),
      status.kind == .directory
    else { throw StoreError(.invalidConfiguration, "there is no store at \(path)") }
    permissions = status.permissions
    let names = try folder.attempt { () throws(FileError) in try files.list(path) }
    guard names.contains("LOCK") else {
      throw StoreError(.invalidConfiguration, "\(path) is no store of Roost")
    }
    for name in names where name.hasSuffix(".jsonl") || name == "snapshot.json" {
      // One that is gone meanwhile was replaced by a snapshot.
      guard let file = try? files.status("\(path)/\(name)") else { continue }
      if name == "snapshot.json" {
        snapshotBytes = file.length
      } else {
        journalBytes += file.length
        journalCount += 1
      }
      if let written = file.modifiedAt { lastWrite = max(lastWrite ?? written, written) }
    }
    for name in (try? files.list(folder.quarantinePath)) ?? [] {
      quarantineBytes += (try? files.status("\(folder.quarantinePath)/\(name)"))?.length ?? 0
    }
    disk = DiskSpace(of: path)
  }

  /// The folder that a `file:` URL names.
  /// - Throws: `invalidConfiguration`.
  package static func path(of url: String) throws(StoreError) -> String {
    try FileStore.path(of: try BackendURL(url))
  }

  /// The same as figures of a backend.
  package var figures: [Figure] {
    var figures = [
      Figure("roost_journal_bytes", Double(journalBytes), help: "The bytes of the journals."),
      Figure("roost_journals", Double(journalCount), help: "How many journals there are."),
      Figure(
        "roost_snapshot_bytes", Double(snapshotBytes ?? 0), help: "The bytes of the snapshot."),
    ]
    if let disk {
      figures += [
        Figure("roost_disk_free_bytes", Double(disk.free), help: "What the disk has room for."),
        Figure("roost_disk_size", Double(disk.total), help: "The size of the disk in bytes."),
        Figure(Figure.diskUsedShare, disk.usedShare, help: "How full the disk is, from 0 to 1."),
      ]
    }
    return figures
  }
}

extension EmbeddedCondition {
  /// How a folder and what writes into it are.
  init(_ folder: StoreFolder, failure: StoreError?) {
    self.init()
    if let failure {
      checks.append(HealthCheck("journal", .failed, failure.message, isLiveness: true))
    } else {
      checks.append(HealthCheck("journal", .passed, "the journal is written", isLiveness: true))
    }
    guard let seen = try? FolderFigures(folder.path, files: folder.files) else { return }
    figures = seen.figures
    if let disk = seen.disk { checks.append(.disk(usedShare: disk.usedShare)) }
  }
}
