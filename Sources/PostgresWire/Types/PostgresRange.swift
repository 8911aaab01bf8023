/// What lies between two bounds: SQL's `int4range`, `numrange`, `tstzrange` and the like.
///
/// Source: `range_send` and `range_out` in the server's `src/backend/utils/adt/rangetypes.c`.
public struct PostgresRange<Bound> {
  /// Where a range ends on one side.
  public enum Limit {
    /// Nowhere.
    case unbounded
    /// At this value, which is within.
    case inclusive(Bound)
    /// At this value, which is not.
    case exclusive(Bound)

    /// The value, nil when there is none.
    public var value: Bound? {
      switch self {
      case .unbounded: nil
      case .inclusive(let value), .exclusive(let value): value
      }
    }

    fileprivate var isInclusive: Bool {
      if case .inclusive = self { return true }
      return false
    }
  }

  /// Whether there is nothing in it; the limits say nothing then.
  public let isEmpty: Bool
  /// The lower end.
  public let lower: Limit
  /// The upper end.
  public let upper: Limit

  /// What lies between two limits. The server refuses a lower one above the upper one, and writes
  /// ranges of whole numbers and days in its own way: `[1,5]` comes back as `[1,6)`.
  public init(lower: Limit, upper: Limit) {
    isEmpty = false
    self.lower = lower
    self.upper = upper
  }

  private init() {
    isEmpty = true
    lower = .unbounded
    upper = .unbounded
  }

  /// The range that has nothing in it.
  public static var empty: PostgresRange<Bound> { PostgresRange() }

  /// Everything.
  public static var unbounded: PostgresRange<Bound> {
    PostgresRange(lower: .unbounded, upper: .unbounded)
  }
}

extension PostgresRange.Limit: Sendable where Bound: Sendable {}
extension PostgresRange.Limit: Equatable where Bound: Equatable {}
extension PostgresRange.Limit: Hashable where Bound: Hashable {}
extension PostgresRange: Sendable where Bound: Sendable {}
extension PostgresRange: Equatable where Bound: Equatable {}
extension PostgresRange: Hashable where Bound: Hashable {}
extension PostgresRange.Limit: Codable where Bound: Codable {}
extension PostgresRange: Codable where Bound: Codable {}

extension PostgresRange where Bound: Comparable {
  /// The same values: the lower bound is within, the upper one is not.
  public init(_ range: Range<Bound>) {
    self =
      range.isEmpty
      ? .empty
      : PostgresRange(lower: .inclusive(range.lowerBound), upper: .exclusive(range.upperBound))
  }

  /// The same values: both bounds are within.
  public init(_ range: ClosedRange<Bound>) {
    self.init(lower: .inclusive(range.lowerBound), upper: .inclusive(range.upperBound))
  }

  /// The same values from this one on.
  public init(_ range: PartialRangeFrom<Bound>) {
    self.init(lower: .inclusive(range.lowerBound), upper: .unbounded)
  }

  /// The same range, nil unless the lower bound is within and the upper one is not.
  public var range: Range<Bound>? {
    guard !isEmpty, case .inclusive(let low) = lower, case .exclusive(let high) = upper,
      low <= high
    else { return nil }
    return low..<high
  }

  /// The same range, nil unless both bounds are within.
  public var closedRange: ClosedRange<Bound>? {
    guard !isEmpty, case .inclusive(let low) = lower, case .inclusive(let high) = upper,
      low <= high
    else { return nil }
    return low...high
  }

  /// Whether the value is in the range.
  public func contains(_ value: Bound) -> Bool {
    let isAbove =
      switch lower {
      case .unbounded: true
      case .inclusive(let low): low <= value
      case .exclusive(let low): low < value
      }
    let isBelow =
      switch upper {
      case .unbounded: true
      case .inclusive(let high): value <= high
      case .exclusive(let high): value < high
      }
    return !isEmpty && isAbove && isBelow
  }
}

/// The bits of a range's first byte. Source: `src/include/utils/rangetypes.h`.
private enum RangeFlags {
  static let empty: UInt8 = 0x01
  static let lowerInclusive: UInt8 = 0x02
  static let upperInclusive: UInt8 = 0x04
  static let lowerUnbounded: UInt8 = 0x08
  static let upperUnbounded: UInt8 = 0x10
  /// Those that are sent; a NULL bound is not.
  static let all: UInt8 = 0x1f
}

extension PostgresRange {
  /// Reads the binary format; the closure reads the bounds.
  static func decodeBinary(
    _ cell: borrowing PostgresCell,
    bound decode: (borrowing PostgresCell) throws(PostgresDecodingError) -> Bound
  ) throws(PostgresDecodingError) -> PostgresRange<Bound> {
    guard let boundType = cell.catalogue.boundType(of: cell.type) else {
      throw cell.mismatch(as: Self.self)
    }
    var reader = try PostgresValueReader(cell, as: Self.self)
    let flags: UInt8 = try reader.integer()
    guard flags & ~RangeFlags.all == 0 else {
      throw reader.malformed("its flags are \(flags)")
    }
    if flags & RangeFlags.empty != 0 {
      try reader.finish()
      return .empty
    }
    func limit(_ unbounded: UInt8, _ inclusive: UInt8) throws(PostgresDecodingError) -> Limit {
      if flags & unbounded != 0 { return .unbounded }
      let value = try decode(try reader.cell(boundType))
      return flags & inclusive != 0 ? .inclusive(value) : .exclusive(value)
    }
    let lower = try limit(RangeFlags.lowerUnbounded, RangeFlags.lowerInclusive)
    let upper = try limit(RangeFlags.upperUnbounded, RangeFlags.upperInclusive)
    try reader.finish()
    return PostgresRange(lower: lower, upper: upper)
  }
}

