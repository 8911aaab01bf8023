/// Decodes an object's members.
///
/// Every simple type has a method of its own: a generic one is not specialised here, since `Key` is
/// not known, and the whole of decoding then takes 1.5 times the instructions.
struct JSONKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let object: JSONDecoding

  init(_ object: JSONDecoding) {
    self.object = object
  }

  var codingPath: [any CodingKey] { object.codingPath }

  var allKeys: [Key] {
    object.tape.index(of: object.part.node).compactMap { Key(stringValue: $0.key) }
  }

  private func find(_ key: Key) -> Int {
    object.tape.value(of: key.stringValue, in: object.part.node)
  }

  func contains(_ key: Key) -> Bool { find(key) > 0 }

  private func part(_ key: Key) throws -> JSONPart {
    let node = find(key)
    guard node > 0 else { throw object.part.noMember(key) }
    return object.part.part(node)
  }

  /// The member unless there is none or it is null.
  private func present(_ key: Key) -> JSONPart? {
    let node = find(key)
    guard node > 0 else { return nil }
    let part = object.part.part(node)
    return part.isNull ? nil : part
  }

  func decodeNil(forKey key: Key) throws -> Bool { try part(key).isNull }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try JSONDecoding(object.tape, part(key)).unwrap(type)
  }

  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
    try part(key).bool()
  }

  func decode(_ type: String.Type, forKey key: Key) throws -> String {
    try part(key).text(type)
  }

  func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
    try part(key).double()
  }

  func decode(_ type: Float.Type, forKey key: Key) throws -> Float {
    try part(key).float()
  }

  func decode(_ type: Int.Type, forKey key: Key) throws -> Int {
    try part(key).integer(type)
  }

  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 {
    try part(key).integer(type)
  }

  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 {
    try part(key).integer(type)
  }

  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 {
    try part(key).integer(type)
  }

  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 {
    try part(key).integer(type)
  }

  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt {
    try part(key).integer(type)
  }

  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 {
    try part(key).integer(type)
  }

  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 {
    try part(key).integer(type)
  }

  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 {
    try part(key).integer(type)
  }

  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 {
    try part(key).integer(type)
  }

  // In one search where the protocol's own make three.

  func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
    guard let part = present(key) else { return nil }
    return try JSONDecoding(object.tape, part).unwrap(type)
  }

  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
    try present(key)?.bool()
  }

  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
    try present(key)?.text(type)
  }

  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
    try present(key)?.double()
  }

  func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? {
    try present(key)?.float()
  }

  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
    try present(key)?.integer(type)
  }

  func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? {
    try present(key)?.integer(type)
  }

  func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? {
    try present(key)?.integer(type)
  }

  func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? {
    try present(key)?.integer(type)
  }

  func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? {
    try present(key)?.integer(type)
  }

  func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? {
    try present(key)?.integer(type)
  }

  func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? {
    try present(key)?.integer(type)
  }

  func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? {
    try present(key)?.integer(type)
  }

  func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? {
    try present(key)?.integer(type)
  }

  func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? {
    try present(key)?.integer(type)
  }

  func nestedContainer<NestedKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try JSONDecoding(object.tape, part(key)).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try JSONDecoding(object.tape, part(key)).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder {
    let key = JSONKey("super")
    let node = object.tape.value(of: key.stringValue, in: object.part.node)
    guard node > 0 else { throw object.part.noMember(key) }
    return JSONDecoding(object.tape, object.part.part(node))
  }

  func superDecoder(forKey key: Key) throws -> any Decoder {
    JSONDecoding(object.tape, try part(key))
  }
}
