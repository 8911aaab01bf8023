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

/// Reads snapshots.
enum SnapshotReader {
  /// Reads and checks a whole snapshot.
  /// - Throws: `corrupted` when any byte of it is not as written, `invalidConfiguration` for a
  ///   newer format.
  static func read(
    _ bytes: UnsafeBufferPointer<UInt8>, path: String
  ) throws(StoreError) -> (header: SnapshotHeader, state: DatabaseState) {
    var lines = Lines(bytes)
    guard let first = lines.next() else { throw .damaged(path, "it is empty") }
    var seed = CRC32C.checksum(UnsafeRawBufferPointer(first))
    // Before its migrations are read: what is damaged is not to look like a wrong migration.
    guard isFollowed(seed, by: lines) else {
      try firstLine(first, path)
      throw .damaged(path, "its first or second line has a wrong checksum")
    }
    var (header, state) = try readHeader(first, path)
    let readers = RowReaders(state.catalog)
    var count: Int64 = 0
    var expectsMore = false
    while let line = lines.next() {
      if line.first == UInt8(ascii: "]") {
        try readTrailer(line, seed, count, path)
        guard !expectsMore, lines.next() == nil else { break }
        return (header, state)
      }
      guard count == 0 || expectsMore else { break }
      expectsMore = line.last == UInt8(ascii: ",")
      let record = expectsMore ? UnsafeBufferPointer(rebasing: line.dropLast()) : line
      guard let checksum = ChecksummedLine.record.verify(record, seed: seed) else {
        throw .damaged(path, "record \(count + 1) has a wrong checksum")
      }
      seed = checksum
      count += 1
      do throws(JSONError) {
        var json = JSONScanner(record, outerDepth: StoreFolder.lineDepth)
        try json.beginArray()
        _ = try json.nextElement()
        let (place, reader) = try readers.table(&json)
        _ = try json.nextElement()
        let row = try reader.row(&json)
        // A row of the right schema cannot fail here; expression indexes are checked by type.
        do {
          try state.put(row, in: place)
        } catch {
          throw JSONError(.unexpectedKind, at: 0)
        }
      } catch {
        throw .damaged(path, "record \(count): \(error)")
      }
    }
    throw .damaged(path, "its lines are not in order, or its end is missing")
  }

  private static func readTrailer(
    _ line: UnsafeBufferPointer<UInt8>, _ seed: UInt32, _ count: Int64, _ path: String
  ) throws(StoreError) {
    guard ChecksummedLine.journal.verify(line, seed: seed) != nil,
      String(decoding: line, as: UTF8.self).hasPrefix("],\"count\":\(count),")
    else { throw .damaged(path, "its last line has a wrong checksum or count") }
  }

  /// Whether the line behind the first one follows from it, so that the first is as written.
  private static func isFollowed(_ seed: UInt32, by lines: Lines) -> Bool {
    var lines = lines
    guard let next = lines.next() else { return false }
    if next.first == UInt8(ascii: "]") {
      return ChecksummedLine.journal.verify(next, seed: seed) != nil
    }
    let record =
      next.last == UInt8(ascii: ",") ? UnsafeBufferPointer(rebasing: next.dropLast()) : next
    return ChecksummedLine.record.verify(record, seed: seed) != nil
  }

  /// The first line as a document.
  /// - Throws: `invalidConfiguration` for a newer format, `corrupted` for what is no snapshot.
  @discardableResult
  private static func firstLine(
    _ line: UnsafeBufferPointer<UInt8>, _ path: String
  ) throws(StoreError) -> JSON {
    // The first line ends in an open array: with its end it is a document of its own.
    let whole = Array(line) + Array("]}".utf8)
    guard let json = try? JSON(parsing: whole), json["format"]?.string == "roost-snapshot",
      let version = json["version"]?.int64
    else { throw .damaged(path, "its first line is no snapshot's") }
    guard version <= StoreFolder.version else {
      throw StoreError(
        .invalidConfiguration, "\(path) has format version \(version), newer than this program")
    }
    return json
  }

  /// Reads the first line; the checksum is the caller's concern.
  /// - Throws: as `read`.
  static func readHeader(
    _ line: UnsafeBufferPointer<UInt8>, _ path: String
  ) throws(StoreError) -> (SnapshotHeader, DatabaseState) {
    let json = try firstLine(line, path)
    guard let storeID = json["storeID"]?.string.flatMap({ UUID(uuidString: $0) }),
      let generation = json["generation"]?.int64, let last = json["lastSeq"]?.int64,
      let chain = json["chain"]?.string.flatMap({ UInt32($0, radix: 16) }),
      let migrations = json["migrations"]?.array, let sequences = json["sequences"]?.array
    else { throw .damaged(path, "its first line lacks a field") }
    var workspace = Workspace(try DatabaseState(), isRecording: false)
    for migration in migrations {
      try CommitFormat.replay(migration, in: &workspace, path: path)
    }
    var state = workspace.state
    for entry in sequences {
      guard let parts = entry.array, parts.count == 3, let table = parts[0].string,
        let column = parts[1].string, let number = parts[2].int64
      else { throw .damaged(path, "a sequence lacks a field") }
      state.tables[try state.catalog.place(of: table)].sequences[column] = number
    }
    let header = SnapshotHeader(
      storeID: storeID, generation: generation, lastSequence: last, chain: chain)
    return (header, state)
  }
}

/// The lines of a text; the last counts only when it ends with a newline.
struct Lines: IteratorProtocol {
  private let bytes: UnsafeBufferPointer<UInt8>
  /// Where the next line starts.
  private(set) var offset = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  /// The next line without its newline.
  mutating func next() -> UnsafeBufferPointer<UInt8>? {
    guard offset < bytes.count, let base = bytes.baseAddress,
      let end = memchr(base + offset, 10, bytes.count - offset)
    else { return nil }
    let length = UnsafeRawPointer(end) - UnsafeRawPointer(base + offset)
    defer { offset += length + 1 }
    return UnsafeBufferPointer(start: base + offset, count: length)
  }
}
