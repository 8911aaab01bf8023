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
  /// How many bytes are read by one thread before it looks for more.
  let pieceLength: Int

  private var path: String { journal.path }

  /// Applies the commits. Their lines are checked and parsed on all processors.
  /// - Returns: where the good lines end.
  /// - Throws: `corrupted`.
  func read(_ bytes: [UInt8], into store: inout RecoveredStore) throws(StoreError) -> Int {
    var end = try bytes.withBuffer { buffer throws(StoreError) in
      try readHeader(buffer, into: &store)
    }
    if end == 0 { return 0 }
    var workspace = Workspace(store.state, isRecording: false)
    // The copy in `store` would make every change copy nodes.
    store.state = try DatabaseState()
    while try readRun(bytes, from: &end, into: &store, &workspace) {}
    store.state = workspace.state
    try bytes.withBuffer { buffer throws(StoreError) in
      let rest = buffer[end...]
      let isRoom = journal.isOpen && JournalRoom.isRoom(rest, isClosed: store.wasClosed)
      guard end < bytes.count, !isRoom else { return }
      if store.wasClosed { throw .damaged(path, "bytes follow the line that closed it") }
      try refuseDamage(buffer, from: end, sequence: store.lastSequence + 1)
    }
    guard journal.isOpen || store.wasClosed else {
      throw .damaged(path, "the line that closed it is missing")
    }
    return end
  }

  /// Applies commits up to one that may change the tables, and that one: what is behind it can only
  /// be parsed then.
  /// - Returns: whether there was such a one.
  private func readRun(
    _ bytes: [UInt8], from end: inout Int, into store: inout RecoveredStore,
    _ workspace: inout Workspace
  ) throws(StoreError) -> Bool {
    let readers = RowReaders(workspace.state.catalog)
    let (start, seed) = (end, store.chain)
    let pieces = bytes.withUnsafeBufferPointer {
      Lines.pieces(of: $0, from: start, length: pieceLength)
    }
    var changesTables = false
    try OrderedWork.run(pieces.count) { index in
      JournalPiece(bytes, pieces[index], seed: index == 0 ? seed : nil, readers)
    } take: { piece throws(StoreError) in
      for line in piece.lines {
        try check(line, after: store)
        changesTables = line.changesTables
        if changesTables {
          try bytes.withBuffer { buffer throws(StoreError) in
            let text = UnsafeBufferPointer(rebasing: buffer[line.place])
            try apply(text, to: &workspace, readers)
          }
        }
        for effect in line.effects {
          do throws(StoreError) {
            try workspace.state.replay(effect)
          } catch {
            throw .damaged(path, "commit \(line.sequence): \(error.message)")
          }
        }
        store.lastSequence = line.sequence
        store.wasClosed = line.isClose
        store.chain = line.checksum
        end = line.place.upperBound + 1
      }
      return piece.isWhole
    }
    return changesTables
  }

  private func check(
    _ line: JournalPiece.Line, after store: RecoveredStore
  ) throws(StoreError) {
    let sequence = store.lastSequence + 1
    if store.wasClosed { throw .damaged(path, "a line follows the one that closed it") }
    if let failure = line.failure { throw .damaged(path, "commit \(sequence): \(failure)") }
    guard line.sequence == sequence else {
      throw .damaged(path, "commit \(line.sequence) stands where \(sequence) belongs")
    }
  }

  /// Applies the commit of a line that may change the tables.
  private func apply(
    _ line: UnsafeBufferPointer<UInt8>, to workspace: inout Workspace, _ readers: RowReaders
  ) throws(StoreError) {
    var readers = readers
    var entry = JournalEntry(line, readers)
    do throws(JSONError) {
      try entry.readHead()
    } catch {
      throw .damaged(path, "\(error)")
    }
    try Self.apply(&entry, to: &workspace, &readers, path: path)
  }

  /// - Returns: where it ends; 0 when it is the torn end of what was written.
  private func readHeader(
    _ bytes: UnsafeBufferPointer<UInt8>, into store: inout RecoveredStore
  ) throws(StoreError) -> Int {
    var lines = Lines(bytes)
    guard let first = lines.next() else {
      // Nothing is added to a journal before its header is on the device.
      if isLast, journal.isOpen, bytes.count <= JournalHeader.lengthLimit { return 0 }
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
    return lines.offset
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
