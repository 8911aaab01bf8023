/// One value of a row, where it was received.
///
/// It cannot be copied, and what it points to is gone after the call that was given it.
public struct PostgresCell: ~Copyable {
  /// The first byte, nil for NULL.
  @usableFromInline let start: UnsafeRawPointer?
  /// The number of bytes, 0 for NULL.
  public let count: Int
  /// The type.
  public let type: PostgresType
  /// How the bytes are to be read.
  public let format: PostgresFormat
  /// The types that the server has numbered itself. Its owner (the row's columns, a composite)
  /// outlives the cell as it outlives the bytes; a counted reference would cost every value.
  @usableFromInline let types: Unmanaged<PostgresTypeCatalogue>

  @inlinable
  init(
    start: UnsafeRawPointer?, count: Int, type: PostgresType, format: PostgresFormat,
    types: Unmanaged<PostgresTypeCatalogue>
  ) {
    self.start = start
    self.count = count
    self.type = type
    self.format = format
    self.types = types
  }

  /// A value of these bytes, which must outlive it, as must the catalogue; nil is NULL.
  package init(
    bytes: UnsafeRawBufferPointer?, type: PostgresType, format: PostgresFormat,
    catalogue: PostgresTypeCatalogue = .builtIn
  ) {
    // An empty value is not NULL, though an empty buffer may have no address.
    start = bytes.map { $0.baseAddress ?? UnsafeRawPointer(bitPattern: 1) } ?? nil
    count = bytes?.count ?? 0
    self.type = type
    self.format = format
    types = .passUnretained(catalogue)
  }

  /// What is known of the types that are not built in.
  package var catalogue: PostgresTypeCatalogue { types.takeUnretainedValue() }

  /// Whether the value is NULL.
  @inlinable public var isNull: Bool { start == nil }

  /// The bytes, valid only as long as the cell; nil for NULL.
  @inlinable public var bytes: UnsafeRawBufferPointer? {
    guard let start else { return nil }
    return UnsafeRawBufferPointer(start: start, count: count)
  }

  /// The bytes. Throws for NULL.
  @inlinable
  public func requireBytes<T>(
    as swiftType: T.Type
  ) throws(PostgresDecodingError) -> UnsafeRawBufferPointer {
    guard let start else { throw unexpectedNull(as: swiftType) }
    return UnsafeRawBufferPointer(start: start, count: count)
  }

  /// The big-endian integer that is all of the value; nil when its length is another.
  @inlinable
  @inline(__always)
  func load<T: FixedWidthInteger>(_: T.Type) -> T? {
    guard let start, count == MemoryLayout<T>.size else { return nil }
    return T(bigEndian: start.loadUnaligned(as: T.self))
  }

  /// An error that says that the value is NULL.
  @inline(never)
  public func unexpectedNull<T>(as swiftType: T.Type) -> PostgresDecodingError {
    malformed("it is NULL", as: swiftType)
  }

  /// An error that says that the type does not fit.
  @inline(never)
  public func mismatch<T>(as swiftType: T.Type) -> PostgresDecodingError {
    if isNull { return unexpectedNull(as: swiftType) }
    if format == .text, catalogue.preferredFormat(of: type) == .text {
      return malformed(
        "the driver has no codec for this type, whose values come as text: read it as String",
        as: swiftType)
    }
    return malformed("the types do not fit", as: swiftType)
  }

  /// An error that says what is wrong with the value.
  @inline(never)
  public func malformed<T>(_ reason: String, as swiftType: T.Type) -> PostgresDecodingError {
    PostgresDecodingError(
      reason, type: type, swiftType: swiftType, typeName: catalogue.name(of: type))
  }
}

/// A type that a value of a result can be read as.
public protocol PostgresDecodable {
  /// Reads a value; checks that its type, format and length fit. Throws when they do not.
  static func decode(_ cell: borrowing PostgresCell) throws(PostgresDecodingError) -> Self
}

/// A type that is both a parameter and a result.
public typealias PostgresCodable = PostgresEncodable & PostgresDecodable
