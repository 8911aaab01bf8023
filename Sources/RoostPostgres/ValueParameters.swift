import Foundation
import PostgresClient
import Roost
import RoostCore

extension PostgresParameters {
  /// Appends a value as a column of a type takes it.
  mutating func append(_ value: Value, as type: ColumnType) throws(PostgresEncodingError) {
    switch value {
    case .null: appendNull()
    case .bool(let bool): try append(bool)
    case .int(let number):
      if case .integer = type, let narrow = Int32(exactly: number) {
        try append(narrow)
      } else {
        try append(number)
      }
    case .double(let number): try append(number)
    case .numeric(let number): try append(number)
    case .text(let text): try append(text)
    case .bytes(let bytes): try append(bytes)
    case .uuid(let uuid): try append(uuid)
    case .date(let date): try append(date)
    case .timestamp(let timestamp):
      if case .timestamp = type {
        try append(type: .unspecified, bytes: Array(timestamp.postgresText.utf8))
      } else {
        try append(timestamp)
      }
    case .json(let json): try append(json)
    // Without a type the server takes the label as the enum's own.
    case .label(let label): try append(type: .unspecified, bytes: Array(label.text.utf8))
    case .array(let values):
      guard case .array(let element) = type else {
        throw PostgresEncodingError("an array for a \(type.sql)")
      }
      try append(values, elements: element)
    }
  }

  /// Appends values as one array, NULLs among them.
  mutating func append(_ values: [Value], elements: ColumnType) throws(PostgresEncodingError) {
    func all<T>(_ read: (Value) -> T?) -> [T?] { values.map { $0.isNull ? nil : read($0) } }
    switch elements {
    case .boolean: try append(all { Bool(value: $0) })
    case .smallint, .integer, .bigint: try append(all { Int64(value: $0) })
    case .real, .double: try append(all { Double(value: $0) })
    case .numeric, .unlimitedNumeric: try append(all { Numeric(value: $0) })
    case .text, .varchar, .enumeration: try append(all { String(value: $0) })
    case .bytes:
      try append(
        all { value -> [UInt8]? in
          if case .bytes(let bytes) = value { return bytes }
          return nil
        })
    case .uuid: try append(all { UUID(value: $0) })
    case .date: try append(all { CalendarDate(value: $0) })
    case .timestamp, .timestamptz: try append(all { Timestamp(value: $0) })
    case .json: try append(all { JSON(value: $0) })
    case .array: throw PostgresEncodingError("an array of arrays")
    }
  }
}

extension ColumnType {
  /// How an array parameter of elements of the type is cast, so that `unnest` gives the column's
  /// own type.
  var arrayCast: String {
    switch self {
    // A time without zone must not be turned by the session's zone on its way.
    case .timestamp: "::timestamptz[]"
    case .enumeration: "::text[]::\(quotedSQL)[]"
    case .varchar: "::text[]"
    case .numeric: "::numeric[]"
    default: "::\(quotedSQL)[]"
    }
  }

  /// The type as SQL with an enum's name quoted.
  var quotedSQL: String {
    switch self {
    case .enumeration(let type): PostgresQuery.quote(identifier: type.name)
    case .array(let element): element.quotedSQL + "[]"
    default: sql
    }
  }
}

extension Timestamp {
  /// The text without a zone, as a timestamp without time zone takes it.
  fileprivate var postgresText: String {
    description.hasSuffix("Z") ? String(description.dropLast()) : description
  }
}

/// Reads cells as a table's columns have them.
struct RowReader: Sendable {
  private let types: [ColumnType]

  init(_ table: TableDefinition, columns: [String]?) throws(StoreError) {
    guard let columns else {
      types = table.columns.map(\.type)
      return
    }
    types = try table.requirePositions(of: columns).map { table.columns[$0].type }
  }

  init(types: [ColumnType]) {
    self.types = types
  }

  func read(_ row: borrowing PostgresRow) throws(PostgresDecodingError) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(types.count)
    for (index, type) in types.enumerated() {
      values.append(
        row.bytes(at: index) == nil ? .null : try Self.value(of: type, at: index, in: row))
    }
    return values
  }

  private static func value(
    of type: ColumnType, at index: Int, in row: borrowing PostgresRow
  ) throws(PostgresDecodingError) -> Value {
    switch type {
    case .boolean: return .bool(try row.decode(at: index))
    case .smallint, .integer, .bigint: return .int(try row.decode(at: index))
    case .real: return .double(Double(try row.decode(Float.self, at: index)))
    case .double: return .double(try row.decode(at: index))
    case .numeric, .unlimitedNumeric: return .numeric(try row.decode(at: index))
    case .text, .varchar: return .text(try row.decode(at: index))
    case .bytes: return .bytes(try row.decode(at: index))
    case .uuid: return .uuid(try row.decode(at: index))
    case .date: return .date(try row.decode(at: index))
    case .timestamp, .timestamptz: return .timestamp(try row.decode(at: index))
    case .json: return .json(try row.decode(at: index))
    case .enumeration(let enumeration):
      let text: String = try row.decode(at: index)
      // A label that this program's migrations do not know sorts behind those that they do.
      return .label(
        enumeration.label(text) ?? EnumLabel(text: text, position: .infinity))
    case .array(let element): return .array(try array(of: element, at: index, in: row))
    }
  }

  private static func array(
    of type: ColumnType, at index: Int, in row: borrowing PostgresRow
  ) throws(PostgresDecodingError) -> [Value] {
    func all<T: PostgresDecodable>(
      _: T.Type, _ make: (T) -> Value, _ row: borrowing PostgresRow
    ) throws(PostgresDecodingError) -> [Value] {
      try row.decode([T?].self, at: index).map { $0.map(make) ?? .null }
    }
    switch type {
    case .boolean: return try all(Bool.self, { .bool($0) }, row)
    case .smallint, .integer, .bigint: return try all(Int64.self, { .int($0) }, row)
    case .real: return try all(Float.self, { .double(Double($0)) }, row)
    case .double: return try all(Double.self, { .double($0) }, row)
    case .numeric, .unlimitedNumeric: return try all(Numeric.self, { .numeric($0) }, row)
    case .text, .varchar: return try all(String.self, { .text($0) }, row)
    case .bytes: return try all([UInt8].self, { .bytes($0) }, row)
    case .uuid: return try all(UUID.self, { .uuid($0) }, row)
    case .date: return try all(CalendarDate.self, { .date($0) }, row)
    case .timestamp, .timestamptz: return try all(Timestamp.self, { .timestamp($0) }, row)
    case .json: return try all(JSON.self, { .json($0) }, row)
    case .enumeration(let enumeration):
      return try all(
        String.self,
        { .label(enumeration.label($0) ?? EnumLabel(text: $0, position: .infinity)) }, row)
    case .array: return []
    }
  }
}
