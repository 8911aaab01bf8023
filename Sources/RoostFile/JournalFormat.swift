import Foundation
import Roost
import RoostCore
import RoostMemory

/// The first line of a journal.
struct JournalHeader {
  /// More bytes than it ever has; a sector of a device has as many, and is never torn.
  static let lengthLimit = 512

  var storeID: UUID
  var generation: Int64
  var firstSequence: Int64
  /// The checksum of the last line before this journal: what stands in two files is of one store
  /// and of one history. 0 in the first journal.
  var chain: UInt32

  /// The seed of the header's checksum, so that a header of another store or file shows.
  var seed: UInt32 {
    CRC32C.checksum(Array("\(storeID.uuidString.lowercased())/\(generation)".utf8))
  }

  func encoded() -> (bytes: [UInt8], checksum: UInt32) {
    var json = JSONWriter()
    json.beginObject()
    json.key("format")
    json.string("roost-journal")
    json.key("version")
    json.integer(StoreFolder.version)
    json.key("storeID")
    json.string(storeID.uuidString.lowercased())
    json.key("generation")
    json.integer(generation)
    json.key("firstSeq")
    json.integer(firstSequence)
    json.key("chain")
    json.string(CRC32C.text(chain))
    var bytes = json.bytes
    let checksum = ChecksummedLine.journal.seal(&bytes, from: 0, seed: seed)
    bytes.append(UInt8(ascii: "\n"))
    return (bytes, checksum)
  }

  /// Reads the fields; the checksum is the caller's concern.
  /// - Throws: `corrupted`, or `invalidConfiguration` for a newer format.
  init(_ line: UnsafeBufferPointer<UInt8>, path: String) throws(StoreError) {
    guard let json = try? JSON(parsing: line), json["format"]?.string == "roost-journal",
      let version = json["version"]?.int64
    else { throw .damaged(path, "its first line is no journal's") }
    guard version <= StoreFolder.version else {
      throw StoreError(
        .invalidConfiguration, "\(path) has format version \(version), newer than this program")
    }
    guard let storeID = json["storeID"]?.string.flatMap({ UUID(uuidString: $0) }),
      let generation = json["generation"]?.int64, let first = json["firstSeq"]?.int64,
      let chain = json["chain"]?.string.flatMap({ UInt32($0, radix: 16) })
    else { throw .damaged(path, "its first line lacks a field") }
    self.init(storeID: storeID, generation: generation, firstSequence: first, chain: chain)
  }

  init(storeID: UUID, generation: Int64, firstSequence: Int64, chain: UInt32) {
    self.storeID = storeID
    self.generation = generation
    self.firstSequence = firstSequence
    self.chain = chain
  }
}

/// Writes the operations of commits on the tables of a schema: the members of `"ops":[...]`.
struct OperationWriter: Sendable {
  /// How an operation on a table's row begins, up to the row, and how rows are written. A class, so
  /// that to find one costs a reference.
  private final class Table: Sendable {
    let put: [UInt8]
    let remove: [UInt8]
    let rows: RowJSONWriter

    init(_ table: TableDefinition) {
      let name = JSONWriter.quoted(table.name)
      put = Array("[\"put\",".utf8) + name
      remove = Array("[\"del\",".utf8) + name
      rows = RowJSONWriter(table)
    }
  }

  /// The schema.
  let catalog: Catalog
  private let tables: [Table]

  init(_ catalog: Catalog) {
    self.catalog = catalog
    tables = catalog.tables.map { Table($0.definition) }
  }

  func write(_ effect: Effect, into json: inout JSONWriter) {
    switch effect {
    case .put(let place, _, let row):
      let table = tables[place]
      json.raw(table.put)
      table.rows.write(row, into: &json)
    case .remove(let place, let key):
      let table = tables[place]
      json.raw(table.remove)
      table.rows.write(key: key.values, into: &json)
    case .sequence(let place, let column, let last):
      json.beginArray()
      json.string("seq")
      json.string(catalog.tables[place].definition.name)
      json.string(column)
      json.integer(last)
    }
    json.endArray()
  }
}

/// What a journal keeps of migrations, and the line that closes it.
enum CommitFormat {
  /// Adds the line that closes a journal, and returns its checksum.
  static func close(_ sequence: Int64, seed: UInt32, into bytes: inout [UInt8]) -> UInt32 {
    let start = bytes.count
    bytes += "{\"seq\":\(sequence),\"close\":true".utf8
    let checksum = ChecksummedLine.journal.seal(&bytes, from: start, seed: seed)
    bytes.append(UInt8(ascii: "\n"))
    return checksum
  }

