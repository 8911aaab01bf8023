import RoostCore
import Synchronization

/// All rows of a store at one moment as one plain JSON document, for people, for other programs,
/// and as the archive of a store that is retired.
///
///     {"format":"roost-export","version":1,"migrations":[{"system":"coherence",...}],"tables":{
///     "projects":[
///     {"id":"debian/libc6",...},
///     ...
///     ]}}
///
/// Tables are ordered by name and rows by key: the same rows give the same bytes. Without
/// checksums, and held in memory as a whole to be read: what is to be kept is better a `Backup`.
public struct StoreExport: Sendable {
  /// The document's path.
  public let path: String
  /// The migrations that the store had; when each was applied is not told.
  public let migrations: [AppliedMigration]
  private let bytes: [UInt8]
  private let tables: [String: ExportedTable]

  fileprivate static let format = "roost-export"
  fileprivate static let version: Int64 = 1

  /// Reads a document and checks that it is whole.
  /// - Throws: `invalidConfiguration` when there is none or it is of a newer format; `corrupted`
  ///   when it is no such document; `accessDenied`, `inputOutput`.
  public init(reading path: String) throws(StoreError) {
    try self.init(reading: path, SystemFileSystem())
  }

  package init(reading path: String, _ files: any FileSystem) throws(StoreError) {
    let bytes = try BackupFile.attempt(path) { () throws(FileError) -> [UInt8]? in
      guard try files.status(path)?.kind == .file else { return nil }
      return try files.open(path, .read).readToEnd()
    }
    guard let bytes else {
      throw StoreError(.invalidConfiguration, "there is no document at \(path)")
    }
    self.path = path
    self.bytes = bytes
    let read = bytes.withUnsafeBufferPointer { buffer in
      Result { () throws(JSONError) in try Parts(buffer) }
    }
    let parts: Parts
    do throws(JSONError) {
      parts = try read.get()
    } catch {
      throw StoreError.damaged(path, "it is no export: \(error)")
    }
    guard parts.version <= Self.version else {
      throw StoreError(
        .invalidConfiguration,
        "\(path) has format version \(parts.version), newer than this program")
    }
    (tables, migrations) = (parts.tables, parts.migrations)
  }

  /// Fills a store with the rows, in one transaction, checked by its constraints.
  /// - Parameters:
  ///   - store: the store, with the tables of the document: opened with
  ///     `[MigrationSet].held(export.migrations, ...)` it is.
  ///   - intoNonEmpty: whether the store may have rows, as `StoreCopy` has it.
  ///   - shouldStop: is asked between batches; it then ends with `cancelled`.
  ///   - progress: is told how far it is.
  /// - Throws: `schemaDrift` when the store's tables are others; `corrupted` for a row that does
  ///   not fit its table; as `StoreCopy.run`. Nothing is changed then.
  public func load(
    into store: Store, intoNonEmpty: Bool = false,
    shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws(StoreError) -> TransferReport {
    let names = store.schema.tables.keys.sorted()
    guard names == tables.keys.sorted() else {
      throw StoreError(
        .schemaDrift,
        "\(path) has the tables \(tables.keys.sorted()), and \(store.opening.location) \(names)")
    }
    let source = ExportSource(schema: store.schema, location: path, export: self)
    return try await TableLoader(
      source, into: store, intoNonEmpty: intoNonEmpty, shouldStop, progress
    ).run()
  }

  fileprivate func count(of table: TableDefinition) -> Int { tables[table.name]?.count ?? 0 }

  /// A table's rows, ordered by key.
  fileprivate func rows(of table: TableDefinition) throws(StoreError) -> [[Value]] {
    guard let range = tables[table.name]?.range else { return [] }
    let read = bytes.withUnsafeBufferPointer { buffer in
      Result { () throws(JSONError) in
        var json = JSONScanner(UnsafeBufferPointer(rebasing: buffer[range]), outerDepth: 2)
        let reader = RowJSONReader(table)
        var rows: [[Value]] = []
        try json.beginArray()
        while try json.nextElement() { rows.append(try reader.row(&json)) }
        return rows
      }
    }
    do throws(JSONError) {
      let rows = try read.get()
      let keys = table.primaryKey.columns.compactMap { table.position(of: $0) }
      return rows.sorted { left, right in
        for key in keys {
          let order = Value.order(left[key], right[key])
          if order != .same { return order == .before }
        }
        return false
      }
    } catch {
      throw StoreError.damaged(path, "a row of \"\(table.name)\": \(error)")
    }
  }
}

/// Where a table's rows stand, and how many there are.
private struct ExportedTable {
  var range: Range<Int>
  var count: Int
}

/// What stands in a document, and where.
private struct Parts {
  var version: Int64 = .max
  var migrations: [AppliedMigration] = []
  var tables: [String: ExportedTable] = [:]

