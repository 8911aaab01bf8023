import Foundation
import Roost
import RoostCore
import RoostMemory

/// The thread that makes commits durable: it takes all that are queued, writes them with one
/// write and one fdatasync, and then tells each of them.
///
/// Unchecked sendability holds because every stored variable but `queue`, `isClosing`, `epoch`,
/// `poison` and `isDone` is touched by the writer's own thread only, and those five only under
/// `condition`.
final class JournalWriter: CommitLog, @unchecked Sendable {
  private struct Entry {
    var epoch: Int
    /// The members behind `synced`; empty for a commit that changed nothing.
    var members: [UInt8]
    var state: DatabaseState
    var settled: @Sendable (StoreError?) -> Void
  }

  /// The least journal, in bytes, that is worth a snapshot.
  static let compactionFloor: Int64 = 8 << 20
  /// The most bytes that are gathered for one write.
  private static let batchLimit = 32 << 20

  private let compactionFloor: Int64
  private let folder: StoreFolder
  private let lock: any OpenFile
  private let log: @Sendable (LogLine) -> Void
  private let condition = NSCondition()
  private var queue: [Entry] = []
  private var isClosing = false
  private var isDone = false
  private var epoch = 0
  /// Why nothing can be written any more.
  private var poison: StoreError?

  /// The newest journal; nil until there is something to write.
  private var journal: (any OpenFile)?
  private let storeID: UUID
  private var generation: Int64
  /// The newest journal's length.
  private var length: Int64 = 0
  /// The length of the journals before it that the snapshot does not replace yet.
  private var earlierLength: Int64
  private var seed: UInt32 = 0
  private var lastSequence: Int64
  private var syncedSequence: Int64
  private var snapshotLength: Int64 = 0
  private let compactor: Compactor

  /// Takes over a recovered store and starts the thread. A store that was closed well is not
  /// written to until the first commit; after a crash a snapshot is written at once, since what
  /// was read may stand in the system's memory only.
  init(
    _ store: RecoveredStore, _ folder: StoreFolder, lock: any OpenFile,
    compactionFloor: Int64 = JournalWriter.compactionFloor,
    log: @escaping @Sendable (LogLine) -> Void
  ) throws(StoreError) {
    self.compactionFloor = compactionFloor
    self.folder = folder
    self.lock = lock
    self.log = log
    storeID = store.storeID
    generation = store.generation
    earlierLength = store.journalLength
    lastSequence = store.lastSequence
    syncedSequence = store.lastSequence
    compactor = Compactor(folder: folder, log: log)
    if let status = try? folder.files.status(folder.snapshotPath) {
      snapshotLength = status.length
    }
    if !store.wasClosed {
      try folder.attempt { () throws(FileError) in
        try startJournal()
        snapshotLength = try compactor.write(
          store.state,
          SnapshotHeader(storeID: storeID, generation: generation, lastSequence: lastSequence))
      }
      earlierLength = 0
    }
    let thread = Thread { [self] in run() }
    thread.name = "roost-journal"
    thread.start()
  }

  /// Begins the journal of the next generation; the one before is complete.
  private func startJournal() throws(FileError) {
    let next = generation + 1
    let path = folder.journalPath(next)
    let header = JournalHeader(
      storeID: storeID, generation: next, firstSequence: lastSequence + 1)
    let (bytes, checksum) = header.encoded()
    let file = try folder.files.open(path, .createNew)
    do throws(FileError) {
      try file.write(bytes, at: 0)
      try file.synchronize()
      try folder.files.synchronizeDirectory(folder.path)
    } catch {
      try? file.close()
      try? folder.files.unlink(path)
      throw error
    }
    try? journal?.close()
    earlierLength += length
    (journal, generation, length, seed) = (file, next, Int64(bytes.count), checksum)
  }

  func append(_ commit: Commit, settled: @escaping @Sendable (StoreError?) -> Void) {
    let isEmpty = commit.effects.isEmpty && commit.migration == nil
    let members = isEmpty ? [] : CommitFormat.encode(commit)
    let entry = Entry(
      epoch: commit.epoch, members: members, state: commit.state, settled: settled)
    condition.lock()
    let refusal: StoreError? =
      if let poison { poison } else if isClosing {
        StoreError(.closed, "the store is closed")
      } else if commit.epoch < epoch {
        StoreError(.serializationFailure, "an earlier commit that this one had read was lost")
      } else if members.count > StoreFolder.lineLimit {
        StoreError(
          .storageFull,
          "a transaction writes \(members.count) bytes, more than \(StoreFolder.lineLimit)")
      } else { nil }
    if refusal == nil { queue.append(entry) }
    condition.signal()
    condition.unlock()
    if let refusal { settled(refusal) }
  }

  /// Why nothing can be written any more until the store is opened again; nil while it can.
  var failure: StoreError? {
    condition.lock()
    defer { condition.unlock() }
    return poison
  }

  func close() async {
    await withCheckedContinuation { continuation in
      let thread = Thread { [self] in
        condition.lock()
        isClosing = true
        condition.broadcast()
        while !isDone { condition.wait() }
        condition.unlock()
        continuation.resume()
      }
      thread.start()
    }
  }

