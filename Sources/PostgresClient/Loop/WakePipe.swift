import RoostCore

/// A pipe that ends a `poll` of another thread.
final class WakePipe: Sendable {
  /// The end that `poll` watches; -1 when the system had no descriptor left.
  let readDescriptor: Int32
  private let writeDescriptor: Int32

  init() {
    var ends: [Int32] = [-1, -1]
    let result = ends.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { pipe($0) } ?? -1
    }
    guard result == 0 else {
      readDescriptor = -1
      writeDescriptor = -1
      return
    }
    _ = SocketPlatform.prepare(ends[0])
    _ = SocketPlatform.prepare(ends[1])
    readDescriptor = ends[0]
    writeDescriptor = ends[1]
  }

  deinit {
    guard readDescriptor >= 0 else { return }
    close(readDescriptor)
    close(writeDescriptor)
  }

  /// Wakes. A full pipe is no failure: it wakes as well.
  func signal() {
    var byte: UInt8 = 1
    _ = write(writeDescriptor, &byte, 1)
  }

  /// Takes what `signal` wrote.
  func drain() {
    withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
      while read(readDescriptor, buffer.baseAddress, buffer.count) == buffer.count {}
    }
  }
}
