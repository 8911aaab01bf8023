package import Foundation
import Roost
import RoostCore
package import RoostMemory

/// What opening a folder found: all of it is on the device.
package struct RecoveredStore: Sendable {
  package var storeID: UUID
  package var state: DatabaseState
  /// The newest journal's generation; 0 in a new store.
  var generation: Int64
  /// The last line's number.
  var lastSequence: Int64
  /// The last line's checksum, which the next journal's header repeats; 0 in a new store.
  var chain: UInt32
  /// The bytes of the journals that the snapshot does not replace yet, and how many there are.
  var journalLength: Int64 = 0
  var journalCount = 0
  /// Whether the last line is a closing one.
  var wasClosed: Bool
  /// How many bytes of an unfinished commit were moved to quarantine.
  package var tornBytes = 0
}

/// Reads a folder back: the snapshot, then the journals, line by line, each line's checksum
/// following the one before. Then it does what the last process had no time for. Killed or cut
/// off at any point, it can be done again.
struct Recovery {
  /// How many bytes of a file are read by one thread before it looks for more.
  static let pieceLength = 1 << 18

  let folder: StoreFolder
  let pieceLength: Int

  init(folder: StoreFolder, pieceLength: Int = Recovery.pieceLength) {
    self.folder = folder
    self.pieceLength = pieceLength
  }

  /// - Throws: `corrupted` when what is there cannot be what was acknowledged. Nothing is changed
  ///   then. A torn end, which no one was told of, is moved to quarantine instead.
  func run() throws(StoreError) -> RecoveredStore {
    var (store, needless, last) = try read()
    // The last process may have been killed before the names it gave were on the device. What
    // stands on them comes after, and so does the removal of what they replace.
    try folder.attempt { () throws(FileError) in
      try folder.files.synchronizeDirectory(folder.path)
    }
    if let last, last.journal.isOpen { try close(last.journal, last.bytes, last.end, &store) }
    try folder.attempt { () throws(FileError) in
      for path in needless { try folder.files.unlink(path) }
      try folder.removeIfThere(folder.temporaryPath)
      try folder.removeIfThere(folder.temporaryJournalPath)
    }
    return store
  }

  /// Reads the folder and changes nothing.
  /// - Returns: the store; the files that nobody needs any more; the last journal, its bytes and
  ///   where its good lines end.
  /// - Throws: as `run`.
  func read() throws(StoreError) -> (
    store: RecoveredStore, needless: [String],
    last: (journal: StoreFolder.Journal, bytes: [UInt8], end: Int)?
  ) {
    var store = try readSnapshot()
    let journals = try folder.attempt { () throws(FileError) in try folder.journals() }
    let live = try choose(journals, for: store)
    var last: (journal: StoreFolder.Journal, bytes: [UInt8], end: Int)?
    for (index, journal) in live.enumerated() {
      let bytes = try folder.read(journal.path) ?? []
      let reader = JournalReader(
        journal: journal, isLast: index == live.count - 1, pieceLength: pieceLength)
      let end = try reader.read(bytes, into: &store)
      store.journalLength += Int64(end)
      last = (journal, bytes, end)
    }
    store.journalCount = live.count
    if let found = last,
      JournalRoom.isRoom(found.bytes[found.end...], isClosed: store.wasClosed)
    {
      last?.bytes.removeLast(found.bytes.count - found.end)
    }
    if let last { store.tornBytes = last.bytes.count - last.end }
    let needless = Set(journals.map(\.path)).subtracting(live.map(\.path))
    return (store, needless.sorted(), last)
  }

