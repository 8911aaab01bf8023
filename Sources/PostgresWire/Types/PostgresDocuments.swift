/// One byte: SQL's `"char"`, with its quotes, as the catalogues use it.
public struct PostgresChar: PostgresScalar {
  /// The byte; 0 is the empty text.
  public let byte: UInt8

  /// A byte.
  @inlinable
  public init(byte: UInt8) {
    self.byte = byte
  }

  /// From `"char"`, in both formats.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> PostgresChar {
    // The catalogues have many of them.
    if cell.type == .char, cell.format == .binary, let byte = cell.load(UInt8.self) {
      return PostgresChar(byte: byte)
    }
    return try decodeScalar(cell)
  }

  /// Reads a character of ASCII, the empty text, or a byte above ASCII as `\ooo`; nil when the text
  /// has another form.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    switch bytes.count {
    case 0: byte = 0
    case 1: byte = bytes[0]
    case 4:
      guard bytes[0] == UInt8(ascii: "\\"), let value = UInt8(text.dropFirst(), radix: 8) else {
        return nil
      }
      byte = value
    default: return nil
    }
  }

  /// The character, nothing for 0, and `\ooo` above ASCII, as servers write it from version 16 on.
  /// (Before, they write the byte, which is no UTF-8.)
  public var description: String {
    if byte == 0 { return "" }
    return byte < 128 ? String(Unicode.Scalar(byte)) : "\\" + String(byte, radix: 8)
  }

  /// `"char"`.
  public static var postgresParameterType: PostgresType { .char }

  /// One byte.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    byte = try reader.integer()
  }

  /// One byte.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(byte)
  }
}

/// A document or a piece of one: SQL's `xml`, as text that nobody has parsed.
public struct PostgresXML: PostgresScalar {
  /// The text.
  public let description: String

  /// A text. Whether it is well-formed is for the server to say.
  public init(_ text: String) {
    description = text
  }

  /// `xml`.
  public static var postgresParameterType: PostgresType { .xml }

  /// The text.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    description = try reader.text(reader.remaining)
  }

  /// The text's bytes. Throws when there is a NUL.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    try description.encode(into: &writer)
  }
}

/// A path into JSON: SQL's `jsonpath`, as text that nobody has parsed.
public struct PostgresJSONPath: PostgresScalar {
  /// The text.
  public let description: String

  /// The version that precedes the text. Source: `JSONPATH_VERSION`.
  private static let version: UInt8 = 1

  /// A text. Whether it is a path is for the server to say, which also writes it in its own way.
  public init(_ text: String) {
    description = text
  }

  /// `jsonpath`.
  public static var postgresParameterType: PostgresType { .jsonpath }

  /// A version and the text.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    guard try reader.integer(UInt8.self) == Self.version else {
      throw reader.malformed("its version is not 1")
    }
    description = try reader.text(reader.remaining)
  }

  /// The version and the text's bytes. Throws when there is a NUL.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    writer.write(Self.version)
    try description.encode(into: &writer)
  }
}
