import Roost
import RoostCore

/// The folder of a file store and the names in it.
///
///     LOCK                      held by the one process that has the store open
///     snapshot.json             all rows at one moment
///     journal-00000012.jsonl    the commits since then, a line each
///     quarantine/               damaged bytes; never deleted by the program
struct StoreFolder {
  /// The version of the format; a folder with a greater one is refused.
  static let version: Int64 = 1
  /// The most bytes of a line: what one transaction may write.
  static let lineLimit = 256 << 20
  /// How many containers a line has around a document: the commit, its operations, one of them,
  /// and its row.
  static let lineDepth = 4

  let path: String
  let files: any FileSystem

  var lockPath: String { "\(path)/LOCK" }
  var snapshotPath: String { "\(path)/snapshot.json" }
  var temporaryPath: String { "\(path)/snapshot.json.tmp" }
  var quarantinePath: String { "\(path)/quarantine" }

  func journalPath(_ generation: Int64) -> String {
    let digits = String(generation)
    return
      "\(path)/journal-\(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits).jsonl"
  }

  /// The generations of the journals, ascending.
  func journals() throws(FileError) -> [Int64] {
    try files.list(path).compactMap { name in
      guard name.hasPrefix("journal-"), name.hasSuffix(".jsonl") else { return nil }
      return Int64(name.dropFirst("journal-".count).dropLast(".jsonl".count))
    }.sorted()
  }

  /// Makes the folder when it is not there, and makes sure that it is a store's.
  func prepare(isCreating: Bool) throws(StoreError) {
    let status = try attempt { () throws(FileError) in try files.status(path) }
    guard let status else {
      guard isCreating else {
        throw StoreError(.invalidConfiguration, "there is no store at \(path)")
      }
      guard try attempt({ () throws(FileError) in try files.exists(parent) }) else {
        throw StoreError(
          .invalidConfiguration,
          "the folder \(parent), in which \(path) is to be made, is not there")
      }
      try attempt { () throws(FileError) in
        try files.makeDirectory(path)
        try files.synchronizeDirectory(parent)
      }
      return
    }
    guard status.kind == .directory else {
      throw StoreError(
        .invalidConfiguration, "\(path) is no folder: a file store is a folder of its own")
    }
    let names = try attempt { () throws(FileError) in try files.list(path) }
    let isStore = names.contains("LOCK")
    if let foreign = names.first(where: { !$0.hasPrefix(".") }), !isStore {
      throw StoreError(
        .invalidConfiguration, "\(path) is no store of Roost: it holds \"\(foreign)\"")
    }
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
