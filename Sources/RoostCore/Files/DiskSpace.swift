/// How much room a disk has.
package struct DiskSpace: Sendable, Equatable {
  /// The disk's size in bytes.
  package let total: UInt64
  /// The bytes that a process without special rights may still write.
  package let free: UInt64

  package init(total: UInt64, free: UInt64) {
    self.total = total
    self.free = free
  }

  /// Asks for the disk on which a path is; nil when there is no such path, or it may not be asked.
  package init?(of path: String) {
    var status = statvfs()
    while statvfs(path, &status) != 0 {
      guard errno == EINTR else { return nil }
    }
    let unit = UInt64(status.f_frsize)
    total = UInt64(status.f_blocks).multipliedReportingOverflow(by: unit).partialValue
    free = UInt64(status.f_bavail).multipliedReportingOverflow(by: unit).partialValue
  }

  /// How full it is, from 0 to 1.
  package var usedShare: Double {
    guard total > 0 else { return 0 }
    return 1 - min(Double(free) / Double(total), 1)
  }
}
