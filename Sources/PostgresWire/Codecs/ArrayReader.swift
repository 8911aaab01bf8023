/// Walks over an array in the binary format.
///
/// Source: `array_recv` in the server's `src/backend/utils/adt/arrayfuncs.c`: the number of
/// dimensions, a flag for NULLs, the elements' type, a length and a lower bound a dimension, then
/// the elements with a length each.
public struct PostgresArrayReader {
  private var reader: WireReader
  private let arrayType: PostgresType
  private let elementType: PostgresType

  /// The length of each dimension, the outermost first; none for an empty array.
  public let dimensions: [Int]

  /// Reads the head. Throws when it promises more than there is.
  init<T>(_ cell: borrowing PostgresCell, as swiftType: T.Type) throws(PostgresDecodingError) {
    let bytes = try cell.requireBytes(as: swiftType)
    guard cell.format == .binary, cell.type.elementType != nil else {
      throw cell.mismatch(as: swiftType)
    }
    arrayType = cell.type
    reader = WireReader(bytes, name: "an array")
    do throws(WireError) {
      let count = Int(try reader.integer(Int32.self))
      guard count >= 0, count <= WireLimits.arrayDimensionCount else {
        throw .malformed("it has \(count) dimensions")
      }
      _ = try reader.integer(Int32.self)
      elementType = PostgresType(try reader.integer(UInt32.self))
      var dimensions: [Int] = []
      var total = 1
      for _ in 0..<count {
        let length = Int(try reader.integer(Int32.self))
        _ = try reader.integer(Int32.self)
        let (product, overflows) = total.multipliedReportingOverflow(by: length)
        // An element takes at least its length field, so that more cannot be promised.
        guard length >= 0, !overflows, product <= bytes.count / 4 else {
          throw .malformed("it promises more elements than it has bytes")
        }
        total = product
        dimensions.append(length)
      }
      self.dimensions = dimensions
    } catch {
      throw cell.malformed(error.description, as: swiftType)
    }
  }

  /// Reads the next element.
  public mutating func next<T: PostgresDecodable>(
    _: T.Type
  ) throws(PostgresDecodingError) -> T {
    try T.decode(try nextCell(T.self))
  }

  mutating func nextCell<T>(_ swiftType: T.Type) throws(PostgresDecodingError) -> PostgresCell {
    do throws(WireError) {
      return PostgresCell(
        bytes: try reader.value(), type: elementType, format: .binary)
    } catch {
      throw PostgresDecodingError(error.description, type: arrayType, swiftType: swiftType)
    }
  }

  func finish<T>(_ swiftType: T.Type) throws(PostgresDecodingError) {
    guard reader.remaining == 0 else { throw malformed("it has bytes left over", swiftType) }
  }

  func malformed<T>(_ reason: String, _ swiftType: T.Type) -> PostgresDecodingError {
    PostgresDecodingError(reason, type: arrayType, swiftType: swiftType)
  }
}

/// A type that can be the element of an array in a result.
public protocol PostgresArrayDecodable {
  /// Reads the elements of one dimension (0 is the outermost).
  static func decodeElements(
    _ reader: inout PostgresArrayReader, dimension: Int
  ) throws(PostgresDecodingError) -> [Self]

  /// Reads an array of this type from a whole value; only bytes, which are no array, differ.
  static func decodeArray(_ cell: borrowing PostgresCell) throws(PostgresDecodingError) -> [Self]
}

extension PostgresArrayDecodable {
  /// Reads an array in either format.
  public static func decodeArray(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> [Self] {
    if cell.format == .text { return try decodeText(cell) }
    var reader = try PostgresArrayReader(cell, as: [Self].self)
    if reader.dimensions.isEmpty {
      try reader.finish([Self].self)
      return []
    }
    let elements = try decodeElements(&reader, dimension: 0)
    try reader.finish([Self].self)
    return elements
  }
}

extension PostgresArrayDecodable {
  /// Reads an array of one dimension in the text format; its elements are in the text format too.
  private static func decodeText(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> [Self] {
    guard let decodable = Self.self as? any PostgresDecodable.Type,
      let array = TextArray(try cell.requireBytes(as: [Self].self))
    else { throw cell.mismatch(as: [Self].self) }
    let elementType = cell.type.elementType ?? .unspecified
    var elements: [Self] = []
    for bytes in array.elements {
      guard let element = try decodable.decode(text: bytes, elementType) as? Self else {
        throw cell.mismatch(as: [Self].self)
      }
      elements.append(element)
    }
    return elements
  }
}

extension PostgresDecodable {
  /// Reads a value from its text format; nil is NULL.
  fileprivate static func decode(
    text: [UInt8]?, _ type: PostgresType
  ) throws(PostgresDecodingError) -> Any {
    guard let text else {
      return try decode(PostgresCell(bytes: nil, type: type, format: .text))
    }
    var result: Self?
    var failure: PostgresDecodingError?
    text.withUnsafeBytes { bytes in
      do throws(PostgresDecodingError) {
        result = try decode(PostgresCell(bytes: bytes, type: type, format: .text))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return result as Any
  }
}

extension PostgresArrayDecodable where Self: PostgresDecodable {
  /// Reads the elements of the innermost dimension.
  public static func decodeElements(
    _ reader: inout PostgresArrayReader, dimension: Int
  ) throws(PostgresDecodingError) -> [Self] {
    guard dimension == reader.dimensions.count - 1 else {
      throw reader.malformed("it has \(reader.dimensions.count) dimensions", [Self].self)
    }
    var elements: [Self] = []
    elements.reserveCapacity(reader.dimensions[dimension])
    for _ in 0..<reader.dimensions[dimension] { elements.append(try reader.next(Self.self)) }
    return elements
  }
}

/// A type that can be the element of an array parameter.
public protocol PostgresArrayEncodable: Sendable {
  /// The type of arrays of it.
  static var postgresArrayType: PostgresType { get }

  /// Appends an array of it.
  static func encodeArray(
    _ elements: [Self], into writer: inout PostgresValueWriter
  ) throws(PostgresEncodingError)
}

extension PostgresArrayEncodable where Self: PostgresEncodable {
  /// The type of the elements inside of an array, where a text has to have one.
  static var postgresElementType: PostgresType {
    postgresParameterType == .unspecified ? .text : postgresParameterType
  }

  /// The array of the parameter's type.
  public static var postgresArrayType: PostgresType {
    postgresElementType.arrayType ?? .unspecified
  }

  /// One dimension, from 1.
  public static func encodeArray(
    _ elements: [Self], into writer: inout PostgresValueWriter
  ) throws(PostgresEncodingError) {
    guard let count = Int32(exactly: elements.count) else {
      throw PostgresEncodingError("an array has more elements than Postgres can hold")
    }
    let hasNull = elements.contains { $0.isPostgresNull }
    writer.write(Int32(count == 0 ? 0 : 1))
    writer.write(Int32(hasNull ? 1 : 0))
    writer.write(postgresElementType.rawValue)
    if count == 0 { return }
    writer.write(count)
    writer.write(Int32(1))
    for element in elements {
      if element.isPostgresNull {
        writer.write(Int32(-1))
      } else {
        try writer.writeSized { writer throws(PostgresEncodingError) in
          try element.encode(into: &writer)
        }
      }
    }
  }
}
