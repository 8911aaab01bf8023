/// A value that has a text as the server writes it; nil is NULL.
public protocol PostgresTextRepresentable {
  /// The text as the server writes it in a session with `DateStyle` ISO, `IntervalStyle` postgres
  /// and time zone UTC; nil for NULL.
  var postgresText: String? { get }

  /// What separates the elements of an array of it. A comma unless implemented.
  static var postgresDelimiter: Character { get }
}

extension PostgresTextRepresentable {
  /// A comma, as for every type but `box`.
  public static var postgresDelimiter: Character { "," }
}

extension PostgresTextRepresentable where Self: CustomStringConvertible {
  /// The description.
  public var postgresText: String? { description }
}

/// A single value that is read and written in both formats: implement the four requirements that
/// have no default, and it is a parameter, a result, and an element of arrays of both.
///
/// Its `description` is the text that the server writes, and what other encoders are given.
public protocol PostgresScalar: PostgresEncodable, PostgresDecodable, PostgresTextRepresentable,
  PostgresArrayDecodable, PostgresArrayEncodable, Hashable, LosslessStringConvertible, Codable
{
  /// The types that it is read from beside its parameter type. None unless implemented.
  static var postgresOtherTypes: [PostgresType] { get }

  /// Reads the binary format. Bytes that are left over are refused by the caller.
  init(from reader: inout PostgresValueReader) throws(PostgresDecodingError)
}

extension PostgresScalar {
  /// None.
  public static var postgresOtherTypes: [PostgresType] { [] }

  /// From its own type and `postgresOtherTypes`, in both formats.
  public static func decode(_ cell: borrowing PostgresCell) throws(PostgresDecodingError) -> Self {
    try decodeScalar(cell)
  }

  /// What `decode` is, for those who look at the usual case themselves.
  @usableFromInline
  static func decodeScalar(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Self {
    guard cell.type == postgresParameterType || postgresOtherTypes.contains(cell.type) else {
      throw cell.mismatch(as: Self.self)
    }
    if cell.format == .text {
      guard let value = Self(try cell.text(as: Self.self)) else {
        throw cell.malformed("its text is not in the form that it should have", as: Self.self)
      }
      return value
    }
    var reader = try PostgresValueReader(cell, as: Self.self)
    let value = try Self(from: &reader)
    try reader.finish()
    return value
  }

  /// Reads the text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = Self(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "no text of a \(Self.self)")
    }
    self = value
  }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
