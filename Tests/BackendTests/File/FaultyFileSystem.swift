import Foundation
import RoostCore
import Synchronization

/// The real file system, with calls that fail when they are told to, and counts of them.
final class FaultyFileSystem: FileSystem {
  /// Says with which error number a call fails; nil lets it through.
  typealias Fault = @Sendable (FileError.Operation, String) -> Int32?

  private let real = SystemFileSystem()
  private let fault = Mutex<Fault?>(nil)
  private let counts = Mutex<[String: Int]>([:])

  func set(_ fault: Fault?) {
    self.fault.withLock { $0 = fault }
  }

  func count(_ operation: FileError.Operation) -> Int {
    counts.withLock { $0[operation.rawValue] ?? 0 }
  }

  fileprivate func failure(_ operation: FileError.Operation, _ path: String) -> FileError? {
    counts.withLock { $0[operation.rawValue, default: 0] += 1 }
    guard let number = fault.withLock({ $0 })?(operation, path) else { return nil }
    return FileError(number: number, operation: operation, path: path)
  }

  private func check(_ operation: FileError.Operation, _ path: String) throws(FileError) {
    if let failure = failure(operation, path) { throw failure }
  }

  func open(_ path: String, _ mode: FileMode) throws(FileError) -> any OpenFile {
    try check(.open, path)
    return FaultyFile(file: try real.open(path, mode), owner: self)
  }

  func status(_ path: String) throws(FileError) -> FileStatus? { try real.status(path) }

  func list(_ path: String) throws(FileError) -> [String] { try real.list(path) }

  func makeDirectory(_ path: String) throws(FileError) {
    try check(.mkdir, path)
    try real.makeDirectory(path)
  }

  func rename(_ path: String, to newPath: String) throws(FileError) {
    try check(.rename, path)
    try real.rename(path, to: newPath)
  }

  func unlink(_ path: String) throws(FileError) {
    try check(.unlink, path)
    try real.unlink(path)
  }

  func removeDirectory(_ path: String) throws(FileError) { try real.removeDirectory(path) }

  func synchronizeDirectory(_ path: String) throws(FileError) {
    try real.synchronizeDirectory(path)
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
    guard let failure = owner.failure(.write, path) else {
      return try file.write(bytes, at: offset)
    }
    // A full disk takes a part.
    try file.write(UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), at: offset)
    throw failure
  }

  func truncate(to length: Int64) throws(FileError) {
    if let failure = owner.failure(.ftruncate, path) { throw failure }
    try file.truncate(to: length)
  }

  func synchronizeData() throws(FileError) {
    if let failure = owner.failure(.fdatasync, path) { throw failure }
    try file.synchronizeData()
  }

  func synchronize() throws(FileError) { try file.synchronize() }
  func lock() throws(FileError) { try file.lock() }
  func close() throws(FileError) { try file.close() }
}
