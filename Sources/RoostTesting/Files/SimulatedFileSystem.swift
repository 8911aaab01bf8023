package import RoostCore
import Synchronization

/// A file system in memory that tells what is on the device from what is not: pages and lengths
/// are when their file was synchronised, names when their folder was. A power loss keeps any part
/// of the rest, so that a program that relies on luck is found out. The same seeds give the same.
///
/// It is stricter than most real ones: names arrive in any order, and to synchronise a file does
/// nothing for its name.
package final class SimulatedFileSystem: FileSystem {
  private let disk: Mutex<SimulatedDisk>

  /// An empty one.
  package init(seed: UInt64 = 0) {
    disk = Mutex(SimulatedDisk(seed: seed))
  }

  private init(_ disk: SimulatedDisk) {
    self.disk = Mutex(disk)
  }

  /// What the machine is like when every process is killed now: what programs saw is still there,
  /// and all locks are gone.
  package func afterKill() -> SimulatedFileSystem {
    var copy = disk.withLock { $0 }
    copy.locks = [:]
    return SimulatedFileSystem(copy)
  }

  /// What the machine is like when the power goes now and comes back.
  package func afterPowerLoss(_ generator: inout SeededGenerator) -> SimulatedFileSystem {
    let copy = disk.withLock { $0 }
    return SimulatedFileSystem(copy.afterPowerLoss(&generator))
  }

  /// A file's bytes as programs see them; nil when there is none.
  package func bytes(_ path: String) -> [UInt8]? {
    guard let file = try? open(path, .read) else { return nil }
    return try? file.readToEnd()
  }

  /// Puts bytes on the device in the place of a file, whatever was there; nil removes it.
  package func replace(_ path: String, by bytes: [UInt8]?) throws(FileError) {
    try disk.withLock { disk throws(FileError) in
      let (folder, name, _) = try disk.find(path, .open)
      if let bytes {
        _ = disk.add(
          .init(kind: .file, content: SimulatedContent(bytes), permissions: 0o600), named: name,
          in: folder)
      } else {
        disk.change([name: nil], in: folder)
      }
      disk.synchronize(folder: folder)
    }
  }

  /// Puts something at a path that is neither file nor folder, such as a symbolic link.
  package func place(_ kind: FileStatus.Kind, at path: String) throws(FileError) {
    try disk.withLock { disk throws(FileError) in
      let (folder, name, _) = try disk.find(path, .open)
      _ = disk.add(.init(kind: kind, permissions: 0o777), named: name, in: folder)
      disk.synchronize(folder: folder)
    }
  }

  package func open(_ path: String, _ mode: FileMode) throws(FileError) -> any OpenFile {
    let (node, handle) = try disk.withLock { disk throws(FileError) in
      let (folder, name, found) = try disk.find(path, .open)
      disk.lastHandle += 1
      guard let found else {
        guard mode == .create || mode == .createNew else {
          throw FileError(number: ENOENT, operation: .open, path: path)
        }
        let made = disk.add(.init(kind: .file, permissions: 0o600), named: name, in: folder)
        return (made, disk.lastHandle)
      }
      let number: Int32? =
        switch disk.node(found).kind {
        case _ where mode == .createNew: EEXIST
        case .symbolicLink: ELOOP
        case .directory: EISDIR
        case .file, .other: nil
        }
      if let number { throw FileError(number: number, operation: .open, path: path) }
      return (found, disk.lastHandle)
    }
    return SimulatedFile(path: path, node: node, handle: handle, owner: self)
  }

  package func status(_ path: String) throws(FileError) -> FileStatus? {
    try disk.withLock { disk throws(FileError) in
      guard let number = try disk.find(path, .stat).node else { return nil }
      let node = disk.node(number)
      return FileStatus(
        kind: node.kind, length: Int64(node.content.length), permissions: node.permissions)
    }
  }

  package func list(_ path: String) throws(FileError) -> [String] {
    try disk.withLock { disk throws(FileError) in
      disk.node(try disk.require(path, .opendir)).entries.keys.sorted(by: TextOrder.isLess)
    }
  }

  package func makeDirectory(_ path: String) throws(FileError) {
    try disk.withLock { disk throws(FileError) in
      let (folder, name, found) = try disk.find(path, .mkdir)
      guard found == nil else {
        throw FileError(number: EEXIST, operation: .mkdir, path: path)
      }
      _ = disk.add(.init(kind: .directory, permissions: 0o700), named: name, in: folder)
    }
  }

  package func rename(_ path: String, to newPath: String) throws(FileError) {
    try disk.withLock { disk throws(FileError) in
      let (folder, name, found) = try disk.find(path, .rename)
      let target = try disk.find(newPath, .rename)
      guard let found else { throw FileError(number: ENOENT, operation: .rename, path: path) }
      // A name that moves to another folder would be two changes that may arrive apart.
      guard target.folder == folder else {
        throw FileError(number: EXDEV, operation: .rename, path: path)
      }
      disk.change([name: nil, target.name: found], in: folder)
    }
  }

  package func unlink(_ path: String) throws(FileError) {
    try disk.withLock { disk throws(FileError) in
      let (folder, name, found) = try disk.find(path, .unlink)
      guard let found else { throw FileError(number: ENOENT, operation: .unlink, path: path) }
      guard disk.node(found).kind != .directory else {
        throw FileError(number: EISDIR, operation: .unlink, path: path)
      }
      disk.change([name: nil], in: folder)
    }
  }

  package func removeDirectory(_ path: String) throws(FileError) {
    try disk.withLock { disk throws(FileError) in
      let (folder, name, found) = try disk.find(path, .rmdir)
      guard let found, disk.node(found).kind == .directory else {
        throw FileError(number: ENOTDIR, operation: .rmdir, path: path)
      }
      guard disk.node(found).entries.isEmpty else {
        throw FileError(number: ENOTEMPTY, operation: .rmdir, path: path)
      }
      disk.change([name: nil], in: folder)
    }
  }

  package func synchronizeDirectory(_ path: String) throws(FileError) {
    try disk.withLock { disk throws(FileError) in
      disk.synchronize(folder: try disk.require(path, .fsync))
    }
  }

  fileprivate func withContent<Result: Sendable>(
    _ node: Int, _ body: (inout SimulatedContent, inout SeededGenerator) -> Result
  ) -> Result {
    disk.withLock { $0.withContent(node, body) }
  }

  fileprivate func lock(_ file: SimulatedFile) -> Bool {
    disk.withLock { disk in
      guard disk.locks[file.node, default: file.handle] == file.handle else { return false }
      disk.locks[file.node] = file.handle
      return true
    }
  }

  fileprivate func unlock(_ file: SimulatedFile) {
    disk.withLock { disk in
      if disk.locks[file.node] == file.handle { disk.locks[file.node] = nil }
    }
  }
}

