import Foundation
import RoostCore
import Testing

/// What is remembered of a type's keys while a value is encoded, which shows in nothing but speed.
@Suite struct JSONShapeTests {
  typealias Key = Contained.Key

  /// An object of such members, in this order.
  private struct Members: Encodable {
    let members: [(key: String, value: Members?)]

    func encode(to encoder: any Encoder) throws {
      var keyed = encoder.container(keyedBy: Key.self)
      for (place, member) in members.enumerated() {
        if let value = member.value {
          try keyed.encode(value, forKey: Key(member.key))
        } else {
          try keyed.encode(place, forKey: Key(member.key))
        }
      }
    }

    var tree: JSON {
      .object(
        JSON.Object(
          members.enumerated().map { place, member in
            (member.key, member.value?.tree ?? .number(Numeric(place)))
          }))
    }
  }

  private func members(_ sampler: inout JSONSampler, _ keys: [String], depth: Int) -> Members {
    var members: [(key: String, value: Members?)] = []
    for key in keys where sampler.number(below: 4) > 0 {
      let isNested = depth > 0 && sampler.number(below: 6) == 0
      // Sometimes the text of a key is in other memory.
      let key = sampler.number(below: 2) == 0 ? key : String(decoding: key.utf8, as: UTF8.self)
      members.append((key, isNested ? self.members(&sampler, keys, depth: depth - 1) : nil))
    }
    if sampler.number(below: 8) == 0 { members.reverse() }
    if sampler.number(below: 8) == 0, let first = members.first { members.append(first) }
    return Members(members: members)
  }

  @Test(arguments: [1, 6, 63, 64, 65, 90])
  func objectsThatDifferAreLikeTheirTrees(count: Int) throws {
    var sampler = JSONSampler(seed: UInt64(count))
    let keys = (0..<count).map { number in
      sampler.one(of: ["", "é", "\"", "a key longer than small strings are "]) + "\(number)"
    }
    for _ in 0..<3 {
      let list = (0..<12).map { _ in members(&sampler, keys, depth: count > 6 ? 1 : 3) }
      #expect(try JSON.encode(list) == JSON.array(list.map(\.tree)).encoded())
    }
  }

  /// A value whose own members, filled in later, cannot be written.
  private struct Broken: Encodable {
    func encode(to encoder: any Encoder) throws {
      var keyed = encoder.container(keyedBy: Key.self)
      var nested = keyed.nestedContainer(keyedBy: Key.self, forKey: Key("a\0"))
      try nested.encode(1, forKey: Key("b"))
    }
  }

  /// Goes on behind a member or an element that failed in its middle.
  private struct Careless: Encodable {
    let isBroken: Bool
    let isList: Bool

    func encode(to encoder: any Encoder) throws {
      if isList {
        var list = encoder.unkeyedContainer()
        if isBroken { try? list.encode(Broken()) }
        return try list.encode("behind")
      }
      var keyed = encoder.container(keyedBy: Key.self)
      if isBroken {
        try? keyed.encode(Broken(), forKey: Key("part"))
      } else {
        try keyed.encode([1], forKey: Key("part"))
      }
      try keyed.encode("behind", forKey: Key("another"))
    }
  }

  @Test(arguments: [false, true])
  func whoGoesOnBehindAnErrorGetsItAgain(isList: Bool) throws {
    let whole = (0..<6).map { _ in Careless(isBroken: false, isList: isList) }
    #expect(try JSON.encode(whole).count > 60)
    let broken = [Careless(isBroken: true, isList: isList)]
    for value in [broken, whole + broken] {
      #expect(throws: EncodingError.self) { try JSON.encode(value) }
      #expect(throws: EncodingError.self) { try JSON.encode(value[value.count - 1]) }
    }
  }

  @Test func keysAreEqualByBytes() throws {
    let pair = ["e\u{301}", "\u{E9}"]
    let list = (0..<4).map { number in
      Members(members: [(pair[number % 2], nil), (pair[(number + 1) % 2], nil)])
    }
    #expect(try JSON.encode(list) == JSON.array(list.map(\.tree)).encoded())
  }

