/// A row within a column: a composite type, a table's row, or `record`.
///
/// Its fields are kept as they came and read by their place, or by their name where the type has
/// names. Source: `record_send` and `record_out` in the server's
/// `src/backend/utils/adt/rowtypes.c`.
public struct PostgresComposite: Sendable {
  /// The most fields. Source: `MaxTupleAttributeNumber` in the server's
  /// `src/include/access/htup_details.h`.
  static let fieldCount = 1_664

  /// Small, since a server can send a field in a byte.
  private struct Field: Sendable {
    var type: PostgresType
    var offset: Int32
    /// -1 for NULL.
    var length: Int32

    var range: Range<Int>? { length < 0 ? nil : Int(offset)..<Int(offset) + Int(length) }
  }

  /// The type; `record`, or unspecified for one that was made here, when it has no name.
  public let type: PostgresType
  private let format: PostgresFormat
  private let catalogue: PostgresTypeCatalogue
  private var fields: [Field] = []
  private var bytes: [UInt8] = []
  /// Whether it was made of more than a message can carry, so that it has nothing to show.
  private var isTooLong = false

  /// A row of these values, nil for NULL, to be sent as text that the server reads as whatever
  /// composite the statement wants there.
  public init(_ values: (any PostgresTextRepresentable)?...) {
    type = .unspecified
    format = .text
    catalogue = .builtIn
    for value in values { append(.unspecified, value?.postgresText.map { Array($0.utf8) }) }
  }

  /// The number of fields.
  public var count: Int { fields.count }

  /// The fields' names, nil when the type has none, or has others by now.
  public var names: [String]? {
    guard case .composite(let known) = catalogue[type]?.kind, known.count == fields.count else {
      return nil
    }
    return known.map(\.name)
  }

  /// The place of the field with this name, nil when there is none.
  public func index(named name: String) -> Int? { names?.lastIndex(of: name) }

  /// Reads the field at this place. Throws also when there is none.
  public func decode<T: PostgresDecodable>(
    _: T.Type = T.self, at index: Int
  ) throws(PostgresDecodingError) -> T {
    do throws(PostgresDecodingError) {
      return try withCell(at: index, as: T.self) { cell throws(PostgresDecodingError) in
        try T.decode(cell)
      }
    } catch {
      throw error.named(name(at: index), index: index)
    }
  }

  /// Reads the field of this name. Throws also when there is none.
  public func decode<T: PostgresDecodable>(
    _ swiftType: T.Type = T.self, named name: String
  ) throws(PostgresDecodingError) -> T {
    guard let index = index(named: name) else {
      throw malformed("the composite has no such field", as: swiftType).named(name)
    }
    return try decode(swiftType, at: index)
  }

  /// Reads all fields; there must be as many as the tuple has places.
  public func decode<each T: PostgresDecodable>(
    as _: (repeat each T).Type = (repeat each T).self
  ) throws(PostgresDecodingError) -> (repeat each T) {
    var width = 0
    for _ in repeat (each T).self { width += 1 }
    guard width == count else {
      throw malformed("the composite has \(count) fields, \(width) are wanted", as: Self.self)
    }
    var index = -1
    func next<U: PostgresDecodable>(_: U.Type) throws(PostgresDecodingError) -> U {
      index += 1
      return try decode(U.self, at: index)
    }
    return (repeat try next((each T).self))
  }

  /// Whether the field at this place is NULL; true also when there is none.
  public func isNull(at index: Int) -> Bool {
    !fields.indices.contains(index) || fields[index].length < 0
  }

  /// The fields as a result's columns, named by their place where the type has no names.
  package var columns: PostgresColumns {
    PostgresColumns(
      fields.indices.map {
        PostgresColumn(name: name(at: $0), type: fields[$0].type, format: format)
      }, catalogue: catalogue)
  }

  /// Hands the field at this place to the closure.
  package func withCell<T, R>(
    at index: Int, as swiftType: T.Type,
    _ body: (borrowing PostgresCell) throws(PostgresDecodingError) -> R
  ) throws(PostgresDecodingError) -> R {
    guard fields.indices.contains(index) else {
      throw malformed("the composite has no such field", as: swiftType)
    }
    let field = fields[index]
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(PostgresDecodingError) in
        let value = field.range.map { UnsafeRawBufferPointer(rebasing: bytes[$0]) }
        return try body(
          PostgresCell(bytes: value, type: field.type, format: format, catalogue: catalogue))
      }
    }
    return try result.get()
  }

  private func name(at index: Int) -> String {
    guard let names, names.indices.contains(index) else { return "\(index)" }
    return names[index]
  }

  private func malformed<T>(_ reason: String, as swiftType: T.Type) -> PostgresDecodingError {
    PostgresDecodingError(
      reason, type: type, swiftType: swiftType, typeName: catalogue.name(of: type))
  }

  private mutating func append(_ type: PostgresType, _ value: (some Collection<UInt8>)?) {
    guard bytes.count + (value?.count ?? 0) <= WireLimits.messageByteCount else {
      isTooLong = true
      return
    }
    // The limit fits 32 bits.
    fields.append(
      Field(
        type: type, offset: Int32(truncatingIfNeeded: bytes.count),
        length: Int32(truncatingIfNeeded: value?.count ?? -1)))
    if let value { bytes.append(contentsOf: value) }
  }
}

