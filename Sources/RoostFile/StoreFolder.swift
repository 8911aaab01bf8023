import Roost
import RoostCore

/// The folder of a file store and the names in it.
///
///     LOCK                           held by the one process that has the store open
///     snapshot.json                  all rows at one moment
///     journal-00000012.jsonl         commits since then, a line each, ended by a closing line
///     journal-00000013.open.jsonl    those of a process that has not closed the store
///     quarantine/                    damaged bytes; never deleted by the program
package struct StoreFolder: Sendable {
  /// The version of the format; a folder with a greater one is refused.
  static let version: Int64 = 1
  /// The most bytes of a line: what one transaction may write.
  package static let lineLimit = 256 << 20
  /// What a line has around a transaction's bytes: its numbers and its checksum.
  static let lineRoom = 128
  /// How many containers a line has around a document: the commit, its operations, one of them,
  /// and its row.
  static let lineDepth = 4

  package let path: String
  let files: any FileSystem

  var lockPath: String { "\(path)/LOCK" }
  var snapshotPath: String { "\(path)/snapshot.json" }
  /// Where a snapshot or a journal is written before it gets its name.
  var temporaryPath: String { "\(path)/snapshot.json.tmp" }
  var temporaryJournalPath: String { "\(path)/journal.jsonl.tmp" }
  var quarantinePath: String { "\(path)/quarantine" }

  /// A journal in the folder.
  struct Journal {
    let generation: Int64
    /// Whether its process has not closed it: only then may its end be torn.
    let isOpen: Bool
    let path: String
  }

  /// The journal of a generation.
  func journal(_ generation: Int64, isOpen: Bool) -> Journal {
    let digits = String(generation)
    let name = "journal-\(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits)"
    return Journal(
      generation: generation, isOpen: isOpen,
      path: "\(path)/\(name)\(isOpen ? ".open" : "").jsonl")
  }

  /// The journals by generation, ascending; of two of one generation the closed one comes first.
  func journals() throws(FileError) -> [Journal] {
    try files.list(path).compactMap { name -> Journal? in
      guard name.hasPrefix("journal-"), name.hasSuffix(".jsonl") else { return nil }
      let number = name.dropFirst("journal-".count).dropLast(".jsonl".count)
      let isOpen = number.hasSuffix(".open")
      guard let generation = Int64(isOpen ? number.dropLast(".open".count) : number) else {
        return nil
      }
      let journal = journal(generation, isOpen: isOpen)
      return journal.path == "\(path)/\(name)" ? journal : nil
    }.sorted { ($0.generation, $0.isOpen ? 1 : 0) < ($1.generation, $1.isOpen ? 1 : 0) }
  }

  /// Makes the folder when it is not there, makes sure that it is a store's, and takes its lock.
  func enter(isCreating: Bool) throws(StoreError) -> any OpenFile {
    let isNew = try attempt { () throws(FileError) in try files.status(path) } == nil
    if isNew { try create(isCreating: isCreating) }
    let status = try attempt { () throws(FileError) in try files.status(path) }
    guard status?.kind == .directory else {
      throw StoreError(
        .invalidConfiguration, "\(path) is no folder: a file store is a folder of its own")
    }
    let names = try attempt { () throws(FileError) in try files.list(path) }
    let isStore = names.contains("LOCK")
    if let foreign = names.first(where: { !$0.hasPrefix(".") }), !isStore {
      throw StoreError(
        .invalidConfiguration, "\(path) is no store of Roost: it holds \"\(foreign)\"")
    }
    return try attempt { () throws(FileError) in
      if !isStore { try synchronizeParent(isOwn: isNew) }
      return try lock(.create)
    }
  }

  /// Takes the lock of a store that is there. Nothing is written.
  func enterExisting() throws(StoreError) -> any OpenFile {
    guard try attempt({ () throws(FileError) in try files.status(lockPath) })?.kind == .file else {
      throw StoreError(.invalidConfiguration, "there is no store at \(path)")
    }
    return try attempt { () throws(FileError) in try lock(.read) }
  }

  private func lock(_ mode: FileMode) throws(FileError) -> any OpenFile {
    let file = try files.open(lockPath, mode)
    do throws(FileError) {
      try file.lock()
    } catch {
      try? file.close()
      throw error
    }
    return file
  }

  private func create(isCreating: Bool) throws(StoreError) {
    guard isCreating else {
      throw StoreError(.invalidConfiguration, "there is no store at \(path)")
    }
    guard try attempt({ () throws(FileError) in try files.exists(parent) }) else {
      throw StoreError(
        .invalidConfiguration,
        "the folder \(parent), in which \(path) is to be made, is not there")
    }
    try attempt { () throws(FileError) in
      do throws(FileError) {
        try files.makeDirectory(path)
      } catch {
        // Another process was faster; the lock decides between the two.
        guard error.reason == .alreadyExists else { throw error }
      }
    }
  }

  /// Without its own name on the device a folder would be lost with all that is in it. One that
  /// was made by others may be in a folder that this process cannot read; then that is theirs to
  /// see to.
  private func synchronizeParent(isOwn: Bool) throws(FileError) {
    do throws(FileError) {
      try files.synchronizeDirectory(parent)
    } catch {
      guard !isOwn, error.reason == .permission else { throw error }
    }
  }

  /// The bytes of a file, nil when it does not exist.
  func read(_ path: String) throws(StoreError) -> [UInt8]? {
    try attempt { () throws(FileError) in
      guard let status = try files.status(path) else { return nil }
      // Opening a pipe would wait for someone who writes to it.
      guard status.kind == .file || status.kind == .symbolicLink else {
        throw FileError(number: EISDIR, operation: .open, path: path)
      }
      let file = try files.open(path, .read)
      let bytes = try file.readToEnd()
      try file.close()
      return bytes
    }
  }

  /// Writes a new file in the place of one that was left behind, and brings it to the device.
  func write(
    _ path: String, _ body: (any OpenFile) throws(FileError) -> Void
  ) throws(FileError) {
    try removeIfThere(path)
    let file = try files.open(path, .createNew)
    do throws(FileError) {
      try body(file)
      try file.synchronize()
      try file.close()
    } catch {
      try? file.close()
      try? files.unlink(path)
      throw error
    }
  }

  /// Removes a file if there is one.
  func removeIfThere(_ path: String) throws(FileError) {
    if try files.exists(path) { try files.unlink(path) }
  }

  /// Runs file operations and turns their errors into the store's.
  func attempt<Result>(
    _ operation: () throws(FileError) -> Result
  ) throws(StoreError) -> Result {
    do {
      return try operation()
    } catch {
      throw StoreError(error, location: path)
    }
  }

  private var parent: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
