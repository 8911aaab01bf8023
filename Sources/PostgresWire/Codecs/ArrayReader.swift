/// Walks over an array, in either format.
///
/// Source: `array_recv` in the server's `src/backend/utils/adt/arrayfuncs.c`: the number of
/// dimensions, a flag for NULLs, the elements' type, a length and a lower bound a dimension, then
/// the elements with a length each.
public struct PostgresArrayReader {
  private enum Source {
    case binary(WireReader)
    case text(TextArray, next: Int)
  }

  private var source: Source
  private let arrayType: PostgresType
  private let catalogue: PostgresTypeCatalogue

  /// The elements' type, under a domain if they have one; unspecified where it is not known.
  public let elementType: PostgresType

  /// The length of each dimension, the outermost first; none for an empty array.
  public private(set) var dimensions: [Int]

  /// The subscript of the first element of each dimension.
  public private(set) var lowerBounds: [Int32]

  /// The number of elements in all dimensions.
  public var count: Int { dimensions.isEmpty ? 0 : dimensions.reduce(1, *) }

  /// Reads the head. Throws when it promises more than there is.
  init<T>(_ cell: borrowing PostgresCell, as swiftType: T.Type) throws(PostgresDecodingError) {
    let bytes = try cell.requireBytes(as: swiftType)
    catalogue = cell.catalogue
    arrayType = cell.type
    let known = catalogue.elementType(of: cell.type)
    guard cell.format == .binary else {
      guard known != nil || !cell.type.isBuiltIn,
        let array = TextArray(
          bytes, delimiter: catalogue.delimiter(ofArray: cell.type), isVector: cell.type.isVector)
      else { throw cell.mismatch(as: swiftType) }
      elementType = catalogue.baseType(of: known ?? .unspecified)
      dimensions = array.lengths
      lowerBounds = array.lowerBounds
      source = .text(array, next: 0)
      return
    }
    guard known != nil else { throw cell.mismatch(as: swiftType) }
    var reader = WireReader(bytes, name: "an array")
    do throws(WireError) {
      let head = try Self.head(&reader, byteCount: bytes.count)
      elementType = catalogue.baseType(of: head.elementType)
      dimensions = head.dimensions
      lowerBounds = head.lowerBounds
    } catch {
      throw cell.malformed(error.description, as: swiftType)
    }
    source = .binary(reader)
  }

  private struct Head {
    var elementType: PostgresType
    var dimensions: [Int] = []
    var lowerBounds: [Int32] = []
  }

  private static func head(
    _ reader: inout WireReader, byteCount: Int
  ) throws(WireError) -> Head {
    let count = Int(try reader.integer(Int32.self))
    guard count >= 0, count <= WireLimits.arrayDimensionCount else {
      throw .malformed("it has \(count) dimensions")
    }
    _ = try reader.integer(Int32.self)
    var head = Head(elementType: PostgresType(try reader.integer(UInt32.self)))
    var total = 1
    for _ in 0..<count {
      let length = Int(try reader.integer(Int32.self))
      let (product, overflows) = total.multipliedReportingOverflow(by: length)
      // An element takes at least its length field, so that more cannot be promised.
      guard length >= 0, !overflows, product <= byteCount / 4 else {
        throw .malformed("it promises more elements than it has bytes")
      }
      total = product
      head.dimensions.append(length)
      head.lowerBounds.append(try reader.integer(Int32.self))
    }
    // What has no elements has no dimensions either, as in `array_recv`.
    if total == 0 { return Head(elementType: head.elementType) }
    return head
  }

  /// Reads the next element.
  public mutating func next<T: PostgresDecodable>(
    _: T.Type
  ) throws(PostgresDecodingError) -> T {
    try T.decode(try nextCell(T.self))
  }

  /// Reads so many elements: in the binary format without a look at the source for each.
  mutating func elements<T: PostgresDecodable>(
    _ count: Int
  ) throws(PostgresDecodingError) -> [T] {
    var elements: [T] = []
    elements.reserveCapacity(count)
    guard case .binary(var reader) = source else {
      for _ in 0..<count { elements.append(try next(T.self)) }
      return elements
    }
    for _ in 0..<count {
      let bytes: UnsafeRawBufferPointer?
      do throws(WireError) {
        bytes = try reader.value()
      } catch {
        throw malformed(error.description, T.self)
      }
      let cell = PostgresCell(
        bytes: bytes, type: elementType, format: .binary, catalogue: catalogue)
      elements.append(try T.decode(cell))
    }
    source = .binary(reader)
    return elements
  }

  mutating func nextCell<T>(_ swiftType: T.Type) throws(PostgresDecodingError) -> PostgresCell {
    switch source {
    case .binary(var reader):
      do throws(WireError) {
        let bytes = try reader.value()
        source = .binary(reader)
        return PostgresCell(
          bytes: bytes, type: elementType, format: .binary, catalogue: catalogue)
      } catch {
        throw malformed(error.description, swiftType)
      }
    case .text(let array, let index):
      guard index < array.count else { throw malformed("it is cut short", swiftType) }
      source = .text(array, next: index + 1)
      return PostgresCell(
        bytes: array.element(index), type: elementType, format: .text, catalogue: catalogue)
    }
  }

  func finish<T>(_ swiftType: T.Type) throws(PostgresDecodingError) {
    let isDone =
      switch source {
      case .binary(let reader): reader.remaining == 0
      case .text(let array, let index): index == array.count
      }
    guard isDone else { throw malformed("it has bytes left over", swiftType) }
  }

  func malformed<T>(_ reason: String, _ swiftType: T.Type) -> PostgresDecodingError {
    PostgresDecodingError(
      reason, type: arrayType, swiftType: swiftType, typeName: catalogue.name(of: arrayType))
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
    var reader = try PostgresArrayReader(cell, as: [Self].self)
    if reader.count == 0 {
      try reader.finish([Self].self)
      return []
    }
    let elements = try decodeElements(&reader, dimension: 0)
    try reader.finish([Self].self)
    return elements
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
    return try reader.elements(reader.dimensions[dimension])
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
