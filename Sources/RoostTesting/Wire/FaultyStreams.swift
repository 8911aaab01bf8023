package import Foundation
import PostgresClient
import RoostCore

/// What a faulty stream does to the bytes that pass.
package struct StreamFaults: Sendable {
  /// The most bytes that one call moves; nil for as many as there are.
  package var sliceByteCount: Int?
  /// After how many bytes the stream ends; nil for never.
  package var endAfterByteCount: Int?
  /// Which byte is changed, counted from 0; nil for none.
  package var flippedByte: Int?
  /// How long each call waits first, in seconds.
  package var delay: TimeInterval = 0

  /// No faults but slices of so many bytes and an end after so many.
  package init(sliceByteCount: Int? = nil, endAfterByteCount: Int? = nil) {
    self.sliceByteCount = sliceByteCount
    self.endAfterByteCount = endAfterByteCount
  }
}

/// An input stream that passes another's bytes on, with faults.
package final class FaultyInputStream: InputStream {
  private let source: InputStream
  private let faults: StreamFaults
  private var count = 0

  package init(_ source: InputStream, _ faults: StreamFaults) {
    self.source = source
    self.faults = faults
    super.init(data: Data())
  }

  package override func read(
    _ buffer: UnsafeMutablePointer<UInt8>, maxLength length: Int
  ) -> Int {
    if faults.delay > 0 { Thread.sleep(forTimeInterval: faults.delay) }
    var most = min(length, faults.sliceByteCount ?? length)
    if let end = faults.endAfterByteCount { most = min(most, end - count) }
    guard most > 0 else {
      source.close()
      return 0
    }
    let moved = source.read(buffer, maxLength: most)
    guard moved > 0 else { return moved }
    if let index = faults.flippedByte, index >= count, index < count + moved {
      buffer[index - count] ^= 0xff
    }
    count += moved
    return moved
  }

  package override func getBuffer(
    _ buffer: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>,
    length: UnsafeMutablePointer<Int>
  ) -> Bool {
    false
  }

  package override var hasBytesAvailable: Bool { source.hasBytesAvailable }
  package override func open() { source.open() }
  package override func close() { source.close() }
  package override var streamStatus: Stream.Status { source.streamStatus }
  package override var streamError: (any Error)? { source.streamError }
}

/// A TCP connection to the loopback as two plain Foundation streams, with faults in what is read,
/// and socket buffers of so many bytes; nil for the system's.
package func loopbackStreams(
  port: Int, faults: StreamFaults = StreamFaults(), bufferByteCount: Int32? = nil
) throws -> (input: InputStream, output: OutputStream) {
  let socket = Loopback.connect(to: port) { descriptor in
    guard var bufferByteCount else { return }
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bufferByteCount, size)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bufferByteCount, size)
  }
  guard let socket else {
    throw ThrowawayPostgresError(message: "cannot connect to port \(port): \(errno)")
  }
  return (FaultyInputStream(TransportInputStream(socket), faults), TransportOutputStream(socket))
}
