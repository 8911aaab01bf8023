import Foundation
import Roost
import RoostCore
import RoostMemory

/// Reads a folder that `Recovery` may refuse: takes what can be read, and notes what cannot.
/// Nothing is changed.
struct TolerantReading {
  /// Which lines count.
  enum Trust {
    /// Those whose checksums are right: nothing else is known to be what was written.
    case checksums
    /// All that can be read: somebody has edited them.
    case content
  }

  /// What was read.
  private(set) var store: RecoveredStore
  /// What could not be, or does not count.
  private(set) var findings: [FileFinding] = []
  /// What was read and is not as it was written; none when only checksums are trusted.
  private(set) var edits: [FileFinding] = []

  private let folder: StoreFolder
  private let trust: Trust
  private var workspace: Workspace
  private var readers: RowReaders
  /// The checksums that the next line may follow from: that which the line before carries, and that
  /// which it should.
  private var seeds: [UInt32] = [0]

  /// - Throws: `corrupted` when not even the tables are known; what reading files meets.
  init(_ folder: StoreFolder, _ trust: Trust) throws(StoreError) {
    self.folder = folder
    self.trust = trust
    store = RecoveredStore(
      storeID: UUID(), state: try DatabaseState(), generation: 0, lastSequence: 0, chain: 0,
      wasClosed: true)
    workspace = Workspace(store.state, isRecording: false)
    readers = RowReaders(workspace.state.catalog)
    try readSnapshot()
    let journals = try folder.attempt { () throws(FileError) in try folder.journals() }
    for journal in journals where journal.generation >= max(store.generation, 1) {
      let isNext = journal.generation == store.generation + 1
      let isOfSnapshot = journal.generation == store.generation && store.journalCount == 0
      // An open one beside a closed one is what someone had no time to remove.
      if journal.generation == store.generation && !isOfSnapshot { continue }
      if !isNext && !isOfSnapshot {
        note(journal.path, "journals before it are missing")
      }
      try read(journal)
    }
    if workspace.state.migrations.isEmpty, !findings.isEmpty {
      throw StoreError(
        .corrupted,
        "\(folder.path): neither a snapshot's first line nor the first journal can be read, and "
          + "without them the tables are not known")
    }
    store.state = workspace.state
  }

  /// A file's bytes without the room behind them; an editor may have left out the last line's end.
  private func text(_ path: String) throws(StoreError) -> [UInt8]? {
    var bytes = try folder.read(path)
    let room = bytes?.reversed().prefix { $0 == UInt8(ascii: " ") }.count ?? 0
    bytes?.removeLast(room)
    if trust == .content, let last = bytes?.last, last != UInt8(ascii: "\n") {
      bytes?.append(UInt8(ascii: "\n"))
    }
    return bytes
  }

  // MARK: Snapshot

  private mutating func readSnapshot() throws(StoreError) {
    let path = folder.snapshotPath
    guard let bytes = try text(path) else { return }
    try bytes.withBuffer { buffer throws(StoreError) in try readSnapshot(buffer, path) }
  }

  private mutating func readSnapshot(
    _ bytes: UnsafeBufferPointer<UInt8>, _ path: String
  ) throws(StoreError) {
    var lines = Lines(bytes)
    guard let first = lines.next() else { return note(path, "it is empty") }
    do throws(StoreError) {
      let (header, state) = try SnapshotReader.readHeader(first, path)
      (store.storeID, store.generation) = (header.storeID, header.generation)
      (store.lastSequence, store.chain) = (header.lastSequence, header.chain)
      workspace = Workspace(state, isRecording: false)
      readers = RowReaders(state.catalog)
    } catch {
      // Its rows mean nothing without the tables.
      guard error.code != .invalidConfiguration else { throw error }
      return note(path, 1, 0, error.message)
    }
    seeds = [CRC32C.checksum(UnsafeRawBufferPointer(first))]
    var (number, count, expected, isEnded) = (1, Int64(0), Int64?.none, false)
    var offset = lines.offset
    while let line = lines.next() {
      number += 1
      let start = offset
      offset = lines.offset
      if line.first == UInt8(ascii: "]") {
        isEnded = true
        expected = Self.count(in: line)
        _ = follows(line, .journal, path, number, start)
        continue
      }
      if isEnded { note(path, number, start, "a line follows the last one") }
      count += 1
      let record = SnapshotReader.record(line).record
      guard follows(record, .record, path, number, start) else { continue }
      do throws(JSONError) {
        try put(record)
      } catch {
        note(path, number, start, "\(error)")
      }
    }
    if lines.offset < bytes.count || !isEnded { note(path, "its end is missing") }
    if isEnded, count != expected { deviate(path, 0, 0, "another number of records was written") }
  }