/// An open file of a simulated file system.
final class SimulatedFile: OpenFile {
  let path: String
  fileprivate let node: Int
  fileprivate let handle: Int
  private let owner: SimulatedFileSystem
  private let isClosed = Atomic(false)

  fileprivate init(path: String, node: Int, handle: Int, owner: SimulatedFileSystem) {
    self.path = path
    self.node = node
    self.handle = handle
    self.owner = owner
  }

  deinit { owner.unlock(self) }

  private func requireOpen(_ operation: FileError.Operation) throws(FileError) {
    if isClosed.load(ordering: .acquiring) {
      throw FileError(number: EBADF, operation: operation, path: path)
    }
  }

  func length() throws(FileError) -> Int64 {
    try requireOpen(.stat)
    return Int64(owner.withContent(node) { content, _ in content.length })
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    try requireOpen(.read)
    nonisolated(unsafe) let buffer = buffer
    return owner.withContent(node) { content, _ in content.read(into: buffer, at: Int(offset)) }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
    try requireOpen(.write)
    owner.withContent(node) { content, _ in content.write(bytes, at: Int(offset)) }
  }

  func truncate(to length: Int64) throws(FileError) {
    try requireOpen(.ftruncate)
    owner.withContent(node) { content, _ in content.truncate(to: Int(length)) }
  }

  func synchronizeData() throws(FileError) {
    try requireOpen(.fdatasync)
    owner.withContent(node) { content, _ in content.synchronize() }
  }

  func synchronize() throws(FileError) {
    try requireOpen(.fsync)
    owner.withContent(node) { content, _ in content.synchronize() }
  }

  /// Does what a synchronisation that fails does.
  func failSynchronization() {
    owner.withContent(node) { content, generator in content.failSynchronization(&generator) }
  }

  func lock() throws(FileError) {
    try requireOpen(.flock)
    guard owner.lock(self) else {
      throw FileError(number: EWOULDBLOCK, operation: .flock, path: path)
    }
  }

  func close() throws(FileError) {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    owner.unlock(self)
  }
}
