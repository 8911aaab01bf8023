/// Reads a message's fields; every read is checked against the end.
package struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private let name: StaticString
  package private(set) var offset = 0

  /// Reads these bytes, which must outlive the reader; errors name the message `name`.
  package init(_ bytes: UnsafeRawBufferPointer, name: StaticString) {
    self.bytes = bytes
    self.name = name
  }

  /// The number of bytes that are left.
  package var remaining: Int { bytes.count - offset }

  /// The next `count` bytes, valid as long as the reader's.
  @inline(__always)
  package mutating func read(_ count: Int) throws(WireError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else { throw .truncated("\(name)") }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// The next integer, which the wire has big-endian.
  @inline(__always)
  package mutating func integer<T: FixedWidthInteger>(_: T.Type) throws(WireError) -> T {
    let size = MemoryLayout<T>.size
    guard size <= remaining else { throw .truncated("\(name)") }
    defer { offset += size }
    return T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// A 16-bit count of things, at most `limit`.
  package mutating func count(limit: Int = Int(Int16.max)) throws(WireError) -> Int {
    let count = Int(try integer(Int16.self))
    guard count >= 0, count <= limit else {
      throw .malformed("\(name) has the count \(count)")
    }
    return count
  }

  /// A text up to its NUL; bytes that are not UTF-8 become U+FFFD.
  package mutating func string() throws(WireError) -> String {
    var end = offset
    while end < bytes.count, bytes[end] != 0 { end += 1 }
    guard end < bytes.count else { throw .truncated("\(name)") }
    defer { offset = end + 1 }
    return String(decoding: bytes[offset..<end], as: UTF8.self)
  }

  /// A 32-bit length and that many bytes; nil is NULL (-1).
  package mutating func value() throws(WireError) -> UnsafeRawBufferPointer? {
    let length = Int(try integer(Int32.self))
    if length == -1 { return nil }
    guard length >= 0 else { throw .malformed("\(name) has a field of length \(length)") }
    return try read(length)
  }

  /// All that is left.
  package mutating func rest() -> UnsafeRawBufferPointer {
    defer { offset = bytes.count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset...])
  }

  /// Throws when bytes are left over.
  package func finish() throws(WireError) {
    guard remaining == 0 else {
      throw .malformed("\(name) has \(remaining) bytes too many")
    }
  }
}
