import Synchronization

/// The machine's own file system, through the C library.
public struct SystemFileSystem: FileSystem {
  /// There is only one.
  public init() {}

  /// Opens a file with O_CLOEXEC and O_NOFOLLOW.
  public func open(_ path: String, _ mode: FileMode) throws(FileError) -> any OpenFile {
    var flags = O_CLOEXEC | O_NOFOLLOW
    switch mode {
    case .read: flags |= O_RDONLY
    case .readWrite: flags |= O_RDWR
    case .create: flags |= O_RDWR | O_CREAT
    case .createNew: flags |= O_RDWR | O_CREAT | O_EXCL
    }
    let descriptor = try Self.openDescriptor(path, flags)
    return SystemFile(descriptor: descriptor, path: path)
  }

  private static func openDescriptor(_ path: String, _ flags: Int32) throws(FileError) -> Int32 {
    // A NUL would end the path early in C, and name another file.
    guard !TextOrder.containsNull(path) else {
      throw FileError(number: EINVAL, operation: .open, path: path)
    }
    return try retrying(.open, path) { openFile(path, flags, 0o600) }
  }

  /// Reads the status with lstat.
  public func status(_ path: String) throws(FileError) -> FileStatus? {
    var status = stat()
    if lstat(path, &status) != 0 {
      let number = errno
      if number == ENOENT { return nil }
      throw FileError(number: number, operation: .stat, path: path)
    }
    let kind: FileStatus.Kind
    switch status.st_mode & S_IFMT {
    case S_IFREG: kind = .file
    case S_IFDIR: kind = .directory
    case S_IFLNK: kind = .symbolicLink
    default: kind = .other
    }
    return FileStatus(
      kind: kind, length: Int64(status.st_size),
      permissions: UInt16(truncatingIfNeeded: status.st_mode & 0o7777),
      modifiedAt: Timestamp(SocketPlatform.modificationTime(status)))
  }

  /// Reads the folder's entries.
  public func list(_ path: String) throws(FileError) -> [String] {
    guard let directory = opendir(path) else {
      throw FileError(number: errno, operation: .opendir, path: path)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(directory) else { break }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    let number = errno
    guard number == 0 else { throw FileError(number: number, operation: .readdir, path: path) }
    return names.sorted(by: TextOrder.isLess)
  }

  /// Makes the folder with mode 0700.
  public func makeDirectory(_ path: String) throws(FileError) {
    _ = try retrying(.mkdir, path) { mkdir(path, 0o700) }
  }

  /// Renames with rename(2).
  public func rename(_ path: String, to newPath: String) throws(FileError) {
    _ = try retrying(.rename, path) { renameFile(path, newPath) }
  }

  /// Removes with unlink(2).
  public func unlink(_ path: String) throws(FileError) {
    _ = try retrying(.unlink, path) { unlinkFile(path) }
  }

  /// Removes with rmdir(2).
  public func removeDirectory(_ path: String) throws(FileError) {
    _ = try retrying(.rmdir, path) { rmdir(path) }
  }

  /// Opens the folder and calls fsync on it.
  public func synchronizeDirectory(_ path: String) throws(FileError) {
    let descriptor = try Self.openDescriptor(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { closeDescriptor(descriptor) }
    _ = try retrying(.fsync, path) { fsync(descriptor) }
  }
}

/// A file of the machine's file system.
final class SystemFile: OpenFile {
  let path: String
  private let isLocked = Atomic(false)
  /// The descriptor; -1 once closed.
  private let descriptor: Atomic<Int32>

  init(descriptor: Int32, path: String) {
    self.descriptor = Atomic(descriptor)
    self.path = path
  }

  deinit {
    let number = descriptor.exchange(-1, ordering: .acquiringAndReleasing)
    if number >= 0 { closeDescriptor(number) }
  }

  /// The descriptor; -1 once closed, for which every call gives EBADF.
  private var number: Int32 { descriptor.load(ordering: .acquiring) }

  func length() throws(FileError) -> Int64 {
    var status = stat()
    _ = try retrying(.stat, path) { fstat(number, &status) }
    return Int64(status.st_size)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
    guard let base = buffer.baseAddress else { return 0 }
    var done = 0
    while done < buffer.count {
      let count = try retrying(.read, path) {
        pread(number, base + done, buffer.count - done, off_t(offset) + off_t(done))
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError) {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      let count = try retrying(.write, path) {
        pwrite(number, base + done, bytes.count - done, off_t(offset) + off_t(done))
      }
      // Nothing written and no error: going on would never end.
      guard count > 0 else { throw FileError(number: EIO, operation: .write, path: path) }
      done += count
    }
  }

  func beginWritingBack(_ count: Int, at offset: Int64) {
    #if !canImport(Darwin)
      // SYNC_FILE_RANGE_WRITE alone, which waits only where the device's queue is full, and does
      // not look for errors (sync_file_range(2)).
      _ = LinuxCalls.syncFileRange?(number, offset, Int64(count), 2)
    #endif
  }

  func truncate(to length: Int64) throws(FileError) {
    _ = try retrying(.ftruncate, path) { ftruncate(number, off_t(length)) }
  }

  func synchronizeData() throws(FileError) {
    #if canImport(Darwin)
      // Only F_FULLFSYNC reaches the device there.
      _ = try retrying(.fdatasync, path) { fcntl(number, F_FULLFSYNC) }
    #else
      _ = try retrying(.fdatasync, path) { fdatasync(number) }
    #endif
  }

  func synchronize() throws(FileError) {
    #if canImport(Darwin)
      _ = try retrying(.fsync, path) { fcntl(number, F_FULLFSYNC) }
    #else
      _ = try retrying(.fsync, path) { fsync(number) }
    #endif
  }

  func lock() throws(FileError) {
    _ = try retrying(.flock, path) { flock(number, LOCK_EX | LOCK_NB) }
    isLocked.store(true, ordering: .releasing)
  }

  func close() throws(FileError) {
    let number = descriptor.exchange(-1, ordering: .acquiringAndReleasing)
    guard number >= 0 else { return }
    // A child process that is just being started has the descriptor, too, until it runs its own
    // program: without this the lock would outlive its owner for a moment.
    if isLocked.load(ordering: .acquiring) { _ = flock(number, LOCK_UN) }
    // Not repeated after EINTR: Linux has released the descriptor by then.
    if closeDescriptor(number) != 0, errno != EINTR {
      throw FileError(number: errno, operation: .close, path: path)
    }
  }
}

/// Runs a call again while it is interrupted, and throws its error number when it fails.
private func retrying<Result: SignedInteger>(
  _ operation: FileError.Operation, _ path: String, _ call: () -> Result
) throws(FileError) -> Result {
  while true {
    let result = call()
    if result >= 0 { return result }
    let number = errno
    if number != EINTR { throw FileError(number: number, operation: operation, path: path) }
  }
}

// The C names that methods above have too.

private func openFile(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
  open(path, flags, mode)
}

private func renameFile(_ path: String, _ newPath: String) -> Int32 { rename(path, newPath) }

private func unlinkFile(_ path: String) -> Int32 { unlink(path) }

@discardableResult
private func closeDescriptor(_ descriptor: Int32) -> Int32 { close(descriptor) }
