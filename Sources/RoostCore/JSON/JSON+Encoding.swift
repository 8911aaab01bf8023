import Foundation

// Encodable values become text without a tree between, every integer and numeric exact; a tree is
// read from that text:
//
//   Numeric, Decimal, integers   numbers with all their digits
//   Float, Double                the shortest number that reads back; NaN and infinities throw
//   Date, Timestamp              Timestamp's text: 2026-11-20T11:35:00.123456Z
//   CalendarDate                 its text: 2026-11-20
//   Data                         base64
//   UUID                         its text in lower case, as Postgres prints it
//   URL                          its text
//   JSON                         itself

extension JSON {
  /// Writes an encodable value as compact JSON text in UTF-8; keys are the coding keys as they are,
  /// in jsonb's order.
  ///
  /// Dates are written as `Timestamp` text (ISO 8601, UTC, six digits), `Data` as base64, a `UUID`
  /// in lower case; `Numeric`, `Decimal` and integers stay exact.
  ///
  /// - Throws: `EncodingError` for a number that JSON lacks, a text with U+0000, a value nested
  ///   deeper than `maximumDepth`; and what the value's own `encode(to:)` throws.
  public static func encode(_ value: some Encodable) throws -> [UInt8] {
    let root = JSONEncoding(.root, depth: 0, JSONShapes())
    try root.putRoot(value)
    return try root.finished()
  }

  /// Makes the JSON of an encodable value, by the rules of `JSON.encode(_:)`.
  ///
  /// - Throws: as that does.
  public init(encoding value: some Encodable) throws {
    if let value = value as? JSON {
      self = value
      return
    }
    let text = try JSON.encode(value)
    do {
      try self.init(parsing: text)
    } catch {
      // A `JSON` among the parts can be made of what has no text.
      throw EncodingError.invalidValue(
        value, .init(codingPath: [], debugDescription: error.reason.rawValue))
    }
  }
}

extension JSON: Encodable {
  /// Writes the value with another encoder; numbers as integers where they are, else as `Decimal`.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .null:
      var container = encoder.singleValueContainer()
      try container.encodeNil()
    case .bool(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .number(let value):
      // Through the container, which knows Decimal; Decimal's own coding is an object of its parts.
      var container = encoder.singleValueContainer()
      if let integer = value.int64 {
        try container.encode(integer)
      } else if let decimal = value.decimal {
        try container.encode(decimal)
      } else {
        try container.encode(value)
      }
    case .string(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .array(let elements):
      var container = encoder.unkeyedContainer()
      for element in elements { try container.encode(element) }
    case .object(let object):
      var container = encoder.container(keyedBy: JSONKey.self)
      for member in object { try container.encode(member.value, forKey: JSONKey(member.key)) }
    }
  }
}
