public import RoostCore

/// A folder of backups.
package struct BackupFolder: Sendable {
  package let path: String
  package let files: any FileSystem

  package init(path: String, files: any FileSystem) {
    self.path = path
    self.files = files
  }

  private static let prefix = "roost-"
  private static let unfinishedPrefix = ".roost-"
  private static let unfinishedSuffix = ".unfinished"
  private var lockPath: String { "\(path)/.roost-lock" }

  /// The name of a backup of a time; no system refuses its characters.
  static func name(at time: Timestamp) -> String {
    prefix + time.description.replacing(":", with: "-")
  }

  /// Where a backup stands while it is written, or removed.
  func unfinishedPath(_ name: String) -> String {
    "\(path)/.\(name)\(Self.unfinishedSuffix)"
  }

  /// Runs file operations with the store's errors.
  func attempt<Result>(
    _ operation: () throws(FileError) -> Result
  ) throws(StoreError) -> Result {
    try BackupFile.attempt(path, operation)
  }

  /// Makes sure that the folder is there and that nobody else writes into it.
  /// - Returns: the lock, which is held until it is closed.
  package func lock() throws(StoreError) -> any OpenFile {
    do {
      switch try files.status(path)?.kind {
      case .directory: break
      case nil: try files.makeDirectory(path)
      default:
        throw StoreError(
          .invalidConfiguration, "\(path) is no folder: backups are written into a folder")
      }
      let file = try files.open(lockPath, .create)
      try file.lock()
      return file
    } catch let error as FileError {
      if error.reason == .locked {
        throw StoreError(.locked, "another backup is being written into \(path)")
      }
      if error.operation == .mkdir, error.reason == .notFound {
        throw StoreError(
          .invalidConfiguration, "the folder in which \(path) is to be made is not there")
      }
      throw StoreError(error, location: path)
    } catch {
      throw StoreError(transfer: error)
    }
  }

  /// Removes what a process that was killed has left; the lock must be held.
  func removeUnfinished() throws(StoreError) {
    try attempt { () throws(FileError) in
      for name in try files.list(path)
      where name.hasPrefix(Self.unfinishedPrefix) && name.hasSuffix(Self.unfinishedSuffix) {
        try remove("\(path)/\(name)")
      }
    }
  }

  /// Removes a folder of files.
  private func remove(_ folder: String) throws(FileError) {
    for name in try files.list(folder) { try files.unlink("\(folder)/\(name)") }
    try files.removeDirectory(folder)
  }

  /// The names of what may be backups.
  func names() throws(StoreError) -> [String] {
    try attempt { () throws(FileError) in
      var names: [String] = []
      for name in try files.list(path) where name.hasPrefix(Self.prefix) {
        if try files.status("\(path)/\(name)")?.kind == .directory { names.append(name) }
      }
      return names
    }
  }

  /// Removes a backup. It loses its name first, so that no half of one is ever taken for one.
  func remove(_ backup: Backup, _ name: String) throws(StoreError) {
    try attempt { () throws(FileError) in
      try files.rename(backup.path, to: unfinishedPath(name))
      try files.synchronizeDirectory(path)
      try remove(unfinishedPath(name))
    }
  }
}

/// What stands in a folder of backups.
public struct BackupEntry: Sendable {
  /// The name in the folder.
  public var name: String
  /// The backup; nil when it cannot be read.
  public var backup: Backup?
  /// Why it cannot be read; nil when it can.
  public var failure: StoreError?
}

extension Backup {
  /// The backups in a folder, the oldest first; those that cannot be read stand in front.
  /// - Throws: `invalidConfiguration` when there is no such folder; `accessDenied`, `inputOutput`.
  public static func list(in folder: String) throws(StoreError) -> [BackupEntry] {
    try list(in: BackupFolder(path: folder, files: SystemFileSystem()))
  }

  package static func list(in folder: BackupFolder) throws(StoreError) -> [BackupEntry] {
    var entries: [BackupEntry] = []
    for name in try folder.names() {
      do throws(StoreError) {
        let backup = try Backup(reading: "\(folder.path)/\(name)", folder.files)
        entries.append(BackupEntry(name: name, backup: backup, failure: nil))
      } catch {
        entries.append(BackupEntry(name: name, backup: nil, failure: error))
      }
    }
    return entries.sorted { left, right in
      guard let leftTime = left.backup?.manifest.createdAt,
        let rightTime = right.backup?.manifest.createdAt
      else { return left.backup == nil && right.backup != nil }
      return leftTime < rightTime
    }
  }

  /// Removes backups that are older than so many days. The newest stays whatever its age, and so
  /// does what cannot be read as a backup or holds a file that no backup has.
  /// - Returns: the names of those removed.
  /// - Throws: `locked` while a backup is written into the folder; `accessDenied`, `inputOutput`.
  public static func prune(
    _ folder: String, keeping days: Int, now: Timestamp = .now()
  ) throws(StoreError) -> [String] {
    try prune(
      BackupFolder(path: folder, files: SystemFileSystem()), keeping: days, now: now)
  }

  package static func prune(
    _ folder: BackupFolder, keeping days: Int, now: Timestamp
  ) throws(StoreError) -> [String] {
    let lock = try folder.lock()
    defer { try? lock.close() }
    let (age, overflows) = Int64(days).multipliedReportingOverflow(by: 86_400_000_000)
    let (limit, isEarlier) = now.microsecondsSince2000.subtractingReportingOverflow(age)
    if overflows || isEarlier { return [] }
    var removed: [String] = []
    for entry in try list(in: folder).dropLast() {
      guard let backup = entry.backup, backup.manifest.createdAt.microsecondsSince2000 < limit,
        try backup.hasOnlyItsFiles(folder)
      else { continue }
      try folder.remove(backup, entry.name)
      removed.append(entry.name)
    }
    return removed
  }

  private func hasOnlyItsFiles(_ folder: BackupFolder) throws(StoreError) -> Bool {
    let own = Set(manifest.tables.map(\.file) + [Self.manifestName, Self.checksumName])
    return try folder.attempt { () throws(FileError) in
      try folder.files.list(path).allSatisfy { own.contains($0) }
    }
  }
}