  /// What a commit does to the store's migrations: before its operations `"migration":{...}` for
  /// one that was applied or undone, or `"migrations":[...]` for changed notes.
  static func write(_ change: MigrationChange?, into json: inout JSONWriter) {
    switch change {
    case nil: break
    case .ran(let migration):
      json.key("migration")
      write(migration, into: &json)
    case .noted(let notes):
      json.key("migrations")
      json.beginArray()
      for note in notes { write(note, into: &json) }
      json.endArray()
    }
  }

  /// A migration of a snapshot or of changed notes.
  static func write(_ migration: StoredMigration, into json: inout JSONWriter) {
    json.beginObject()
    migration.record.write(into: &json)
    json.key("sql")
    json.string(migration.text)
    json.endObject()
  }

  /// A migration that ran. One that was undone has its script under another name, so that a
  /// program that knows no direction refuses it.
  static func write(_ migration: PlannedMigration, into json: inout JSONWriter) {
    json.beginObject()
    json.key("direction")
    json.string(migration.direction.rawValue)
    migration.record.write(into: &json)
    switch migration.direction {
    case .up:
      json.key("sql")
      json.string(migration.migration.text)
    case .down:
      json.key("downSQL")
      json.string(migration.migration.down ?? "")
    }
    json.endObject()
  }

  /// Repeats a migration that ran, but for its rows. Without a direction it was applied, as all
  /// were by programs that could not undo one.
  static func replay(
    _ json: JSON, in workspace: inout Workspace, path: String
  ) throws(StoreError) {
    if json["direction"]?.string == PlannedMigration.Direction.down.rawValue {
      guard let script = json["downSQL"]?.string else { throw lacksField(path) }
      let record = try record(json, path: path)
      let migration = Migration(record, text: "", down: script)
      let planned = try workspace.state.read(undoing: migration, record)
      try workspace.apply(planned, isReplay: true)
      return
    }
    let stored = try migration(json, path: path)
    let planned = try PlannedMigration(
      stored.record, text: stored.text, onto: workspace.state.catalog.schema)
    try workspace.apply(planned, isReplay: true)
  }

  /// Reads a migration of a snapshot or of changed notes.
  static func migration(_ json: JSON, path: String) throws(StoreError) -> StoredMigration {
    guard let text = json["sql"]?.string else { throw lacksField(path) }
    return StoredMigration(try record(json, path: path), text: text)
  }

  private static func record(_ json: JSON, path: String) throws(StoreError) -> AppliedMigration {
    guard let record = AppliedMigration(json) else { throw lacksField(path) }
    return record
  }

  private static func lacksField(_ path: String) -> StoreError {
    .damaged(path, "a migration lacks a field")
  }
}

/// The tables of a schema ready to read rows.
struct RowReaders: Sendable {
  /// A class, so that to find one costs a reference.
  final class Table: Sendable {
    let place: Int
    let reader: RowJSONReader

    init(place: Int, _ definition: TableDefinition) {
      self.place = place
      reader = RowJSONReader(definition)
    }
  }

  private let tables: [String: Table]

  init(_ catalog: Catalog) {
    var tables: [String: Table] = [:]
    for (place, table) in catalog.tables.enumerated() {
      tables[table.definition.name] = Table(place: place, table.definition)
    }
    self.tables = tables
  }

  /// Reads the next value as a table's name.
  func table(_ json: inout JSONScanner) throws(JSONError) -> Table {
    let start = json.offset
    guard let table = tables[try json.string()] else {
      throw JSONError(.unexpectedKind, at: start)
    }
    return table
  }

  /// Reads one of a line's operations.
  func effect(_ json: inout JSONScanner) throws(JSONError) -> Effect {
    let start = json.offset
    try json.beginArray()
    guard try json.nextElement() else { throw JSONError(.unexpectedKind, at: start) }
    let operation = try json.string()
    guard try json.nextElement() else { throw JSONError(.unexpectedKind, at: start) }
    let table = try table(&json)
    guard try json.nextElement() else { throw JSONError(.unexpectedKind, at: start) }
    let effect: Effect
    switch operation {
    case "put":
      let row = try table.reader.row(&json)
      effect = .put(table: table.place, key: table.reader.key(of: row), row: row)
    case "del": effect = .remove(table: table.place, key: RowKey(try table.reader.key(&json)))
    case "seq":
      let column = try json.string()
      guard try json.nextElement() else { throw JSONError(.unexpectedKind, at: start) }
      effect = .sequence(table: table.place, column: column, last: try json.int64())
    default: throw JSONError(.unexpectedKind, at: start)
    }
    guard try !json.nextElement() else { throw JSONError(.unexpectedKind, at: json.offset) }
    return effect
  }
}
