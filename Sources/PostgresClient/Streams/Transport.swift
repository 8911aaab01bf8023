import RoostCore

/// What came of an attempt to move bytes without waiting.
package enum StreamProgress {
  /// So many bytes were moved.
  case moved(Int)
  /// Nothing can be moved now.
  case wouldBlock
  /// The other side has ended.
  case end
  /// The system's error number.
  case failed(Int32)
}

/// What the two streams of a connection stand on: a socket, or TLS over another pair of streams.
package protocol Transport: AnyObject {
  /// The descriptor to `poll` for reading.
  var readDescriptor: Int32 { get }
  /// The descriptor to `poll` for writing.
  var writeDescriptor: Int32 { get }
  /// Whether a read may succeed although `poll` sees nothing on the descriptor.
  var hasBufferedBytes: Bool { get }
  /// What failed, where the system's error number does not say it; nil when nothing did.
  var failureText: String? { get }

  /// Reads what is there.
  func readAvailable(_ room: UnsafeMutableRawBufferPointer) -> StreamProgress

  /// Writes what fits. Bytes count as moved once nothing of them is kept back.
  func writeAvailable(_ bytes: UnsafeRawBufferPointer) -> StreamProgress

  /// Ends both directions. The peer sees the end; a wait on either wakes.
  func shutDown()
}

/// The two directions of a connection.
package struct StreamPair {
  package let input: TransportInputStream
  package let output: TransportOutputStream

  /// Both streams of one transport.
  package init(_ transport: any Transport) {
    input = TransportInputStream(transport)
    output = TransportOutputStream(transport)
  }

  /// Ends both directions. The peer sees the end; a wait on either wakes.
  package func close() {
    output.close()
    input.close()
  }
}
