/// Collects messages to be sent.
///
/// A message that turns out to be wrong leaves no byte behind.
package struct WireWriter: Sendable {
  /// The messages so far.
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package init(capacity: Int) {
    bytes.reserveCapacity(capacity)
  }

  /// Forgets the bytes, keeps the memory.
  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
  }

  /// Forgets the first bytes, which have been sent.
  package mutating func removeFirst(_ count: Int) {
    bytes.removeFirst(min(count, bytes.count))
  }

  /// Appends an integer, big-endian.
  @inline(__always)
  package mutating func write<T: FixedWidthInteger>(_ value: T) {
    bytes.append(bigEndian: value)
  }

  /// Appends bytes as they are.
  package mutating func write(_ more: [UInt8]) {
    bytes.append(contentsOf: more)
  }

  /// Appends bytes as they are.
  package mutating func write(_ more: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: more)
  }

  /// Appends a text and its NUL. Throws when it has a NUL of its own; `field` names it then.
  package mutating func write(_ text: String, field: String) throws(WireError) {
    var text = text
    let isClean = text.withUTF8 { utf8 in
      guard !utf8.contains(0) else { return false }
      bytes.append(contentsOf: utf8)
      return true
    }
    guard isClean else { throw .nulInString(field: field) }
    bytes.append(0)
  }

  /// Appends a length and that many bytes; nil is NULL.
  package mutating func write(value: [UInt8]?) throws(WireError) {
    guard let value else { return write(Int32(-1)) }
    write(try Self.lengthField(value.count))
    write(value)
  }

  /// Appends a message: its tag (0 for none), its length, and the body that the closure writes.
  @inline(__always)
  package mutating func message(
    _ tag: UInt8, _ body: (inout WireWriter) throws(WireError) -> Void
  ) throws(WireError) {
    let start = bytes.count
    if tag != 0 { bytes.append(tag) }
    let lengthOffset = bytes.count
    write(Int32(0))
    do throws(WireError) {
      try body(&self)
      let length = try Self.lengthField(bytes.count - lengthOffset)
      bytes.replace(from: lengthOffset, bigEndian: length)
    } catch {
      bytes.removeLast(bytes.count - start)
      throw error
    }
  }

  /// Appends a message without a body.
  package mutating func message(_ tag: UInt8) {
    bytes.append(tag)
    write(Int32(4))
  }

  /// A length as the wire has it. Throws when it is over the limit, and never cuts it to 32 bits.
  package static func lengthField(_ count: Int) throws(WireError) -> Int32 {
    guard count <= WireLimits.messageByteCount, let length = Int32(exactly: count) else {
      throw .messageTooLong(byteCount: count, limit: WireLimits.messageByteCount)
    }
    return length
  }
}
