import Foundation
import Roost
import RoostCore
import RoostMemory

// snapshot.json is one valid JSON document with a record a line, sorted by table and key, so that
// the same state gives the same bytes:
//
//   {"format":"roost-snapshot","version":1,...,"records":[
//   ["projects",{"id":1,"name":"libc6"},"1f2e3d4c"],
//   ["projects",{"id":2,"name":"zlib1g"},"5a6b7c8d"]
//   ],"count":2,"crc":"90ab12cd"}

/// What a snapshot says of itself.
package struct SnapshotHeader: Sendable {
  var storeID: UUID
  /// The journal of this generation goes on where the snapshot ends.
  var generation: Int64
  /// The last line of a journal that is in the snapshot.
  var lastSequence: Int64
  /// That line's checksum, with which the next journal goes on.
  var chain: UInt32
}

/// Writes snapshots.
struct SnapshotWriter: ~Copyable {
  /// How much is gathered before it is written to the file.
  private static let chunk = 1 << 20

  /// Writes the state into a new file, and reads the file back: what follows removes the journals.
  /// - Throws: EIO when the file does not hold what was written.
  static func write(
    _ state: DatabaseState, _ header: SnapshotHeader, to file: any OpenFile
  ) throws(FileError) {
    var writer = SnapshotWriter(file: file)
    var line = encode(header, state)
    writer.seed = CRC32C.checksum(line)
    line.append(UInt8(ascii: "\n"))
    try writer.append(line)
    for (table, plan) in zip(state.tables, state.catalog.tables) {
      let rows = RowJSONWriter(plan.definition)
      for (_, row) in table.rows.ascending() { try writer.add(row, plan.definition.name, rows) }
    }
    try writer.finish()
    try writer.check()
  }

  private let file: any OpenFile
  private var buffer: [UInt8] = []
  /// Where a line is put together; kept for its memory.
  private var json = JSONWriter()
  private var offset: Int64 = 0
  /// The checksum of all that was written.
  private var total: UInt32 = 0
  private var seed: UInt32 = 0
  private var count: Int64 = 0

  private init(file: any OpenFile) {
    self.file = file
  }

  private static func encode(_ header: SnapshotHeader, _ state: DatabaseState) -> [UInt8] {
    var json = JSONWriter()
    json.beginObject()
    json.key("format")
    json.string("roost-snapshot")
    json.key("version")
    json.integer(StoreFolder.version)
    json.key("storeID")
    json.string(header.storeID.uuidString.lowercased())
    json.key("generation")
    json.integer(header.generation)
    json.key("lastSeq")
    json.integer(header.lastSequence)
    json.key("chain")
    json.string(CRC32C.text(header.chain))
    json.key("migrations")
    json.beginArray()
    for migration in state.migrations { CommitFormat.write(migration, into: &json) }
    json.endArray()
    json.key("sequences")
    json.beginArray()
    for (table, plan) in zip(state.tables, state.catalog.tables) {
      for (column, last) in table.sequences.sorted(by: { $0.key < $1.key }) {
        json.beginArray()
        json.string(plan.definition.name)
        json.string(column)
        json.integer(last)
        json.endArray()
      }
    }
    json.endArray()
    json.key("records")
    return json.bytes + [UInt8(ascii: "[")]
  }

  private mutating func add(
    _ row: [Value], _ table: String, _ writer: RowJSONWriter
  ) throws(FileError) {
    if count > 0 { buffer += [UInt8(ascii: ","), UInt8(ascii: "\n")] }
    let start = buffer.count
    json.removeAll()
    json.beginArray()
    json.string(table)
    writer.write(row, into: &json)
    json.withBytes(from: 0) { buffer += $0 }
    seed = ChecksummedLine.record.seal(&buffer, from: start, seed: seed)
    count += 1
    if buffer.count >= Self.chunk { try flush() }
  }

  private mutating func finish() throws(FileError) {
    if count > 0 { buffer.append(UInt8(ascii: "\n")) }
    let start = buffer.count
    buffer += "],\"count\":\(count)".utf8
    _ = ChecksummedLine.journal.seal(&buffer, from: start, seed: seed)
    buffer.append(UInt8(ascii: "\n"))
    try flush()
  }

  private mutating func check() throws(FileError) {
    var sum: UInt32 = 0
    var place: Int64 = 0
    buffer = [UInt8](repeating: 0, count: Self.chunk)
    while place < offset {
      let count = try read(at: place)
      guard count > 0 else { break }
      sum = CRC32C.checksum(Array(buffer[..<count]), from: sum)
      place += Int64(count)
    }
    guard place == offset, sum == total else {
      throw FileError(number: EIO, operation: .read, path: file.path)
    }
  }

  private mutating func read(at offset: Int64) throws(FileError) -> Int {
    let file = file
    let outcome = buffer.withUnsafeMutableBytes { buffer in
      Result { () throws(FileError) in try file.read(into: buffer, at: offset) }
    }
    return try outcome.get()
  }

  private mutating func append(_ bytes: [UInt8]) throws(FileError) {
    buffer += bytes
  }

  private mutating func flush() throws(FileError) {
    try file.write(buffer, at: offset)
    total = CRC32C.checksum(buffer, from: total)
    offset += Int64(buffer.count)
    buffer.removeAll(keepingCapacity: true)
  }
}
