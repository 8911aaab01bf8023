import Foundation

// Encodable values become JSON without a detour through text, so that every integer and numeric
// stays exact:
//
//   Numeric, Decimal, integers   numbers with all their digits
//   Float, Double                the shortest number that reads back; NaN and infinities throw
//   Date, Timestamp              Timestamp's text: 2026-11-20T11:35:00.123456Z
//   CalendarDate                 its text: 2026-11-20
//   Data                         base64
//   UUID                         its text in lower case, as Postgres prints it
//   URL                          its text
//   JSON                         itself

extension JSON {
  /// Makes the JSON of an encodable value; keys are the coding keys as they are.
  ///
  /// Dates are written as `Timestamp` text (ISO 8601, UTC, six digits), `Data` as base64, a `UUID`
  /// in lower case; `Numeric`, `Decimal` and integers stay exact.
  ///
  /// - Throws: `EncodingError` for a number that JSON lacks, a text with U+0000, a value nested
  ///   deeper than `maximumDepth`; and what the value's own `encode(to:)` throws.
  public init(encoding value: some Encodable) throws {
    self = try JSONTreeEncoder(codingPath: []).json(value).json
  }

  /// What `JSON(encoding:)` writes for types that do not follow their own `encode(to:)`.
  fileprivate static func special(_ value: any Encodable) -> JSON? {
    switch value {
    case let value as JSON: return value
    case let value as Numeric: return value.isFinite ? .number(value) : .string(value.description)
    case let value as Decimal: return value.isNaN ? .string("NaN") : .number(Numeric(value))
    case let value as Date: return .string(Timestamp(value).description)
    case let value as UUID: return .string(value.uuidString.lowercased())
    case let value as Data: return .string(value.base64EncodedString())
    case let value as URL: return .string(value.absoluteString)
    default: return nil
    }
  }
}

extension JSON: Encodable {
  /// Writes the value with another encoder; numbers as integers where they are, else as `Decimal`.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .null:
      var container = encoder.singleValueContainer()
      try container.encodeNil()
    case .bool(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .number(let value):
      // Through the container, which knows Decimal; Decimal's own coding is an object of its parts.
      var container = encoder.singleValueContainer()
      if let integer = value.int64 {
        try container.encode(integer)
      } else if let decimal = value.decimal {
        try container.encode(decimal)
      } else {
        try container.encode(value)
      }
    case .string(let value):
      var container = encoder.singleValueContainer()
      try container.encode(value)
    case .array(let elements):
      var container = encoder.unkeyedContainer()
      for element in elements { try container.encode(element) }
    case .object(let object):
      var container = encoder.container(keyedBy: JSONKey.self)
      for member in object { try container.encode(member.value, forKey: JSONKey(member.key)) }
    }
  }
}

/// A coding key that is any text or an index.
struct JSONKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(_ text: String) {
    stringValue = text
    intValue = nil
  }

  init(index: Int) {
    stringValue = "\(index)"
    intValue = index
  }

  init?(stringValue: String) { self.init(stringValue) }

  init?(intValue: Int) { self.init(index: intValue) }
}

/// A place in the tree that is being built. Containers share it, because an encoder may hand out
/// nested containers that are filled later.
private final class JSONNode {
  enum Content {
    case empty
    case value(JSON)
    case array([JSONNode])
    case object([(String, JSONNode)])
  }

  var content: Content = .empty

  /// The finished value; a value that encoded nothing is an empty object, as in `JSONEncoder`.
  var json: JSON {
    switch content {
    case .empty: return .object([:])
    case .value(let value): return value
    case .array(let nodes): return .array(nodes.map(\.json))
    case .object(let pairs): return .object(JSON.Object(pairs.map { ($0.0, $0.1.json) }))
    }
  }

  func becomeArray() {
    if case .array = content { return }
    content = .array([])
  }

  func becomeObject() {
    if case .object = content { return }
    content = .object([])
  }

  func append(_ node: JSONNode) {
    guard case .array(var nodes) = content else { return }
    content = .empty
    nodes.append(node)
    content = .array(nodes)
  }

  func set(_ key: String, _ node: JSONNode) {
    guard case .object(var pairs) = content else { return }
    content = .empty
    pairs.append((key, node))
    content = .object(pairs)
  }

  var count: Int {
    if case .array(let nodes) = content { return nodes.count }
    return 0
  }
}

