package import Foundation
package import RoostCore
import Synchronization

/// A connected socket, shared by its two streams.
///
/// `shutDown` ends the conversation; the descriptor itself lives as long as the object, so that its
/// number cannot come to mean another file while somebody still polls it.
package final class Socket: Sendable {
  package let descriptor: Int32
  private let isShutDown = Atomic(false)

  package init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }

  package func shutDown() {
    if !isShutDown.exchange(true, ordering: .relaxed) {
      _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }
  }

  /// Its two streams, as a pair.
  func streams() -> StreamPair {
    StreamPair(input: SocketInputStream(self), output: SocketOutputStream(self))
  }

  /// Waits, blocking the thread, until the descriptor is ready. False when the time is over.
  func wait(events: Int32, until deadline: Deadline) -> Bool {
    while true {
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let result = poll(&entry, 1, deadline.pollTimeout)
      if result > 0 { return true }
      if result == 0, deadline <= .now { return false }
      if result < 0, errno != EINTR { return true }
    }
  }

  static func progress(of result: Int) -> StreamProgress {
    if result > 0 { return .moved(result) }
    if result == 0 { return .end }
    switch errno {
    case EAGAIN, EWOULDBLOCK, EINTR: return .wouldBlock
    default: return .failed(errno)
    }
  }
}

/// Foundation's input stream over a socket.
///
/// `read` waits, up to the deadline; `readAvailable` does not.
package final class SocketInputStream: InputStream, NonBlockingInput {
  private let socket: Socket
  private var status = Stream.Status.open
  private var failure: (any Error)?

  /// When `read` gives up.
  package var deadline = Deadline.never

  package init(_ socket: Socket) {
    self.socket = socket
    super.init(data: Data())
  }

  var descriptor: Int32 { socket.descriptor }

  @inline(__always)
  func readAvailable(_ room: UnsafeMutableRawBufferPointer) -> StreamProgress {
    Socket.progress(of: recv(socket.descriptor, room.baseAddress, room.count, 0))
  }

  package override func read(_ buffer: UnsafeMutablePointer<UInt8>, maxLength length: Int) -> Int {
    let room = UnsafeMutableRawBufferPointer(start: buffer, count: max(length, 0))
    while status == .open {
      switch readAvailable(room) {
      case .moved(let count): return count
      case .end: status = .atEnd
      case .failed(let number): fail(number)
      case .wouldBlock:
        if !socket.wait(events: Int32(POLLIN), until: deadline) { fail(ETIMEDOUT) }
      }
    }
    return status == .error ? -1 : 0
  }

  private func fail(_ number: Int32) {
    failure = NSError(domain: NSPOSIXErrorDomain, code: Int(number))
    status = .error
  }

  package override func getBuffer(
    _ buffer: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>,
    length: UnsafeMutablePointer<Int>
  ) -> Bool {
    false
  }

  package override var hasBytesAvailable: Bool {
    status == .open && socket.wait(events: Int32(POLLIN), until: .now)
  }

  package override func open() {}

  package override func close() {
    status = .closed
    socket.shutDown()
  }

  package override var streamStatus: Stream.Status { status }
  package override var streamError: (any Error)? { failure }
}

/// Foundation's output stream over a socket.
///
/// `write` waits, up to the deadline; `writeAvailable` does not.
package final class SocketOutputStream: OutputStream, NonBlockingOutput {
  private let socket: Socket
  private var status = Stream.Status.open
  private var failure: (any Error)?

  /// When `write` gives up.
  package var deadline = Deadline.never

  package init(_ socket: Socket) {
    self.socket = socket
    super.init(toMemory: ())
  }

  /// Foundation's own way to make one; a socket cannot come of it.
  package required init(toMemory: ()) {
    socket = Socket(-1)
    status = .closed
    super.init(toMemory: ())
  }

  var descriptor: Int32 { socket.descriptor }

  @inline(__always)
  func writeAvailable(_ bytes: UnsafeRawBufferPointer) -> StreamProgress {
    Socket.progress(
      of: send(socket.descriptor, bytes.baseAddress, bytes.count, SocketPlatform.sendFlags))
  }

  package override func write(_ buffer: UnsafePointer<UInt8>, maxLength length: Int) -> Int {
    let bytes = UnsafeRawBufferPointer(start: buffer, count: max(length, 0))
    guard !bytes.isEmpty else { return 0 }
    while status == .open {
      switch writeAvailable(bytes) {
      case .moved(let count): return count
      case .end: status = .atEnd
      case .failed(let number): fail(number)
      case .wouldBlock:
        if !socket.wait(events: Int32(POLLOUT), until: deadline) { fail(ETIMEDOUT) }
      }
    }
    return status == .error ? -1 : 0
  }

  private func fail(_ number: Int32) {
    failure = NSError(domain: NSPOSIXErrorDomain, code: Int(number))
    status = .error
  }

  package override var hasSpaceAvailable: Bool {
    status == .open && socket.wait(events: Int32(POLLOUT), until: .now)
  }

  package override func open() {}

  package override func close() {
    status = .closed
    socket.shutDown()
  }

  package override var streamStatus: Stream.Status { status }
  package override var streamError: (any Error)? { failure }
}
