import Foundation
import RoostCore

extension PostgresCell {
  /// How deep arrays, ranges and composites may lie within each other where they are shown.
  static let textDepth = 16

  /// The value as readable text, whatever its type and format; nil for NULL. It is what the server
  /// writes with `DateStyle` ISO and time zone UTC, but for `money` (the bare number) and the
  /// catalogue's types such as `regclass` (the number).
  ///
  /// Throws when the bytes are not of their type, or lie deeper in each other than 16 levels.
  public func readableText() throws(PostgresDecodingError) -> String? {
    try text(depth: Self.textDepth)
  }

  private typealias TextReader =
    @Sendable (
      borrowing PostgresCell
    ) throws(PostgresDecodingError) -> String?

  private static func reader<T: PostgresDecodable & PostgresTextRepresentable & Sendable>(
    _: T.Type
  ) -> TextReader {
    { cell throws(PostgresDecodingError) in try T.decode(cell).postgresText }
  }

  /// How the types that have a value type of their own are shown.
  private static let scalars: [PostgresType: TextReader] = {
    var scalars: [PostgresType: TextReader] = [
      .bool: reader(Bool.self), .bytea: reader(Data.self), .int8: reader(Int64.self),
      .int4: reader(Int32.self), .int2: reader(Int16.self), .oid: reader(UInt32.self),
      .float4: reader(Float.self), .float8: reader(Double.self), .numeric: reader(Numeric.self),
      .timestamptz: reader(Timestamp.self), .date: reader(CalendarDate.self),
      .uuid: reader(UUID.self),
    ]
    let texts: [PostgresType] = [
      .json, .jsonb, .text, .varchar, .bpchar, .name, .unknown, .void, .refcursor,
    ]
    for type in texts { scalars[type] = reader(String.self) }
    for number in PostgresType.catalogueNumbers {
      scalars[PostgresType(number)] = reader(UInt32.self)
    }
    func add<each T: PostgresScalar>(_: repeat (each T).Type) {
      for type in repeat (each T).self {
        scalars[type.postgresParameterType] = reader(type)
        // Another type may be one that a later type is for: `inet` reads `cidr`, too.
        for name in type.postgresOtherTypes where scalars[name] == nil {
          scalars[name] = reader(type)
        }
      }
    }
    add(
      PostgresTime.self, PostgresTimeTZ.self, PostgresTimestamp.self, PostgresInterval.self,
      PostgresInet.self, PostgresCIDR.self, PostgresMACAddress.self, PostgresMACAddress8.self,
      PostgresBits.self, PostgresMoney.self, PostgresPoint.self, PostgresLine.self,
      PostgresLineSegment.self, PostgresBox.self, PostgresPath.self, PostgresPolygon.self,
      PostgresCircle.self, PostgresLSN.self, PostgresXID.self, PostgresXID8.self,
      PostgresCID.self, PostgresTID.self, PostgresSnapshot.self, PostgresChar.self,
      PostgresXML.self, PostgresJSONPath.self, PostgresTSVector.self, PostgresTSQuery.self)
    return scalars
  }()

  func text(depth: Int) throws(PostgresDecodingError) -> String? {
    if isNull { return nil }
    if format == .text { return try text(as: String.self) }
    guard depth > 0 else { throw malformed("it lies too deep in others", as: String.self) }
    if let read = Self.scalars[type] { return try read(self) }
    let catalogue = catalogue
    if catalogue.isText(type) { return try text(as: String.self) }
    if catalogue.elementType(of: type) != nil { return try arrayText(depth: depth - 1) }
    if catalogue.boundType(of: type) != nil {
      return try rangeText(depth: depth - 1).description
    }
    if catalogue.rangeType(of: type) != nil { return try multirangeText(depth: depth - 1) }
    switch catalogue[type]?.kind {
    case .hstore: return try [String: String?].decode(self).postgresText
    case .composite: return try PostgresComposite.decode(self).text(depth: depth - 1)
    default: break
    }
    guard type == .record else {
      throw malformed("the driver does not know this type in binary", as: String.self)
    }
    return try PostgresComposite.decode(self).text(depth: depth - 1)
  }

  private func arrayText(depth: Int) throws(PostgresDecodingError) -> String {
    var reader = try PostgresArrayReader(self, as: String.self)
    let count = reader.count
    var texts: [String?] = []
    texts.reserveCapacity(count)
    var room = Self.textByteCount(of: self.count)
    for _ in 0..<count {
      let text = try reader.nextCell(String.self).text(depth: depth)
      room -= text?.utf8.count ?? 0
      guard room >= 0 else { throw malformed("its text is too long", as: String.self) }
      texts.append(text)
    }
    try reader.finish(String.self)
    if type.isVector { return texts.map { $0 ?? "" }.joined(separator: " ") }
    let delimiter = Character(Unicode.Scalar(catalogue.delimiter(ofArray: type)))
    let text = ArrayTextWriter.text(texts, lengths: reader.dimensions, delimiter: delimiter)
    guard reader.lowerBounds.contains(where: { $0 != 1 }) else { return text }
    return zip(reader.lowerBounds, reader.dimensions).map { "[\($0):\(Int($0) + $1 - 1)]" }
      .joined() + "=" + text
  }

  /// The most bytes of text that an array or a composite of so many bytes is shown as: numbers in
  /// it can have 147,455 digits in a few bytes each, and there may be millions of them.
  static func textByteCount(of byteCount: Int) -> Int { 16 * byteCount + (1 << 20) }

  private func rangeText(
    depth: Int
  ) throws(PostgresDecodingError) -> PostgresRange<ReadableText> {
    try PostgresRange<ReadableText>.decodeBinary(self) { cell throws(PostgresDecodingError) in
      ReadableText(postgresText: try cell.text(depth: depth))
    }
  }

  private func multirangeText(depth: Int) throws(PostgresDecodingError) -> String {
    var room = Self.textByteCount(of: count)
    return try PostgresMultirange<ReadableText>.decodeBinary(self) {
      cell throws(PostgresDecodingError) in
      let text = try cell.text(depth: depth)
      room -= text?.utf8.count ?? 0
      guard room >= 0 else { throw cell.malformed("its text is too long", as: String.self) }
      return ReadableText(postgresText: text)
    }.description
  }
}

/// A bound that is only shown.
private struct ReadableText: PostgresTextRepresentable {
  let postgresText: String?
}
