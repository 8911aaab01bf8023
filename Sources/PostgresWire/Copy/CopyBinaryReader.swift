/// Cuts COPY's binary format into rows, however the server has cut it into messages.
///
/// A row has the layout of a DataRow's body, so it is read as one.
package struct CopyBinaryReader: ~Copyable {
  private enum State {
    case header
    case rows
    case ended
  }

  /// Bytes that are not yet a whole row.
  private var pending: [UInt8] = []
  private var state = State.header

  package init() {}

  /// Whether the end of the rows has come.
  package var hasEnded: Bool { state == .ended && pending.isEmpty }

  /// Takes a part of the data and hands each row that is whole to the closure.
  ///
  /// The bytes kept are at most those of one row, which a message's limit bounds.
  package mutating func read(
    _ chunk: UnsafeRawBufferPointer,
    _ row: (UnsafeRawBufferPointer) throws(WireError) -> Void
  ) throws(WireError) {
    if pending.isEmpty {
      let used = try consume(chunk, row)
      pending.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[used...]))
      return
    }
    pending.append(contentsOf: chunk)
    guard pending.count <= WireLimits.messageByteCount else {
      throw .messageTooLong(byteCount: pending.count, limit: WireLimits.messageByteCount)
    }
    let whole = pending
    let used = try whole.withUnsafeBytes { bytes in
      Result { () throws(WireError) in try consume(bytes, row) }
    }.get()
    pending.removeFirst(used)
  }

  /// Takes what is whole; returns how many bytes that was.
  private mutating func consume(
    _ bytes: UnsafeRawBufferPointer, _ row: (UnsafeRawBufferPointer) throws(WireError) -> Void
  ) throws(WireError) -> Int {
    var offset = 0
    if state == .header {
      guard let length = try Self.headerLength(bytes) else { return 0 }
      offset = length
      state = .rows
    }
    while state == .rows, let end = try Self.endOfRow(bytes, from: offset) {
      if bytes[offset] == 0xff {
        state = .ended
      } else {
        try row(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]))
      }
      offset = end
    }
    guard state != .ended || offset == bytes.count else {
      throw .malformed("COPY data goes on behind its end")
    }
    return offset
  }

  /// Nil when more bytes are needed.
  private static func headerLength(
    _ bytes: UnsafeRawBufferPointer
  ) throws(WireError) -> Int? {
    let signature = PostgresCopyEncoder.header.prefix(11)
    guard bytes.prefix(11).elementsEqual(signature.prefix(bytes.count)) else {
      throw .malformed("COPY data does not begin with its signature")
    }
    guard bytes.count >= 19 else { return nil }
    let flags = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 11, as: UInt32.self))
    let extra = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 15, as: Int32.self))
    // The upper half of the flags is what a reader must understand.
    guard flags >> 16 == 0, extra >= 0, Int(extra) <= WireLimits.earlyMessageByteCount else {
      throw .malformed("COPY data has a header that is not understood")
    }
    return bytes.count >= 19 + Int(extra) ? 19 + Int(extra) : nil
  }

  /// Where a row ends, or the two bytes that end all rows; nil when more bytes are needed.
  private static func endOfRow(
    _ bytes: UnsafeRawBufferPointer, from start: Int
  ) throws(WireError) -> Int? {
    guard bytes.count - start >= 2 else { return nil }
    let count = Int16(bigEndian: bytes.loadUnaligned(fromByteOffset: start, as: Int16.self))
    if count == -1 { return start + 2 }
    guard count >= 0 else { throw .malformed("COPY data has a row of \(count) values") }
    var offset = start + 2
    for _ in 0..<Int(count) {
      guard bytes.count - offset >= 4 else { return nil }
      let length = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self))
      guard length >= -1 else {
        throw .malformed("COPY data has a value of length \(length)")
      }
      offset += 4
      guard bytes.count - offset >= Int(max(length, 0)) else { return nil }
      offset += Int(max(length, 0))
    }
    return offset
  }
}
