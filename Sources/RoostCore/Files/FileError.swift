/// Why an operation on a file failed: the system's error number, the operation and the path.
public struct FileError: Error, Equatable, CustomStringConvertible {
  /// The kinds of failure that callers treat differently.
  public enum Reason: Sendable, Equatable {
    /// There is no such file or folder (ENOENT).
    case notFound
    /// Something of that name exists already (EEXIST).
    case alreadyExists
    /// The process may not do this (EACCES, EPERM) or the file system is read-only (EROFS).
    case permission
    /// The disk or the user's quota is full (ENOSPC, EDQUOT, EFBIG).
    case noSpace
    /// Another process, or another handle of this one, holds the lock (EWOULDBLOCK).
    case locked
    /// The last part of the path is a symbolic link, which is not followed (ELOOP).
    case symbolicLink
    /// A folder stands where a file is wanted, or the reverse (EISDIR, ENOTDIR).
    case wrongType
    /// The device failed (EIO); what was written may or may not be on it.
    case device
    /// Any other error number.
    case other
  }

  /// The operation that failed, named after the system call.
  public enum Operation: String, Sendable {
    /// The system calls that a `FileSystem` stands for.
    case open, close, read, write, seek, fsync, fdatasync, ftruncate, rename, unlink, mkdir, rmdir
    /// The system calls that a `FileSystem` stands for, continued.
    case opendir, readdir, flock, stat
  }

  /// The system's error number.
  public let number: Int32
  /// The operation that failed.
  public let operation: Operation
  /// The path of the file, as it was given.
  public let path: String

  /// Describes a failure.
  public init(number: Int32, operation: Operation, path: String) {
    self.number = number
    self.operation = operation
    self.path = path
  }

  /// The kind of failure.
  public var reason: Reason {
    switch number {
    case ENOENT: return .notFound
    case EEXIST: return .alreadyExists
    case EACCES, EPERM, EROFS: return .permission
    case ENOSPC, EDQUOT, EFBIG: return .noSpace
    case EWOULDBLOCK: return operation == .flock ? .locked : .other
    case ELOOP: return .symbolicLink
    case EISDIR, ENOTDIR: return .wrongType
    case EIO: return .device
    default: return .other
    }
  }

  /// One line: the path, the operation and the system's words for the number.
  public var description: String {
    "\(path): \(operation.rawValue): \(Self.message(number))"
  }

  private static func message(_ number: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let base = buffer.baseAddress, strerror_r(number, base, buffer.count) == 0 else {
        return "error \(number)"
      }
      return String(cString: base)
    }
  }
}
