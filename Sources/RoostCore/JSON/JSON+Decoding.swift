import Foundation

extension JSON {
  /// Makes a decodable value of the JSON; the reverse of `JSON(encoding:)`.
  ///
  /// Dates are read from any text that `Timestamp` reads, `Data` from base64, a `UUID` from its
  /// text in either case; `Numeric`, `Decimal` and integers stay exact.
  ///
  /// - Throws: `DecodingError` where the value does not fit, with the path; and what the type's own
  ///   `init(from:)` throws.
  public func decode<T: Decodable>(_ type: T.Type = T.self) throws -> T {
    try JSONTreeDecoder(json: self, path: .root).unwrap(type)
  }
}

extension JSON: Decodable {
  /// Reads a value from another decoder. Its numbers are integers or `Decimal`s there, and lose
  /// their scale; `JSON.decode` and `JSON(parsing:)` lose nothing.
  public init(from decoder: any Decoder) throws {
    if let decoder = decoder as? JSONTreeDecoder {
      self = decoder.json
    } else if let keyed = try? decoder.container(keyedBy: JSONKey.self) {
      self = .object(
        Object(try keyed.allKeys.map { ($0.stringValue, try keyed.decode(JSON.self, forKey: $0)) }))
    } else if var unkeyed = try? decoder.unkeyedContainer() {
      var elements: [JSON] = []
      while !unkeyed.isAtEnd { elements.append(try unkeyed.decode(JSON.self)) }
      self = .array(elements)
    } else {
      let single = try decoder.singleValueContainer()
      if single.decodeNil() {
        self = .null
      } else if let value = try? single.decode(Bool.self) {
        self = .bool(value)
      } else if let value = try? single.decode(Int64.self) {
        self = .number(Numeric(value))
      } else if let value = try? single.decode(Decimal.self) {
        self = .number(Numeric(value))
      } else {
        self = .string(try single.decode(String.self))
      }
    }
  }
}

struct JSONTreeDecoder: Decoder {
  let json: JSON
  let path: JSONCodingPath
  var codingPath: [any CodingKey] { path.keys }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func mismatch(_ type: Any.Type) -> DecodingError {
    .typeMismatch(
      type, .init(codingPath: codingPath, debugDescription: "found \(json.kindName) instead"))
  }

  func corrupted(_ text: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: codingPath, debugDescription: text))
  }

  /// Decodes by the rules at the head of `JSON+Encoding.swift`, or by the type's own `init(from:)`.
  func unwrap<T: Decodable>(_ type: T.Type) throws -> T {
    // The simple types without a container.
    if type == String.self, let value = try text(type) as? T { return value }
    if type == Int.self, let value = try integer(Int.self) as? T { return value }
    if type == Bool.self, let value = try bool() as? T { return value }
    if type == Double.self, let value = try double() as? T { return value }
    if let special = try special(type) {
      guard let value = special as? T else { throw mismatch(type) }
      return value
    }
    return try T(from: self)
  }

  private func special(_ type: any Decodable.Type) throws -> Any? {
    if type == JSON.self { return json }
    if type == Numeric.self { return try numeric(type) }
    if type == Decimal.self {
      guard let value = try numeric(type).decimal else { throw corrupted("not a Decimal") }
      return value
    }
    if type == Date.self {
      guard let value = Timestamp(try text(type)) else { throw corrupted("not a timestamp") }
      return value.date
    }
    if type == UUID.self {
      guard let value = UUID(uuidString: try text(type)) else { throw corrupted("not a UUID") }
      return value
    }
    if type == Data.self {
      guard let value = Data(base64Encoded: try text(type)) else { throw corrupted("not base64") }
      return value
    }
    if type == URL.self {
      guard let value = URL(string: try text(type)) else { throw corrupted("not a URL") }
      return value
    }
    return nil
  }

  func text(_ type: Any.Type) throws -> String {
    guard case .string(let value) = json else { throw mismatch(type) }
    return value
  }

  private func numeric(_ type: Any.Type) throws -> Numeric {
    switch json {
    case .number(let value): return value
    case .string(let text):
      guard let value = Numeric(text) else { throw corrupted("not a numeric") }
      return value
    default: throw mismatch(type)
    }
  }

  func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    guard case .number(let value) = json else { throw mismatch(type) }
    if let wide = value.int64 {
      if let result = T(exactly: wide) { return result }
    } else if let result = T(value.reduced.description) {
      return result
    }
    throw corrupted("\(value) does not fit \(type)")
  }

  func bool() throws -> Bool {
    guard case .bool(let value) = json else { throw mismatch(Bool.self) }
    return value
  }

  func double() throws -> Double {
    guard case .number(let value) = json else { throw mismatch(Double.self) }
    return value.double
  }

  func container<Key>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .object(let object) = json else { throw mismatch([String: JSON].self) }
    return KeyedDecodingContainer(
      JSONKeyedDecoding<Key>(object: object, path: path))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .array(let elements) = json else { throw mismatch([JSON].self) }
    return JSONUnkeyedDecoding(elements: elements, path: path)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer {
    JSONSingleDecoding(decoder: self)
  }
}

