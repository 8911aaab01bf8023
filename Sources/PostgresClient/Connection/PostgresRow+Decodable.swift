import Foundation
public import PostgresWire

extension PostgresRow {
  /// Reads the row as a struct: a property is read from the column of its name, or of its name in
  /// snake_case. A missing column counts as nil. A property that is a struct itself is read from
  /// JSON, or from a composite by the names of its fields.
  public func decode<T: Decodable>(structure type: T.Type = T.self) throws -> T {
    var values: [RowDecoder.Value] = []
    values.reserveCapacity(columns.count)
    for index in columns.indices {
      values.append(
        RowDecoder.Value(
          source: .row(bytes(at: index), columns.catalogue), column: columns[index],
          index: index))
    }
    return try T(from: RowDecoder(columns: columns, values: values))
  }
}

/// Reads a row's columns for `Decodable`; lives only as long as the row's call.
private struct RowDecoder: Decoder {
  struct Value {
    enum Source {
      /// Where it was received; nil for NULL.
      case row(UnsafeRawBufferPointer?, PostgresTypeCatalogue)
      /// A field of a composite.
      case field(PostgresComposite)
      /// An element of an array of composites; nil for NULL.
      case element(PostgresComposite?)
    }

    let source: Source
    let column: PostgresColumn
    let index: Int

    var isNull: Bool {
      switch source {
      case .row(let bytes, _): bytes == nil
      case .field(let composite): composite.isNull(at: index)
      case .element(let composite): composite == nil
      }
    }

    func decode<T: PostgresDecodable>(_ type: T.Type) throws -> T {
      do throws(PostgresDecodingError) {
        switch source {
        case .row(let bytes, let catalogue):
          return try T.decode(
            PostgresCell(
              bytes: bytes, type: column.type, format: column.format, catalogue: catalogue))
        case .field(let composite): return try composite.decode(type, at: index)
        case .element(let composite):
          guard let result = composite as? T else {
            throw PostgresDecodingError(
              "the types do not fit", type: column.type, swiftType: type)
          }
          return result
        }
      } catch {
        throw error.named(column.name, index: index)
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

  func decodeNil(forKey key: Key) throws -> Bool { try value(key, as: Any?.self).isNull }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try ValueDecoder(value: value(key, as: type)).decode(type)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    try ValueDecoder(value: value(key, as: Any.self)).container(keyedBy: Nested.self)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try ValueDecoder(value: value(key, as: Any.self)).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { row }
  func superDecoder(forKey key: Key) throws -> any Decoder {
    ValueDecoder(value: try value(key, as: Any.self))
  }

  private func value(_ key: Key, as swiftType: any Any.Type) throws -> RowDecoder.Value {
    guard let value = row.value(key) else {
      throw PostgresDecodingError(
        "the result has no such column", type: .unspecified, swiftType: swiftType,
        column: key.stringValue)
    }
    return value
  }
}

/// Reads one column for `Decodable`: a type of the driver's, an enum over one, or a struct that
/// JSON or a composite holds.
private struct ValueDecoder: Decoder, SingleValueDecodingContainer {
  let value: RowDecoder.Value
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
    let composite = try value.decode(PostgresComposite.self)
    let columns = composite.columns
    let values = columns.indices.map {
      RowDecoder.Value(source: .field(composite), column: columns[$0], index: $0)
    }
    return KeyedDecodingContainer(
      RowContainer<Key>(row: RowDecoder(columns: columns, values: values)))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    ArrayContainer(
      elements: try value.decode([PostgresComposite?].self), column: value.column,
      index: value.index)
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer { self }
  func decodeNil() -> Bool { value.isNull }

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
}

/// Reads an array of composites as structs.
private struct ArrayContainer: UnkeyedDecodingContainer {
  let elements: [PostgresComposite?]
  let column: PostgresColumn
  let index: Int
  private(set) var currentIndex = 0
  var codingPath: [any CodingKey] { [] }
  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }

  init(elements: [PostgresComposite?], column: PostgresColumn, index: Int) {
    self.elements = elements
    self.column = column
    self.index = index
  }

  private mutating func next() throws -> ValueDecoder {
    guard !isAtEnd else {
      throw PostgresDecodingError(
        "the array is at its end", type: column.type, swiftType: Any.self, column: column.name)
    }
    defer { currentIndex += 1 }
    return ValueDecoder(
      value: RowDecoder.Value(
        source: .element(elements[currentIndex]), column: column, index: index))
  }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd, elements[currentIndex] == nil else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().decode(type) }

  mutating func nestedContainer<Key: CodingKey>(
    keyedBy: Key.Type
  ) throws -> KeyedDecodingContainer<Key> {
    try next().container(keyedBy: keyedBy)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try next().unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder { try next() }
}
