import Foundation
import Roost
package import RoostCore

/// The newest journal of an open store. What a call has written is on the device when it returns,
/// unless it is told that this has time.
///
/// Without thread and queue, so that it can be proved step by step.
package struct Journal: Sendable {
  private let folder: StoreFolder
  private let storeID: UUID
  /// Nil until there is something to write.
  private var file: (any OpenFile)?
  private var generation: Int64
  /// The length of this journal, and of all that no snapshot replaces yet.
  private var length: Int64 = 0
  private(set) var totalLength: Int64
  /// How many journals no snapshot replaces yet.
  private(set) var count: Int
  /// The checksum of the last line.
  private var chain: UInt32
  private var lastSequence: Int64
  private var syncedSequence: Int64
  /// Whether lines were written that need not be on the device yet.
  private(set) var isBehind = false

  /// Goes on where a recovered store ends.
  package init(_ store: RecoveredStore, _ folder: StoreFolder) {
    self.folder = folder
    storeID = store.storeID
    generation = store.generation
    totalLength = store.journalLength
    count = store.journalCount
    chain = store.chain
    lastSequence = store.lastSequence
    syncedSequence = store.lastSequence
  }

  /// Adds the lines of commits with one write and one fdatasync.
  /// - Parameters:
  ///   - commits: what `CommitFormat` makes of each.
  ///   - hasTime: whether they are to be synchronised later, by `synchronize`.
  package mutating func append(
    _ commits: [[UInt8]], hasTime: Bool = false
  ) throws(WriteFailure) {
    guard !commits.isEmpty else { return }
    if file == nil { try start() }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(commits.reduce(0) { $0 + $1.count + StoreFolder.lineRoom })
    var sequence = lastSequence
    var chain = chain
    for members in commits {
      sequence += 1
      chain = CommitFormat.line(
        sequence, synced: syncedSequence, members, seed: chain, into: &bytes)
    }
    try put(bytes)
    isBehind = true
    lastSequence = sequence
    self.chain = chain
    if !hasTime { try synchronize() }
  }

  /// Brings what was written to the device.
  mutating func synchronize() throws(WriteFailure) {
    guard isBehind, let file else { return }
    do throws(FileError) {
      try file.synchronizeData()
    } catch {
      throw .unknown(error)
    }
    isBehind = false
    syncedSequence = lastSequence
  }

  /// Begins the next journal; the one before is complete.
  /// - Returns: what a snapshot of the state that the journals have led to says of itself.
  package mutating func rotate() throws(WriteFailure) -> SnapshotHeader {
    let end = chain
    try start()
    return SnapshotHeader(
      storeID: storeID, generation: generation, lastSequence: lastSequence, chain: end)
  }

  /// Notes that a snapshot has replaced all journals but this one.
  mutating func replaceEarlier() {
    totalLength = length
    count = 1
  }

  /// Writes the closing line, and gives the journal the name that says so. The name need not be on
  /// the device: without it the journal is one that may be torn, and is not.
  package mutating func close() throws(WriteFailure) {
    guard let file else { return }
    // A closing line says that all before it is on the device.
    try synchronize()
    var bytes: [UInt8] = []
    chain = CommitFormat.close(lastSequence + 1, seed: chain, into: &bytes)
    try put(bytes)
    lastSequence += 1
    isBehind = true
    try synchronize()
    do throws(FileError) {
      try file.close()
      try folder.files.rename(
        folder.journal(generation, isOpen: true).path,
        to: folder.journal(generation, isOpen: false).path)
    } catch {
      throw .nothingWritten(error)
    }
    self.file = nil
  }

  private mutating func start() throws(WriteFailure) {
    // The next journal says that this one ends here.
    try synchronize()
    let path = folder.journal(generation + 1, isOpen: true).path
    let header = JournalHeader(
      storeID: storeID, generation: generation + 1, firstSequence: lastSequence + 1, chain: chain)
    let (bytes, checksum) = header.encoded()
    let next: any OpenFile
    do throws(FileError) {
      next = try folder.files.open(path, .createNew)
    } catch {
      throw .nothingWritten(error)
    }
    do throws(FileError) {
      try next.write(bytes, at: 0)
      try next.synchronize()
      try folder.files.synchronizeDirectory(folder.path)
    } catch {
      // It says that the journal before it ends here: it must be gone before that goes on.
      let failure = error
      do throws(FileError) {
        try? next.close()
        try folder.files.unlink(path)
        try folder.files.synchronizeDirectory(folder.path)
      } catch {
        throw .unknown(error)
      }
      throw .nothingWritten(failure)
    }
    try? file?.close()
    generation += 1
    count += 1
    (file, length, chain) = (next, Int64(bytes.count), checksum)
    totalLength += length
  }

  /// Appends bytes.
  private mutating func put(_ bytes: [UInt8]) throws(WriteFailure) {
    guard let file else {
      throw .nothingWritten(FileError(number: EBADF, operation: .write, path: folder.path))
    }
    do throws(FileError) {
      try file.write(bytes, at: length)
    } catch {
      // A part may stand in the file. It was said to have failed, and must not come back.
      let failure = error
      do throws(FileError) {
        try file.truncate(to: length)
        try file.synchronize()
      } catch {
        throw .unknown(error)
      }
      throw .nothingWritten(failure)
    }
    length += Int64(bytes.count)
    totalLength += Int64(bytes.count)
  }
}

/// Why a write failed, and what is left of it.
package enum WriteFailure: Error {
  /// The journal stands as before.
  case nothingWritten(FileError)
  /// The bytes may or may not be there. Nothing may be written any more: a failed fsync must never
  /// be repeated, since the system may have dropped the pages.
  case unknown(FileError)

  /// What failed.
  var cause: FileError {
    switch self {
    case .nothingWritten(let error), .unknown(let error): error
    }
  }
}
