/// An array with its dimensions and lower bounds.
///
/// `[T]` is an array of one dimension, and `[[T]]` of two, whose bounds nobody needs; this is every
/// array. NULLs need an optional element.
public struct PostgresArray<Element> {
  /// One dimension.
  public struct Dimension: Sendable, Hashable {
    /// The number of places.
    public let count: Int
    /// The subscript of the first place; 1 unless something else was said.
    public let lowerBound: Int32

    /// A dimension of so many places.
    public init(count: Int, lowerBound: Int32 = 1) {
      self.count = count
      self.lowerBound = lowerBound
    }
  }

  /// The dimensions, the outermost first; none for an array without elements. At most six.
  public let dimensions: [Dimension]

  /// The elements, those of the innermost dimension together.
  public let elements: [Element]

  /// One dimension, from 1; none when there are no elements.
  public init(_ elements: [Element]) {
    self.elements = elements
    dimensions = elements.isEmpty ? [] : [Dimension(count: elements.count)]
  }

  /// These dimensions, or none where there are no elements. Nil when their product is not the
  /// number of elements, when there are more than six, or when a subscript would not fit 32 bits.
  public init?(_ elements: [Element], dimensions: [Dimension]) {
    guard dimensions.count <= WireLimits.arrayDimensionCount else { return nil }
    var product = dimensions.isEmpty ? 0 : 1
    for dimension in dimensions {
      let (next, overflows) = product.multipliedReportingOverflow(by: dimension.count)
      guard dimension.count >= 0, !overflows, let length = Int32(exactly: dimension.count),
        !dimension.lowerBound.addingReportingOverflow(length).overflow
      else { return nil }
      product = next
    }
    guard product == elements.count else { return nil }
    self.elements = elements
    self.dimensions = elements.isEmpty ? [] : dimensions
  }

  /// The element at these subscripts, one a dimension; nil when there is none.
  public subscript(_ subscripts: Int...) -> Element? {
    guard subscripts.count == dimensions.count, !dimensions.isEmpty else { return nil }
    var place = 0
    for (index, dimension) in zip(subscripts, dimensions) {
      let (offset, overflows) = index.subtractingReportingOverflow(Int(dimension.lowerBound))
      guard !overflows, offset >= 0, offset < dimension.count else { return nil }
      place = place * dimension.count + offset
    }
    return elements[place]
  }
}

extension PostgresArray: Sendable where Element: Sendable {}
extension PostgresArray: Equatable where Element: Equatable {}
extension PostgresArray: Hashable where Element: Hashable {}
extension PostgresArray.Dimension: Codable {}

extension PostgresArray: Codable where Element: Codable {
  private enum CodingKeys: CodingKey {
    case dimensions, elements
  }

  /// Reads the dimensions and the elements. Throws when they do not fit each other.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let array = PostgresArray(
      try container.decode([Element].self, forKey: .elements),
      dimensions: try container.decode([Dimension].self, forKey: .dimensions))
    guard let array else {
      throw DecodingError.dataCorruptedError(
        forKey: .dimensions, in: container, debugDescription: "the elements do not fit")
    }
    self = array
  }

  /// Writes the dimensions and the elements.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(dimensions, forKey: .dimensions)
    try container.encode(elements, forKey: .elements)
  }
}

extension PostgresArray: PostgresDecodable where Element: PostgresDecodable {
  /// From an array of what the element can be read from, of any dimensions.
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> PostgresArray<Element> {
    var reader = try PostgresArrayReader(cell, as: Self.self)
    var elements: [Element] = []
    let count = reader.count
    elements.reserveCapacity(count)
    for _ in 0..<count { elements.append(try reader.next(Element.self)) }
    try reader.finish(Self.self)
    let dimensions = zip(reader.dimensions, reader.lowerBounds).map {
      Dimension(count: $0, lowerBound: $1)
    }
    guard let array = PostgresArray(elements, dimensions: dimensions) else {
      throw reader.malformed("its subscripts do not fit 32 bits", Self.self)
    }
    return array
  }
}

extension PostgresArray: PostgresEncodable where Element: PostgresEncodable {
  /// The type of the elements inside of an array, where a text has to have one.
  private static var elementType: PostgresType {
    Element.postgresParameterType == .unspecified ? .text : Element.postgresParameterType
  }

  /// The array of the element's type.
  public static var postgresParameterType: PostgresType { elementType.arrayType ?? .unspecified }

  /// Dimensions, a flag for NULLs, the elements' type and the elements.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    writer.write(Int32(truncatingIfNeeded: dimensions.count))
    writer.write(Int32(elements.contains { $0.isPostgresNull } ? 1 : 0))
    writer.write(Self.elementType.rawValue)
    for dimension in dimensions {
      guard let count = Int32(exactly: dimension.count) else {
        throw PostgresEncodingError("an array has more elements than Postgres can hold")
      }
      writer.write(count)
      writer.write(dimension.lowerBound)
    }
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

extension PostgresArray: PostgresTextRepresentable, CustomStringConvertible
where Element: PostgresTextRepresentable {
  /// The elements'.
  public static var postgresDelimiter: Character { Element.postgresDelimiter }

  /// As the server writes it: `{1,NULL}`, `[0:1]={{a,b},{c,d}}`.
  public var description: String {
    var text = ""
    if !elements.isEmpty, dimensions.contains(where: { $0.lowerBound != 1 }) {
      for dimension in dimensions {
        text += "[\(dimension.lowerBound):\(Int(dimension.lowerBound) + dimension.count - 1)]"
      }
      text += "="
    }
    return text
      + ArrayTextWriter.text(
        elements.lazy.map(\.postgresText), lengths: dimensions.map(\.count),
        delimiter: Element.postgresDelimiter)
  }
}

extension ArrayTextWriter {
  /// The text of elements in these dimensions.
  static func text(
    _ elements: some Sequence<String?>, lengths: [Int], delimiter: Character
  ) -> String {
    var writer = ArrayTextWriter(delimiter: delimiter)
    var place = [Int](repeating: 0, count: lengths.count)
    for _ in lengths { writer.open() }
    if lengths.isEmpty { writer.open() }
    var isFirst = true
    for element in elements {
      if !isFirst { writer.advance(&place, lengths) }
      isFirst = false
      writer.append(element)
    }
    for _ in lengths { writer.close() }
    if lengths.isEmpty { writer.close() }
    return writer.text
  }

  /// Goes to the next place, closing and opening braces on the way.
  private mutating func advance(_ place: inout [Int], _ lengths: [Int]) {
    var depth = lengths.count - 1
    while depth > 0, place[depth] == lengths[depth] - 1 {
      place[depth] = 0
      depth -= 1
      close()
    }
    if depth >= 0 { place[depth] += 1 }
    for _ in 0..<max(lengths.count - 1 - depth, 0) { open() }
  }
}
