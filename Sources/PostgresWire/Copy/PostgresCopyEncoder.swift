/// Encodes rows in COPY's binary format, which has no room for doubt: each value must have exactly
/// its column's type. Numbers are brought to their column's width when they fit it.
///
/// Source: PostgreSQL manual, "COPY", section "Binary Format".
public struct PostgresCopyEncoder: Sendable {
  /// How a value's own bytes become those of its column.
  @usableFromInline
  enum Conversion: Sendable, Hashable {
    case asIs
    /// A big-endian integer of another width in bytes.
    case integer(width: Int)
    /// A floating-point number of another width in bytes.
    case float(width: Int)
    /// jsonb has a version number before its text.
    case jsonb
  }

  /// The columns' names and types.
  @usableFromInline let columns: [(name: String, type: PostgresType)]
  /// What each column's last value was written as, and how that becomes the column's bytes.
  @usableFromInline var plans: [(type: PostgresType, conversion: Conversion)]
  @usableFromInline package var value = PostgresValueWriter()
  /// How many rows have been written.
  public var rowCount: Int { writtenRows }
  @usableFromInline var writtenRows = 0

  /// What is written before it is worth sending, in bytes.
  @usableFromInline static let chunkByteCount = 64 << 10

  /// The signature, no flags, no header extension.
  package static let header: [UInt8] =
    Array("PGCOPY\n".utf8) + [0xff, 0x0d, 0x0a, 0x00] + [0, 0, 0, 0] + [0, 0, 0, 0]

  package init(columns: [(name: String, type: PostgresType)]) {
    self.columns = columns
    plans = columns.map { ($0.type, .asIs) }
    value.write(bytes: Self.header)
  }

  /// Whether enough is written to be sent.
  @inlinable public var isFull: Bool { value.byteCount >= Self.chunkByteCount }

  /// Ends the rows.
  package mutating func finish() {
    value.write(Int16(-1))
  }

  /// What was written since `removeAll`.
  package var bytes: [UInt8] { value.bytes }

  /// Makes room for more, after what was written has been sent.
  package mutating func removeAll() {
    value.remove(from: 0)
  }

  /// Appends a row. When a value cannot be written, nothing of the row is.
  @inlinable
  @inline(__always)
  public mutating func append<each V: PostgresEncodable>(
    _ row: repeat each V
  ) throws(PostgresEncodingError) {
    let start = value.byteCount
    var index = 0
    value.write(Int16(truncatingIfNeeded: plans.count))
    do throws(PostgresEncodingError) {
      for value in repeat each row {
        try append(value: value, index)
        index += 1
      }
      guard index == plans.count else { throw wrongCount() }
    } catch {
      value.remove(from: start)
      throw named(error, index)
    }
    writtenRows += 1
  }

  @inlinable
  @inline(__always)
  mutating func append<V: PostgresEncodable>(
    value given: V, _ index: Int
  ) throws(PostgresEncodingError) {
    guard index < plans.count else { throw wrongCount() }
    if plans[index].type != V.postgresParameterType {
      try plan(index, V.postgresParameterType, "\(V.self)")
    }
    if given.isPostgresNull {
      value.write(Int32(-1))
      return
    }
    let start = value.byteCount
    value.write(Int32(0))
    let conversion = plans[index].conversion
    if conversion == .jsonb { value.write(UInt8(1)) }
    try given.encode(into: &value)
    if conversion != .asIs { try convert(from: start + 4, conversion) }
    let byteCount = value.byteCount - start - 4
    try PostgresParameters.requireSendable(byteCount)
    let length = Int32(truncatingIfNeeded: byteCount)
    value.replace(from: start, length)
  }

  @inline(never)
  @usableFromInline
  func wrongCount() -> PostgresEncodingError {
    PostgresEncodingError("the row has not \(columns.count) values, one for each column")
  }

  /// Finds out how a type's values become those of a column.
  @inline(never)
  @usableFromInline
  mutating func plan(
    _ index: Int, _ type: PostgresType, _ swiftType: String
  ) throws(PostgresEncodingError) {
    let column = columns[index]
    guard let conversion = Self.conversion(from: type, to: column.type) else {
      throw PostgresEncodingError(
        "a \(swiftType) is not written as the column's type, \(column.type)")
    }
    plans[index] = (type, conversion)
  }

  @inline(never)
  @usableFromInline
  func named(_ error: PostgresEncodingError, _ index: Int) -> PostgresEncodingError {
    let name = index < columns.count ? columns[index].name : "\(index)"
    return PostgresEncodingError("row \(rowCount + 1), column \"\(name)\": \(error)")
  }
}

// Values that have another width than their columns.

extension PostgresCopyEncoder {
  private static let integers: [PostgresType: Int] = [.int2: 2, .int4: 4, .int8: 8]
  private static let floats: [PostgresType: Int] = [.float4: 4, .float8: 8]

  /// Types whose binary format is their text; 142 is xml.
  private static let texts: Set<PostgresType> = [
    .text, .varchar, .bpchar, .name, .json, PostgresType(142),
  ]

  /// The first number of types that are not built in. Source: `FirstNormalObjectId` in the server's
  /// `src/include/access/transam.h`.
  private static let firstUserType: UInt32 = 16_384

  /// Nil when a value of one type cannot stand in a column of the other.
  @usableFromInline
  static func conversion(from type: PostgresType, to column: PostgresType) -> Conversion? {
    if type == column { return .asIs }
    if integers[type] != nil, let width = integers[column] { return .integer(width: width) }
    if floats[type] != nil, let width = floats[column] { return .float(width: width) }
    // A text without a type, such as an enum's label, and one for a type of the database's own.
    let isText = type == .unspecified || texts.contains(type)
    if isText, texts.contains(column) || column.rawValue >= firstUserType { return .asIs }
    if isText, column == .jsonb { return .jsonb }
    if type == .timestamptz, column == .timestamp { return .asIs }
    return nil
  }

  @usableFromInline
  mutating func convert(
    from start: Int, _ conversion: Conversion
  ) throws(PostgresEncodingError) {
    switch conversion {
    case .asIs, .jsonb: return
    case .integer(let width):
      let count = value.byteCount - start
      guard count != width else { return }
      var number: Int64 = 0
      for index in start..<value.byteCount {
        number = (number << 8) | Int64(value.room[index])
      }
      // The sign is in the first bit of what was written.
      let unused = 64 - 8 * count
      number = (number << unused) >> unused
      value.remove(from: start)
      let limit: Int64 = width == 8 ? .max : (1 << (8 * width - 1)) - 1
      guard number <= limit, number >= -limit - 1 else {
        throw PostgresEncodingError("the number is out of the column's range")
      }
      for place in (0..<width).reversed() {
        value.write(UInt8(truncatingIfNeeded: number >> (8 * place)))
      }
    case .float(let width):
      let count = value.byteCount - start
      guard count != width else { return }
      var bits: UInt64 = 0
      for index in start..<value.byteCount { bits = (bits << 8) | UInt64(value.room[index]) }
      value.remove(from: start)
      if width == 8 {
        value.write(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))).bitPattern)
      } else {
        let number = Double(bitPattern: bits)
        guard !Float(number).isInfinite || number.isInfinite else {
          throw PostgresEncodingError("the number is out of the column's range")
        }
        value.write(Float(number).bitPattern)
      }
    }
  }
}
