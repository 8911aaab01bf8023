import Foundation

// Decodable values are made straight from a text's bytes, which `JSONTape` finds and checks in one
// pass. A tree is decoded by way of its text, which is written many times faster than values are
// decoded: so there is one decoder, and one set of rules, the reverse of those in `JSON+Encoding`.

extension JSON {
  /// Makes a decodable value of a JSON text in UTF-8; the reverse of `JSON.encode(_:)`.
  ///
  /// The text is read as strictly as by `JSON(parsing:)`, to its end, before the first value is
  /// made. Dates are read from any text that `Timestamp` reads, `Data` from base64, a `UUID` from
  /// its text in either case; `Numeric`, `Decimal` and integers stay exact.
  ///
  /// - Throws: `JSONError` for the text's first fault; `DecodingError` where a value does not fit,
  ///   with the path; and what the type's own `init(from:)` throws.
  public static func decode<T: Decodable>(
    _ type: T.Type = T.self, from bytes: [UInt8]
  ) throws -> T {
    let tape = try bytes.withUnsafeBufferPointer { buffer in
      Result { () throws(JSONError) in try JSONTape(buffer) }
    }.get()
    return try JSONDecoding(tape, JSONPart(tape.nodes, node: 0, in: 0, at: 0)).unwrap(type)
  }

  /// Makes a decodable value of a JSON text.
  ///
  /// - Throws: as with bytes.
  public static func decode<T: Decodable>(
    _ type: T.Type = T.self, from text: String
  ) throws -> T {
    try decode(type, from: Array(text.utf8))
  }

  /// Makes a decodable value of the JSON; the reverse of `JSON(encoding:)`, by the rules of
  /// `JSON.decode(_:from:)`.
  ///
  /// - Throws: `DecodingError` where the value does not fit, with the path; and what the type's own
  ///   `init(from:)` throws.
  public func decode<T: Decodable>(_ type: T.Type = T.self) throws -> T {
    if T.self == JSON.self, let value = self as? T { return value }
    return try JSON.decode(type, from: encoded())
  }
}

extension JSON: Decodable {
  /// Reads a value from another decoder. Its numbers are integers or `Decimal`s there, and lose
  /// their scale; `JSON.decode` and `JSON(parsing:)` lose nothing.
  public init(from decoder: any Decoder) throws {
    if let decoder = decoder as? JSONDecoding {
      self = decoder.part.tree
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

/// Decodes one value. Small enough to be kept in an existential without a box.
struct JSONDecoding: Decoder, SingleValueDecodingContainer {
  let tape: JSONTape
  private let (node, parent, place): (UInt32, UInt32, UInt32)

  init(_ tape: JSONTape, _ part: JSONPart) {
    self.tape = tape
    (node, parent, place) = part.numbers
  }

  var part: JSONPart {
    JSONPart(tape.nodes, node: Int(node), in: Int(parent), at: Int(place))
  }

  var codingPath: [any CodingKey] { part.codingPath }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  /// Decodes by the rules at the head of `JSON+Encoding.swift`, or by the type's own `init(from:)`.
  func unwrap<T: Decodable>(_ type: T.Type) throws -> T {
    if type == String.self { return same(try part.text(type)) }
    if type == Int.self { return same(try part.integer(Int.self)) }
    if type == Bool.self { return same(try part.bool()) }
    if type == Double.self { return same(try part.double()) }
    if type == [String].self { return same(try part.strings()) }
    if type == JSON.self { return same(part.tree) }
    if type == Numeric.self { return same(try part.numeric(type)) }
    if type == Decimal.self { return same(try part.decimal()) }
    if type == Date.self { return same(try part.date()) }
    if type == UUID.self { return same(try part.uuid()) }
    if type == Data.self { return same(try part.data()) }
    if type == URL.self { return same(try part.url()) }
    return try T(from: self)
  }

  /// A value as the type that it is known to have. (`as?` costs more than what it would cast.)
  private func same<A, B>(_ value: A) -> B {
    unsafeBitCast(value, to: B.self)
  }

  func container<Key>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    try part.checkObject()
    return KeyedDecodingContainer(JSONKeyedDecoding<Key>(self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try JSONUnkeyedDecoding(self) }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  func decodeNil() -> Bool { part.isNull }
  func decode(_ type: Bool.Type) throws -> Bool { try part.bool() }
  func decode(_ type: String.Type) throws -> String { try part.text(type) }
  func decode(_ type: Double.Type) throws -> Double { try part.double() }
  func decode(_ type: Float.Type) throws -> Float { try part.float() }
  func decode(_ type: Int.Type) throws -> Int { try part.integer(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try part.integer(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try part.integer(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try part.integer(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try part.integer(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try part.integer(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try part.integer(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try part.integer(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try part.integer(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try part.integer(type) }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try unwrap(type) }
}