extension PostgresRange: PostgresDecodable where Bound: PostgresDecodable {
  /// From a range of what the bound can be read from.
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> PostgresRange<Bound> {
    if cell.format == .text {
      guard let boundType = cell.catalogue.boundType(of: cell.type) else {
        throw cell.mismatch(as: Self.self)
      }
      var text = NestedTextReader(try cell.requireBytes(as: Self.self)[...])
      guard let range = try Self(&text, boundType, cell.catalogue), text.isAtEnd else {
        throw cell.malformed("its text is not a range's", as: Self.self)
      }
      return range
    }
    return try decodeBinary(cell) { cell throws(PostgresDecodingError) in
      try Bound.decode(cell)
    }
  }

  /// Reads `empty` or `[1,5)` off the front of a text; nil when there is something else.
  init?(
    _ text: inout NestedTextReader, _ boundType: PostgresType, _ catalogue: PostgresTypeCatalogue
  ) throws(PostgresDecodingError) {
    if text.rest.prefix(5).elementsEqual("empty".utf8) {
      for _ in 0..<5 { _ = text.next() }
      self = .empty
      return
    }
    let isLowerInclusive = text.skip("[")
    guard isLowerInclusive || text.skip("(") else { return nil }
    func limit(
      _ part: NestedTextReader.Part, isInclusive: Bool
    ) throws(PostgresDecodingError) -> Limit? {
      switch part {
      case .broken: return nil
      case .none: return .unbounded
      case .value(let bytes):
        let value = try Bound.decode(text: bytes, boundType, catalogue)
        return isInclusive ? .inclusive(value) : .exclusive(value)
      }
    }
    let lower = text.part { $0 == UInt8(ascii: ",") }
    guard text.skip(",") else { return nil }
    let upper = text.part { $0 == UInt8(ascii: ")") || $0 == UInt8(ascii: "]") }
    let isUpperInclusive = text.skip("]")
    guard isUpperInclusive || text.skip(")"),
      let low = try limit(lower, isInclusive: isLowerInclusive),
      let high = try limit(upper, isInclusive: isUpperInclusive)
    else { return nil }
    self.init(lower: low, upper: high)
  }
}

extension PostgresDecodable {
  /// Reads a value from its text, nil for NULL.
  static func decode(
    text: [UInt8]?, _ type: PostgresType, _ catalogue: PostgresTypeCatalogue
  ) throws(PostgresDecodingError) -> Self {
    let type = catalogue.baseType(of: type)
    guard let text else {
      return try decode(PostgresCell(bytes: nil, type: type, format: .text, catalogue: catalogue))
    }
    let result = text.withUnsafeBytes { bytes in
      Result { () throws(PostgresDecodingError) in
        try decode(PostgresCell(bytes: bytes, type: type, format: .text, catalogue: catalogue))
      }
    }
    return try result.get()
  }
}

extension PostgresRange: PostgresEncodable
where Bound: PostgresEncodable & PostgresTextRepresentable {
  /// The built-in range with such bounds. Other ranges, whose numbers only the server knows, are
  /// sent as text that it reads as whatever type the statement wants there.
  public static var postgresParameterType: PostgresType {
    switch Bound.postgresParameterType {
    case .int4: .int4range
    case .int8: .int8range
    case .numeric: .numrange
    case .timestamp: .tsrange
    case .timestamptz: .tstzrange
    case .date: .daterange
    default: .unspecified
    }
  }

  /// The flags and the bounds, or the text.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    guard Self.postgresParameterType != .unspecified else {
      return try description.encode(into: &writer)
    }
    guard !isEmpty else { return writer.write(RangeFlags.empty) }
    var flags: UInt8 = 0
    if lower.isInclusive { flags |= RangeFlags.lowerInclusive }
    if upper.isInclusive { flags |= RangeFlags.upperInclusive }
    if lower.value == nil { flags |= RangeFlags.lowerUnbounded }
    if upper.value == nil { flags |= RangeFlags.upperUnbounded }
    writer.write(flags)
    for limit in [lower, upper] {
      guard let value = limit.value else { continue }
      guard !value.isPostgresNull else {
        throw PostgresEncodingError("a range has NULL for a bound")
      }
      try writer.writeSized { writer throws(PostgresEncodingError) in
        try value.encode(into: &writer)
      }
    }
  }
}

extension PostgresRange: PostgresTextRepresentable, CustomStringConvertible
where Bound: PostgresTextRepresentable {
  /// As the server writes it: `[1,5)`, `(,"2024-01-01 00:00:00+00"]`, `empty`.
  public var description: String {
    if isEmpty { return "empty" }
    func text(_ limit: Limit) -> String {
      guard let value = limit.value else { return "" }
      return quotedPart(value.postgresText ?? "") {
        $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "]")
      }
    }
    return (lower.isInclusive ? "[" : "(") + text(lower) + "," + text(upper)
      + (upper.isInclusive ? "]" : ")")
  }
}

extension PostgresRange: PostgresArrayDecodable where Bound: PostgresDecodable {}
extension PostgresRange: PostgresArrayEncodable
where Bound: PostgresEncodable & PostgresTextRepresentable {}
