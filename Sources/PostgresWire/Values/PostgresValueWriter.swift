/// Takes the bytes of one encoded value.
///
/// Behind what is written there is room, so that an integer is a store into it: an array that grows
/// by each integer makes calls that cost more than the rest of a COPY's row.
public struct PostgresValueWriter: Sendable {
  /// What is written, and zeros.
  @usableFromInline var room: [UInt8] = []
  /// How much of it is written; never more than there is.
  @usableFromInline package var byteCount = 0

  /// The least room that is made, in bytes.
  private static let leastByteCount = 64

  /// A writer without bytes.
  @inlinable
  public init() {}

  /// A copy of what is written.
  package var bytes: [UInt8] { Array(room[..<byteCount]) }

  /// Hands what is written to the closure, where it is.
  package func withBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
    room.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<byteCount])) }
  }

  /// Appends an integer, big-endian as all of Postgres's binary formats are.
  @inlinable
  @inline(__always)
  public mutating func write<T: FixedWidthInteger>(_ value: T) {
    let start = byteCount
    byteCount += MemoryLayout<T>.size
    if byteCount > room.count { grow() }
    room.replace(from: start, bigEndian: value)
  }

  /// Appends bytes as they are.
  @inlinable
  public mutating func write(bytes more: some Collection<UInt8>) {
    let done: Void? = more.withContiguousStorageIfAvailable { append(UnsafeRawBufferPointer($0)) }
    if done == nil { for byte in more { write(byte) } }
  }

  /// Appends a text's UTF-8 bytes.
  @inlinable
  public mutating func write(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  /// Appends a length and what the closure writes after it.
  @inlinable
  public mutating func writeSized<E: Error>(
    _ body: (inout PostgresValueWriter) throws(E) -> Void
  ) throws(E) {
    let start = byteCount
    write(Int32(0))
    try body(&self)
    replace(from: start, Int32(truncatingIfNeeded: byteCount - start - 4))
  }

  @usableFromInline
  mutating func append(_ more: UnsafeRawBufferPointer) {
    let start = byteCount
    byteCount += more.count
    if byteCount > room.count { grow() }
    room.withUnsafeMutableBytes { room in
      UnsafeMutableRawBufferPointer(rebasing: room[start...]).copyMemory(from: more)
    }
  }

  /// Replaces a length that is written already.
  @inlinable
  @inline(__always)
  mutating func replace(from start: Int, _ length: Int32) {
    room.replace(from: start, bigEndian: length)
  }

  /// Takes back what was written last.
  @inlinable
  package mutating func remove(from start: Int) { byteCount = start }

  /// Makes room for what is to be written, and as much again.
  @inline(never)
  @usableFromInline
  mutating func grow() {
    let count = max(byteCount, 2 * room.count, Self.leastByteCount)
    var larger = [UInt8](repeating: 0, count: count)
    larger.withUnsafeMutableBytes { larger in
      room.withUnsafeBytes { larger.copyMemory(from: $0) }
    }
    room = larger
  }
}

/// Why a Swift value cannot be written as its Postgres type.
public struct PostgresEncodingError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong; it does not repeat the value.
  public let description: String

  /// An error that says this.
  public init(_ description: String) {
    self.description = description
  }
}

/// A type whose values can be a statement's parameters.
public protocol PostgresEncodable: Sendable {
  /// The type that the server is told for a parameter; `unspecified` lets it find out, and the
  /// bytes are then the text format. Otherwise they are the binary format.
  static var postgresParameterType: PostgresType { get }

  /// Whether this is NULL, in which case `encode` is not called. False unless implemented.
  var isPostgresNull: Bool { get }

  /// Appends the value's bytes.
  func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError)
}

extension PostgresEncodable {
  /// False: only optionals have NULL.
  @inlinable public var isPostgresNull: Bool { false }
}

extension PostgresType {
  /// The format of parameters of this type: without a type the server reads them as a literal.
  @inlinable package var parameterFormat: PostgresFormat {
    self == .unspecified ? .text : .binary
  }
}
