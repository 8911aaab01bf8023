import Roost
import RoostCore
import RoostMemory

/// Reads one journal and applies its commits.
///
/// Where a line does not follow from the one before, the rest is either the torn end of a write
/// that nobody was told of, or damage. It is damage when a later line still follows from its
/// neighbour, when a later line says that the bad one had been synchronised, when the store had
/// been closed behind it, or when another journal comes after this one.
struct JournalReader {
  let path: String
  let generation: Int64
  let isLast: Bool

  /// Applies the commits.
  /// - Returns: where the good lines end.
  /// - Throws: `corrupted`.
  func read(
    _ bytes: UnsafeBufferPointer<UInt8>, into store: inout RecoveredStore
  ) throws(StoreError) -> Int {
    var lines = Lines(bytes)
    var end = 0
    guard let first = lines.next(), let header = try? JournalHeader(first, path: path),
      var seed = ChecksummedLine.journal.verify(first, seed: header.seed)
    else {
      if let first = Lines(bytes).first { _ = try JournalHeader(first, path: path) }
      try refuseDamage(bytes, from: 0, sequence: store.lastSequence + 1)
      return 0
    }
    if store.generation == 0 { store.storeID = header.storeID }
    guard header.storeID == store.storeID, header.generation == generation else {
      throw .damaged(path, "it belongs to another store")
    }
    guard header.firstSequence == store.lastSequence + 1 else {
      throw .damaged(path, "it does not go on where the journal or snapshot before it ends")
    }
    store.generation = generation
    store.wasClosed = false
    end = lines.offset
    var workspace = Workspace(store.state, isRecording: false)
    // The copy in `store` would make every change copy nodes.
    store.state = try DatabaseState()
    var readers = RowReaders(workspace.state.catalog)
    while let line = lines.next() {
      guard let checksum = ChecksummedLine.journal.verify(line, seed: seed) else { break }
      if line.count > StoreFolder.lineLimit { throw .damaged(path, "a line is too long") }
      let sequence = store.lastSequence + 1
      var entry = JournalEntry(line, readers)
      do throws(JSONError) {
        try entry.readHead()
      } catch {
        throw .damaged(path, "commit \(sequence): \(error)")
      }
      guard entry.sequence == sequence else {
        throw .damaged(path, "commit \(entry.sequence) stands where \(sequence) belongs")
      }
      if let migration = entry.migration {
        try CommitFormat.replay(migration, in: &workspace, path: path)
        readers = RowReaders(workspace.state.catalog)
        entry.readers = readers
      }
      if let notes = entry.notes {
        var migrations: [StoredMigration] = []
        for note in notes { migrations.append(try CommitFormat.migration(note, path: path)) }
        try workspace.replaceNotes(by: migrations)
      }
      do throws(JSONError) {
        try entry.readEffects { effect throws(StoreError) in try workspace.state.replay(effect) }
      } catch {
        throw .damaged(path, "commit \(sequence): \(error)")
      }
      store.lastSequence = sequence
      store.wasClosed = entry.isClose
      seed = checksum
      end = lines.offset
    }
    store.state = workspace.state
    if end < bytes.count {
      if store.wasClosed { throw .damaged(path, "bytes follow the line that closed it") }
      try refuseDamage(bytes, from: end, sequence: store.lastSequence + 1)
    }
    return end
  }

  /// - Throws: `corrupted` when the bytes from an offset are no torn write.
  private func refuseDamage(
    _ bytes: UnsafeBufferPointer<UInt8>, from offset: Int, sequence: Int64
  ) throws(StoreError) {
    let reason = "commit \(sequence) at byte \(offset) is damaged"
    guard isLast else { throw .damaged(path, reason) }
    var lines = Lines(UnsafeBufferPointer(rebasing: bytes[offset...]))
    var previous: UInt32?
    while let line = lines.next() {
      if let previous, ChecksummedLine.journal.verify(line, seed: previous) != nil {
        throw .damaged(path, "\(reason), and what follows is not")
      }
      previous = ChecksummedLine.journal.stored(in: line)
      if let json = try? JSON(parsing: line), let synced = json["synced"]?.int64,
        synced >= sequence
      {
        throw .damaged(path, "\(reason), though it had been synchronised")
      }
    }
  }
}

extension Lines {
  fileprivate var first: UnsafeBufferPointer<UInt8>? {
    var copy = self
    return copy.next()
  }
}

/// A line of a journal, read in two steps: what it says of itself, then its effects, which can
/// only be read when its migration has been applied.
private struct JournalEntry {
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
    while let key = try json.nextKey() {
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
