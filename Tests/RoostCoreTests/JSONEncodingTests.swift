import Foundation
import RoostCore
import Testing

/// What encoding into bytes gives, beside the tree of the same value.
@Suite struct JSONEncodingTests {
  private func text(_ value: some Encodable) throws -> String {
    String(decoding: try JSON.encode(value), as: UTF8.self)
  }

  @Test(arguments: 0..<4)
  func randomValuesAreLikeTheirTrees(seed: UInt64) throws {
    var sampler = JSONSampler(seed: seed)
    for _ in 0..<300 {
      let tree = try JSON(parsing: sampler.text(depth: 4))
      // A numeric writes itself as a number, and all else by containers.
      #expect(try JSON.encode(Contained(tree)) == tree.encoded())
      #expect(try JSON.encode(tree) == tree.encoded())
      #expect(try JSON(encoding: Contained(tree)).description == tree.description)
    }
  }

  /// What an encoder is asked for, step by step.
  private struct Steps: Encodable {
    let body: (any Encoder) throws -> Void
    func encode(to encoder: any Encoder) throws { try body(encoder) }
  }

  typealias Key = Contained.Key

  @Test func containersAreFilledInAnyOrder() throws {
    let steps = Steps { encoder in
      var outer = encoder.container(keyedBy: Key.self)
      var first = outer.nestedContainer(keyedBy: Key.self, forKey: Key("n"))
      var list = outer.nestedUnkeyedContainer(forKey: Key("l"))
      try outer.encode(1, forKey: Key("z"))
      try first.encode("late", forKey: Key("b"))
      try list.encode(1)
      var inner = list.nestedUnkeyedContainer()
      try list.encode(["x"])
      try inner.encode(true)
      var again = encoder.container(keyedBy: Key.self)
      try again.encode(0.5, forKey: Key("a"))
      try first.encode(2, forKey: Key("a"))
      try list.encodeNil()
      #expect(list.count == 4 && inner.count == 1)
      #expect(inner.codingPath.map(\.stringValue).suffix(2) == ["l", "1"])
    }
    #expect(try text(steps) == #"{"a":0.5,"l":[1,[true],["x"],null],"n":{"a":2,"b":"late"},"z":1}"#)
    #expect(
      try text(["k": [steps]])
        == #"{"k":[{"a":0.5,"l":[1,[true],["x"],null],"n":{"a":2,"b":"late"},"z":1}]}"#)
  }

  /// A reference that outlives what it is taken out of.
  private final class Kept {
    var unkeyed: (any UnkeyedEncodingContainer)?
  }

  @Test func aContainerThatIsKeptIsFilledLater() throws {
    let kept = Kept()
    let steps = Steps { encoder in
      var outer = encoder.unkeyedContainer()
      try outer.encode(Steps { kept.unkeyed = $0.unkeyedContainer() })
      try outer.encode(Steps { _ in try kept.unkeyed?.encode("later") })
      try outer.encode([2])
    }
    #expect(try text(steps) == #"[["later"],{},[2]]"#)
    // Behind the end there is nothing to fill any more, and nothing breaks.
    try kept.unkeyed?.encode(3)
  }

  @Test func theLastKindWins() throws {
    let steps = Steps { encoder in
      var keyed = encoder.container(keyedBy: Key.self)
      try keyed.encode(1, forKey: Key("a"))
      var unkeyed = encoder.unkeyedContainer()
      try unkeyed.encode(2)
      try keyed.encode(3, forKey: Key("b"))
      _ = keyed.nestedUnkeyedContainer(forKey: Key("c"))
    }
    #expect(try text(steps) == "[2]")
    let single = Steps { encoder in
      var unkeyed = encoder.unkeyedContainer()
      var single = encoder.singleValueContainer()
      try single.encode(1)
      try single.encode(["a": 2])
      try unkeyed.encode(3)
    }
    #expect(try text(single) == #"{"a":2}"#)
    #expect(try text([single]) == #"[{"a":2}]"#)
    #expect(try text(Steps { _ in }) == "{}")
    #expect(try text([Steps { _ in }]) == "[{}]")
  }

  @Test func keysAreOrderedAndTheLastWins() throws {
    let keys = ["bb", "a", "é", "b", "a", "\"", "bb", "aLongNameOfAField", "\n"]
    let steps = Steps { encoder in
      var keyed = encoder.container(keyedBy: Key.self)
      for (place, key) in keys.enumerated() { try keyed.encode(place, forKey: Key(key)) }
    }
    let tree = JSON.object(
      JSON.Object(keys.enumerated().map { ($0.element, .number(Numeric($0.offset))) }))
    #expect(try JSON.encode(steps) == tree.encoded())
    #expect(try JSON(encoding: steps) == tree)
  }