  /// The journals that go on where the snapshot ends. Those before it, and an open one beside a
  /// closed one, are what someone had no time to remove.
  private func choose(
    _ journals: [StoreFolder.Journal], for store: RecoveredStore
  ) throws(StoreError) -> [StoreFolder.Journal] {
    var live: [StoreFolder.Journal] = []
    for journal in journals
    where journal.generation >= max(store.generation, 1)
      && journal.generation != live.last?.generation
    { live.append(journal) }
    if store.generation > 0 && live.first?.generation != store.generation {
      throw .damaged(folder.journal(store.generation, isOpen: false).path, "it is missing")
    }
    if store.generation == 0, let first = live.first, first.generation != 1 {
      throw .damaged(folder.snapshotPath, "it is missing")
    }
    for (one, next) in zip(live, live.dropFirst()) where next.generation != one.generation + 1 {
      throw .damaged(folder.journal(one.generation + 1, isOpen: false).path, "it is missing")
    }
    return live
  }

  private func readSnapshot() throws(StoreError) -> RecoveredStore {
    guard let bytes = try folder.read(folder.snapshotPath) else {
      return RecoveredStore(
        storeID: UUID(), state: try DatabaseState(), generation: 0, lastSequence: 0, chain: 0,
        wasClosed: true)
    }
    let (header, state) = try SnapshotReader.read(
      bytes, path: folder.snapshotPath, pieceLength: pieceLength)
    return RecoveredStore(
      storeID: header.storeID, state: state, generation: header.generation,
      lastSequence: header.lastSequence, chain: header.chain, wasClosed: true)
  }

  /// Closes the last journal for a process that did not. Its lines may be in the system's memory
  /// only, and a failed fdatasync may have let the system forget that: so they are written anew,
  /// into another file, and not synchronised in the old one.
  private func close(
    _ journal: StoreFolder.Journal, _ bytes: [UInt8], _ end: Int, _ store: inout RecoveredStore
  ) throws(StoreError) {
    if end < bytes.count { try quarantine(Array(bytes[end...]), of: journal, at: end) }
    guard end > 0 else {
      // Not even its first line was finished: the next journal takes its name.
      store.journalCount -= 1
      return try folder.attempt { () throws(FileError) in
        try folder.files.unlink(journal.path)
        try folder.files.synchronizeDirectory(folder.path)
      }
    }
    var whole = Array(bytes[..<end])
    if !store.wasClosed {
      store.lastSequence += 1
      store.chain = CommitFormat.close(store.lastSequence, seed: store.chain, into: &whole)
      store.wasClosed = true
    }
    store.journalLength += Int64(whole.count - end)
    try folder.attempt { () throws(FileError) in
      try folder.write(folder.temporaryJournalPath) { file throws(FileError) in
        try file.write(whole, at: 0)
      }
      let closed = folder.journal(journal.generation, isOpen: false).path
      try folder.files.rename(folder.temporaryJournalPath, to: closed)
      try folder.files.synchronizeDirectory(folder.path)
      try folder.files.unlink(journal.path)
    }
  }

  /// Keeps a torn end for people.
  private func quarantine(
    _ tail: [UInt8], of journal: StoreFolder.Journal, at offset: Int
  ) throws(StoreError) {
    try folder.attempt { () throws(FileError) in
      let files = folder.files
      switch try files.status(folder.quarantinePath)?.kind {
      case nil: try files.makeDirectory(folder.quarantinePath)
      case .directory: break
      default: throw FileError(number: ENOTDIR, operation: .open, path: folder.quarantinePath)
      }
      let name = journal.path.split(separator: "/").last ?? ""
      let copy = "\(folder.quarantinePath)/\(name)-\(offset)-\(UUID().uuidString.prefix(8))"
      try folder.write(copy) { file throws(FileError) in try file.write(tail, at: 0) }
      try files.synchronizeDirectory(folder.quarantinePath)
      try files.synchronizeDirectory(folder.path)
    }
  }
}

extension [UInt8] {
  /// The bytes as a buffer, with typed errors.
  func withBuffer<Result>(
    _ body: (UnsafeBufferPointer<UInt8>) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let outcome = withUnsafeBufferPointer { buffer in
      Swift.Result { () throws(StoreError) in try body(buffer) }
    }
    return try outcome.get()
  }
}