  /// The number of records that a snapshot's last line names.
  private static func count(in line: UnsafeBufferPointer<UInt8>) -> Int64? {
    guard line.count > 2 else { return nil }
    // `],"count":2,"crc":"..."}` is the end of an object.
    let object = Array("{".utf8) + line.dropFirst(2)
    return (try? JSON(parsing: object))?["count"]?.int64
  }

  private mutating func put(_ record: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    var json = JSONScanner(record, outerDepth: StoreFolder.lineDepth)
    try json.beginArray()
    _ = try json.nextElement()
    let table = try readers.table(&json)
    _ = try json.nextElement()
    let row = try table.reader.row(&json)
    let key = table.reader.key(of: row)
    let old = workspace.state.tables[table.place].rows[key]
    if old != nil { throw JSONError(.unexpectedKind, at: json.offset) }
    try apply(.put(table: table.place, key: key, row: row), at: json.offset)
  }

  private mutating func apply(_ effect: Effect, at offset: Int) throws(JSONError) {
    do {
      try workspace.state.replay(effect)
    } catch {
      throw JSONError(.unexpectedKind, at: offset)
    }
  }

  // MARK: Journals

  private mutating func read(_ journal: StoreFolder.Journal) throws(StoreError) {
    let bytes = try text(journal.path) ?? []
    store.generation = journal.generation
    store.journalCount += 1
    store.wasClosed = false
    try bytes.withBuffer { buffer throws(StoreError) in try read(buffer, journal) }
  }

  private mutating func read(
    _ bytes: UnsafeBufferPointer<UInt8>, _ journal: StoreFolder.Journal
  ) throws(StoreError) {
    let path = journal.path
    var lines = Lines(bytes)
    guard let first = lines.next() else { return note(path, "it is empty") }
    do throws(StoreError) {
      let header = try JournalHeader(first, path: path)
      if workspace.state.migrations.isEmpty && store.lastSequence == 0 {
        store.storeID = header.storeID
      }
      if header.storeID != store.storeID {
        return note(path, 1, 0, "it is of another store")
      }
      seeds = [header.seed]
      _ = follows(first, .journal, path, 1, 0)
    } catch {
      guard error.code != .invalidConfiguration else { throw error }
      note(path, 1, 0, error.message)
      seeds = [ChecksummedLine.journal.stored(in: first)].compactMap { $0 }
    }
    var (number, offset) = (1, lines.offset)
    while let line = lines.next() {
      number += 1
      let start = offset
      offset = lines.offset
      guard follows(line, .journal, path, number, start) else { continue }
      do {
        try apply(line, path)
      } catch {
        note(path, number, start, (error as? StoreError)?.message ?? "\(error)")
      }
    }
    if lines.offset < bytes.count {
      note(path, number + 1, lines.offset, "its last line is not whole")
    }
    if !journal.isOpen && !store.wasClosed {
      deviate(path, 0, 0, "the line that closed it is missing")
    }
  }

  private mutating func apply(_ line: UnsafeBufferPointer<UInt8>, _ path: String) throws {
    var entry = JournalEntry(line, readers)
    try entry.readHead()
    let before = (workspace, readers)
    do {
      try JournalReader.apply(&entry, to: &workspace, &readers, path: path)
    } catch {
      // A transaction is whole or is not there.
      (workspace, readers) = before
      throw error
    }
    store.lastSequence = max(store.lastSequence, entry.sequence)
    store.wasClosed = entry.isClose
  }

  // MARK: Checksums

  /// Whether a line counts. One that does not follow from the line before is noted.
  private mutating func follows(
    _ line: UnsafeBufferPointer<UInt8>, _ form: ChecksummedLine, _ path: String, _ number: Int,
    _ offset: Int
  ) -> Bool {
    let stored = form.stored(in: line)
    for seed in seeds where form.verify(line, seed: seed) != nil {
      seeds = [stored ?? 0]
      store.chain = stored ?? 0
      return true
    }
    deviate(path, number, offset, stored == nil ? "no checksum" : "wrong checksum")
    seeds = seeds.compactMap { form.expected(of: line, seed: $0) }
    if let stored { seeds.insert(stored, at: 0) }
    // So many lines in a row may be wrong; only those next to a right one can be told.
    seeds = Array(seeds.prefix(4))
    store.chain = stored ?? store.chain
    return trust == .content
  }

  private mutating func note(_ path: String, _ reason: String) { note(path, 0, 0, reason) }

  private mutating func note(_ path: String, _ line: Int, _ offset: Int, _ reason: String) {
    findings.append(FileFinding(path, line, offset, reason))
  }

  /// Notes what is not as it was written, which an edit may be.
  private mutating func deviate(_ path: String, _ line: Int, _ offset: Int, _ reason: String) {
    let finding = FileFinding(path, line, offset, reason)
    switch trust {
    case .checksums: findings.append(finding)
    case .content: edits.append(finding)
    }
  }
}
