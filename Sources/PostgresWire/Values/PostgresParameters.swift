/// The parameters of a statement, encoded as Bind wants them.
///
/// Values go straight into one run of bytes; there is no array of values in between.
public struct PostgresParameters: Sendable {
  @usableFromInline var storedTypes: [PostgresType] = []

  /// Lengths and values, one after the other.
  @usableFromInline package var encoded = PostgresValueWriter()

  /// No parameters.
  public init() {}

  /// The types that the server is told; `unspecified` lets it find out.
  public var types: [PostgresType] { storedTypes }

  /// The number of parameters.
  public var count: Int { storedTypes.count }

  /// Appends a value. Throws when it cannot be written as its type.
  @inlinable
  public mutating func append<T: PostgresEncodable>(
    _ value: T
  ) throws(PostgresEncodingError) {
    if value.isPostgresNull { return appendNull(type: T.postgresParameterType) }
    try append(type: T.postgresParameterType) { writer throws(PostgresEncodingError) in
      try value.encode(into: &writer)
    }
  }

  /// Appends what the closure writes: the binary format of `type`, or the text format without a
  /// type.
  @inlinable
  public mutating func append(
    type: PostgresType,
    _ encode: (inout PostgresValueWriter) throws(PostgresEncodingError) -> Void
  ) throws(PostgresEncodingError) {
    storedTypes.append(type)
    let start = encoded.byteCount
    do throws(PostgresEncodingError) {
      try encoded.writeSized { writer throws(PostgresEncodingError) in
        try encode(&writer)
      }
      try Self.requireSendable(encoded.byteCount - start)
    } catch {
      encoded.remove(from: start)
      storedTypes.removeLast()
      throw error
    }
  }

  /// Appends NULL.
  @inlinable
  public mutating func appendNull(type: PostgresType = .unspecified) {
    storedTypes.append(type)
    appendLength(-1)
  }

  /// Appends a value's bytes: the binary format of `type`, or the text format without a type.
  ///
  /// Throws when they are more than a message can carry.
  @inlinable
  public mutating func append(
    type: PostgresType, bytes: some Collection<UInt8>
  ) throws(PostgresEncodingError) {
    try Self.requireSendable(bytes.count)
    storedTypes.append(type)
    appendLength(Int32(truncatingIfNeeded: bytes.count))
    encoded.write(bytes: bytes)
  }

  @usableFromInline
  mutating func appendLength(_ length: Int32) {
    encoded.write(length)
  }

  /// The check that keeps a length field from being cut to 32 bits.
  @usableFromInline
  static func requireSendable(_ byteCount: Int) throws(PostgresEncodingError) {
    guard byteCount <= WireLimits.messageByteCount else {
      throw PostgresEncodingError(
        "a value of \(byteCount) bytes is over the limit of \(WireLimits.messageByteCount)")
    }
  }
}
