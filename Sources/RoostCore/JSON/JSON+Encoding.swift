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
    self = try JSONTreeEncoder(path: .root).part(value, at: nil).json
  }
}

/// What `JSON(encoding:)` writes by itself: for the simple types, and for those that do not follow
/// their own `encode(to:)`. Nil for all others. Types are compared first: asking a value what it
/// is costs more than to write it.
private func leaf<T: Encodable>(_ value: T, _ path: @autoclosure () -> JSONCodingPath) throws
  -> JSON?
{
  if T.self == String.self, let value = value as? String { return try text(value, path()) }
  if T.self == Int.self, let value = value as? Int { return .number(Numeric(value)) }
  if T.self == Bool.self, let value = value as? Bool { return .bool(value) }
  if T.self == Double.self, let value = value as? Double {
    return try number(value, value.description, path())
  }
  if T.self == JSON.self { return value as? JSON }
  if T.self == Numeric.self, let value = value as? Numeric {
    return value.isFinite ? .number(value) : .string(value.description)
  }
  if T.self == Decimal.self, let value = value as? Decimal {
    return value.isNaN ? .string("NaN") : .number(Numeric(value))
  }
  if T.self == Date.self, let value = value as? Date {
    return .string(Timestamp(value).description)
  }
  if T.self == UUID.self, let value = value as? UUID {
    return .string(value.uuidString.lowercased())
  }
  if T.self == Data.self, let value = value as? Data { return .string(value.base64EncodedString()) }
  if T.self == URL.self, let value = value as? URL { return .string(value.absoluteString) }
  return nil
}

/// A text without U+0000.
private func text(_ value: String, _ path: @autoclosure () -> JSONCodingPath) throws -> JSON {
  guard !TextOrder.containsNull(value) else {
    throw EncodingError.invalidValue(
      value, .init(codingPath: path().keys, debugDescription: "U+0000 is not allowed"))
  }
  return .string(value)
}

private func number(
  _ value: Double, _ text: String, _ path: @autoclosure () -> JSONCodingPath
) throws -> JSON {
  guard value.isFinite, let number = Numeric(text) else {
    throw EncodingError.invalidValue(
      value, .init(codingPath: path().keys, debugDescription: "JSON has no such number"))
  }
  return .number(number.reduced)
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

/// A place in the tree that is being built. Containers share it, because an encoder may hand out
/// nested containers that are filled later.
private final class JSONNode {
  /// A finished value, or one that may still be filled.
  enum Part {
    case value(JSON)
    case node(JSONNode)

    var json: JSON {
      switch self {
      case .value(let json): json
      case .node(let node): node.json
      }
    }
  }

  enum Content {
    case empty
    case value(JSON)
    case array([Part])
    case object([(String, Part)])
  }

  var content: Content = .empty

  /// The finished value; a value that encoded nothing is an empty object, as in `JSONEncoder`.
  var json: JSON {
    switch content {
    case .empty: return .object([:])
    case .value(let value): return value
    case .array(let parts): return .array(parts.map(\.json))
    case .object(let pairs):
      return .object(
        JSON.Object(members: pairs.map { JSON.Object.Member(key: $0.0, value: $0.1.json) }))
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

  func append(_ part: Part) {
    guard case .array(var parts) = content else { return }
    content = .empty
    parts.append(part)
    content = .array(parts)
  }

  func set(_ key: String, _ part: Part) {
    guard case .object(var pairs) = content else { return }
    content = .empty
    pairs.append((key, part))
    content = .object(pairs)
  }

  var count: Int {
    if case .array(let parts) = content { return parts.count }
    return 0
  }
}

private struct JSONTreeEncoder: Encoder {
  let path: JSONCodingPath
  var codingPath: [any CodingKey] { path.keys }
  var userInfo: [CodingUserInfoKey: Any] { [:] }
  let node = JSONNode()

  /// A value, by its own `encode(to:)` or by the rules at the head of this file.
  func part<T: Encodable>(
    _ value: T, at key: @autoclosure () -> (any CodingKey)?
  ) throws -> JSONNode.Part {
    func place() -> JSONCodingPath { key().map { path.appending($0) } ?? path }
    if let leaf = try leaf(value, place()) { return .value(leaf) }
    let inner = JSONTreeEncoder(path: place())
    guard inner.path.count <= JSON.maximumDepth else {
      throw EncodingError.invalidValue(
        value, .init(codingPath: inner.codingPath, debugDescription: "nested too deeply"))
    }
    try value.encode(to: inner)
    return .node(inner.node)
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
    JSONTreeEncoder(path: path.appending(key))
  }
}

private struct JSONSingleEncoding: SingleValueEncodingContainer {
  let encoder: JSONTreeEncoder
  var codingPath: [any CodingKey] { encoder.codingPath }

  private func put(_ json: JSON) { encoder.node.content = .value(json) }

  mutating func encodeNil() { put(.null) }
  mutating func encode(_ value: Bool) { put(.bool(value)) }
  mutating func encode(_ value: String) throws { put(try text(value, encoder.path)) }
  mutating func encode(_ value: Double) throws {
    put(try number(value, value.description, encoder.path))
  }
  mutating func encode(_ value: Float) throws {
    put(try number(Double(value), value.description, encoder.path))
  }
  mutating func encode<T: Encodable>(_ value: T) throws {
    if let leaf = try leaf(value, encoder.path) {
      put(leaf)
    } else if let integer = value as? any FixedWidthInteger & Encodable {
      put(.number(Numeric(integer.description) ?? .nan))
    } else {
      switch try encoder.part(value, at: nil) {
      case .value(let json): put(json)
      case .node(let node): encoder.node.content = node.content
      }
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

  mutating func encodeNil() { encoder.node.append(.value(.null)) }

  mutating func encode<T: Encodable>(_ value: T) throws {
    encoder.node.append(try encoder.part(value, at: JSONKey(index: count)))
  }

  private func nested() -> JSONTreeEncoder {
    let inner = encoder.nested(JSONKey(index: count))
    encoder.node.append(.node(inner.node))
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
    encoder.node.set(key.stringValue, .value(.null))
  }

  mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    _ = try text(key.stringValue, encoder.path)
    encoder.node.set(key.stringValue, try encoder.part(value, at: key))
  }

  private func nested(_ key: any CodingKey) -> JSONTreeEncoder {
    let inner = encoder.nested(key)
    encoder.node.set(key.stringValue, .node(inner.node))
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
