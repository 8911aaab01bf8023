import Foundation
import Roost
package import RoostCore
package import RoostMemory

/// The newest journal of an open store. What a call has written is on the device when it returns,
/// unless it is told that this has time.
///
/// Without thread and queue, so that it can be proved step by step.
package struct Journal: ~Copyable, Sendable {
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
  /// Where the room behind the last line ends; not beyond `length` when there is none.
  private var roomEnd: Int64 = 0
  /// The checksum of the last line.
  private var chain: UInt32
  private var lastSequence: Int64
  private var syncedSequence: Int64
  private let limits: Limits
  /// Where lines are put together; kept for its memory.
  private var room = JSONWriter()
  /// Kept for what it knows of the tables.
  private var operations: OperationWriter?
  /// How long the last synchronisation took.
  private(set) var synchronizationTime = Duration.zero
  /// Whether lines were written that need not be on the device yet.
  private(set) var isBehind = false

  /// Sizes in bytes; the usual unless a test says otherwise.
  package struct Limits: Sendable {
    /// The longest line: what one transaction may write.
    package var line: Int
    /// How much is gathered before it is written.
    package var piece: Int

    package init(line: Int = StoreFolder.lineLimit, piece: Int = 1 << 20) {
      (self.line, self.piece) = (line, piece)
    }
  }

  /// Goes on where a recovered store ends.
  package init(
    _ store: RecoveredStore, _ folder: StoreFolder, _ limits: Limits = Limits()
  ) {
    self.folder = folder
    self.limits = limits
    storeID = store.storeID
    generation = store.generation
    totalLength = store.journalLength
    count = store.journalCount
    chain = store.chain
    lastSequence = store.lastSequence
    syncedSequence = store.lastSequence
  }

  /// Adds the lines of commits, and brings them to the device with one fdatasync.
  /// - Parameter hasTime: whether they are to be synchronised later, by `synchronize`.
  /// - Returns: how many commits were taken: not all when the next one's line would be too long.
  ///   One that changes nothing has no line.
  package mutating func append(
    _ commits: [Commit], hasTime: Bool = false
  ) throws(WriteFailure) -> Int {
    guard commits.contains(where: { !$0.isEmpty }) else { return commits.count }
    if file == nil { try start() }
    var sequence = lastSequence
    let (synced, limits, seed) = (syncedSequence, limits, chain)
    var (taken, end) = (0, chain)
    var room = JSONWriter()
    swap(&room, &self.room)
    var operations = operations
    defer { self.operations = operations }
    // A commit of huge values is not to hold its memory for ever.
    defer { if room.capacity <= 4 * limits.piece { swap(&room, &self.room) } }
    try extend { file, length throws(FileError) in
      var lines = CommitLines(file, at: length, chain: seed, limits)
      room.removeAll()
      swap(&lines.json, &room)
      lines.operations = operations
      defer {
        swap(&lines.json, &room)
        operations = lines.operations
      }
      for commit in commits {
        if !commit.isEmpty {
          guard try lines.add(commit, sequence + 1, synced: synced) else { break }
          sequence += 1
        }
        taken += 1
      }
      try lines.flush()
      end = lines.chain
      return lines.end
    }
    isBehind = true
    (lastSequence, chain) = (sequence, end)
    // The one that was not taken may have been cut off, and the room with it.
    if taken < commits.count { roomEnd = length }
    if !hasTime {
      makeRoom()
      try synchronize()
    }
    return taken
  }

  /// Makes room behind the lines when there is none. A disk that is too full for it may have room
  /// for lines.
  private mutating func makeRoom() {
    guard let file, length >= roomEnd else { return }
    let end = JournalRoom.end(behind: length)
    let spaces = [UInt8](repeating: UInt8(ascii: " "), count: Int(end - length))
    roomEnd = (try? file.write(spaces, at: length)) == nil ? length : end
  }

  /// Brings what was written to the device.
  mutating func synchronize() throws(WriteFailure) {
    guard isBehind, let file else { return }
    let start = ContinuousClock.now
    defer { synchronizationTime = ContinuousClock.now - start }
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
    do throws(FileError) {
      // Also where no room is known: a part of one that could not be made may stand there.
      try file.truncate(to: length)
    } catch {
      throw .nothingWritten(error)
    }
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
    roomEnd = length
    totalLength += length
  }

  /// Appends bytes.
  private mutating func put(_ bytes: [UInt8]) throws(WriteFailure) {
    try extend { file, length throws(FileError) in
      try file.write(bytes, at: length)
      return length + Int64(bytes.count)
    }
  }

  /// Lets a body write behind the end, and return the new one.
  private mutating func extend(
    _ write: (any OpenFile, Int64) throws(FileError) -> Int64
  ) throws(WriteFailure) {
    guard let file else {
      throw .nothingWritten(FileError(number: EBADF, operation: .write, path: folder.path))
    }
    do throws(FileError) {
      let end = try write(file, length)
      totalLength += end - length
      length = end
    } catch {
      // A part may stand in the file. It was said to have failed, and must not come back.
      let failure = error
      roomEnd = length
      do throws(FileError) {
        try file.truncate(to: length)
        try file.synchronize()
      } catch {
        throw .unknown(error)
      }
      throw .nothingWritten(failure)
    }
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
