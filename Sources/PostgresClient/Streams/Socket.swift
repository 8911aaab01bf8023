package import RoostCore
import Synchronization

/// A connected socket, shared by its two streams.
///
/// `shutDown` ends the conversation; the descriptor itself lives as long as the object, so that its
/// number cannot come to mean another file while somebody still polls it.
package final class Socket: Transport, Sendable {
  package let descriptor: Int32
  private let isShutDown = Atomic(false)

  package init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }

  package var readDescriptor: Int32 { descriptor }
  package var writeDescriptor: Int32 { descriptor }
  package var hasBufferedBytes: Bool { false }
  package var failureText: String? { nil }

  package func shutDown() {
    if !isShutDown.exchange(true, ordering: .relaxed) {
      _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }
  }

  @inline(__always)
  package func readAvailable(_ room: UnsafeMutableRawBufferPointer) -> StreamProgress {
    Self.progress(of: recv(descriptor, room.baseAddress, room.count, 0))
  }

  @inline(__always)
  package func writeAvailable(_ bytes: UnsafeRawBufferPointer) -> StreamProgress {
    Self.progress(of: send(descriptor, bytes.baseAddress, bytes.count, SocketPlatform.sendFlags))
  }

  /// Waits, blocking the thread, until a descriptor is ready. False when the time is over.
  package static func wait(_ descriptor: Int32, events: Int32, until deadline: Deadline) -> Bool {
    while true {
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let result = poll(&entry, 1, deadline.pollTimeout)
      if result > 0 { return true }
      if result == 0, deadline <= .now { return false }
      if result < 0, errno != EINTR { return true }
    }
  }

  @inline(__always)
  private static func progress(of result: Int) -> StreamProgress {
    if result > 0 { return .moved(result) }
    if result == 0 { return .end }
    switch errno {
    case EAGAIN, EWOULDBLOCK, EINTR: return .wouldBlock
    default: return .failed(errno)
    }
  }
}