extension JSON {
  /// The kind in a word, for messages.
  var kindName: String {
    switch self {
    case .null: return "null"
    case .bool: return "a truth value"
    case .number: return "a number"
    case .string: return "a string"
    case .array: return "an array"
    case .object: return "an object"
    }
  }
}

private struct JSONSingleDecoding: SingleValueDecodingContainer {
  let decoder: JSONTreeDecoder
  var codingPath: [any CodingKey] { decoder.codingPath }

  func decodeNil() -> Bool { decoder.json.isNull }
  func decode(_ type: Bool.Type) throws -> Bool { try decoder.bool() }
  func decode(_ type: String.Type) throws -> String { try decoder.text(type) }
  func decode(_ type: Double.Type) throws -> Double { try decoder.double() }
  func decode(_ type: Float.Type) throws -> Float { Float(try decoder.double()) }
  func decode(_ type: Int.Type) throws -> Int { try decoder.integer(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try decoder.integer(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try decoder.integer(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try decoder.integer(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try decoder.integer(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try decoder.integer(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.integer(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.integer(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.integer(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.integer(type) }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.unwrap(type) }
}

private struct JSONKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let object: JSON.Object
  let path: JSONCodingPath
  var codingPath: [any CodingKey] { path.keys }

  var allKeys: [Key] { object.compactMap { Key(stringValue: $0.key) } }

  func contains(_ key: Key) -> Bool { object[key.stringValue] != nil }

  private func decoder(_ key: any CodingKey) throws -> JSONTreeDecoder {
    guard let value = object[key.stringValue] else {
      throw DecodingError.keyNotFound(
        key, .init(codingPath: codingPath, debugDescription: "no member \(key.stringValue)"))
    }
    return JSONTreeDecoder(json: value, path: path.appending(key))
  }

  func decodeNil(forKey key: Key) throws -> Bool {
    if let value = object[key.stringValue] { return value.isNull }
    return try decoder(key).json.isNull
  }

  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try decoder(key).unwrap(type)
  }

  func nestedContainer<NestedKey>(
    keyedBy type: NestedKey.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<NestedKey> {
    try decoder(key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try decoder(key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { try decoder(JSONKey("super")) }

  func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
}

private struct JSONUnkeyedDecoding: UnkeyedDecodingContainer {
  let elements: [JSON]
  let path: JSONCodingPath
  var codingPath: [any CodingKey] { path.keys }
  private(set) var currentIndex = 0

  init(elements: [JSON], path: JSONCodingPath) {
    self.elements = elements
    self.path = path
  }

  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex == elements.count }

  private func decoder() throws -> JSONTreeDecoder {
    let inner = path.appending(JSONKey(index: currentIndex))
    guard !isAtEnd else {
      throw DecodingError.valueNotFound(
        JSON.self, .init(codingPath: inner.keys, debugDescription: "the array ends here"))
    }
    return JSONTreeDecoder(json: elements[currentIndex], path: inner)
  }

  mutating func decodeNil() throws -> Bool {
    guard try decoder().json.isNull else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let value = try decoder().unwrap(type)
    currentIndex += 1
    return value
  }

  mutating func nestedContainer<NestedKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> {
    let container = try decoder().container(keyedBy: type)
    currentIndex += 1
    return container
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    let container = try decoder().unkeyedContainer()
    currentIndex += 1
    return container
  }

  mutating func superDecoder() throws -> any Decoder {
    let inner = try decoder()
    currentIndex += 1
    return inner
  }
}
