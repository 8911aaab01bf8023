import Foundation
import RoostCore

extension ColumnType {
  /// Whether a value is one of those that can be stored as they are and that little has to be
  /// looked at for. `coerce` decides about all others.
  @inlinable
  package func accepts(_ value: Value) -> Bool {
    switch (self, value) {
    case (.boolean, .bool), (.bigint, .int), (.uuid, .uuid), (.timestamptz, .timestamp),
      (.timestamp, .timestamp), (.double, .double), (_, .null):
      true
    case (.integer, .int(let number)): Int64(Int32(truncatingIfNeeded: number)) == number
    case (.text, .text(let text)): !TextOrder.containsNull(text)
    case (.varchar(let length), .text(let text)):
      text.utf8.count <= length && !TextOrder.containsNull(text)
    case (.json, .json(let document)): !document.containsNull
    default: false
    }
  }

  /// The value as a column of this type stores it.
  ///
  /// Integers are checked for range, numerics rounded to the scale, excess spaces of a varchar
  /// cut, text read as the type where it is not text. NULL stays NULL.
  /// - Throws: `invalidValue`, `valueTooLong` or `valueOutOfRange`, naming table and column.
  public func coerce(
    _ value: Value, table: String, column: String
  ) throws(StoreError) -> Value {
    switch (self, value) {
    case (_, .null): return .null
    case (.text, .text(let text)):
      if TextOrder.containsNull(text) { throw Self.nul(table, column) }
      return value
    case (.integer, .int(let number)) where Int64(Int32(truncatingIfNeeded: number)) == number,
      (.smallint, .int(let number)) where Int64(Int16(truncatingIfNeeded: number)) == number:
      return value
    case (.integer, .int), (.smallint, .int):
      throw StoreError(
        .valueOutOfRange, "\(sql) out of range in \"\(column)\"", table: table, column: column)
    case (.boolean, .bool), (.bigint, .int), (.uuid, .uuid), (.timestamptz, .timestamp),
      (.timestamp, .timestamp), (.date, .date), (.bytes, .bytes),
      (.double, .double), (.unlimitedNumeric, .numeric):
      return value
    case (.json, .json(let document)):
      if document.containsNull { throw Self.nul(table, column) }
      return value
    case (.varchar(let length), .text(let text)):
      if TextOrder.containsNull(text) { throw Self.nul(table, column) }
      return .text(try Self.cut(text, to: length, table, column))
    case (.numeric(let precision, let scale), .numeric(let number)):
      return .numeric(try Self.round(number, precision, scale, table, column))
    case (.array(let element), .array(let values)):
      var stored: [Value] = []
      stored.reserveCapacity(values.count)
      for value in values {
        stored.append(try element.coerce(value, table: table, column: column))
      }
      return .array(stored)
    default:
      guard let converted = try convert(value, table, column) else {
        // Postgres tells a day that no calendar has from a text that is no date at all.
        let code: StoreError.Code =
          if case .text(let text) = value, Self.hasFormOfDay(text),
            [.date, .timestamp, .timestamptz].contains(self)
          {
            .valueOutOfRange
          } else {
            .invalidValue
          }
        throw StoreError(
          code, "\(value) is not a \(sql), which \"\(column)\" holds", table: table,
          column: column)
      }
      return converted
    }
  }

