package import Foundation
package import RoostCore

/// Foundation's input stream over a transport.
///
/// `read` waits, up to the deadline; `readAvailable` does not.
package final class TransportInputStream: InputStream {
  private let transport: any Transport
  private var status = Stream.Status.open
  private var failure: (any Error)?

  /// When `read` gives up.
  package var deadline = Deadline.never

  package init(_ transport: any Transport) {
    self.transport = transport
    super.init(data: Data())
  }

  /// The descriptor to `poll` for reading.
  var descriptor: Int32 { transport.readDescriptor }

  /// Whether a read may succeed although `poll` sees nothing.
  var hasBufferedBytes: Bool { transport.hasBufferedBytes }

  /// What failed, where the system's error number does not say it; nil when nothing did.
  var failureText: String? { transport.failureText }

  /// Reads what is there.
  @inline(__always)
  func readAvailable(_ room: UnsafeMutableRawBufferPointer) -> StreamProgress {
    transport.readAvailable(room)
  }

  package override func read(_ buffer: UnsafeMutablePointer<UInt8>, maxLength length: Int) -> Int {
    let room = UnsafeMutableRawBufferPointer(start: buffer, count: max(length, 0))
    while status == .open {
      switch readAvailable(room) {
      case .moved(let count): return count
      case .end: status = .atEnd
      case .failed(let number): fail(number)
      case .wouldBlock:
        if !Socket.wait(descriptor, events: Int32(POLLIN), until: deadline) { fail(ETIMEDOUT) }
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
    status == .open
      && (hasBufferedBytes || Socket.wait(descriptor, events: Int32(POLLIN), until: .now))
  }

  package override func open() {}

  package override func close() {
    status = .closed
    transport.shutDown()
  }

  package override var streamStatus: Stream.Status { status }
  package override var streamError: (any Error)? { failure }
}

/// Foundation's output stream over a transport.
///
/// `write` waits, up to the deadline; `writeAvailable` does not.
package final class TransportOutputStream: OutputStream {
  private let transport: any Transport
  private var status = Stream.Status.open
  private var failure: (any Error)?

  /// When `write` gives up.
  package var deadline = Deadline.never

  package init(_ transport: any Transport) {
    self.transport = transport
    super.init(toMemory: ())
  }

  /// Foundation's own way to make one; a connection cannot come of it.
  package required init(toMemory: ()) {
    transport = Socket(-1)
    status = .closed
    super.init(toMemory: ())
  }

  /// The descriptor to `poll` for writing.
  var descriptor: Int32 { transport.writeDescriptor }

  /// Writes what fits.
  @inline(__always)
  func writeAvailable(_ bytes: UnsafeRawBufferPointer) -> StreamProgress {
    transport.writeAvailable(bytes)
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
        if !Socket.wait(descriptor, events: Int32(POLLOUT), until: deadline) { fail(ETIMEDOUT) }
      }
    }
    return status == .error ? -1 : 0
  }

  private func fail(_ number: Int32) {
    failure = NSError(domain: NSPOSIXErrorDomain, code: Int(number))
    status = .error
  }

  package override var hasSpaceAvailable: Bool {
    status == .open && Socket.wait(descriptor, events: Int32(POLLOUT), until: .now)
  }

  package override func open() {}

  package override func close() {
    status = .closed
    transport.shutDown()
  }

  package override var streamStatus: Stream.Status { status }
  package override var streamError: (any Error)? { failure }
}