  @Test func anErrorLeavesNothingBehind() throws {
    let steps = Steps { encoder in
      var keyed = encoder.container(keyedBy: Key.self)
      try keyed.encode(1, forKey: Key("a"))
      #expect(throws: EncodingError.self) { try keyed.encode(Double.nan, forKey: Key("b")) }
      #expect(throws: EncodingError.self) { try keyed.encode("\u{0}", forKey: Key("c")) }
      #expect(throws: EncodingError.self) { try keyed.encode(1, forKey: Key("\u{0}")) }
      #expect(throws: EncodingError.self) { try keyed.encodeNil(forKey: Key("\u{0}")) }
      #expect(throws: EncodingError.self) { try keyed.encode(["", "\u{0}"], forKey: Key("d")) }
      #expect(throws: EncodingError.self) { try keyed.encode([[Float.infinity]], forKey: Key("e")) }
      try keyed.encode([[2]], forKey: Key("f"))
    }
    #expect(try text(steps) == #"{"a":1,"f":[[2]]}"#)
    let nested = Steps { encoder in
      var keyed = encoder.container(keyedBy: Key.self)
      _ = keyed.nestedUnkeyedContainer(forKey: Key("\u{0}"))
    }
    #expect(throws: EncodingError.self) { try JSON.encode(nested) }
  }

  @Test func namesThePlace() {
    func path(_ value: some Encodable) -> [String]? {
      do {
        _ = try JSON.encode(value)
        return nil
      } catch EncodingError.invalidValue(_, let context) {
        return context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
      } catch {
        return ["\(error)"]
      }
    }
    #expect(path([["a": [1, .nan]]]) == ["[0]", "a", "[1]"])
    #expect(path([["a": ["", "\u{0}"]]]) == ["[0]", "a", "[1]"])
    #expect(path([["a\u{0}": 1]]) == ["[0]"])
    #expect(path("\u{0}") == [])
    let late = Steps { encoder in
      var unkeyed = encoder.unkeyedContainer()
      try unkeyed.encode(0)
      var nested = unkeyed.nestedContainer(keyedBy: Key.self)
      try nested.encode([Double.infinity], forKey: Key("x"))
    }
    #expect(path(["k": late]) == ["k", "[1]", "x", "[0]"])
  }

  @Test func depthIsLimited() throws {
    indirect enum Nest: Encodable {
      case end
      case array(Nest)
      func encode(to encoder: any Encoder) throws {
        var unkeyed = encoder.unkeyedContainer()
        if case .array(let inner) = self { try unkeyed.encode(inner) }
      }
    }
    func nest(_ depth: Int) -> Nest { (1..<depth).reduce(.end) { nest, _ in .array(nest) } }
    #expect(
      try text(nest(JSON.maximumDepth))
        == String(repeating: "[", count: 512) + String(repeating: "]", count: 512))
    for depth in [JSON.maximumDepth + 1, 600] {
      #expect(throws: EncodingError.self) { try JSON.encode(nest(depth)) }
      #expect(throws: EncodingError.self) { try JSON(encoding: nest(depth)) }
    }
    let nested = Steps { encoder in
      var unkeyed = encoder.unkeyedContainer()
      for _ in 0..<2_000 { unkeyed = unkeyed.nestedUnkeyedContainer() }
    }
    #expect(throws: EncodingError.self) { try JSON.encode(nested) }
    // A tree that no text can have is an error too, and not another tree.
    #expect(throws: EncodingError.self) { try JSON(encoding: [JSON.string("\u{0}")]) }
  }

  @Test func simpleValuesAreTexts() throws {
    let cases: [(any Encodable, String)] = [
      (0.1, "0.1"), (-0.0, "0"), (5.0, "5"), (1e20, "100000000000000000000"), (1e-7, "0.0000001"),
      (Float(0.1), "0.1"), (UInt64.max, "18446744073709551615"),
      (Int64.min, "-9223372036854775808"),
      (true, "true"), ("é\"", #""é\"""#),
      (Int?.none, "null"), ([1.5: "x"], #"[1.5,"x"]"#), (Data([255]), #""/w==""#),
      (Numeric.nan, #""NaN""#), (Decimal.nan, #""NaN""#), (Decimal(1) / 8, "0.125"),
      (Date(timeIntervalSince1970: 0), #""1970-01-01T00:00:00.000000Z""#), ([[String]](), "[]"),
      (["a", "b\n"], #"["a","b\n"]"#), (JSON.number(.nan), "null"),
    ]
    for (value, expected) in cases {
      #expect(try text(value) == expected)
      #expect(try text([value].map(Box.init)) == "[\(expected)]")
    }
  }

  /// A value in a single-value container.
  private struct Box: Encodable {
    let value: any Encodable
    func encode(to encoder: any Encoder) throws {
      var single = encoder.singleValueContainer()
      try single.encode(value)
    }
  }
}
