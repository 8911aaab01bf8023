/// Reads the parts of one value in the binary format; every read is checked against the end.
///
/// It points to the cell's bytes and is gone with the cell.
public struct PostgresValueReader {
  private var reader: WireReader
  /// The value's type.
  public let type: PostgresType
  /// What is known of the types that are not built in.
  let catalogue: PostgresTypeCatalogue
  private let swiftType: any Any.Type

  /// Reads a value. Throws for NULL.
  public init<T>(
    _ cell: borrowing PostgresCell, as swiftType: T.Type
  ) throws(PostgresDecodingError) {
    reader = WireReader(try cell.requireBytes(as: swiftType), name: "the value")
    type = cell.type
    catalogue = cell.catalogue
    self.swiftType = swiftType
  }

  /// The number of bytes that are left.
  public var remaining: Int { reader.remaining }

  /// The next integer.
  public mutating func integer<T: FixedWidthInteger>(
    _: T.Type = T.self
  ) throws(PostgresDecodingError) -> T {
    do throws(WireError) { return try reader.integer(T.self) } catch { throw malformed(error) }
  }

  /// The next `double precision`.
  public mutating func double() throws(PostgresDecodingError) -> Double {
    Double(bitPattern: try integer(UInt64.self))
  }

  /// A 32-bit count of things that take at least so many bytes each. Throws when there cannot be so
  /// many, before anything is allocated for them.
  public mutating func count(ofByteCount size: Int) throws(PostgresDecodingError) -> Int {
    let count = Int(try integer(Int32.self))
    guard count >= 0, count <= remaining / max(size, 1) else {
      throw malformed("it promises \(count) parts, more than it has bytes for")
    }
    return count
  }

  /// The next bytes, valid as long as the cell's.
  public mutating func bytes(_ count: Int) throws(PostgresDecodingError) -> UnsafeRawBufferPointer {
    do throws(WireError) { return try reader.read(count) } catch { throw malformed(error) }
  }

  /// A 32-bit length and that many bytes; nil is NULL.
  mutating func value() throws(PostgresDecodingError) -> UnsafeRawBufferPointer? {
    do throws(WireError) { return try reader.value() } catch { throw malformed(error) }
  }

  /// A 32-bit length and that many bytes, as a value of this type (of a domain's base type).
  mutating func cell(_ type: PostgresType) throws(PostgresDecodingError) -> PostgresCell {
    let bytes = try value()
    return PostgresCell(
      bytes: bytes, type: catalogue.baseType(of: type), format: .binary, catalogue: catalogue)
  }

  /// The next bytes as text. Throws when they are not UTF-8.
  public mutating func text(_ count: Int) throws(PostgresDecodingError) -> String {
    guard let text = String(validating: try bytes(count), as: UTF8.self) else {
      throw malformed("it is not UTF-8")
    }
    return text
  }

  /// A text up to its NUL. Throws when it is not UTF-8.
  public mutating func textToNUL() throws(PostgresDecodingError) -> String {
    var ahead = reader
    let rest = ahead.rest()
    guard let end = rest.firstIndex(of: 0) else { throw malformed("it is cut short") }
    let result = try text(end)
    _ = try bytes(1)
    return result
  }

  /// Throws when bytes are left over.
  public func finish() throws(PostgresDecodingError) {
    guard remaining == 0 else { throw malformed("it has \(remaining) bytes too many") }
  }

  /// An error that says what is wrong with the value.
  public func malformed(_ reason: String) -> PostgresDecodingError {
    PostgresDecodingError(
      reason, type: type, swiftType: swiftType, typeName: catalogue.name(of: type))
  }

  private func malformed(_ error: WireError) -> PostgresDecodingError {
    malformed(error.description)
  }
}
