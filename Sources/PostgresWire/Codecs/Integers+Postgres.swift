extension PostgresCell {
  /// The value as an integer of any width: from smallint, integer, bigint and oid, range-checked.
  @inlinable
  @inline(__always)
  func integer<T: FixedWidthInteger>(_: T.Type) throws(PostgresDecodingError) -> T {
    if format == .binary {
      switch type.rawValue {
      case 23:
        if let value = load(Int32.self), let result = T(exactly: value) { return result }
      case 20:
        if let value = load(Int64.self), let result = T(exactly: value) { return result }
      case 21:
        if let value = load(Int16.self), let result = T(exactly: value) { return result }
      case 26:
        if let value = load(UInt32.self), let result = T(exactly: value) { return result }
      default: break
      }
    }
    return try rareInteger(T.self)
  }

  /// What is not one of the usual four, or is wrong.
  @inline(never)
  @usableFromInline
  func rareInteger<T: FixedWidthInteger>(_: T.Type) throws(PostgresDecodingError) -> T {
    let bytes = try requireBytes(as: T.self)
    let types: [PostgresType] = [.int2, .int4, .int8, .oid, .xid, .cid]
    let isName = PostgresType.catalogueNumbers.contains(type.rawValue)
    guard isName || types.contains(type) else { throw mismatch(as: T.self) }
    if format == .text {
      guard let value = T(String(decoding: bytes, as: UTF8.self)) else {
        throw malformed(
          isName ? "in the text format it is a name" : "the number does not fit", as: T.self)
      }
      return value
    }
    let isUnsigned = isName || type == .oid || type == .xid || type == .cid
    guard isUnsigned, let value = load(UInt32.self) else {
      let widths: [PostgresType: Int] = [.int2: 2, .int4: 4, .int8: 8]
      throw malformed(
        widths[type] == count ? "the number does not fit" : "it has \(count) bytes", as: T.self)
    }
    guard let result = T(exactly: value) else {
      throw malformed("the number does not fit", as: T.self)
    }
    return result
  }
}

extension Int: PostgresCodable {
  /// `bigint`.
  @inlinable public static var postgresParameterType: PostgresType { .int8 }

  /// From smallint, integer, bigint and oid.
  @inlinable
  public static func decode(_ cell: borrowing PostgresCell) throws(PostgresDecodingError) -> Int {
    try cell.integer(Int.self)
  }

  /// Eight bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(Int64(self))
  }
}

extension Int64: PostgresCodable {
  /// `bigint`.
  @inlinable public static var postgresParameterType: PostgresType { .int8 }

  /// From smallint, integer, bigint and oid.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Int64 {
    try cell.integer(Int64.self)
  }

  /// Eight bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(self)
  }
}

extension Int32: PostgresCodable {
  /// `integer`.
  @inlinable public static var postgresParameterType: PostgresType { .int4 }

  /// From smallint, integer, bigint and oid, when it fits.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Int32 {
    try cell.integer(Int32.self)
  }

  /// Four bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(self)
  }
}

extension Int16: PostgresCodable {
  /// `smallint`.
  @inlinable public static var postgresParameterType: PostgresType { .int2 }

  /// From smallint, integer, bigint and oid, when it fits.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> Int16 {
    try cell.integer(Int16.self)
  }

  /// Two bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(self)
  }
}

extension UInt32: PostgresCodable {
  /// `oid`.
  @inlinable public static var postgresParameterType: PostgresType { .oid }

  /// From oid, regclass and the like, xid and cid, and from smallint, integer and bigint when it
  /// fits.
  @inlinable
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> UInt32 {
    try cell.integer(UInt32.self)
  }

  /// Four bytes.
  @inlinable
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(self)
  }
}