  private func run() {
    while let batch = nextBatch() {
      do throws(WriteFailure) {
        try write(batch)
      } catch {
        fail(batch, error)
        continue
      }
      for entry in batch { entry.settled(nil) }
      if let state = batch.last?.state { compactIfDue(state) }
    }
    finish()
  }

  /// Waits for commits; nil when the store closes and nothing is left.
  private func nextBatch() -> [Entry]? {
    condition.lock()
    defer { condition.unlock() }
    while queue.isEmpty && !isClosing { condition.wait() }
    guard !queue.isEmpty else { return nil }
    var bytes = 0
    let count = queue.firstIndex { entry in
      bytes += entry.members.count
      return bytes > Self.batchLimit
    }
    let batch = Array(queue.prefix(max(1, count ?? queue.count)))
    queue.removeFirst(batch.count)
    return batch
  }

  private func write(_ batch: [Entry]) throws(WriteFailure) {
    guard batch.contains(where: { !$0.members.isEmpty }) else { return }
    if journal == nil {
      do throws(FileError) {
        try startJournal()
      } catch {
        throw .nothingWritten(error)
      }
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(batch.reduce(0) { $0 + $1.members.count + 64 })
    var sequence = lastSequence
    var seed = seed
    for entry in batch where !entry.members.isEmpty {
      sequence += 1
      let start = bytes.count
      bytes += "{\"seq\":\(sequence),\"synced\":\(syncedSequence),".utf8
      bytes += entry.members
      seed = ChecksummedLine.journal.seal(&bytes, from: start, seed: seed)
      bytes.append(UInt8(ascii: "\n"))
    }
    try put(bytes)
    length += Int64(bytes.count)
    lastSequence = sequence
    syncedSequence = sequence
    self.seed = seed
  }

  /// Appends bytes to the journal and brings them to the device.
  private func put(_ bytes: [UInt8]) throws(WriteFailure) {
    guard let journal else {
      throw .nothingWritten(.init(number: EBADF, operation: .write, path: folder.path))
    }
    do throws(FileError) {
      try journal.write(bytes, at: length)
    } catch {
      // A part may stand in the file; cut back to the last good line and go on.
      let failure = error
      do throws(FileError) {
        try journal.truncate(to: length)
      } catch {
        throw .unknown(error)
      }
      throw .nothingWritten(failure)
    }
    do throws(FileError) {
      try journal.synchronizeData()
    } catch {
      throw .unknown(error)
    }
  }

  /// Fails a batch and all that is queued behind it. After a write that left nothing the journal
  /// goes on; a failed fdatasync must never be repeated, since the kernel may have dropped the
  /// pages.
  private func fail(_ batch: [Entry], _ cause: WriteFailure) {
    let failure: StoreError
    let behindFailure: StoreError
    condition.lock()
    epoch += 1
    switch cause {
    case .nothingWritten(let error):
      failure = StoreError(error, location: folder.path)
      behindFailure = StoreError(
        .serializationFailure, "an earlier commit was lost: \(failure.message)")
    case .unknown(let error):
      failure = StoreError(
        .outcomeUnknown, "\(error); open the store again to see what is there")
      behindFailure = failure
      poison = StoreError(.inputOutput, "\(error): the store is read-only until reopened")
    }
    let behind = queue
    queue = []
    condition.unlock()
    for entry in batch { entry.settled(failure) }
    for entry in behind { entry.settled(behindFailure) }
  }

  /// Starts a new journal and a snapshot beside it when the journals have outgrown the snapshot.
  private func compactIfDue(_ state: DatabaseState) {
    if let finished = compactor.finished() { (snapshotLength, earlierLength) = (finished, 0) }
    guard length + earlierLength > max(compactionFloor, snapshotLength), !compactor.isBusy
    else { return }
    do throws(FileError) {
      try startJournal()
    } catch {
      // The journal is whole and goes on.
      log(LogLine(.warning, "\(folder.path): no compaction: \(error)"))
      return
    }
    compactor.start(
      state,
      SnapshotHeader(storeID: storeID, generation: generation, lastSequence: lastSequence))
  }

  /// Writes the closing line and lets go of the files.
  private func finish() {
    compactor.wait()
    if poison == nil, journal != nil {
      var bytes = Array("{\"seq\":\(lastSequence + 1),\"close\":true".utf8)
      _ = ChecksummedLine.journal.seal(&bytes, from: 0, seed: seed)
      bytes.append(UInt8(ascii: "\n"))
      do throws(WriteFailure) {
        try put(bytes)
      } catch {
        log(LogLine(.warning, "\(folder.path): not closed cleanly: \(error)"))
      }
    }
    try? journal?.close()
    try? lock.close()
    condition.lock()
    isDone = true
    condition.broadcast()
    condition.unlock()
  }
}

/// Why a write failed, and what is left of it.
private enum WriteFailure: Error {
  /// The journal stands as before.
  case nothingWritten(FileError)
  /// The bytes may or may not be there.
  case unknown(FileError)
}
