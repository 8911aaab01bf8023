import Foundation
import RoostCore
import Testing

/// What decoding from bytes gives, beside the tree of the same text.
@Suite struct JSONDecodingTests {
  /// Expects the value, or the error, that the tree has.
  private func expectLikeTree(_ bytes: [UInt8]) {
    let tree = Result { () throws(JSONError) in try JSON(parsing: bytes) }
    let decoded = Result { try JSON.decode(Contained.self, from: bytes).json }
    let whole = Result { try JSON.decode(JSON.self, from: bytes) }
    switch tree {
    case .success(let tree):
      let text = tree.description
      #expect(throws: Never.self) { try decoded.get() }
      #expect((try? decoded.get())?.description == text)
      #expect((try? whole.get())?.description == text)
    case .failure(let error):
      #expect(throws: error) { try decoded.get() }
      #expect(throws: error) { try whole.get() }
    }
  }

  @Test func suiteCasesAreLikeTheirTrees() throws {
    for (_, bytes) in try JSONSuiteTests.cases() { expectLikeTree(bytes) }
  }

  @Test(arguments: 0..<4)
  func randomTextsAreLikeTheirTrees(seed: UInt64) {
    var sampler = JSONSampler(seed: seed)
    for _ in 0..<300 { expectLikeTree(Array(sampler.text(depth: 4).utf8)) }
  }

