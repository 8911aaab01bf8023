import RoostCore

extension Bool: PostgresCodable {
  /// `boolean`.
  @inlinable public static var postgresParameterType: PostgresType { .bool }

  /// From boolean.
  @inlinable
  public static func decode(_ cell: borrowing PostgresCell) throws(PostgresDecodingError) -> Bool {
    guard cell.type == .bool, let byte = cell.load(UInt8.self) else {
      throw cell.mismatch(as: Bool.self)
    }
    switch (cell.format, byte) {
    case (.binary, 0), (.text, UInt8(ascii: "f")): return false
    case (.binary, 1), (.text, UInt8(ascii: "t")): return true
    default: throw cell.malformed("it is neither true nor false", as: Bool.self)
    }
  }

  /// One byte.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(self ? UInt8(1) : 0)
  }
}

extension Double: PostgresCodable {
  /// `double precision`.
  @inlinable public static var postgresParameterType: PostgresType { .float8 }

  /// From real and double precision, smallint and integer: what it can hold exactly.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Double {
    if cell.type == .float8, cell.format == .binary, let bits = cell.load(UInt64.self) {
      return Double(bitPattern: bits)
    }
    return try cell.rareDouble()
  }

  /// Eight bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(bitPattern)
  }
}

extension Float: PostgresCodable {
  /// `real`.
  @inlinable public static var postgresParameterType: PostgresType { .float4 }

  /// From real.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Float {
    guard cell.type == .float4 else { throw cell.mismatch(as: Float.self) }
    if cell.format == .binary, let bits = cell.load(UInt32.self) {
      return Float(bitPattern: bits)
    }
    guard cell.format == .text, let value = Float(try cell.text(as: Float.self)) else {
      throw cell.malformed("it is no number", as: Float.self)
    }
    return value
  }

  /// Four bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(bitPattern)
  }
}

extension PostgresCell {
  @inline(never)
  @usableFromInline
  func rareDouble() throws(PostgresDecodingError) -> Double {
    switch type {
    case .float4, .float8:
      if format == .binary, let bits = load(UInt32.self), type == .float4 {
        return Double(Float(bitPattern: bits))
      }
      guard format == .text, let value = Double(try text(as: Double.self)) else {
        throw malformed("it is no number", as: Double.self)
      }
      return value
    case .int2, .int4: return Double(try integer(Int32.self))
    default: throw mismatch(as: Double.self)
    }
  }

  /// The value's text, whatever its type. Throws for NULL and for bytes that are not UTF-8.
  @usableFromInline
  func text<T>(as swiftType: T.Type) throws(PostgresDecodingError) -> String {
    guard let text = String(checking: try requireBytes(as: swiftType)) else {
      throw malformed("it is not UTF-8", as: swiftType)
    }
    return text
  }
}

extension String {
  /// The text of these bytes, nil when they are not UTF-8.
  @inline(never)
  @usableFromInline
  init?(checking bytes: UnsafeRawBufferPointer) {
    // Repairing and comparing is several times faster than the validating initializer.
    var text = String(decoding: bytes, as: UTF8.self)
    let isSame = text.withUTF8 { utf8 in
      guard utf8.count == bytes.count else { return false }
      guard let left = utf8.baseAddress, let right = bytes.baseAddress else { return true }
      return memcmp(left, right, bytes.count) == 0
    }
    guard isSame else { return nil }
    self = text
  }
}

extension String: PostgresCodable {
  /// None: a text is a literal, which the server reads as whatever type the statement wants there
  /// (text, an enum, a uuid, a date).
  @inlinable public static var postgresParameterType: PostgresType { .unspecified }

  /// From text types, json, jsonb, enums, and every type that comes in the text format; from the
  /// types whose texts are alike everywhere, such as interval and inet, as the server writes them.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> String {
    if cell.format == .binary {
      switch cell.type.rawValue {
      case 25, 1043, 1042, 19, 18, 114, 705: break
      default: return try cell.rareText()
      }
    }
    // The usual case hands on no more than the bytes, which fit registers.
    if let bytes = cell.bytes, let text = String(checking: bytes) { return text }
    return try cell.text(as: String.self)
  }

  /// The UTF-8 bytes. Throws when there is a NUL, which no Postgres text can have.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    var text = self
    let isClean = text.withUTF8 { utf8 in
      // A tenth of a COPY's time, when it is looked for byte by byte.
      if let start = utf8.baseAddress, memchr(start, 0, utf8.count) != nil { return false }
      writer.write(bytes: utf8)
      return true
    }
    guard isClean else { throw PostgresEncodingError("a text has a NUL character") }
  }
}

extension PostgresCell {
  @inline(never)
  @usableFromInline
  func rareText() throws(PostgresDecodingError) -> String {
    switch type {
    case .jsonb:
      let bytes = try requireBytes(as: String.self)
      guard bytes.first == 1 else {
        throw malformed("its version is not 1", as: String.self)
      }
      guard let text = String(validating: bytes.dropFirst(), as: UTF8.self) else {
        throw malformed("it is not UTF-8", as: String.self)
      }
      return text
    case .void: return isNull ? "" : try text(as: String.self)
    case .refcursor: return try text(as: String.self)
    default: break
    }
    let elementType = type.elementType ?? type
    if PostgresType.catalogueNumbers.contains(elementType.rawValue) || elementType == .money {
      throw malformed("its text is the server's to make: cast it to text", as: String.self)
    }
    guard !Self.typesWithoutText.contains(elementType), let text = try readableText() else {
      throw mismatch(as: String.self)
    }
    return text
  }

  /// What is a Swift type of its own, so that reading it as text is rather a mistake.
  private static let typesWithoutText: Set<PostgresType> = [
    .bool, .bytea, .int8, .int4, .int2, .oid, .float4, .float8, .numeric, .timestamp,
    .timestamptz, .date, .uuid,
  ]
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
  /// Nil for NULL, else as the wrapped type.
  @inlinable
  @inline(__always)
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Wrapped? {
    if cell.isNull { return nil }
    return try Wrapped.decode(cell)
  }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
  /// The wrapped type's.
  @inlinable public static var postgresParameterType: PostgresType {
    Wrapped.postgresParameterType
  }

  /// Whether it is nil, or wraps something that is NULL.
  @inlinable public var isPostgresNull: Bool {
    guard let value = self else { return true }
    return value.isPostgresNull
  }

  /// The wrapped value's bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    try self?.encode(into: &writer)
  }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
  /// The raw value's.
  @inlinable public static var postgresParameterType: PostgresType {
    RawValue.postgresParameterType
  }

  /// The raw value's bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    try rawValue.encode(into: &writer)
  }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
  /// From what the raw value can be read from. Throws when there is no such case.
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Self {
    guard let value = Self(rawValue: try RawValue.decode(cell)) else {
      throw cell.malformed("there is no such case", as: Self.self)
    }
    return value
  }
}
