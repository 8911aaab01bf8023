/// Encodes an object's members. Every simple type has a method of its own, as in
/// `JSONKeyedDecoding`.
struct JSONKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
  private let encoder: JSONEncoding

  init(_ encoder: JSONEncoding) {
    self.encoder = encoder
  }

  var codingPath: [any CodingKey] { encoder.codingPath }

  mutating func encodeNil(forKey key: Key) throws {
    guard try encoder.beginMember(key.stringValue) else { return }
    encoder.text.null()
    encoder.endMember()
  }

  mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    try encoder.put(value, .member(key.stringValue), at: .member(encoder, key))
  }

  private func put(_ value: Int64, _ key: Key) throws {
    guard try encoder.beginMember(key.stringValue) else { return }
    encoder.text.integer(value)
    encoder.endMember()
  }

  mutating func encode(_ value: Bool, forKey key: Key) throws {
    guard try encoder.beginMember(key.stringValue) else { return }
    encoder.text.bool(value)
    encoder.endMember()
  }

  mutating func encode(_ value: String, forKey key: Key) throws {
    try encoder.checkText(value, at: .member(encoder, key))
    guard try encoder.beginMember(key.stringValue) else { return }
    encoder.text.string(value)
    encoder.endMember()
  }

  mutating func encode(_ value: Double, forKey key: Key) throws {
    let number = try Numeric(short: value) ?? encoder.number(value, at: .member(encoder, key))
    guard try encoder.beginMember(key.stringValue) else { return }
    encoder.text.number(number)
    encoder.endMember()
  }

  mutating func encode(_ value: Float, forKey key: Key) throws {
    let number = try encoder.number(value, at: .member(encoder, key))
    guard try encoder.beginMember(key.stringValue) else { return }
    encoder.text.number(number)
    encoder.endMember()
  }

  mutating func encode(_ value: Int, forKey key: Key) throws {
    try put(Int64(value), key)
  }

  mutating func encode(_ value: Int8, forKey key: Key) throws {
    try put(Int64(value), key)
  }

  mutating func encode(_ value: Int16, forKey key: Key) throws {
    try put(Int64(value), key)
  }

  mutating func encode(_ value: Int32, forKey key: Key) throws {
    try put(Int64(value), key)
  }

  mutating func encode(_ value: Int64, forKey key: Key) throws {
    try put(Int64(value), key)
  }

  mutating func encode(_ value: UInt, forKey key: Key) throws {
    try encoder.put(value, .member(key.stringValue))
  }

  mutating func encode(_ value: UInt8, forKey key: Key) throws {
    try put(Int64(value), key)
  }

  mutating func encode(_ value: UInt16, forKey key: Key) throws {
    try put(Int64(value), key)
  }

  mutating func encode(_ value: UInt32, forKey key: Key) throws {
    try put(Int64(value), key)
  }

  mutating func encode(_ value: UInt64, forKey key: Key) throws {
    try encoder.put(value, .member(key.stringValue))
  }

  private func nested(_ key: any CodingKey) -> JSONEncoding {
    encoder.nested(as: .member(key.stringValue), at: .member(encoder, key))
  }

  mutating func nestedContainer<NestedKey>(
    keyedBy keyType: NestedKey.Type, forKey key: Key
  ) -> KeyedEncodingContainer<NestedKey> {
    nested(key).container(keyedBy: keyType)
  }

  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    nested(key).unkeyedContainer()
  }

  mutating func superEncoder() -> any Encoder { nested(JSONKey("super")) }

  mutating func superEncoder(forKey key: Key) -> any Encoder { nested(key) }
}
