import RoostCore

/// A JSON value that is coded by way of containers only, as a struct is.
struct Contained: Codable, Equatable {
  let json: JSON

  init(_ json: JSON) {
    self.json = json
  }

  struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    if let keyed = try? decoder.container(keyedBy: Key.self) {
      // From the last to the first: the text has them the other way round.
      json = .object(
        JSON.Object(
          try keyed.allKeys.reversed().map { key in
            (key.stringValue, try keyed.decode(Contained.self, forKey: key).json)
          }))
    } else if var unkeyed = try? decoder.unkeyedContainer() {
      var elements: [JSON] = []
      let count = unkeyed.count
      while !unkeyed.isAtEnd { elements.append(try unkeyed.decode(Contained.self).json) }
      guard count == elements.count, unkeyed.currentIndex == count else {
        throw DecodingError.dataCorruptedError(in: unkeyed, debugDescription: "another count")
      }
      json = .array(elements)
    } else {
      json = try Self.scalar(decoder.singleValueContainer())
    }
  }

  private static func scalar(_ single: any SingleValueDecodingContainer) throws -> JSON {
    if single.decodeNil() { return .null }
    if let bool = try? single.decode(Bool.self) { return .bool(bool) }
    if let string = try? single.decode(String.self) { return .string(string) }
    return .number(try single.decode(Numeric.self))
  }

  /// Encodes each part by one of the ways there are, which its place decides.
  func encode(to encoder: any Encoder) throws {
    switch json {
    case .object(let object):
      var keyed = encoder.container(keyedBy: Key.self)
      // A rotation: neither sorted nor its reverse.
      let half = object.count / 2
      let members = Array(object[half...]) + Array(object[..<half])
      for (place, member) in members.enumerated() {
        let (key, value) = (Key(member.key), Contained(member.value))
        switch place % 3 {
        case 0: try keyed.encode(value, forKey: key)
        case 1: try value.encode(to: keyed.superEncoder(forKey: key))
        default:
          try keyed.encode(0, forKey: key)  // The last of equal keys wins.
          try keyed.encode(value, forKey: key)
        }
      }
    case .array(let elements):
      var unkeyed = encoder.unkeyedContainer()
      for (place, element) in elements.enumerated() {
        if place % 3 == 1 {
          try Contained(element).encode(to: unkeyed.superEncoder())
        } else {
          try unkeyed.encode(Contained(element))
        }
      }
    case .null:
      var single = encoder.singleValueContainer()
      try single.encodeNil()
    case .bool(let value):
      var single = encoder.singleValueContainer()
      try single.encode(value)
    case .number(let value):
      var single = encoder.singleValueContainer()
      try single.encode(value)
    case .string(let value):
      var single = encoder.singleValueContainer()
      try single.encode(value)
    }
  }
}

/// Random JSON texts: with spaces, escapes, repeated keys and all kinds of values.
struct JSONSampler {
  private var generator: SeededGenerator

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }

  mutating func one(of texts: [String]) -> String { texts[number(below: texts.count)] }

  mutating func text(depth: Int) -> String {
    let space = one(of: ["", "", "", " ", "\n\t"])
    return space + value(depth: depth) + space
  }

  private mutating func value(depth: Int) -> String {
    switch number(below: depth > 0 ? 8 : 5) {
    case 0: return one(of: ["null", "true", "false"])
    case 1, 2:
      return one(of: [
        "0", "-0", "7", "-12", "1.10", "-0.5e-3", "1E2", "0.1", "9223372036854775807",
        "-9223372036854775808", "18446744073709551616", "12345678901234567890.123", "1e300",
        "123456789012345678", "1234567890123456789",
      ])
    case 3, 4: return string()
    case 5:
      let elements = (0..<number(below: 5)).map { _ in text(depth: depth - 1) }
      return "[" + elements.joined(separator: ",") + "]"
    default:
      // Sometimes more than are searched one by one.
      let count = number(below: 20) == 0 ? 70 : number(below: 8)
      let members = (0..<count).map { _ in string() + ":" + text(depth: depth - 1) }
      return "{" + members.joined(separator: ",") + "}"
    }
  }

  private mutating func string() -> String {
    let parts = [
      "a", "b", "id", "name", "a long name of many bytes", "é", "😀", #"\n"#, #"\u0061"#, #"\""#,
      #"\\"#, #"\ud83d\ude00"#, "\u{7F}", "12345678",
    ]
    return "\"" + (0..<number(below: 4)).map { _ in one(of: parts) }.joined() + "\""
  }
}
