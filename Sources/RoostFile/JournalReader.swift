import Roost
import RoostCore
import RoostMemory

/// Reads one journal and applies its commits.
///
/// Where a line does not follow from the one before, the rest is either the torn end of a write
/// that nobody was told of, or damage. It is damage when a later line says that the bad one had
/// been synchronised, when the journal was closed, or when another one comes after it. That later
/// lines follow from each other says nothing: they may be of one write, of which a part arrived.
struct JournalReader {
  let journal: StoreFolder.Journal
  let isLast: Bool

  private var path: String { journal.path }

  /// Applies the commits.
  /// - Returns: where the good lines end.
  /// - Throws: `corrupted`.
  func read(
    _ bytes: UnsafeBufferPointer<UInt8>, into store: inout RecoveredStore
  ) throws(StoreError) -> Int {
    var lines = Lines(bytes)
    guard try readHeader(&lines, of: bytes, into: &store) else { return 0 }
    var end = lines.offset
    var workspace = Workspace(store.state, isRecording: false)
    // The copy in `store` would make every change copy nodes.
    store.state = try DatabaseState()
    var readers = RowReaders(workspace.state.catalog)
    while let line = lines.next() {
      guard let checksum = ChecksummedLine.journal.verify(line, seed: store.chain) else { break }
      if store.wasClosed { throw .damaged(path, "a line follows the one that closed it") }
      if line.count > StoreFolder.lineLimit + StoreFolder.lineRoom {
        throw .damaged(path, "a line is too long")
      }
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
      try Self.apply(&entry, to: &workspace, &readers, path: path)
      store.lastSequence = sequence
      store.wasClosed = entry.isClose
      store.chain = checksum
      end = lines.offset
    }
    store.state = workspace.state
    let isRoom =
      journal.isOpen && JournalRoom.isRoom(bytes[end...], isClosed: store.wasClosed)
    if end < bytes.count && !isRoom {
      if store.wasClosed { throw .damaged(path, "bytes follow the line that closed it") }
      try refuseDamage(bytes, from: end, sequence: store.lastSequence + 1)
    }
    guard journal.isOpen || store.wasClosed else {
      throw .damaged(path, "the line that closed it is missing")
    }
    return end
  }

  /// - Returns: false when the header is the torn end of what was written.
  private func readHeader(
    _ lines: inout Lines, of bytes: UnsafeBufferPointer<UInt8>, into store: inout RecoveredStore
  ) throws(StoreError) -> Bool {
    guard let first = lines.next() else {
      // Nothing is added to a journal before its header is on the device.
      if isLast, journal.isOpen, bytes.count <= JournalHeader.lengthLimit { return false }
      throw .damaged(path, "its first line is no journal's")
    }
    let header = try JournalHeader(first, path: path)
    guard let checksum = ChecksummedLine.journal.verify(first, seed: header.seed) else {
      throw .damaged(path, "its first line has a wrong checksum")
    }
    if store.generation == 0 { store.storeID = header.storeID }
    guard header.storeID == store.storeID, header.generation == journal.generation else {
      throw .damaged(path, "it belongs to another store")
    }
    guard header.firstSequence == store.lastSequence + 1, header.chain == store.chain else {
      throw .damaged(path, "it does not go on where the journal or snapshot before it ends")
    }
    store.generation = journal.generation
    store.chain = checksum
    store.wasClosed = false
    return true
  }

  /// Repeats a commit.
  /// - Throws: `corrupted` when it does not fit the tables.
  static func apply(
    _ entry: inout JournalEntry, to workspace: inout Workspace, _ readers: inout RowReaders,
    path: String
  ) throws(StoreError) {
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
      throw .damaged(path, "commit \(entry.sequence): \(error)")
    }
  }

  /// - Throws: `corrupted` when the bytes from an offset are no torn write.
  private func refuseDamage(
    _ bytes: UnsafeBufferPointer<UInt8>, from offset: Int, sequence: Int64
  ) throws(StoreError) {
    let reason = "commit \(sequence) at byte \(offset) is damaged"
    guard isLast, journal.isOpen else { throw .damaged(path, reason) }
    var lines = Lines(UnsafeBufferPointer(rebasing: bytes[offset...]))
    while let line = lines.next() {
      guard let json = try? JSON(parsing: line) else { continue }
      if let synced = json["synced"]?.int64, synced >= sequence {
        throw .damaged(path, "\(reason), though it had been synchronised")
      }
      // The closing line is written when all before it is on the device.
      if json["close"] != nil, json["seq"]?.int64 != sequence {
        throw .damaged(path, "\(reason), though the journal was closed behind it")
      }
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
