/// Encodes an array's elements.
struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
  private let encoder: JSONEncoding

  init(_ encoder: JSONEncoding) {
    self.encoder = encoder
  }

  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int { encoder.count }

  mutating func encodeNil() { encoder.put(.element) { $0.null() } }

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

  mutating func encodeNil() { encoder.put(.single) { $0.null() } }

  mutating func encode<T: Encodable>(_ value: T) throws {
    // An integer type of somebody's own may hand itself over, and would come back without end.
    if let integer = value as? any FixedWidthInteger {
      encoder.put(integer, .single)
    } else {
      try encoder.put(value, .single, at: .same(encoder))
    }
  }

  mutating func encode(_ value: Bool) {
    encoder.put(value, .single)
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

  mutating func encode(_ value: Int) {
    encoder.put(value, .single)
  }

  mutating func encode(_ value: Int8) {
    encoder.put(value, .single)
  }

  mutating func encode(_ value: Int16) {
    encoder.put(value, .single)
  }

  mutating func encode(_ value: Int32) {
    encoder.put(value, .single)
  }

  mutating func encode(_ value: Int64) {
    encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt) {
    encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt8) {
    encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt16) {
    encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt32) {
    encoder.put(value, .single)
  }

  mutating func encode(_ value: UInt64) {
    encoder.put(value, .single)
  }
}
