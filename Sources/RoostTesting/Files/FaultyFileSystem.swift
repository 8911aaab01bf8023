package import RoostCore
import Synchronization

/// A file system whose changing calls can be seen before they are made, be made to fail, or be
/// left out.
package final class FaultyFileSystem: FileSystem {
  /// A call that is about to be made.
  package struct Call: Sendable {
    /// Counted from 0.
    package let number: Int
    package let operation: FileError.Operation
    package let path: String
    /// The change before it, by the same file system; a synchronisation is none.
    package let previous: String

    /// What the call is for, the same each time it is made from the same place in the program.
    package var site: String { "\(operation.rawValue) \(Self.kind(of: path)) after \(previous)" }

    /// A name up to its numbers, and its folder's.
    static func kind(of path: String) -> String {
      path.split(separator: "/").suffix(2).map { $0.prefix { $0 != "-" } }.joined(separator: "/")
    }
  }

  /// What becomes of a call.
  package enum Answer: Sendable {
    case proceed
    /// It throws this error number. Half of a write is made; a synchronisation that fails on a
    /// simulated disk loses pages.
    case fail(Int32)
    /// It seems to be made and is not.
    case leaveOut
  }

  /// Is asked before each call that changes, synchronises, locks or closes something.
  package typealias Rule = @Sendable (Call) -> Answer

  private struct State {
    var rule: Rule?
    var count = 0
    var previous = ""
  }

  private let base: any FileSystem
  private let state: Mutex<State>

  /// Stands before a file system.
  package init(_ base: any FileSystem = SystemFileSystem(), _ rule: Rule? = nil) {
    self.base = base
    state = Mutex(State(rule: rule))
  }

  /// Changes what becomes of calls; nil lets all of them through.
  package func set(_ rule: Rule?) {
    state.withLock { $0.rule = rule }
  }

  /// How many calls there were.
  package var count: Int { state.withLock { $0.count } }

  fileprivate func make(
    _ operation: FileError.Operation, _ path: String,
    partly: () throws(FileError) -> Void = {}, _ call: () throws(FileError) -> Void
  ) throws(FileError) {
    let (rule, asked) = state.withLock { state in
      defer {
        state.count += 1
        if operation != .fsync && operation != .fdatasync {
          state.previous = "\(operation.rawValue) \(Call.kind(of: path))"
        }
      }
      return (
        state.rule,
        Call(number: state.count, operation: operation, path: path, previous: state.previous)
      )
    }
    switch rule?(asked) ?? .proceed {
    case .proceed: try call()
    case .leaveOut: return
    case .fail(let number):
      try partly()
      throw FileError(number: number, operation: operation, path: path)
    }
  }

  package func open(_ path: String, _ mode: FileMode) throws(FileError) -> any OpenFile {
    guard mode != .read else { return FaultyFile(file: try base.open(path, mode), owner: self) }
    var file: (any OpenFile)?
    try make(.open, path) { () throws(FileError) in file = try base.open(path, mode) }
    guard let file else { throw FileError(number: EIO, operation: .open, path: path) }
    return FaultyFile(file: file, owner: self)
  }

  package func status(_ path: String) throws(FileError) -> FileStatus? { try base.status(path) }

  package func list(_ path: String) throws(FileError) -> [String] { try base.list(path) }

  package func makeDirectory(_ path: String) throws(FileError) {
    try make(.mkdir, path) { () throws(FileError) in try base.makeDirectory(path) }
  }

  package func rename(_ path: String, to newPath: String) throws(FileError) {
    try make(.rename, path) { () throws(FileError) in try base.rename(path, to: newPath) }
  }

  package func unlink(_ path: String) throws(FileError) {
    try make(.unlink, path) { () throws(FileError) in try base.unlink(path) }
  }

  package func removeDirectory(_ path: String) throws(FileError) {
    try make(.rmdir, path) { () throws(FileError) in try base.removeDirectory(path) }
  }

  package func synchronizeDirectory(_ path: String) throws(FileError) {
    try make(.fsync, path) { () throws(FileError) in try base.synchronizeDirectory(path) }
  }
}

private struct FaultyFile: OpenFile {
  let file: any OpenFile
  let owner: FaultyFileSystem

  var path: String { file.path }

  func length() throws(FileError) -> Int64 { try file.length() }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    try file.read(into: buffer, at: offset)
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
    let half = UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)])
    try owner.make(
      .write, path, partly: { () throws(FileError) in try file.write(half, at: offset) }
    ) { () throws(FileError) in try file.write(bytes, at: offset) }
  }

  func truncate(to length: Int64) throws(FileError) {
    try owner.make(.ftruncate, path) { () throws(FileError) in try file.truncate(to: length) }
  }

  func synchronizeData() throws(FileError) {
    try owner.make(.fdatasync, path, partly: { losePages() }) { () throws(FileError) in
      try file.synchronizeData()
    }
  }

  func synchronize() throws(FileError) {
    try owner.make(.fsync, path, partly: { losePages() }) { () throws(FileError) in
      try file.synchronize()
    }
  }

  private func losePages() {
    (file as? SimulatedFile)?.failSynchronization()
  }

  func lock() throws(FileError) {
    try owner.make(.flock, path) { () throws(FileError) in try file.lock() }
  }

  func close() throws(FileError) { try file.close() }
}
