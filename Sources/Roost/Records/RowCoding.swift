import RoostCore

extension Record {
  /// Reads a row through `Decodable`, property by property in snake_case.
  public init(row: Row) throws(StoreError) {
    do {
      try self.init(from: RowDecoder(row: row))
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(
        .invalidValue, "a row of \"\(Self.table)\" is no \(Self.self): \(error)",
        table: Self.table)
    }
  }

  /// Writes a row through `Encodable`, property by property in snake_case.
  public func write(to row: inout RowWriter) throws(StoreError) {
    let encoder = RowEncoder(RowWriter(row.layout))
    do {
      try encode(to: encoder)
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(.invalidValue, "a \(Self.self) is no row: \(error)", table: Self.table)
    }
    row = encoder.writer
  }
}

/// Decodes a struct from a row. Only a struct's own properties are columns; a property that is no
/// column value is decoded from JSON.
private struct RowDecoder: Decoder {
  let row: Row
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(RowDecodingContainer<Key>(row: row))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw notKeyed }

  func singleValueContainer() throws -> any SingleValueDecodingContainer { throw notKeyed }

  private var notKeyed: StoreError {
    StoreError(.invalidValue, "a record is a struct with a property for each column")
  }
}

private struct RowDecodingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let row: Row
  let codingPath: [any CodingKey] = []

  var allKeys: [Key] { row.layout.table.columns.compactMap { Key(stringValue: $0.name) } }

  private func value(_ key: Key) throws -> Value {
    guard let position = row.layout.position(ofProperty: key.stringValue),
      position < row.values.count
    else {
      throw StoreError(
        .undefinedColumn,
        "table \"\(row.layout.table.name)\" has no column for the property \(key.stringValue)",
        table: row.layout.table.name)
    }
    return row.values[position]
  }

  func contains(_ key: Key) -> Bool { row.layout.position(ofProperty: key.stringValue) != nil }

  func decodeNil(forKey key: Key) throws -> Bool { try value(key).isNull }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    let value = try value(key)
    if let columnType = type as? any ColumnValue.Type {
      guard let decoded = columnType.init(value: value) as? T else {
        throw row.mismatch(RowLayout.snakeCase(key.stringValue), type)
      }
      return decoded
    }
    switch value {
    case .json(let json): return try json.decode(type)
    default:
      // An enum with raw values that is no ColumnValue reads a single value.
      return try T(from: SingleValueDecoder(value: value, row: row, key: key.stringValue))
    }
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    throw row.mismatch(key.stringValue, type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    throw row.mismatch(key.stringValue, [Value].self)
  }

  func superDecoder() throws -> any Decoder { RowDecoder(row: row) }
  func superDecoder(forKey key: Key) throws -> any Decoder { RowDecoder(row: row) }
}

/// Decodes what reads one primitive value, such as an enum with raw values.
private struct SingleValueDecoder: Decoder, SingleValueDecodingContainer {
  let value: Value
  let row: Row
  let key: String
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]

  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    throw row.mismatch(key, type)
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    throw row.mismatch(key, [Value].self)
  }

  func decodeNil() -> Bool { value.isNull }

  func decode<T: Decodable>(_ type: T.Type) throws -> T {
    guard let columnType = type as? any ColumnValue.Type,
      let decoded = columnType.init(value: value) as? T
    else { throw row.mismatch(key, type) }
    return decoded
  }
}

/// Encodes a struct into a row.
private final class RowEncoder: Encoder {
  var writer: RowWriter
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]

  init(_ writer: RowWriter) {
    self.writer = writer
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(RowEncodingContainer<Key>(encoder: self))
  }

  // A record that encodes itself as a list or a single value writes no column; the caller then
  // finds every NOT NULL column without a value.
  func unkeyedContainer() -> any UnkeyedEncodingContainer { DiscardingContainer() }
  func singleValueContainer() -> any SingleValueEncodingContainer { DiscardingContainer() }
}

private struct RowEncodingContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: RowEncoder
  let codingPath: [any CodingKey] = []

  private func set(_ key: Key, _ value: Value) throws {
    guard let position = encoder.writer.layout.position(ofProperty: key.stringValue) else {
      let table = encoder.writer.layout.table.name
      throw StoreError(
        .undefinedColumn, "table \"\(table)\" has no column for the property \(key.stringValue)",
        table: table)
    }
    try encoder.writer.set(encoder.writer.layout.table.columns[position].name, value)
  }

  func encodeNil(forKey key: Key) throws { try set(key, .null) }

  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    if let value = value as? any ColumnValue { return try set(key, value.value) }
    let json = try JSON(encoding: value)
    let position = encoder.writer.layout.position(ofProperty: key.stringValue)
    if let position, encoder.writer.layout.table.columns[position].type != .json,
      case .string(let text) = json
    {
      return try set(key, .text(text))
    }
    try set(key, .json(json))
  }

  func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
    if let value { try encode(value, forKey: key) } else { try encodeNil(forKey: key) }
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy keyType: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    KeyedEncodingContainer(RowEncodingContainer<Nested>(encoder: encoder))
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    DiscardingContainer()
  }

  func superEncoder() -> any Encoder { encoder }
  func superEncoder(forKey key: Key) -> any Encoder { encoder }
}

private struct DiscardingContainer: UnkeyedEncodingContainer, SingleValueEncodingContainer {
  let codingPath: [any CodingKey] = []
  let count = 0

  private var notKeyed: StoreError {
    StoreError(.invalidValue, "a record is a struct with a property for each column")
  }

  func encodeNil() throws { throw notKeyed }
  func encode<T: Encodable>(_ value: T) throws { throw notKeyed }

  func nestedContainer<Nested: CodingKey>(
    keyedBy keyType: Nested.Type
  ) -> KeyedEncodingContainer<Nested> {
    KeyedEncodingContainer(DiscardingKeyedContainer<Nested>())
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { self }
  func superEncoder() -> any Encoder { RowEncoder(RowWriter(RowLayout.none)) }
}

private struct DiscardingKeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let codingPath: [any CodingKey] = []

  private var notKeyed: StoreError {
    StoreError(.invalidValue, "a record is a struct with a property for each column")
  }

  func encodeNil(forKey key: Key) throws { throw notKeyed }
  func encode<T: Encodable>(_ value: T, forKey key: Key) throws { throw notKeyed }

  func nestedContainer<Nested: CodingKey>(
    keyedBy keyType: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    KeyedEncodingContainer(DiscardingKeyedContainer<Nested>())
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    DiscardingContainer()
  }

  func superEncoder() -> any Encoder { RowEncoder(RowWriter(RowLayout.none)) }
  func superEncoder(forKey key: Key) -> any Encoder { superEncoder() }
}

extension RowLayout {
  /// The layout of no table, into which nothing can be written.
  fileprivate static let none = RowLayout(
    TableDefinition(name: "", columns: [], primaryKey: KeyConstraint(name: "", columns: [])))
}
