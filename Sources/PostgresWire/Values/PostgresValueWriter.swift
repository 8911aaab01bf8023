/// Takes the bytes of one encoded value.
public struct PostgresValueWriter: Sendable {
  @usableFromInline package var bytes: [UInt8] = []

  /// A writer without bytes.
  @inlinable
  public init() {}

  /// Appends an integer, big-endian as all of Postgres's binary formats are.
  @inlinable
  @inline(__always)
  public mutating func write<T: FixedWidthInteger>(_ value: T) {
    bytes.append(bigEndian: value)
  }

  /// Appends bytes as they are.
  @inlinable
  public mutating func write(bytes more: some Collection<UInt8>) {
    bytes.append(contentsOf: more)
  }

  /// Appends a text's UTF-8 bytes.
  @inlinable
  public mutating func write(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  /// Appends a length and what the closure writes after it.
  @inlinable
  public mutating func writeSized<E: Error>(
    _ body: (inout PostgresValueWriter) throws(E) -> Void
  ) throws(E) {
    let start = bytes.count
    write(Int32(0))
    try body(&self)
    let length = Int32(truncatingIfNeeded: bytes.count - start - 4)
    bytes.replace(from: start, bigEndian: length)
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
