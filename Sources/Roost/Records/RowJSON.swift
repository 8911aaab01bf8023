import Foundation
package import RoostCore

// Rows as JSON objects: a key a column, NULL left out. Numbers that JSON tools may not keep
// exactly (numeric, infinities, NaN) are strings; so are times, in ISO form.

/// Writes rows of one table.
package struct RowJSONWriter: Sendable {
  /// The names of the columns and of the key's, as JSON has them, each with its colon.
  private let columns: [[UInt8]]
  private let keys: [[UInt8]]

  /// Writes rows with the table's columns.
  package init(_ table: TableDefinition) {
    let colon = UInt8(ascii: ":")
    columns = table.columns.map { JSONWriter.quoted($0.name) + [colon] }
    keys = table.primaryKey.columns.map { JSONWriter.quoted($0) + [colon] }
  }

  /// Writes a row as an object.
  package func write(_ row: [Value], into json: inout JSONWriter) {
    json.beginObject()
    for place in 0..<min(columns.count, row.count) where !row[place].isNull {
      json.key(written: columns[place])
      Self.write(row[place], into: &json)
    }
    json.endObject()
  }

  /// Writes a key's columns only.
  package func write(key: [Value], into json: inout JSONWriter) {
    json.beginObject()
    for (name, value) in zip(keys, key) {
      json.key(written: name)
      Self.write(value, into: &json)
    }
    json.endObject()
  }

  private static func write(_ value: Value, into json: inout JSONWriter) {
    switch value {
    case .null: json.null()
    case .bool(let bool): json.bool(bool)
    case .int(let number): json.integer(number)
    case .double(let number):
      if number.isFinite {
        json.raw(number.description)
      } else {
        json.string(number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
      }
    case .numeric(let number): json.string(number.description)
    case .text(let text): json.string(text)
    case .bytes(let bytes): json.string("\\x" + bytes.map(hex).joined())
    case .uuid(let uuid): json.string(uuid.uuidString.lowercased())
    case .date(let date): json.string(date.description)
    case .timestamp(let timestamp): json.timestamp(timestamp)
    case .json(let document): json.value(document)
    case .label(let label): json.string(label.text)
    case .array(let values):
      json.beginArray()
      for value in values {
        // An element that is JSON's null must not read as SQL's NULL.
        if case .json(let document) = value {
          json.string(document.description)
        } else {
          write(value, into: &json)
        }
      }
      json.endArray()
    }
  }

  private static func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}

/// Reads rows of one table.
package struct RowJSONReader: Sendable {
  private let table: TableDefinition
  private let names: [[UInt8]]
  private let types: [ColumnType]
  /// The places of the primary key's columns in a row.
  package let keyPositions: [Int]

  /// Reads rows with the table's columns.
  package init(_ table: TableDefinition) {
    self.table = table
    names = table.columns.map { Array($0.name.utf8) }
    types = table.columns.map(\.type)
    keyPositions = table.primaryKey.columns.compactMap { table.position(of: $0) }
  }

  /// Reads a row; columns that are left out are NULL.
  package func row(_ json: inout JSONScanner) throws(JSONError) -> [Value] {
    var row = [Value](repeating: .null, count: types.count)
    var expected = 0
    // A bit a column; 64 columns share one, and then what is not null counts.
    var seen: UInt64 = 0
    try json.beginObject()
    while let position = try json.nextKey(among: names, from: expected) {
      let bit: UInt64 = 1 << UInt64(position & 63)
      if seen & bit != 0, types.count <= 64 || row[position] != .null {
        throw JSONError(.unexpectedKind, at: json.offset)
      }
      seen |= bit
      row[position] = try value(of: types[position], &json)
      expected = position + 1
    }
    return row
  }

  /// Reads the values of the primary key's columns.
  func key(_ json: inout JSONScanner) throws(JSONError) -> [Value] {
    let row = try row(&json)
    return keyPositions.map { row[$0] }
  }

  private func value(
    of type: ColumnType, _ json: inout JSONScanner
  ) throws(JSONError) -> Value {
    let start = json.offset
    switch type {
    case .boolean: return .bool(try json.bool())
    case .smallint, .integer, .bigint: return .int(try json.int64())
    case .json: return .json(try json.value())
    case .text, .varchar: return .text(try json.string())
    case .real, .double:
      let text =
        try json.peek() == .number
        ? String(decoding: json.numberText(), as: UTF8.self) : json.string()
      guard let number = Double(text) else { throw JSONError(.invalidNumber, at: start) }
      return .double(number)
    case .timestamp, .timestamptz:
      guard let text = try json.plainString(), let time = Timestamp(utf8: text) else {
        throw JSONError(.unexpectedKind, at: start)
      }
      return .timestamp(time)
    case .numeric, .unlimitedNumeric:
      guard let text = try json.plainString(), let number = Numeric(utf8: text) else {
        throw JSONError(.unexpectedKind, at: start)
      }
      return .numeric(number)
    case .array(let element): return .array(try array(of: element, &json))
    case .bytes:
      guard let bytes = Self.bytes(try json.string()) else {
        throw JSONError(.unexpectedKind, at: start)
      }
      return .bytes(bytes)
    case .uuid, .date, .enumeration:
      let text = try json.string()
      guard let value = try? type.coerce(.text(text), table: table.name, column: "") else {
        throw JSONError(.unexpectedKind, at: start)
      }
      return value
    }
  }

  private func array(
    of type: ColumnType, _ json: inout JSONScanner
  ) throws(JSONError) -> [Value] {
    var values: [Value] = []
    try json.beginArray()
    while try json.nextElement() {
      if try json.skipNull() {
        values.append(.null)
      } else if type == .json {
        values.append(.json(try JSON(parsing: try json.string())))
      } else {
        values.append(try value(of: type, &json))
      }
    }
    return values
  }

  private static func bytes(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8.dropFirst(2))
    guard text.hasPrefix("\\x"), digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 2)
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard
        let byte = UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
