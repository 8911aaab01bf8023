/// The file operations that a durable store needs, one method a system call, so that a simulated
/// file system can stand in for the real one and fail at any of them.
///
/// All calls block and are made from one thread at a time for each file. An interrupted call is
/// taken up again inside; nothing else is retried.
public protocol FileSystem: Sendable {
  /// Opens a file. The last part of the path is not followed when it is a symbolic link, and the
  /// descriptor is not inherited by child processes.
  func open(_ path: String, _ mode: FileMode) throws(FileError) -> any OpenFile

  /// What stands at a path, symbolic links not followed; nil when there is nothing.
  func status(_ path: String) throws(FileError) -> FileStatus?

  /// The names in a folder, without `.` and `..`, ordered by their bytes.
  func list(_ path: String) throws(FileError) -> [String]

  /// Makes a folder that only its owner may enter (mode 0700); its parent must exist.
  func makeDirectory(_ path: String) throws(FileError)

  /// Renames a file, replacing what has the new name. Durable once the folder is synchronised.
  func rename(_ path: String, to newPath: String) throws(FileError)

  /// Removes a file. Durable once the folder is synchronised.
  func unlink(_ path: String) throws(FileError)

  /// Removes an empty folder.
  func removeDirectory(_ path: String) throws(FileError)

  /// Brings a folder's entries to the device: what was created, renamed and removed in it.
  func synchronizeDirectory(_ path: String) throws(FileError)
}

/// An open file. Closing it is the owner's part; a file that is let go is closed unchecked.
public protocol OpenFile: Sendable {
  /// The path that it was opened with.
  var path: String { get }

  /// The file's length in bytes.
  func length() throws(FileError) -> Int64

  /// Reads bytes from an offset until the buffer is full or the file ends.
  ///
  /// - Returns: how many bytes were read: fewer than the buffer holds only at the end of the file.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int

  /// Writes all bytes at an offset. After an error any part of them may have been written.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(FileError)

  /// Lets the device begin with what was written, so that the synchronisation that ends a long
  /// series of writes has little left to wait for. Nothing depends on it: it neither makes anything
  /// durable nor takes an error away from that synchronisation. Does nothing unless implemented.
  func beginWritingBack(_ count: Int, at offset: Int64)

  /// Cuts the file, or extends it with zeros, to a length in bytes.
  func truncate(to length: Int64) throws(FileError)

  /// Brings the file's data, and what is needed to read it back, to the device: fdatasync.
  func synchronizeData() throws(FileError)

  /// Brings the file's data and all its attributes to the device: fsync.
  func synchronize() throws(FileError)

  /// Takes the exclusive lock without waiting; it lasts until the file is closed.
  ///
  /// - Throws: a `FileError` with the reason `locked` when another handle holds it.
  func lock() throws(FileError)

  /// Closes the file; a second call does nothing.
  func close() throws(FileError)
}

/// How a file is opened.
public enum FileMode: Sendable, Equatable {
  /// Reading; the file must exist.
  case read
  /// Reading and writing; the file must exist.
  case readWrite
  /// Reading and writing; the file is made, with mode 0600, when it does not exist.
  case create
  /// Reading and writing; the file is made, with mode 0600, and must not exist.
  case createNew
}

/// What stands at a path.
public struct FileStatus: Sendable, Equatable {
  /// The kind of thing.
  public enum Kind: Sendable {
    /// A regular file.
    case file
    /// A folder.
    case directory
    /// A symbolic link.
    case symbolicLink
    /// A device, a socket, a pipe.
    case other
  }

  /// The kind of thing.
  public let kind: Kind
  /// The length in bytes.
  public let length: Int64
  /// The permission bits, for example 0o600.
  public let permissions: UInt16
  /// When the content was last changed; nil where that is not known.
  public let modifiedAt: Timestamp?

  /// Describes what stands at a path.
  public init(kind: Kind, length: Int64, permissions: UInt16, modifiedAt: Timestamp? = nil) {
    self.modifiedAt = modifiedAt
    self.kind = kind
    self.length = length
    self.permissions = permissions
  }
}

extension FileSystem {
  /// Whether anything stands at a path.
  public func exists(_ path: String) throws(FileError) -> Bool {
    try status(path) != nil
  }
}

extension OpenFile {
  /// Nothing.
  public func beginWritingBack(_ count: Int, at offset: Int64) {}

  /// The whole content from an offset to the end.
  ///
  /// - Throws: EFBIG when there is more than `limit` bytes.
  public func readToEnd(from offset: Int64 = 0, limit: Int = .max) throws(FileError) -> [UInt8] {
    let count = max(try length() - offset, 0)
    guard count <= Int64(limit) else {
      throw FileError(number: EFBIG, operation: .read, path: path)
    }
    var failure: FileError?
    let bytes = [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, initialized in
      do throws(FileError) {
        initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Writes all bytes at an offset.
  public func write(_ bytes: [UInt8], at offset: Int64) throws(FileError) {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(FileError) in try write(buffer, at: offset) }
    }
    try result.get()
  }
}
