/// Cuts a stream of bytes into messages, in a buffer of its own that the socket fills directly.
///
/// A message is seen where it was received, without a copy; its bytes are valid until the next
/// call that changes the framer. The buffer grows with what has arrived, never with what a length
/// field promises.
package struct MessageFramer: ~Copyable {
  /// A message: its tag and its body.
  package struct Frame {
    package let tag: UInt8
    package let body: UnsafeRawBufferPointer
  }

  /// The buffer's first size in bytes. A big buffer saves a wake-up for each 8 KiB that the server
  /// sends.
  package static let initialCapacity = 64 << 10

  /// The most room in bytes that is offered to one read.
  private static let readByteCount = 1 << 20

  /// The longest message, in bytes, that is accepted.
  package var limit: Int

  private var memory: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0
  private let headerByteCount: Int

  /// An empty framer. Messages have a tag, except what a server reads before the start-up is done.
  package init(limit: Int = WireLimits.earlyMessageByteCount, isTagged: Bool = true) {
    self.limit = limit
    headerByteCount = isTagged ? 5 : 4
    memory = .allocate(byteCount: Self.initialCapacity, alignment: 16)
  }

  deinit {
    memory.deallocate()
  }

  /// The number of bytes that are not yet consumed.
  package var bufferedByteCount: Int { end - start }

  /// The next whole message (tag 0 for an untagged one), nil when more bytes are needed.
  @inline(__always)
  package mutating func next() throws(WireError) -> Frame? {
    guard end - start >= headerByteCount else { return nil }
    let tagByteCount = headerByteCount - 4
    let field = Int32(
      bigEndian: memory.loadUnaligned(fromByteOffset: start + tagByteCount, as: Int32.self))
    guard field >= 4 else { throw .invalidLength(Int(field)) }
    guard Int(field) <= limit else { throw .messageTooLong(byteCount: Int(field), limit: limit) }
    let total = tagByteCount + Int(field)
    guard end - start >= total else { return nil }
    let tag = tagByteCount == 0 ? 0 : memory[start]
    let body = UnsafeRawBufferPointer(
      start: memory.baseAddress.map { $0 + (start + headerByteCount) },
      count: total - headerByteCount)
    start += total
    return Frame(tag: tag, body: body)
  }

  /// Lets the closure fill free room; it returns how many bytes it put there.
  @inline(__always)
  package mutating func fill<E: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(E) -> Int
  ) throws(E) -> Int {
    makeRoom()
    let room = UnsafeMutableRawBufferPointer(
      rebasing: memory[end..<min(memory.count, end + Self.readByteCount)])
    let count = try body(room)
    end += min(max(count, 0), room.count)
    return count
  }

  /// Appends bytes.
  package mutating func append(_ bytes: some Collection<UInt8>) {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = fill { room in
        let part = rest.prefix(room.count)
        room.copyBytes(from: part)
        return part.count
      }
      rest = rest.dropFirst(count)
    }
  }

  private mutating func makeRoom() {
    if start == end {
      start = 0
      end = 0
      if memory.count > Self.readByteCount { replaceMemory(capacity: Self.initialCapacity) }
      return
    }
    guard memory.count - end < Self.initialCapacity / 4 else { return }
    if start >= memory.count / 2, let base = memory.baseAddress {
      base.copyMemory(from: base + start, byteCount: end - start)
      end -= start
      start = 0
    } else {
      replaceMemory(capacity: memory.count * 2)
    }
  }

  private mutating func replaceMemory(capacity: Int) {
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[start..<end]))
    memory.deallocate()
    memory = larger
    end -= start
    start = 0
  }
}
