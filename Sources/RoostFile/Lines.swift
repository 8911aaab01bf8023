import RoostCore

/// The lines of a text; the last counts only when it ends with a newline.
struct Lines: IteratorProtocol {
  private let bytes: UnsafeBufferPointer<UInt8>
  /// Where the next line starts.
  private(set) var offset = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  /// The next line without its newline.
  mutating func next() -> UnsafeBufferPointer<UInt8>? {
    guard let end = Self.end(of: bytes, from: offset) else { return nil }
    defer { offset = end }
    return UnsafeBufferPointer(rebasing: bytes[offset..<(end - 1)])
  }

  /// Where the line that has an offset ends, behind its newline; nil when it does not.
  private static func end(of bytes: UnsafeBufferPointer<UInt8>, from offset: Int) -> Int? {
    guard offset < bytes.count, let base = bytes.baseAddress,
      let newline = memchr(base + offset, 10, bytes.count - offset)
    else { return nil }
    return UnsafeRawPointer(newline) - UnsafeRawPointer(base) + 1
  }

  /// The places of pieces of a text from an offset on, each of so many bytes and the rest of its
  /// last line.
  static func pieces(
    of bytes: UnsafeBufferPointer<UInt8>, from start: Int, length: Int
  ) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = start
    while start < bytes.count {
      let least = min(start + length, bytes.count) - 1
      let end = Self.end(of: bytes, from: least) ?? bytes.count
      pieces.append(start..<end)
      start = end
    }
    return pieces
  }
}