  /// Conversions between types: what Postgres does on assignment, and text read as the type.
  private func convert(
    _ value: Value, _ table: String, _ column: String
  ) throws(StoreError) -> Value? {
    switch (self, value) {
    case (.text, .label(let label)): return .text(label.text)
    case (.varchar, .label(let label)):
      return try coerce(.text(label.text), table: table, column: column)
    case (.enumeration(let type), .text(let text)):
      return type.label(text).map { .label($0) }
    case (.enumeration(let type), .label(let label)):
      return type.label(label.text).map { .label($0) }
    case (.real, _), (.double, _):
      var value = value
      if case .text(let text) = value {
        guard let number = Numeric(text) else { return nil }
        value = .double(number.double)
        if number.isFinite, number.double.isInfinite || number.double == 0 && number != 0 {
          throw StoreError(
            .valueOutOfRange, "\(sql) out of range in \"\(column)\"", table: table, column: column)
        }
      }
      guard let number = value.asDouble else { return nil }
      if self == .double { return .double(number) }
      let narrow = Float(number)
      if narrow.isInfinite && number.isFinite || narrow == 0 && number != 0 {
        throw StoreError(
          .valueOutOfRange, "real out of range in \"\(column)\"", table: table, column: column)
      }
      return .double(Double(narrow))
    case (.unlimitedNumeric, _), (.numeric, _):
      let number: Numeric? =
        switch value {
        case .int(let number): Numeric(number)
        case .double(let number): Numeric(number)
        case .text(let text): Numeric(text)
        default: nil
        }
      guard let number else { return nil }
      return try coerce(.numeric(number), table: table, column: column)
    case (.smallint, .numeric(let number)), (.integer, .numeric(let number)),
      (.bigint, .numeric(let number)):
      return try number.int64.map { .int($0) }
        .map { value throws(StoreError) in try coerce(value, table: table, column: column) }
    case (.timestamp, .date(let day)), (.timestamptz, .date(let day)):
      return Timestamp(midnightOf: day).map { .timestamp($0) }
    case (.smallint, .text(let text)), (.integer, .text(let text)), (.bigint, .text(let text)):
      guard let number = Int64(text) else { return nil }
      return try coerce(.int(number), table: table, column: column)
    case (_, .text(let text)): return convert(text: text)
    default: return nil
    }
  }

  private func convert(text: String) -> Value? {
    switch self {
    case .boolean: Self.bool(text).map { .bool($0) }
    case .uuid: UUID(uuidString: text).map { .uuid($0) }
    case .date: CalendarDate(text).map { .date($0) }
    case .timestamp, .timestamptz: Timestamp(text).map { .timestamp($0) }
    case .json: (try? JSON(parsing: text)).map { .json($0) }
    case .array where text == "{}": .array([])
    default: nil
    }
  }

  /// A boolean as Postgres reads one: a word or a beginning of it that can mean no other.
  private static func bool(_ text: String) -> Bool? {
    let word = TextOrder.lowercased(text)
    switch word {
    case "", "o": return nil
    case "1", "on": return true
    case "0": return false
    default:
      if ["true", "yes"].contains(where: { $0.hasPrefix(word) }) { return true }
      if ["false", "no", "off"].contains(where: { $0.hasPrefix(word) }) { return false }
      return nil
    }
  }

  /// Whether a text starts with digits as a day does: `2024-02-30`.
  private static func hasFormOfDay(_ text: String) -> Bool {
    let form = Array("0000-00-00".utf8)
    let start = Array(text.utf8.prefix(form.count))
    return start.count == form.count
      && zip(start, form).allSatisfy { byte, wanted in
        wanted == UInt8(ascii: "0") ? (48...57).contains(byte) : byte == wanted
      }
  }

  private static func nul(_ table: String, _ column: String) -> StoreError {
    StoreError(
      .invalidValue, "a text with U+0000 cannot be stored in \"\(column)\"", table: table,
      column: column)
  }

  /// Cuts spaces beyond the length, as Postgres does; anything else beyond it is an error.
  private static func cut(
    _ text: String, to length: Int, _ table: String, _ column: String
  ) throws(StoreError) -> String {
    if text.utf8.count <= length { return text }
    let scalars = text.unicodeScalars
    guard let end = scalars.index(scalars.startIndex, offsetBy: length, limitedBy: scalars.endIndex)
    else { return text }
    guard scalars[end...].allSatisfy({ $0 == " " }) else {
      throw StoreError(
        .valueTooLong, "value too long for type character varying(\(length)) in \"\(column)\"",
        table: table, column: column)
    }
    return String(scalars[..<end])
  }

  private static func round(
    _ number: Numeric, _ precision: Int, _ scale: Int, _ table: String, _ column: String
  ) throws(StoreError) -> Numeric {
    if number.isNaN { return number }
    let rounded = number.rounded(toScale: scale)
    guard rounded.fits(precision: precision, scale: scale) else {
      throw StoreError(
        .valueOutOfRange, "numeric field overflow in \"\(column)\" (\(precision),\(scale))",
        table: table, column: column)
    }
    return rounded
  }
}
