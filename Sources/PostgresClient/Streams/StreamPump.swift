import Foundation
import RoostCore

/// Makes any two Foundation streams usable by a loop: two threads move their bytes to and from one
/// end of a socket pair, whose other end the loop has.
///
/// The socket pair's buffers are the only ones, so that backpressure passes through.
enum StreamPump {
  /// How many bytes are moved at a time.
  private static let chunkByteCount = 64 << 10

  /// Carries a stream, which is not `Sendable`, to the one thread that uses it from then on.
  private struct Handover<Value>: @unchecked Sendable {
    let value: Value
  }

  /// The loop's end. Nil when the system has no descriptors left.
  static func start(input: InputStream, output: OutputStream) -> StreamPair? {
    var ends: [Int32] = [-1, -1]
    let result = ends.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { socketpair(AF_UNIX, streamSocketType, 0, $0) } ?? -1
    }
    guard result == 0 else { return nil }
    let near = Socket(ends[0])
    let far = Socket(ends[1])
    guard SocketPlatform.prepare(near.descriptor), SocketPlatform.prepare(far.descriptor) else {
      return nil
    }
    input.open()
    output.open()
    let source = Handover(value: input)
    let sink = Handover(value: output)
    Thread.detachNewThread {
      copy(from: source.value, to: TransportOutputStream(far))
      _ = shutdown(far.descriptor, Int32(SHUT_WR))
    }
    Thread.detachNewThread {
      copy(from: TransportInputStream(far), to: sink.value)
      sink.value.close()
      // The other direction may sit in a read that only the stream's owner can end.
      far.shutDown()
    }
    return StreamPair(near)
  }

  private static func copy(from input: InputStream, to output: OutputStream) {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: chunkByteCount) { buffer in
      guard let base = buffer.baseAddress else { return }
      while true {
        let count = input.read(base, maxLength: buffer.count)
        guard count > 0 else { return }
        var written = 0
        while written < count {
          let more = output.write(base + written, maxLength: count - written)
          guard more > 0 else { return }
          written += more
        }
      }
    }
  }
}
