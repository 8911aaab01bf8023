package import RoostCore
import Synchronization

/// A folder with all rows of a store at one moment: a JSON Lines file a table and a manifest.
///
///     roost-2026-11-21T16-15-00.123456Z/
///       manifest.json         migrations, row counts, checksums
///       manifest.sha256       the manifest's checksum, as sha256sum reads it
///       001-projects.jsonl    a row a line; .gz when it is packed
///
/// It is written beside its place and renamed when all of it is on the device, so that a folder
/// with the name is whole.
public struct Backup: Sendable {
  /// The folder.
  public let path: String
  /// What it says of itself.
  public let manifest: BackupManifest
  let files: any FileSystem

  /// The name of the manifest's file.
  static let manifestName = "manifest.json"
  /// The name of the file with the manifest's checksum.
  static let checksumName = "manifest.sha256"

  /// Reads the manifest of a backup. Its tables' files are not looked at: `verify` does that.
  /// - Throws: `invalidConfiguration` when there is no backup at the path or it is of a newer
  ///   format; `corrupted` when its manifest is damaged; `accessDenied`, `inputOutput`.
  public init(reading path: String) throws(StoreError) {
    try self.init(reading: path, SystemFileSystem())
  }

  package init(reading path: String, _ files: any FileSystem) throws(StoreError) {
    self.files = files
    self.path = path
    let manifestPath = "\(path)/\(Self.manifestName)"
    guard
      try BackupFile.attempt(path, { () throws(FileError) in try files.status(manifestPath) })?
        .kind == .file
    else {
      throw StoreError(
        .invalidConfiguration, "there is no backup at \(path): it has no \(Self.manifestName)")
    }
    let (bytes, checksum) = try BackupFile.attempt(path) {
      () throws(FileError) -> ([UInt8], [UInt8]) in
      let manifest = try files.open(manifestPath, .read)
      let bytes = try manifest.readToEnd(limit: BackupFile.manifestLimit)
      let checksumPath = "\(path)/\(Self.checksumName)"
      guard try files.exists(checksumPath) else { return (bytes, []) }
      return (bytes, try files.open(checksumPath, .read).readToEnd(limit: 1_024))
    }
    manifest = try BackupManifest(
      bytes, isWhole: checksum == Self.checksumLine(of: bytes), path: manifestPath)
  }

  init(path: String, manifest: BackupManifest, _ files: any FileSystem) {
    self.path = path
    self.manifest = manifest
    self.files = files
  }

  /// What the checksum's file holds for a manifest.
  static func checksumLine(of manifest: [UInt8]) -> [UInt8] {
    Array("\(SHA256.hash(manifest).hexadecimal)  \(manifestName)\n".utf8)
  }

  /// Checks that every file is there and as it was written, and that every row can be read.
  /// - Parameter progress: is told how far it is.
  /// - Throws: `corrupted`, naming the file; `unsupported` when it is packed and there is no gzip.
  public func verify(
    shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws(StoreError) {
    try await checkFiles()
    let counter = TransferCounter(shouldStop, progress)
    let source = BackupSource(backup: self)
    try await counter.begin(source, manifest.schema.tablesParentsFirst)
    do {
      for table in manifest.schema.tablesParentsFirst {
        try await source.scan(table) { rows in
          try counter.add(.checking, table.name, rows.count)
        }
      }
    } catch {
      throw StoreError(transfer: error)
    }
  }

  /// Fills a store with the rows, in one transaction: when it fails or its process is killed, the
  /// store is as it was. Every file is checked before a row is written, and every row compared
  /// before the transaction is committed.
  /// - Parameters:
  ///   - store: the store, with the same tables as the backup: opened with
  ///     `[MigrationSet].held(backup.manifest.migrations, ...)` it is.
  ///   - intoNonEmpty: whether the store may have rows, as `StoreCopy` has it.
  ///   - shouldStop: is asked between batches; restoring then ends with `cancelled`.
  ///   - progress: is told how far it is.
  /// - Throws: `corrupted` for a damaged backup; `schemaDrift` when the store's tables are others;
  ///   as `StoreCopy.run`. Nothing is changed then.
  public func restore(
    into store: Store, intoNonEmpty: Bool = false,
    shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws(StoreError) -> TransferReport {
    try await checkFiles()
    return try await TableLoader(
      BackupSource(backup: self), into: store, intoNonEmpty: intoNonEmpty, shouldStop, progress
    ).run()
  }

  /// Compares the files with the manifest.
  private func checkFiles() async throws(StoreError) {
    if manifest.isCompressed { try await Gzip.require() }
    for table in manifest.tables {
      let path = "\(path)/\(table.file)"
      let status = try BackupFile.attempt(path) { () throws(FileError) in
        try files.status(path)
      }
      guard let status, status.kind == .file else {
        throw .damaged(path, "it is missing")
      }
      guard status.length == table.bytes else {
        throw .damaged(path, "it has \(status.length) bytes, and not \(table.bytes)")
      }
      let found = try BackupFile.attempt(path) { () throws(FileError) in
        try BackupFile.hash(path, files)
      }
      guard found.sha256 == table.sha256 else {
        throw .damaged(path, "its checksum is wrong")
      }
    }
  }
}

/// The rows of a backup.
struct BackupSource: RowSource {
  let backup: Backup

  var schema: Schema { backup.manifest.schema }
  var location: String { backup.path }

  func count(_ table: TableDefinition) async throws(StoreError) -> Int {
    try entry(table).rows
  }

  private func entry(_ table: TableDefinition) throws(StoreError) -> BackupManifest.Table {
    guard let entry = backup.manifest.tables.first(where: { $0.name == table.name }) else {
      throw StoreError(
        .undefinedTable, "\(backup.path) has no table \"\(table.name)\"", table: table.name)
    }
    return entry
  }

  func scan(
    _ table: TableDefinition, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    let entry = try entry(table)
    let path = "\(backup.path)/\(entry.file)"
    let pieces = try BackupPieces(
      path, isCompressed: backup.manifest.isCompressed, backup.files)
    let reader = RowJSONReader(table)
    var lines = LineBuffer()
    var number = 0
    var digest = RangeDigest()
    while true {
      var rows: [[Value]] = []
      let bytes = try pieces.next()
      try lines.add(bytes, path) { line throws(StoreError) in
        number += 1
        do throws(JSONError) {
          var json = JSONScanner(line, outerDepth: 1)
          rows.append(try reader.row(&json))
          try json.end()
        } catch {
          throw StoreError.damaged(path, "line \(number): \(error)")
        }
      }
      var rest = rows[...]
      while !rest.isEmpty {
        let some = Array(rest.prefix(TransferLimits.batch))
        rest = rest.dropFirst(some.count)
        try digest.add(some, of: table)
        try await body(some)
      }
      if bytes.isEmpty { break }
    }
    guard digest.count == entry.rows, digest.text == entry.digest else {
      throw StoreError.damaged(path, "its rows are not those that its manifest says")
    }
  }
}
