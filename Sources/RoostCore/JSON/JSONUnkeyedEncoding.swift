/// Encodes an array's elements.
struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
  private let encoder: JSONEncoding

  init(_ encoder: JSONEncoding) {
    self.encoder = encoder
  }

  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int { encoder.count }

  mutating func encodeNil() throws { try encoder.put(.element) { $0.null() } }

  mutating func encode<T: Encodable>(_ value: T) throws {
    try encoder.put(value, .element, at: .element(encoder, count))
  }

  private func nested() -> JSONEncoding {
    encoder.nested(as: .element, at: .element(encoder, count))
  }

  mutating func nestedContainer<NestedKey>(
    keyedBy keyType: NestedKey.Type
  ) -> KeyedEncodingContainer<NestedKey> {
    nested().container(keyedBy: keyType)
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    nested().unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder { nested() }
}

/// Encodes a value in another's place.
struct JSONSingleEncoding: SingleValueEncodingContainer {
  private let encoder: JSONEncoding

  init(_ encoder: JSONEncoding) {
    self.encoder = encoder
  }

  var codingPath: [any CodingKey] { encoder.codingPath }

  mutating func encodeNil() throws { try encoder.put(.single) { $0.null() } }

  mutating func encode<T: Encodable>(_ value: T) throws {
    // An integer type of somebody's own may hand itself over, and would come back without end.
    if let integer = value as? any FixedWidthInteger {
      try encoder.put(integer, .single)
    } else {
      try encoder.put(value, .single, at: .same(encoder))
    }
  }

  mutating func encode(_ value: Bool) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: String) throws {
    try encoder.put(value, .single, at: .same(encoder))
  }

  mutating func encode(_ value: Double) throws {
    try encoder.put(value, .single, at: .same(encoder))
  }

  mutating func encode(_ value: Float) throws {
    try encoder.put(value, .single, at: .same(encoder))
  }

  mutating func encode(_ value: Int) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: Int8) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: Int16) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: Int32) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: Int64) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt8) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt16) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt32) throws {
    try encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt64) throws {
    try encoder.put(value, .single)
  }
}