  init(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    var json = JSONScanner(bytes, outerDepth: 2)
    var format = ""
    try json.beginObject()
    while let key = try json.nextKey() {
      switch key {
      case "format": format = try json.string()
      case "version": version = try json.int64()
      case "migrations":
        let start = json.offset
        for entry in try json.value().array ?? [] {
          guard let migration = AppliedMigration(identity: entry, appliedAt: .now())
          else { throw JSONError(.unexpectedKind, at: start) }
          migrations.append(migration)
        }
      case "tables":
        try json.beginObject()
        while let table = try json.nextKey() {
          _ = try json.peek()
          let start = json.offset
          var count = 0
          try json.beginArray()
          while try json.nextElement() {
            try json.skipValue()
            count += 1
          }
          let found = ExportedTable(range: start..<json.offset, count: count)
          guard tables.updateValue(found, forKey: table) == nil else {
            throw JSONError(.unexpectedKind, at: start)
          }
        }
      default: throw JSONError(.unexpectedKind, at: json.offset)
      }
    }
    try json.end()
    guard format == StoreExport.format, version != .max else {
      throw JSONError(.unexpectedKind, at: 0)
    }
  }
}

/// The rows of a document.
private struct ExportSource: RowSource {
  let schema: Schema
  let location: String
  let export: StoreExport

  func count(_ table: TableDefinition) async throws(StoreError) -> Int {
    export.count(of: table)
  }

  func scan(
    _ table: TableDefinition, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    var rest = try export.rows(of: table)[...]
    while !rest.isEmpty {
      let some = Array(rest.prefix(TransferLimits.batch))
      rest = rest.dropFirst(some.count)
      try await body(some)
    }
  }
}

extension StoreExport {
  /// Writes a store's rows of one moment as a document. It has its name when all of it is on the
  /// device, and takes the place of one that had the name before.
  /// - Parameters:
  ///   - store: the store, in memory as well; it goes on working meanwhile.
  ///   - migrations: the systems that the store was opened with.
  ///   - path: the document's path.
  ///   - shouldStop: is asked between batches; it then ends with `cancelled`.
  ///   - progress: is told how far it is.
  /// - Returns: how many rows were written.
  /// - Throws: `storageFull`, `accessDenied`, `inputOutput`; what reading meets.
  @discardableResult
  public static func write(
    _ store: Store, migrations: [MigrationSet], to path: String,
    shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws(StoreError) -> Int {
    let files = SystemFileSystem()
    let temporary = "\(path).tmp"
    let file = try BackupFile.attempt(path) { () throws(FileError) in
      if try files.exists(temporary) { try files.unlink(temporary) }
      return try files.open(temporary, .createNew)
    }
    let writer = ExportWriter(file)
    do {
      try await writer.write(
        store, migrations, TransferCounter(shouldStop, progress))
      return try BackupFile.attempt(path) { () throws(FileError) in
        let count = try writer.finish()
        try files.rename(temporary, to: path)
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        try files.synchronizeDirectory(folder)
        return count
      }
    } catch {
      try? file.close()
      try? files.unlink(temporary)
      throw StoreError(transfer: error)
    }
  }
}

/// Writes a document piece by piece.
private final class ExportWriter: Sendable {
  private struct State: ~Copyable {
    var json = JSONWriter()
    var offset: Int64 = 0
    var count = 0
  }

  /// How much is gathered before it is written.
  private static let piece = 1 << 20

  private let file: any OpenFile
  private let state = Mutex(State())

  init(_ file: any OpenFile) {
    self.file = file
  }

  func write(
    _ store: Store, _ migrations: [MigrationSet], _ counter: TransferCounter
  ) async throws {
    let wanted = Set(migrations.map(\.system))
    let applied = try await store.backend.appliedMigrations()
      .filter { wanted.contains($0.system) }
      .sorted { ($0.system, $0.version) < ($1.system, $1.version) }
    state.withLock { Self.begin(applied, &$0.json) }
    let tables = store.schema.tables.values.sorted { $0.name < $1.name }
    try await store.backend.transferring(.snapshot) { session in
      let source = SnapshotSource(
        schema: store.schema, location: store.opening.location, session: session)
      try await counter.begin(source, tables)
      for table in tables {
        self.state.withLock { state in
          state.json.key(table.name)
          state.json.beginArray()
          state.json.unseparated("\n")
        }
        try await source.scan(table) { rows in
          try self.add(rows, of: table)
          try counter.add(.copying, table.name, rows.count)
        }
        self.state.withLock { state in
          state.json.unseparated("\n")
          state.json.endArray()
        }
      }
    }
  }

  private static func begin(_ migrations: [AppliedMigration], _ json: inout JSONWriter) {
    json.beginObject()
    json.key("format")
    json.string(StoreExport.format)
    json.key("version")
    json.integer(StoreExport.version)
    json.key("migrations")
    json.beginArray()
    for migration in migrations {
      json.beginObject()
      migration.writeIdentity(into: &json)
      json.endObject()
    }
    json.endArray()
    json.key("tables")
    json.beginObject()
    json.unseparated("\n")
  }

  private func add(_ rows: [[Value]], of table: TableDefinition) throws(StoreError) {
    let writer = RowJSONWriter(table)
    try state.withLock { state throws(StoreError) in
      for row in rows {
        writer.write(row, into: &state.json)
        state.count += 1
        guard state.json.count >= Self.piece else { continue }
        let bytes = state.json.bytes
        state.json.removeWritten()
        try BackupFile.attempt(file.path) { () throws(FileError) in
          try file.write(bytes, at: state.offset)
        }
        state.offset += Int64(bytes.count)
      }
    }
  }

  /// Writes the end and brings the document to the device.
  /// - Returns: how many rows it has.
  func finish() throws(FileError) -> Int {
    try state.withLock { state throws(FileError) in
      state.json.endObject()
      state.json.endObject()
      state.json.unseparated("\n")
      try file.write(state.json.bytes, at: state.offset)
      try file.synchronize()
      try file.close()
      return state.count
    }
  }
}