extension PostgresComposite: PostgresDecodable, PostgresArrayDecodable {
  /// From composite types, the rows of tables, and `record`.
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> PostgresComposite {
    var composite = PostgresComposite(cell.type, cell.format, cell.catalogue)
    var known: [PostgresTypeInfo.Field]?
    if case .composite(let fields) = cell.catalogue[cell.type]?.kind { known = fields }
    switch cell.format {
    case .binary:
      guard known != nil || cell.type == .record else { throw cell.mismatch(as: Self.self) }
      try composite.readBinary(cell)
    case .text:
      guard known != nil || cell.type == .record || !cell.type.isBuiltIn else {
        throw cell.mismatch(as: Self.self)
      }
      try composite.readText(cell, known)
    }
    return composite
  }

  private init(
    _ type: PostgresType, _ format: PostgresFormat, _ catalogue: PostgresTypeCatalogue
  ) {
    self.type = type
    self.format = format
    self.catalogue = catalogue
  }

  private mutating func readBinary(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) {
    var reader = try PostgresValueReader(cell, as: Self.self)
    let count = try reader.count(ofByteCount: 8)
    guard count <= Self.fieldCount else { throw reader.malformed("it has \(count) fields") }
    fields.reserveCapacity(count)
    bytes.reserveCapacity(reader.remaining - 8 * count)
    for _ in 0..<count {
      let type = catalogue.baseType(of: PostgresType(try reader.integer()))
      append(type, try reader.value())
    }
    try reader.finish()
  }

  private mutating func readText(
    _ cell: borrowing PostgresCell, _ known: [PostgresTypeInfo.Field]?
  ) throws(PostgresDecodingError) {
    let source = try cell.requireBytes(as: Self.self)
    // Of the commas, those in quotes end no field.
    let most = min(source.count { $0 == UInt8(ascii: ",") } + 1, Self.fieldCount)
    fields.reserveCapacity(most)
    var text = NestedTextReader(source[...])
    var isBroken = !text.skip("(")
    // `()` is a row without fields, where the type has none; else one field that is NULL.
    if !isBroken, known?.isEmpty == true, text.skip(")") {
      isBroken = !text.isAtEnd
    } else {
      while !isBroken {
        switch text.part(isEnd: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: ")") }) {
        case .broken: isBroken = true
        case .none: append(.unspecified, nil as [UInt8]?)
        case .value(let bytes): append(.unspecified, bytes)
        }
        if fields.count > Self.fieldCount { isBroken = true }
        if text.skip(")") { break }
        if !text.skip(",") { isBroken = true }
      }
    }
    guard !isBroken, text.isAtEnd else {
      throw cell.malformed("its text is not a composite's", as: Self.self)
    }
    guard let known, known.count == fields.count else { return }
    for (index, field) in known.enumerated() {
      fields[index].type = catalogue.baseType(of: field.type)
    }
  }
}

extension PostgresComposite: PostgresEncodable, PostgresArrayEncodable {
  /// None: the server reads the text as whatever composite the statement wants there.
  public static var postgresParameterType: PostgresType { .unspecified }

  /// The text. Throws when a field cannot be shown as text.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    let text: String
    do throws(PostgresDecodingError) {
      text = try self.text(depth: PostgresCell.textDepth)
    } catch {
      throw PostgresEncodingError(error.description)
    }
    try text.encode(into: &writer)
  }
}

extension PostgresComposite: PostgresTextRepresentable, CustomStringConvertible {
  /// As the server writes it: `(1,"a b",)`. When a field cannot be shown, `(?)`.
  public var description: String { (try? text(depth: PostgresCell.textDepth)) ?? "(?)" }

  func text(depth: Int) throws(PostgresDecodingError) -> String {
    if isTooLong { throw malformed("it is longer than a message can be", as: String.self) }
    var parts: [String] = []
    var room = PostgresCell.textByteCount(of: bytes.count)
    for index in fields.indices {
      let text = try withCell(at: index, as: String.self) { cell throws(PostgresDecodingError) in
        try cell.text(depth: depth)
      }
      room -= text?.utf8.count ?? 0
      guard room >= 0 else { throw malformed("its text is too long", as: String.self) }
      parts.append(text.map { quotedPart($0) { _ in false } } ?? "")
    }
    return "(" + parts.joined(separator: ",") + ")"
  }
}

extension PostgresComposite: Hashable {
  /// Whether type, fields and NULLs are the same.
  public static func == (left: PostgresComposite, right: PostgresComposite) -> Bool {
    left.type == right.type && left.format == right.format && left.bytes == right.bytes
      && left.fields.elementsEqual(right.fields) { $0.type == $1.type && $0.length == $1.length }
  }

  /// Hashes the fields' bytes.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    hasher.combine(bytes)
  }
}
