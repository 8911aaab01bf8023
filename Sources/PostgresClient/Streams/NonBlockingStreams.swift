import Foundation

/// What came of an attempt to move bytes without waiting.
enum StreamProgress {
  /// So many bytes were moved.
  case moved(Int)
  /// Nothing can be moved now.
  case wouldBlock
  /// The other side has ended.
  case end
  /// The system's error number.
  case failed(Int32)
}

/// An input stream that can read without waiting, and says what to wait for.
protocol NonBlockingInput: InputStream {
  /// The descriptor to `poll` for reading.
  var descriptor: Int32 { get }

  /// Reads what is there.
  func readAvailable(_ room: UnsafeMutableRawBufferPointer) -> StreamProgress
}

/// An output stream that can write without waiting, and says what to wait for.
protocol NonBlockingOutput: OutputStream {
  /// The descriptor to `poll` for writing.
  var descriptor: Int32 { get }

  /// Writes what fits.
  func writeAvailable(_ bytes: UnsafeRawBufferPointer) -> StreamProgress
}

/// The two directions of a connection.
struct StreamPair {
  let input: any NonBlockingInput
  let output: any NonBlockingOutput

  /// Ends both directions. The peer sees the end; a wait on either wakes.
  func close() {
    output.close()
    input.close()
  }
}
