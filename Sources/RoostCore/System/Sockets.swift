/// What differs between platforms about sockets, files and threads, under one name each.
package enum SocketPlatform {
  #if canImport(Darwin)
    /// `send` has no flag against SIGPIPE here; `prepare` sets the socket's option instead.
    package static let sendFlags: Int32 = 0
  #else
    /// Keeps a send to a closed peer from raising SIGPIPE, which would end the process.
    package static let sendFlags = Int32(MSG_NOSIGNAL)
  #endif

  /// Makes a descriptor non-blocking, closed in child processes, and safe from SIGPIPE.
  ///
  /// False when the system refuses; `errno` says why.
  package static func prepare(_ descriptor: Int32) -> Bool {
    #if canImport(Darwin)
      var on: Int32 = 1
      setsockopt(
        descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #endif
    let flags = fcntl(descriptor, F_GETFL)
    return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0
      && fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
  }

  #if canImport(Darwin)
    /// The TCP option of how long a connection is idle before it is probed, in seconds.
    package static let keepaliveIdleOption = TCP_KEEPALIVE
    /// The TCP option of how long bytes may stay without acknowledgement, which is missing here.
    package static let userTimeoutOption: Int32? = nil
  #else
    /// The TCP option of how long a connection is idle before it is probed, in seconds.
    package static let keepaliveIdleOption = TCP_KEEPIDLE
    /// The TCP option of how long bytes may stay without acknowledgement, in milliseconds.
    package static let userTimeoutOption: Int32? = TCP_USER_TIMEOUT
  #endif

  /// The user at the other end of a Unix socket, as it was when that end began; nil when the system
  /// does not say.
  package static func peerUser(_ descriptor: Int32) -> uid_t? {
    #if canImport(Darwin)
      var user = uid_t()
      var group = gid_t()
      return getpeereid(descriptor, &user, &group) == 0 ? user : nil
    #else
      // `struct ucred` of unix(7): process, user and group.
      var credentials: (pid_t, uid_t, gid_t) = (0, 0, 0)
      var size = socklen_t(MemoryLayout.size(ofValue: credentials))
      let result = getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size)
      return result == 0 ? credentials.1 : nil
    #endif
  }

  /// When a file was last changed.
  package static func modificationTime(_ status: stat) -> timespec {
    #if canImport(Darwin)
      status.st_mtimespec
    #else
      status.st_mtim
    #endif
  }

  /// A number that tells the running thread from all others that run.
  @inline(__always)
  package static var currentThread: UInt {
    #if canImport(Darwin)
      UInt(bitPattern: pthread_self())
    #else
      UInt(pthread_self())
    #endif
  }
}

/// A point on the monotonic clock, in nanoseconds.
package struct Deadline: Sendable, Hashable, Comparable {
  package let nanoseconds: UInt64

  package init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// The point that never comes.
  package static let never = Deadline(nanoseconds: .max)

  /// The present.
  package static var now: Deadline {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let seconds = UInt64(max(time.tv_sec, 0)) &* 1_000_000_000
    return Deadline(nanoseconds: seconds &+ UInt64(max(time.tv_nsec, 0)))
  }

  /// The point after this duration; nil is never, as is what is too far away to count.
  package static func after(_ duration: Duration?) -> Deadline {
    guard let duration else { return .never }
    return now.advanced(by: duration)
  }

  /// The point a duration later.
  package func advanced(by duration: Duration) -> Deadline {
    let (seconds, attoseconds) = duration.components
    guard seconds < 1_000_000_000 else { return .never }
    if seconds < 0 { return self }
    let more = UInt64(seconds) * 1_000_000_000 + UInt64(max(attoseconds, 0) / 1_000_000_000)
    let (sum, overflows) = nanoseconds.addingReportingOverflow(more)
    return overflows ? .never : Deadline(nanoseconds: sum)
  }

  /// The time from this point to a later one; zero when it is not later.
  package func timeUntil(_ other: Deadline) -> Duration {
    guard other > self else { return .zero }
    return .nanoseconds(Int64(clamping: other.nanoseconds - nanoseconds))
  }

  /// The time until then in milliseconds as `poll` wants it: rounded up, -1 for never.
  package var pollTimeout: Int32 {
    guard self != .never else { return -1 }
    let now = Deadline.now
    guard nanoseconds > now.nanoseconds else { return 0 }
    let milliseconds = (nanoseconds - now.nanoseconds) / 1_000_000 + 1
    return Int32(clamping: milliseconds)
  }

  package static func < (left: Deadline, right: Deadline) -> Bool {
    left.nanoseconds < right.nanoseconds
  }
}