  @Test func everyPrefixAndFlipIsLikeItsTree() {
    let text = #"""
       {"a": [1, -2.50e3, "x\u00e9\n", {"b": null, "a": "long enough for a word"}],
      "é": [true, false, "\ud83d\ude00"], "a": {"\u0062": 0, "b": 1.5}}
      """#
    let bytes = Array(text.utf8)
    for count in 0...bytes.count { expectLikeTree(Array(bytes[..<count])) }
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << bit
        expectLikeTree(flipped)
      }
    }
  }

  /// Large texts share kept memory, one after the other; here all at once, in all sizes, with more
  /// nodes than are expected, and with faults at their ends.
  @Test func largeTextsAtOnceAreLikeTheirNumbers() async {
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<4 {
        group.addTask {
          for turn in 0..<3 {
            let numbers = (0..<(20_000 << turn) + task * 1_000).map { ($0 + task) % 10 }
            let text = "[" + numbers.map { "\($0)" }.joined(separator: ",")
            #expect((try? JSON.decode([Int].self, from: text + "]")) == numbers)
            #expect(throws: JSONError.self) { try JSON.decode([Int].self, from: text) }
          }
        }
      }
    }
  }

  @Test func depthIsLimitedLikeTheTrees() {
    for depth in [JSON.maximumDepth, JSON.maximumDepth + 1, 100_000] {
      let arrays = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
      let objects = String(repeating: #"{"":"#, count: depth)
      expectLikeTree(Array(objects.utf8))
      guard depth > JSON.maximumDepth else {
        #expect(throws: Never.self) { try JSON.decode(JSON.self, from: arrays) }
        continue
      }
      expectLikeTree(Array(arrays.utf8))
    }
  }

  struct Fields: Codable, Equatable {
    var a: Int
    var bb: String?
    var name: [String]
    var aLongNameOfAField: Double
  }

  @Test(
    arguments: [
      #"{"a":1,"bb":"x","name":["y"],"aLongNameOfAField":2}"#,
      #"{"aLongNameOfAField":2,"name":["y"],"bb":"x","a":1}"#,
      #"{"a":7,"aLongNameOfAField":9,"a":1,"bb":null,"bb":"x","name":["y"],"aLongNameOfAField":2}"#,
      #"{"\u0061":1,"b\u0062":"x","name":["\u0079"],"aLongNameOfA\u0046ield":2e0,"zz":[{"a":3}]}"#,
      #"{"a":1,"b":{"a":5},"bb":"x","name":["y"],"aLongNameOfAFielD":3,"aLongNameOfAField":2}"#,
    ])
  func findsKeysInAnyOrder(text: String) throws {
    let fields = Fields(a: 1, bb: "x", name: ["y"], aLongNameOfAField: 2)
    #expect(try JSON.decode(Fields.self, from: text) == fields)
    let elements = try JSON.decode([Fields].self, from: "[\(text),\(text)]")
    #expect(elements == [fields, fields])
  }

  @Test func manyKeysAreFound() throws {
    for count in [63, 64, 65, 500] {
      // Each key twice, of which the last wins.
      let members = (0..<(2 * count)).map { #""k\#($0 * 7919 % count)":\#($0)"# }
      let text = "{" + members.joined(separator: ",") + "}"
      let values = try JSON.decode([String: Int].self, from: text)
      #expect(values.count == count)
      #expect(values.allSatisfy { key, value in key == "k\(value * 7919 % count)" })
      #expect(values.values.allSatisfy { $0 >= count })
    }
  }

  private func path(_ text: String, _ type: any Decodable.Type) -> [String]? {
    do {
      _ = try JSON.decode(type, from: text)
      return nil
    } catch DecodingError.typeMismatch(_, let context), DecodingError.dataCorrupted(let context),
      DecodingError.valueNotFound(_, let context), DecodingError.keyNotFound(_, let context)
    {
      return context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
    } catch {
      return ["\(error)"]
    }
  }

  @Test func namesThePlace() {
    struct Outer: Decodable {
      var inner: [String: [Fields]]
    }
    let good = #"{"a":1,"name":["y"],"aLongNameOfAField":2}"#
    let before = #"{"x":[],"inner":{"k":["# + good + ","
    #expect(path(before + good + "]}}", Outer.self) == nil)
    #expect(path(before + "5]}}", Outer.self) == ["inner", "k", "[1]"])
    #expect(path(before + "{}]}}", Outer.self) == ["inner", "k", "[1]"])
    #expect(path(before + #"{"a":"1"}]}}"#, Outer.self) == ["inner", "k", "[1]", "a"])
    #expect(
      path(before + #"{"a":1,"name":["",0]}]}}"#, Outer.self)
        == ["inner", "k", "[1]", "name", "[1]"])
    #expect(path("[1,2,300]", [Int8].self) == ["[2]"])
    #expect(path(#"["x"]"#, [UUID].self) == ["[0]"])
    #expect(path("7", String.self) == [])
    #expect(path("{}", Outer.self) == [])
    // The text's own fault comes before any other.
    #expect(throws: JSONError.self) { try JSON.decode(Int.self, from: #""x" y"#) }
  }

  @Test func containersEndWhereTheyEnd() throws {
    struct TooMuch: Decodable {
      init(from decoder: any Decoder) throws {
        var unkeyed = try decoder.unkeyedContainer()
        #expect(unkeyed.count == 2 && unkeyed.currentIndex == 0)
        #expect(try !unkeyed.decodeNil())
        // What cannot be read as asked stays the next.
        #expect(throws: DecodingError.self) { try unkeyed.decode(String.self) }
        #expect(try unkeyed.decode(Int.self) == 1)
        #expect(try unkeyed.decodeNil() && unkeyed.isAtEnd)
        #expect(throws: DecodingError.self) { try unkeyed.decodeNil() }
        #expect(throws: DecodingError.self) { try unkeyed.nestedUnkeyedContainer() }
        #expect(throws: DecodingError.self) { try unkeyed.superDecoder() }
        _ = try unkeyed.decode(Int.self)
      }
    }
    #expect(path("[1,null]", TooMuch.self) == ["[2]"])
  }

  @Test func integersAreExact() throws {
    func check<T: FixedWidthInteger & Codable>(_ type: T.Type) throws {
      for value in [T.min, T.max, 0, 1] {
        #expect(try JSON.decode(T.self, from: "\(value)") == value)
        #expect(try JSON.decode([String: T].self, from: #"{"a":\#(value).0}"#) == ["a": value])
        #expect(try JSON.encode([value]) == Array("[\(value)]".utf8))
        #expect(try JSON.encode(["a": value]) == Array(#"{"a":\#(value)}"#.utf8))
      }
      for text in ["\(T.max)0", "-\(T.max)0", "0.5", #""1""#, "null", "true"] {
        #expect(throws: DecodingError.self) { try JSON.decode(T.self, from: text) }
        #expect(throws: DecodingError.self) { try JSON.decode([T].self, from: "[\(text)]") }
      }
    }
    try check(Int.self)
    try check(Int8.self)
    try check(Int16.self)
    try check(Int32.self)
    try check(Int64.self)
    try check(UInt.self)
    try check(UInt8.self)
    try check(UInt16.self)
    try check(UInt32.self)
    try check(UInt64.self)
  }

  @Test func doublesAreTheNearest() throws {
    for text in [
      "0.1", "0.30000000000000004", "1e23", "-4.9e-324", "1.7976931348623157e308", "123456789.125",
      "9007199254740993", "5e-400", "0.000001", "1E5",
    ] {
      #expect(try JSON.decode(Double.self, from: text) == Double(text))
      #expect(try JSON.decode([Float].self, from: "[\(text)]") == [Float(Double(text) ?? .nan)])
    }
  }

  @Test func optionalsAreNullOrMissing() throws {
    struct Optionals: Codable, Equatable {
      var bool: Bool?
      var string: String?
      var double: Double?
      var float: Float?
      var int: Int?
      var int8: Int8?
      var uint64: UInt64?
      var list: [Int]?
      var inner: [Optionals]?
      var numeric: Numeric?
    }
    let text = #"""
      {"bool":true,"string":"s","double":0.5,"float":2.5,"int":-1,"int8":8,"uint64":64,
      "list":[1,2],"inner":[{},{"int":null,"list":null}],"numeric":1.10}
      """#
    let value = try JSON.decode(Optionals.self, from: text)
    #expect(value.inner == [Optionals(), Optionals()] && value.numeric?.description == "1.10")
    #expect(try JSON.decode(Optionals.self, from: JSON.encode(value)) == value)
    #expect(try JSON(parsing: text).decode(Optionals.self) == value)
    #expect(try JSON.encode(value) == JSON(encoding: value).encoded())
  }
}