private struct JSONTreeEncoder: Encoder {
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }
  let node = JSONNode()

  /// The node of a value, by its own `encode(to:)` or by the rules at the head of this file.
  func json(_ value: some Encodable, _ key: (any CodingKey)? = nil) throws -> JSONNode {
    let path = key.map { codingPath + [$0] } ?? codingPath
    guard path.count <= JSON.maximumDepth else {
      throw EncodingError.invalidValue(
        value, .init(codingPath: path, debugDescription: "nested too deeply"))
    }
    let inner = JSONTreeEncoder(codingPath: path)
    if let special = JSON.special(value) {
      inner.node.content = .value(special)
    } else {
      try value.encode(to: inner)
    }
    return inner.node
  }

  func leaf(_ json: JSON) -> JSONNode {
    let node = JSONNode()
    node.content = .value(json)
    return node
  }

  /// A text without U+0000.
  func text(_ value: String, _ path: [any CodingKey]) throws -> JSON {
    guard !TextOrder.containsNull(value) else {
      throw EncodingError.invalidValue(
        value, .init(codingPath: path, debugDescription: "U+0000 is not allowed"))
    }
    return .string(value)
  }

  func number(_ value: Double, _ text: String, _ path: [any CodingKey]) throws -> JSON {
    guard value.isFinite, let number = Numeric(text) else {
      throw EncodingError.invalidValue(
        value, .init(codingPath: path, debugDescription: "JSON has no such number"))
    }
    return .number(number.reduced)
  }

  func container<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    node.becomeObject()
    return KeyedEncodingContainer(JSONKeyedEncoding<Key>(encoder: self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    node.becomeArray()
    return JSONUnkeyedEncoding(encoder: self)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer {
    JSONSingleEncoding(encoder: self)
  }

  /// An encoder for a superclass or a nested container, whose node is part of this one's.
  func nested(_ key: any CodingKey) -> JSONTreeEncoder {
    JSONTreeEncoder(codingPath: codingPath + [key])
  }
}

private struct JSONSingleEncoding: SingleValueEncodingContainer {
  let encoder: JSONTreeEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }

  private func put(_ json: JSON) { encoder.node.content = .value(json) }

  mutating func encodeNil() { put(.null) }
  mutating func encode(_ value: Bool) { put(.bool(value)) }
  mutating func encode(_ value: String) throws { put(try encoder.text(value, codingPath)) }
  mutating func encode(_ value: Double) throws {
    put(try encoder.number(value, value.description, codingPath))
  }
  mutating func encode(_ value: Float) throws {
    put(try encoder.number(Double(value), value.description, codingPath))
  }
  mutating func encode<T: Encodable>(_ value: T) throws {
    if let integer = value as? any FixedWidthInteger & Encodable {
      put(.number(Numeric(integer.description) ?? .nan))
    } else {
      encoder.node.content = try encoder.json(value).content
    }
  }
  mutating func encode(_ value: Int) { put(.number(Numeric(value))) }
  mutating func encode(_ value: Int8) { put(.number(Numeric(Int64(value)))) }
  mutating func encode(_ value: Int16) { put(.number(Numeric(Int64(value)))) }
  mutating func encode(_ value: Int32) { put(.number(Numeric(Int64(value)))) }
  mutating func encode(_ value: Int64) { put(.number(Numeric(value))) }
  mutating func encode(_ value: UInt) { put(.number(.init(coefficient: Int128(value), scale: 0))) }
  mutating func encode(_ value: UInt8) { put(.number(Numeric(Int64(value)))) }
  mutating func encode(_ value: UInt16) { put(.number(Numeric(Int64(value)))) }
  mutating func encode(_ value: UInt32) { put(.number(Numeric(Int64(value)))) }
  mutating func encode(_ value: UInt64) {
    put(.number(.init(coefficient: Int128(value), scale: 0)))
  }
}

private struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
  let encoder: JSONTreeEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }
  var count: Int { encoder.node.count }

  mutating func encodeNil() { encoder.node.append(encoder.leaf(.null)) }

  mutating func encode<T: Encodable>(_ value: T) throws {
    encoder.node.append(try encoder.json(value, JSONKey(index: count)))
  }

  private func nested() -> JSONTreeEncoder {
    let inner = encoder.nested(JSONKey(index: count))
    encoder.node.append(inner.node)
    return inner
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

private struct JSONKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: JSONTreeEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }

  mutating func encodeNil(forKey key: Key) {
    encoder.node.set(key.stringValue, encoder.leaf(.null))
  }

  mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    _ = try encoder.text(key.stringValue, codingPath)
    encoder.node.set(key.stringValue, try encoder.json(value, key))
  }

  private func nested(_ key: any CodingKey) -> JSONTreeEncoder {
    let inner = encoder.nested(key)
    encoder.node.set(key.stringValue, inner.node)
    return inner
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
