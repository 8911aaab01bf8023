import Roost
import RoostCore
import RoostMemory

/// Some lines of a journal, checked and parsed, on any thread, but not applied.
struct JournalPiece: Sendable {
  struct Line: Sendable {
    /// Without the newline behind it.
    let place: Range<Int>
    let checksum: UInt32
    var sequence: Int64 = 0
    var isClose = false
    /// Whether it has a migration, or changed notes. Its effects are not parsed then.
    var changesTables = false
    var effects: [Effect] = []
    /// Why it cannot be read, though it is as it was written.
    var failure: String?
  }

  private(set) var lines: [Line] = []
  /// Whether these are all lines of the piece: up to one that does not follow from the one before
  /// it, cannot be read, or changes the tables.
  private(set) var isWhole = false

  /// - Parameter seed: the checksum of the line before; nil where that line carries it.
  init(_ bytes: [UInt8], _ range: Range<Int>, seed: UInt32?, _ readers: RowReaders) {
    bytes.withUnsafeBufferPointer { isWhole = read($0, range, seed: seed, readers) }
  }

  private mutating func read(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, seed: UInt32?, _ readers: RowReaders
  ) -> Bool {
    // If the line before has no checksum or a wrong one, its piece says so, and nobody takes this.
    let before = UnsafeBufferPointer(rebasing: bytes[..<(range.lowerBound - 1)])
    guard var seed = seed ?? ChecksummedLine.journal.stored(in: before) else { return false }
    var text = Lines(UnsafeBufferPointer(rebasing: bytes[range]))
    while let line = text.next() {
      guard let checksum = ChecksummedLine.journal.verify(line, seed: seed) else { return false }
      let end = range.lowerBound + text.offset - 1
      lines.append(Line(line, (end - line.count)..<end, checksum, readers))
      seed = checksum
      if let last = lines.last, last.changesTables || last.failure != nil { return false }
    }
    return true
  }
}

extension JournalPiece.Line {
  fileprivate init(
    _ line: UnsafeBufferPointer<UInt8>, _ place: Range<Int>, _ checksum: UInt32,
    _ readers: RowReaders
  ) {
    self.init(place: place, checksum: checksum)
    if line.count > StoreFolder.lineLimit + StoreFolder.lineRoom {
      failure = "its line is too long"
      return
    }
    var entry = JournalEntry(line, readers)
    do throws(JSONError) {
      try entry.readHead()
      (sequence, isClose) = (entry.sequence, entry.isClose)
      changesTables = entry.migration != nil || entry.notes != nil
      if changesTables { return }
      try entry.readEffects { effects.append($0) }
    } catch {
      failure = "\(error)"
    }
  }
}

/// A line of a journal, read in two steps: what it says of itself, then its effects, which can
/// only be read when its migration has been applied.
struct JournalEntry {
  private var json: JSONScanner
  var readers: RowReaders
  private(set) var sequence: Int64 = 0
  /// The migration that ran.
  private(set) var migration: JSON?
  /// The notes of all migrations, when they were changed.
  private(set) var notes: [JSON]?
  private(set) var isClose = false
  private var hasEffects = false

  init(_ line: UnsafeBufferPointer<UInt8>, _ readers: RowReaders) {
    json = JSONScanner(line, outerDepth: StoreFolder.lineDepth)
    self.readers = readers
  }

  mutating func readHead() throws(JSONError) {
    try json.beginObject()
    var keys: Set<String> = []
    while let key = try json.nextKey() {
      guard keys.insert(key).inserted else {
        throw JSONError(.unexpectedKind, at: json.offset)
      }
      switch key {
      case "seq": sequence = try json.int64()
      case "synced": _ = try json.int64()
      case "migration": migration = try json.value()
      case "migrations": notes = try json.value().array
      case "close": isClose = try json.bool()
      case "crc": _ = try json.string()
      case "ops":
        hasEffects = true
        return
      default: throw JSONError(.unexpectedKind, at: json.offset)
      }
    }
  }

  /// - Throws: also what applying an effect throws, as a `JSONError` at its place: a line with a
  ///   right checksum whose effects do not fit the schema.
  mutating func readEffects(
    _ apply: (Effect) throws(StoreError) -> Void
  ) throws(JSONError) {
    guard hasEffects else { return }
    try json.beginArray()
    while try json.nextElement() {
      let effect = try readers.effect(&json)
      do {
        try apply(effect)
      } catch {
        throw JSONError(.unexpectedKind, at: json.offset)
      }
    }
  }
}
