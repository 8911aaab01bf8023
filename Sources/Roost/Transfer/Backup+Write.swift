import RoostCore
import Synchronization

extension Backup {
  /// Writes a backup of a store into a new folder: all rows of one moment.
  /// - Parameters:
  ///   - store: the store; it is not changed, and goes on working meanwhile.
  ///   - migrations: the systems that the store was opened with.
  ///   - folder: where backups are; made when only its last part is missing.
  ///   - isCompressed: whether the tables' files are packed with the system's gzip.
  ///   - now: the backup's time, which its name has.
  ///   - shouldStop: is asked between batches; the backup then ends with `cancelled`.
  ///   - progress: is told how far it is.
  /// - Throws: `locked` while another backup is written into the folder; `unsupported` without
  ///   gzip; `storageFull`, `accessDenied`, `inputOutput`; what reading meets. No folder with a
  ///   backup's name is left then.
  public static func write(
    _ store: Store, migrations: [MigrationSet], into folder: String, isCompressed: Bool = false,
    now: Timestamp = .now(), shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws(StoreError) -> Backup {
    try await write(
      store, migrations: migrations,
      into: BackupFolder(path: folder, files: SystemFileSystem()), isCompressed: isCompressed,
      now: now, shouldStop: shouldStop, progress: progress)
  }

  package static func write(
    _ store: Store, migrations: [MigrationSet], into folder: BackupFolder,
    isCompressed: Bool = false, now: Timestamp = .now(),
    shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws(StoreError) -> Backup {
    if isCompressed { try await Gzip.require() }
    let records = try await store.backend.appliedMigrations()
    let held = try migrations.held(
      records, systems: migrations.map(\.system), location: store.opening.location)
    let applied = try MigrationPlan(held, now: now).applied(records).migrations
    let manifest = BackupManifest(
      createdAt: now, source: store.opening.location, isCompressed: isCompressed,
      migrations: applied)
    try store.schema.requireSameTables(
      as: manifest.schema, from: store.opening.location, to: "its migrations")
    let lock = try folder.lock()
    defer { try? lock.close() }
    try folder.removeUnfinished()
    let writer = BackupWriter(
      folder: folder, name: BackupFolder.name(at: now), manifest: manifest)
    do {
      let counter = TransferCounter(shouldStop, progress)
      return try await store.backend.transferring(.snapshot) { session in
        try await writer.run(
          SnapshotSource(
            schema: manifest.schema, location: store.opening.location, session: session),
          counter)
      }
    } catch {
      try? folder.removeUnfinished()
      throw error
    }
  }
}

/// Writes the files of a backup.
private final class BackupWriter: Sendable {
  private let folder: BackupFolder
  private let name: String
  private let manifest: BackupManifest

  init(folder: BackupFolder, name: String, manifest: BackupManifest) {
    self.folder = folder
    self.name = name
    self.manifest = manifest
  }

  /// The folder before it is whole.
  private var path: String { folder.unfinishedPath(name) }

  func run(_ source: SnapshotSource, _ counter: TransferCounter) async throws -> Backup {
    var manifest = manifest
    let target = "\(folder.path)/\(name)"
    let isTaken = try folder.attempt { () throws(FileError) in
      if try folder.files.exists(target) { return true }
      try folder.files.makeDirectory(path)
      return false
    }
    guard !isTaken else {
      throw StoreError(.invalidConfiguration, "\(target) is there already")
    }
    let tables = manifest.schema.tablesParentsFirst
    try await counter.begin(source, tables)
    for (place, table) in tables.enumerated() {
      manifest.tables.append(try await write(table, place, source, counter))
    }
    let finished = manifest
    try folder.attempt { () throws(FileError) in
      let bytes = finished.encoded()
      try write(bytes, as: Backup.manifestName)
      try write(Backup.checksumLine(of: bytes), as: Backup.checksumName)
      try folder.files.synchronizeDirectory(path)
      try folder.files.rename(path, to: target)
      try folder.files.synchronizeDirectory(folder.path)
    }
    return Backup(path: target, manifest: finished, folder.files)
  }

  private func write(_ bytes: [UInt8], as name: String) throws(FileError) {
    let file = try folder.files.open("\(path)/\(name)", .createNew)
    try file.write(bytes, at: 0)
    try file.synchronize()
    try file.close()
  }

  private func write(
    _ table: TableDefinition, _ place: Int, _ source: SnapshotSource, _ counter: TransferCounter
  ) async throws -> BackupManifest.Table {
    let file = Self.fileName(of: table.name, place + 1)
    let path = "\(path)/\(file)"
    let writer = Mutex(
      try folder.attempt { () throws(FileError) in try LineFileWriter(path, folder.files) })
    try await source.scan(table) { rows in
      try writer.withLock { try $0.add(rows, of: table) }
      try counter.add(.copying, table.name, rows.count)
    }
    let (digest, length, sha256) = try writer.withLock { writer in
      let sha256 = try folder.attempt { () throws(FileError) in try writer.finish() }
      return (writer.digest, writer.length, sha256)
    }
    var entry = BackupManifest.Table(
      name: table.name, file: file, rows: digest.count, bytes: length, sha256: sha256,
      digest: digest.text)
    guard manifest.isCompressed else { return entry }
    try await Gzip.compress(path)
    entry.file += ".gz"
    let packed = "\(path).gz"
    (entry.bytes, entry.sha256) = try folder.attempt { () throws(FileError) in
      let file = try folder.files.open(packed, .readWrite)
      try file.synchronize()
      try file.close()
      return try BackupFile.hash(packed, folder.files)
    }
    return entry
  }

  /// `001-projects.jsonl`: a table may have a name that no file can have, or that differs from
  /// another's by the case of a letter.
  private static func fileName(of table: String, _ number: Int) -> String {
    let digits = String(number)
    let word = table.unicodeScalars.prefix(60).map { scalar in
      let isPlain =
        scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      return isPlain || scalar == "_" ? Character(scalar) : "-"
    }
    return String(repeating: "0", count: max(0, 3 - digits.count)) + digits + "-" + String(word)
      + ".jsonl"
  }
}
