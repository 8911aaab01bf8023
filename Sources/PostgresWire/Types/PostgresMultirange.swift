/// Ranges that do not touch, in rising order: SQL's `int4multirange` and the like (from server
/// version 14 on).
///
/// Source: `multirange_send` and `multirange_out` in the server's
/// `src/backend/utils/adt/multirangetypes.c`.
public struct PostgresMultirange<Bound> {
  /// The ranges. The server joins those that touch, sorts them and drops the empty ones.
  public let ranges: [PostgresRange<Bound>]

  /// What is in any of these ranges.
  public init(_ ranges: [PostgresRange<Bound>]) {
    self.ranges = ranges
  }
}

extension PostgresMultirange: Sendable where Bound: Sendable {}
extension PostgresMultirange: Equatable where Bound: Equatable {}
extension PostgresMultirange: Hashable where Bound: Hashable {}
extension PostgresMultirange: Codable where Bound: Codable {}

extension PostgresMultirange {
  /// Reads the binary format; the closure reads the bounds.
  static func decodeBinary(
    _ cell: borrowing PostgresCell,
    bound decode: (borrowing PostgresCell) throws(PostgresDecodingError) -> Bound
  ) throws(PostgresDecodingError) -> PostgresMultirange<Bound> {
    guard let rangeType = cell.catalogue.rangeType(of: cell.type) else {
      throw cell.mismatch(as: Self.self)
    }
    var reader = try PostgresValueReader(cell, as: Self.self)
    // A range has a length and at least its flags.
    let count = try reader.count(ofByteCount: 5)
    var ranges: [PostgresRange<Bound>] = []
    ranges.reserveCapacity(count)
    for _ in 0..<count {
      ranges.append(
        try PostgresRange.decodeBinary(try reader.cell(rangeType), bound: decode))
    }
    try reader.finish()
    return PostgresMultirange(ranges)
  }
}

extension PostgresMultirange: PostgresDecodable where Bound: PostgresDecodable {
  /// From a multirange of what the bound can be read from.
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> PostgresMultirange<Bound> {
    if cell.format == .text {
      guard let rangeType = cell.catalogue.rangeType(of: cell.type),
        let boundType = cell.catalogue.boundType(of: rangeType)
      else { throw cell.mismatch(as: Self.self) }
      var ranges: [PostgresRange<Bound>] = []
      var text = NestedTextReader(try cell.requireBytes(as: Self.self)[...])
      var isBroken = !text.skip("{")
      while !isBroken, !text.skip("}") {
        guard ranges.isEmpty || text.skip(","),
          let range = try PostgresRange<Bound>(&text, boundType, cell.catalogue)
        else {
          isBroken = true
          break
        }
        ranges.append(range)
      }
      guard !isBroken, text.isAtEnd else {
        throw cell.malformed("its text is not a multirange's", as: Self.self)
      }
      return PostgresMultirange(ranges)
    }
    return try decodeBinary(cell) { cell throws(PostgresDecodingError) in
      try Bound.decode(cell)
    }
  }
}

extension PostgresMultirange: PostgresEncodable
where Bound: PostgresEncodable & PostgresTextRepresentable {
  /// The multirange of the range's type; none, and text, where that is not built in.
  public static var postgresParameterType: PostgresType {
    PostgresRange<Bound>.postgresParameterType.multirangeType ?? .unspecified
  }

  /// A count and the ranges, or the text.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    guard Self.postgresParameterType != .unspecified else {
      return try description.encode(into: &writer)
    }
    guard let count = Int32(exactly: ranges.count) else {
      throw PostgresEncodingError("there are more ranges than Postgres can hold")
    }
    writer.write(count)
    for range in ranges {
      try writer.writeSized { writer throws(PostgresEncodingError) in
        try range.encode(into: &writer)
      }
    }
  }
}

extension PostgresMultirange: PostgresTextRepresentable, CustomStringConvertible
where Bound: PostgresTextRepresentable {
  /// As the server writes it: `{[1,3),[5,)}`.
  public var description: String { "{" + ranges.map(\.description).joined(separator: ",") + "}" }
}

extension PostgresMultirange: PostgresArrayDecodable where Bound: PostgresDecodable {}
extension PostgresMultirange: PostgresArrayEncodable
where Bound: PostgresEncodable & PostgresTextRepresentable {}
