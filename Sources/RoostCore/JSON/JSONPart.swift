import Foundation

/// One value of a text that `JSONNodes` knows, and what it is read as: the rules at the head of
/// `JSON+Encoding.swift`, the other way round.
///
/// It keeps no memory alive, so that passing it on costs nothing; a `JSONTape` must.
struct JSONPart {
  let nodes: JSONNodes
  let node: Int
  private let parent: Int
  private let place: Int

  /// The value at a node, which is a part of another one: of an array, its element at a place.
  init(_ nodes: JSONNodes, node: Int, in parent: Int, at place: Int) {
    self.nodes = nodes
    self.node = node
    self.parent = parent
    self.place = place
  }

  /// The node, the container's node and the place.
  var numbers: (UInt32, UInt32, UInt32) {
    (
      UInt32(truncatingIfNeeded: node), UInt32(truncatingIfNeeded: parent),
      UInt32(truncatingIfNeeded: place)
    )
  }

  /// A part of this container.
  func part(_ part: Int, at place: Int = 0) -> JSONPart {
    JSONPart(nodes, node: part, in: node, at: place)
  }

  /// The path is put together only when somebody asks, which mostly an error does.
  var codingPath: [any CodingKey] {
    guard node > 0 else { return [] }
    return nodes.path(to: parent) + [nodes.key(of: node, in: parent, place: place)]
  }

  func mismatch(_ type: Any.Type) -> DecodingError {
    .typeMismatch(
      type, .init(codingPath: codingPath, debugDescription: "found \(kindName) instead"))
  }

  func noMember(_ key: any CodingKey) -> DecodingError {
    .keyNotFound(
      key, .init(codingPath: codingPath, debugDescription: "no member \(key.stringValue)"))
  }

  private func corrupted(_ text: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: codingPath, debugDescription: text))
  }

  // MARK: Kinds

  var isNull: Bool { nodes.lead(node) == UInt8(ascii: "n") }
  private var isString: Bool { nodes.lead(node) == UInt8(ascii: "\"") }
  private var isNumber: Bool {
    let lead = nodes.lead(node)
    return lead &- UInt8(ascii: "0") <= 9 || lead == UInt8(ascii: "-")
  }

  /// The kind in a word, for messages.
  private var kindName: String {
    switch nodes.lead(node) {
    case UInt8(ascii: "n"): "null"
    case UInt8(ascii: "t"), UInt8(ascii: "f"): "a truth value"
    case UInt8(ascii: "\""): "a string"
    case UInt8(ascii: "["): "an array"
    case UInt8(ascii: "{"): "an object"
    default: "a number"
    }
  }

  // MARK: Values

  func decimal() throws -> Decimal {
    guard let value = try numeric(Decimal.self).decimal else { throw corrupted("not a Decimal") }
    return value
  }

  func date() throws -> Date {
    guard let value = Timestamp(try text(Date.self)) else { throw corrupted("not a timestamp") }
    return value.date
  }

  func uuid() throws -> UUID {
    guard let value = UUID(uuidString: try text(UUID.self)) else { throw corrupted("not a UUID") }
    return value
  }

  func data() throws -> Data {
    guard let value = Data(base64Encoded: try text(Data.self)) else {
      throw corrupted("not base64")
    }
    return value
  }

  func url() throws -> URL {
    guard let value = URL(string: try text(URL.self)) else { throw corrupted("not a URL") }
    return value
  }

  func text(_ type: Any.Type) throws -> String {
    guard isString else { throw mismatch(type) }
    return nodes.string(node)
  }

  func numeric(_ type: Any.Type) throws -> Numeric {
    if isNumber { return number }
    guard isString else { throw mismatch(type) }
    guard let value = Numeric(utf8: nodes.content(node)) else { throw corrupted("not a numeric") }
    return value
  }

  /// The number, which the recorder has found to be one.
  private var number: Numeric { Numeric(utf8: nodes.digits(node)) ?? .nan }

  func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    guard isNumber else { throw mismatch(type) }
    if let small = Numeric.parseSmall(nodes.digits(node)), small.scale == 0,
      let result = T(exactly: small.coefficient)
    {
      return result
    }
    let value = number
    if let wide = value.int64 {
      if let result = T(exactly: wide) { return result }
    } else if let result = T(value.reduced.description) {
      return result
    }
    throw corrupted("\(value) does not fit \(type)")
  }

  func bool() throws -> Bool {
    switch nodes.lead(node) {
    case UInt8(ascii: "t"): return true
    case UInt8(ascii: "f"): return false
    default: throw mismatch(Bool.self)
    }
  }

  func double() throws -> Double {
    guard isNumber else { throw mismatch(Double.self) }
    if let small = Numeric.parseSmall(nodes.digits(node)),
      let result = Numeric.double(small.coefficient, scale: small.scale)
    {
      return result
    }
    return number.double
  }

  func float() throws -> Float { Float(try double()) }

  /// An array of strings, without a container.
  func strings() throws -> [String] {
    var element = try firstElement()
    var strings: [String] = []
    strings.reserveCapacity(nodes.end(node) - node - JSONNodes.arrayHead)
    while element < nodes.end(node) {
      strings.append(try part(element, at: strings.count).text(String.self))
      element = nodes.after(element)
    }
    return strings
  }

  /// The value with all its parts.
  var tree: JSON {
    switch nodes.lead(node) {
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "t"): return .bool(true)
    case UInt8(ascii: "f"): return .bool(false)
    case UInt8(ascii: "\""): return .string(nodes.string(node))
    case UInt8(ascii: "["):
      var elements: [JSON] = []
      var element = node + JSONNodes.arrayHead
      while element < nodes.end(node) {
        elements.append(part(element).tree)
        element = nodes.after(element)
      }
      return .array(elements)
    case UInt8(ascii: "{"):
      var members: [JSON.Object.Member] = []
      var key = node + JSONNodes.objectHead
      while key < nodes.end(node) {
        members.append(.init(key: nodes.string(key), value: part(key + 1).tree))
        key = nodes.after(key + 1)
      }
      return .object(JSON.Object(members: members))
    default: return .number(number)
    }
  }

  /// An array's first element.
  func firstElement() throws -> Int {
    guard nodes.lead(node) == UInt8(ascii: "[") else { throw mismatch([JSON].self) }
    return node + JSONNodes.arrayHead
  }

  func checkObject() throws {
    guard nodes.lead(node) == UInt8(ascii: "{") else { throw mismatch([String: JSON].self) }
  }
}
