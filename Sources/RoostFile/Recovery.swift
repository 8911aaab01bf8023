import Foundation
import Roost
import RoostCore
import RoostMemory

/// What opening a folder found.
struct RecoveredStore {
  var storeID: UUID
  var state: DatabaseState
  /// The newest journal's generation; 0 in a new store.
  var generation: Int64
  /// The last commit's number.
  var lastSequence: Int64
  /// The bytes of the journals that the snapshot does not replace yet.
  var journalLength: Int64 = 0
  /// Whether the last process closed the store; else a fresh snapshot is due.
  var wasClosed: Bool
  /// How many bytes of an unfinished commit were moved to quarantine.
  var tornBytes = 0
}

/// Reads a folder back: the snapshot, then the journals, line by line, each line's checksum
/// following the one before.
struct Recovery {
  let folder: StoreFolder

  /// - Throws: `corrupted` when what is there cannot be what was acknowledged. Nothing is changed
  ///   then. A torn last line, which no one was told of, is moved to quarantine instead.
  func run() throws(StoreError) -> RecoveredStore {
    var store = try readSnapshot()
    let generations = try folder.attempt { () throws(FileError) in try folder.journals() }
    // Journals before the snapshot are what a compaction had no time to remove.
    let live = generations.filter { $0 >= max(store.generation, 1) }
    if store.generation > 0 && live.first != store.generation {
      throw .damaged(folder.journalPath(store.generation), "it is missing")
    }
    if store.generation == 0, let first = live.first, first != 1 {
      throw .damaged(folder.snapshotPath, "it is missing")
    }
    for (index, generation) in live.enumerated() {
      guard index == 0 || generation == live[index - 1] + 1 else {
        throw .damaged(folder.journalPath(live[index - 1] + 1), "it is missing")
      }
      try readJournal(generation, isLast: index == live.count - 1, into: &store)
    }
    try folder.attempt { () throws(FileError) in
      for old in generations where old < store.generation && !live.contains(old) {
        try folder.files.unlink(folder.journalPath(old))
      }
      if try folder.files.exists(folder.temporaryPath) {
        try folder.files.unlink(folder.temporaryPath)
      }
    }
    return store
  }

  private func readSnapshot() throws(StoreError) -> RecoveredStore {
    guard let bytes = try read(folder.snapshotPath) else {
      return RecoveredStore(
        storeID: UUID(), state: try DatabaseState(), generation: 0, lastSequence: 0,
        wasClosed: true)
    }
    let (header, state) = try bytes.withBuffer { buffer throws(StoreError) in
      try SnapshotReader.read(buffer, path: folder.snapshotPath)
    }
    return RecoveredStore(
      storeID: header.storeID, state: state, generation: header.generation,
      lastSequence: header.lastSequence, wasClosed: true)
  }

  /// The bytes of a file, nil when it does not exist.
  private func read(_ path: String) throws(StoreError) -> [UInt8]? {
    try folder.attempt { () throws(FileError) in
      guard try folder.files.exists(path) else { return nil }
      let file = try folder.files.open(path, .read)
      let bytes = try file.readToEnd()
      try file.close()
      return bytes
    }
  }

  private func readJournal(
    _ generation: Int64, isLast: Bool, into store: inout RecoveredStore
  ) throws(StoreError) {
    let path = folder.journalPath(generation)
    let bytes = try read(path) ?? []
    let end = try bytes.withBuffer { buffer throws(StoreError) in
      try JournalReader(path: path, generation: generation, isLast: isLast).read(
        buffer, into: &store)
    }
    store.journalLength += Int64(end)
    guard end < bytes.count || end == 0 else { return }
    if end < bytes.count { try quarantine(Array(bytes[end...]), of: path, keeping: end) }
    if end == 0 {
      // Not even its first line was finished: the next journal takes its name.
      try folder.attempt { () throws(FileError) in
        try folder.files.unlink(path)
        try folder.files.synchronizeDirectory(folder.path)
      }
    }
    store.tornBytes = bytes.count - end
    store.wasClosed = false
  }

  /// Keeps a torn tail for people, then cuts it off.
  private func quarantine(_ tail: [UInt8], of path: String, keeping length: Int) throws(StoreError)
  {
    try folder.attempt { () throws(FileError) in
      if try !folder.files.exists(folder.quarantinePath) {
        try folder.files.makeDirectory(folder.quarantinePath)
      }
      let name = path.split(separator: "/").last ?? ""
      let copy = "\(folder.quarantinePath)/\(name)-\(length)-\(UUID().uuidString.prefix(8))"
      let kept = try folder.files.open(copy, .createNew)
      try kept.write(tail, at: 0)
      try kept.synchronize()
      try kept.close()
      try folder.files.synchronizeDirectory(folder.quarantinePath)
      try folder.files.synchronizeDirectory(folder.path)
      let journal = try folder.files.open(path, .readWrite)
      try journal.truncate(to: Int64(length))
      try journal.synchronize()
      try journal.close()
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