  @Test func anErrorInAMemberLeavesNothingBehind() throws {
    struct Failing: Encodable {
      let isBad: Bool
      func encode(to encoder: any Encoder) throws {
        var keyed = encoder.container(keyedBy: Key.self)
        try keyed.encode(1, forKey: Key("b"))
        try? keyed.encode(isBad ? .nan : 2.5, forKey: Key("a"))
        try? keyed.encode(isBad ? "\u{0}" : "text", forKey: Key("d"))
        try? keyed.encode([isBad ? "\u{0}" : "text"], forKey: Key("c"))
      }
    }
    let good = #"{"a":2.5,"b":1,"c":["text"],"d":"text"}"#
    let list = [false, false, false, true, false].map(Failing.init)
    let text = String(decoding: try JSON.encode(list), as: UTF8.self)
    #expect(text == "[\(good),\(good),\(good),{\"b\":1},\(good)]")
  }

  @Test func aNestedContainerComesAmongTheMembers() throws {
    struct Nested: Encodable {
      func encode(to encoder: any Encoder) throws {
        var keyed = encoder.container(keyedBy: Key.self)
        try keyed.encode(1, forKey: Key("bb"))
        try keyed.encode(2, forKey: Key("a"))
        var list = keyed.nestedUnkeyedContainer(forKey: Key("c"))
        try keyed.encode(3, forKey: Key("a"))
        try list.encode(4)
      }
    }
    let text = String(decoding: try JSON.encode([Nested(), Nested(), Nested()]), as: UTF8.self)
    let object = #"{"a":3,"c":[4],"bb":1}"#
    #expect(text == "[\(object),\(object),\(object)]")
  }

  @Test func stringsOfEveryLengthAreQuoted() throws {
    let marks = [
      "", "\"", "\\", "\n", "\t", "\u{1}", "\u{1F}", "\u{8}", "\u{C}", "\r", "é", "\u{7F}",
    ]
    for length in 0..<26 {
      for mark in marks {
        for place in [0, length / 2, max(length - 1, 0), length] {
          var text = String(repeating: "x", count: place) + mark
          text += String(repeating: "y", count: length - place)
          let encoded = try JSON.encode([text])
          #expect(encoded == JSON.array([.string(text)]).encoded())
          #expect(try JSON.decode([String].self, from: encoded) == [text])
        }
      }
    }
    #expect(try JSON.encode("\u{1F}\u{1}") == Array(#""\u001f\u0001""#.utf8))
    let long = [String(repeating: "\u{1}", count: 5_000), String(repeating: "z", count: 5_000)]
    #expect(try JSON.encode(long) == JSON.array(long.map { .string($0) }).encoded())
  }

  @Test func numbersAreWrittenAsBefore() throws {
    var generator = SeededGenerator(seed: 7)
    var doubles = [
      0, -0.0, 1e15, 999_999_999.999999, 1e9, 1e-6, 1e-7, 0.1 + 0.2, 1.0 / 3,
      .leastNonzeroMagnitude,
    ]
    doubles += [
      123_456_789.123456, 1_234_567_890.12345, 9_007_199_254_740_994, .greatestFiniteMagnitude,
    ]
    for _ in 0..<400 {
      let digits = Int.random(in: 0...8, using: &generator)
      let whole = Double(Int64.random(in: -10_000_000_000...10_000_000_000, using: &generator))
      doubles.append(whole / pow(10, Double(digits)))
      doubles.append((whole / pow(10, Double(digits))).nextUp)
      doubles.append(Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &generator)))
    }
    for double in doubles where double.isFinite {
      let expected = Numeric(double.description)?.reduced.description
      #expect(String(decoding: try JSON.encode(double), as: UTF8.self) == expected)
    }
    var integers: [Int64] = [0, .min, .max]
    var power: Int64 = 1
    for _ in 0..<19 {
      integers += [power, power - 1, -power, 1 - power]
      power &*= 10
    }
    #expect(
      String(decoding: try JSON.encode(integers), as: UTF8.self)
        == "[" + integers.map(\.description).joined(separator: ",") + "]")
  }
}
