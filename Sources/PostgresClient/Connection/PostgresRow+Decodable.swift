import Foundation
public import PostgresWire

extension PostgresRow {
  /// Reads the row as a struct: a property is read from the column of its name, or of its name in
  /// snake_case. A missing column counts as nil.
  public func decode<T: Decodable>(structure type: T.Type = T.self) throws -> T {
    var values: [RowDecoder.Value] = []
    values.reserveCapacity(columns.count)
    for index in columns.indices {
      values.append(
        RowDecoder.Value(bytes: bytes(at: index), column: columns[index]))
    }
    return try T(from: RowDecoder(columns: columns, values: values))
  }
}

/// Reads a row's columns for `Decodable`; lives only as long as the row's call.
private struct RowDecoder: Decoder {
  struct Value {
    let bytes: UnsafeRawBufferPointer?
    let column: PostgresColumn

    func decode<T: PostgresDecodable>(_: T.Type) throws -> T {
      do throws(PostgresDecodingError) {
        return try T.decode(PostgresCell(bytes: bytes, type: column.type, format: column.format))
      } catch {
        throw error.named(column.name)
      }
    }
  }

  let columns: PostgresColumns
  let values: [Value]
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(RowContainer<Key>(row: self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    throw unsupported("a row is read by names")
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    guard let value = values.first, values.count == 1 else {
      throw unsupported("a single value needs a result of one column")
    }
    return ValueDecoder(value: value)
  }

  fileprivate func value(_ key: any CodingKey) -> Value? {
    if let index = columns.index(named: key.stringValue) { return values[index] }
    return columns.index(named: Self.snakeCase(key.stringValue)).map { values[$0] }
  }

  /// `createdAt` as `created_at`, `homeURL` as `home_url`.
  static func snakeCase(_ name: String) -> String {
    var result = ""
    let characters = Array(name)
    for (index, character) in characters.enumerated() {
      if character.isUppercase, index > 0 {
        let follows = !characters[index - 1].isUppercase
        let begins = index + 1 < characters.count && characters[index + 1].isLowercase
        if follows || begins, characters[index - 1] != "_" { result += "_" }
      }
      result += character.lowercased()
    }
    return result
  }
}

private func unsupported(_ reason: String) -> PostgresDecodingError {
  PostgresDecodingError(reason, type: .unspecified, swiftType: Any.self)
}

private struct RowContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let row: RowDecoder
  var codingPath: [any CodingKey] { [] }
  var allKeys: [Key] { row.columns.compactMap { Key(stringValue: $0.name) } }

  func contains(_ key: Key) -> Bool { row.value(key) != nil }

  func decodeNil(forKey key: Key) throws -> Bool { try value(key).bytes == nil }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try ValueDecoder(value: value(key)).decode(type)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    try ValueDecoder(value: value(key)).container(keyedBy: Nested.self)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try ValueDecoder(value: value(key)).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { row }
  func superDecoder(forKey key: Key) throws -> any Decoder { ValueDecoder(value: try value(key)) }

  private func value(_ key: Key) throws -> RowDecoder.Value {
    guard let value = row.value(key) else {
      throw PostgresDecodingError(
        "the result has no such column", type: .unspecified, swiftType: Any.self,
        column: key.stringValue)
    }
    return value
  }
}

/// Reads one column for `Decodable`: a type of the driver's, an enum over one, or a struct that
/// JSON holds.
private struct ValueDecoder: Decoder, SingleValueDecodingContainer {
  let value: RowDecoder.Value
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
    throw mismatch()
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw mismatch() }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { self }
  func decodeNil() -> Bool { value.bytes == nil }

  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    if let known = type as? any PostgresDecodable.Type, let result = try read(known) as? T {
      return result
    }
    if value.column.type == .json || value.column.type == .jsonb {
      let text = try value.decode(String.self)
      return try JSONDecoder().decode(type, from: Data(text.utf8))
    }
    return try T(from: self)
  }

  private func read<T: PostgresDecodable>(_ type: T.Type) throws -> Any {
    try value.decode(type)
  }

  private func mismatch() -> PostgresDecodingError {
    PostgresDecodingError(
      "the types do not fit", type: value.column.type, swiftType: Any.self,
      column: value.column.name)
  }
}
