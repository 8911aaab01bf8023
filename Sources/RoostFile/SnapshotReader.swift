import Foundation
import Roost
import RoostCore
import RoostMemory

/// Reads snapshots: pieces of them on all processors, whose rows one thread puts into the tables.
enum SnapshotReader {
  /// Reads and checks a whole snapshot.
  /// - Parameter pieceLength: how many bytes are read by one thread before it looks for more.
  /// - Throws: `corrupted` when any byte of it is not as written, `invalidConfiguration` for a
  ///   newer format.
  static func read(
    _ bytes: [UInt8], path: String, pieceLength: Int
  ) throws(StoreError) -> (header: SnapshotHeader, state: DatabaseState) {
    var (start, seed) = (0, UInt32(0))
    var (header, state) = try bytes.withBuffer { buffer throws(StoreError) in
      var lines = Lines(buffer)
      guard let first = lines.next() else { throw .damaged(path, "it is empty") }
      (start, seed) = (lines.offset, CRC32C.checksum(UnsafeRawBufferPointer(first)))
      // Before its migrations are read: what is damaged is not to look like a wrong migration.
      guard isFollowed(seed, by: lines) else {
        try firstLine(first, path)
        throw .damaged(path, "its first or second line has a wrong checksum")
      }
      return try readHeader(first, path)
    }
    let readers = RowReaders(state.catalog)
    let pieces = bytes.withUnsafeBufferPointer {
      Lines.pieces(of: $0, from: start, length: pieceLength)
    }
    var count: Int64 = 0
    var isEnded = false
    try OrderedWork.run(pieces.count) { [pieces, start, seed] index in
      let range = pieces[index]
      return SnapshotPiece(bytes, range, seed: range.lowerBound == start ? seed : nil, readers)
    } take: { piece throws(StoreError) in
      for row in piece.rows {
        count += 1
        do throws(StoreError) {
          try state.put(row.values, in: row.table)
        } catch {
          throw .damaged(path, "record \(count): \(error.message)")
        }
      }
      switch piece.end {
      case .open: return true
      case .damaged(let reason): throw .damaged(path, "record \(count + 1) \(reason)")
      case .outOfOrder: return false
      case .trailer(let place, let seed):
        try bytes.withBuffer { buffer throws(StoreError) in
          let line = UnsafeBufferPointer(rebasing: buffer[place])
          try readTrailer(line, seed, count, path)
        }
        isEnded = place.upperBound == bytes.count - 1
        return false
      }
    }
    guard isEnded else {
      throw .damaged(path, "its lines are not in order, or its end is missing")
    }
    return (header, state)
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
    return ChecksummedLine.record.verify(record(next).record, seed: seed) != nil
  }

  /// A record's line without the comma behind it, which all but the last have.
  static func record(
    _ line: UnsafeBufferPointer<UInt8>
  ) -> (record: UnsafeBufferPointer<UInt8>, hasComma: Bool) {
    let hasComma = line.last == UInt8(ascii: ",")
    return (hasComma ? UnsafeBufferPointer(rebasing: line.dropLast()) : line, hasComma)
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

/// Some whole lines of a snapshot behind its first, checked and parsed; on any thread.
private struct SnapshotPiece: Sendable {
  /// What follows the rows.
  enum End {
    /// The next piece.
    case open
    /// The last line, at a place and with the seed of its checksum.
    case trailer(Range<Int>, seed: UInt32)
    /// A record that is not as it was written.
    case damaged(String)
    /// A record without a comma before it, the last line behind a comma, or half a line.
    case outOfOrder
  }

  private(set) var rows: [(table: Int, values: [Value])] = []
  private(set) var end = End.open

  /// - Parameter seed: the checksum of the first line; nil for a piece that starts behind a record.
  init(_ bytes: [UInt8], _ range: Range<Int>, seed: UInt32?, _ readers: RowReaders) {
    bytes.withUnsafeBufferPointer { end = read($0, range, seed: seed, readers) }
  }

  private mutating func read(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, seed first: UInt32?,
    _ readers: RowReaders
  ) -> End {
    var lines = Lines(UnsafeBufferPointer(rebasing: bytes[range]))
    // If the line before has no checksum or a wrong one, its piece says so, and nobody takes this.
    var (known, isOpen) = (first, false)
    if first == nil {
      let before = UnsafeBufferPointer(rebasing: bytes[..<(range.lowerBound - 1)])
      let (record, hasComma) = SnapshotReader.record(before)
      (known, isOpen) = (ChecksummedLine.record.stored(in: record), hasComma)
    }
    guard var seed = known else { return .outOfOrder }
    var mayFollow = first != nil || isOpen
    while let line = lines.next() {
      if line.first == UInt8(ascii: "]") {
        let end = range.lowerBound + lines.offset - 1
        return isOpen ? .outOfOrder : .trailer((end - line.count)..<end, seed: seed)
      }
      guard mayFollow else { return .outOfOrder }
      let (record, hasComma) = SnapshotReader.record(line)
      guard let checksum = ChecksummedLine.record.verify(record, seed: seed) else {
        return .damaged("has a wrong checksum")
      }
      (seed, isOpen, mayFollow) = (checksum, hasComma, hasComma)
      do throws(JSONError) {
        var json = JSONScanner(record, outerDepth: StoreFolder.lineDepth)
        try json.beginArray()
        _ = try json.nextElement()
        let table = try readers.table(&json)
        _ = try json.nextElement()
        rows.append((table.place, try table.reader.row(&json)))
      } catch {
        return .damaged("cannot be read: \(error)")
      }
    }
    return range.lowerBound + lines.offset == range.upperBound ? .open : .outOfOrder
  }
}
