import Foundation
import RoostCore
import Testing

@Suite struct JSONTextTests {
  @Test func answersAsPostgres() throws {
    for line in postgresJSONAnswers.split(separator: "\n") {
      let fields = line.components(separatedBy: "   ")
      try #require(fields.count == 4)
      let a = try JSON(parsing: fields[0])
      let b = try JSON(parsing: fields[1])
      #expect(TextOrder.areEqual(a.description, fields[2]), "\(line)")
      #expect((a < b ? "-1" : a == b ? "0" : "1") == fields[3], "\(line)")
      #expect(try JSON(parsing: a.encoded()) == a)
      #expect((a == b) == (a.hashValue == b.hashValue))
    }
  }

  @Test func writesBothStyles() throws {
    let text: JSON = "tab\tquote\"\\\u{1F}\u{7F}é/"
    let value: JSON = ["b": [1, .null, true], "a": ["x": text], "cc": 1.5]
    #expect(
      value.description
        == #"{"a": {"x": "tab\tquote\"\\\#u{5C}u001f\#u{7F}é/"}, "b": [1, null, true], "cc": 1.5}"#)
    #expect(
      String(decoding: value.encoded(), as: UTF8.self)
        == #"{"a":{"x":"tab\tquote\"\\\#u{5C}u001f\#u{7F}é/"},"b":[1,null,true],"cc":1.5}"#)
    #expect(JSON.array([]).description == "[]" && JSON.object([:]).description == "{}")
    #expect(JSON.number(.nan).description == "null")
    #expect(JSON.string("\u{8}\u{C}\r\n").description == #""\b\f\r\n""#)
  }

  @Test(
    arguments: [
      (#""\u00e9""#, "é"), (#""\ud83d\ude00""#, "😀"), (#""a\/b""#, "a/b"), (#""""#, ""),
      (
        #""long enough for eight bytes at once\n and more""#,
        "long enough for eight bytes at once\n and more"
      ),
      (#""\uFFFF""#, "\u{FFFF}"), (#""\\u0041""#, "\\u0041"),
    ] as [(String, String)])
  func readsStrings(text: String, value: String) throws {
    #expect(try JSON(parsing: text).string == value)
  }

  @Test(
    arguments: [
      ("", .unexpectedEnd, 0), ("  ", .unexpectedEnd, 2), ("[1,]", .unexpectedByte, 3),
      ("[1 2]", .unexpectedByte, 3), ("[,1]", .unexpectedByte, 1),
      (#"{"a":1,}"#, .unexpectedKind, 7),
      ("{a:1}", .unexpectedKind, 1), (#"{"a" 1}"#, .unexpectedByte, 5),
      (#"{"a":}"#, .unexpectedByte, 5),
      ("1 2", .trailingBytes, 2), ("nul", .unexpectedEnd, 0), ("nulx", .unexpectedByte, 0),
      ("\u{FEFF}1", .unexpectedByte, 0), ("'a'", .unexpectedByte, 0), ("NaN", .unexpectedByte, 0),
      ("01", .invalidNumber, 0), ("1.", .invalidNumber, 2), ("-", .unexpectedEnd, 1),
      ("-a", .invalidNumber, 1), ("1e", .invalidNumber, 2), (".5", .unexpectedByte, 0),
      ("+1", .unexpectedByte, 0), ("1e999999", .numberOutOfRange, 0), (#""a"#, .unexpectedEnd, 2),
      (#""a\"#, .unexpectedEnd, 3), (#""\x""#, .invalidEscape, 1),
      (#""\u12g4""#, .invalidEscape, 1),
      (#""\u12"#, .unexpectedEnd, 5), (#""\u0000""#, .nullCharacter, 1),
      (#""\ud800""#, .loneSurrogate, 1), (#""\udc00""#, .loneSurrogate, 1),
      (#""\ud800\u0041""#, .loneSurrogate, 1), (#""\ud800\n""#, .loneSurrogate, 1),
      ("\"a\nb\"", .controlCharacter, 2), ("\"abcdefgh\u{0}\"", .controlCharacter, 9),
      ("[1", .unexpectedEnd, 2), ("{", .unexpectedEnd, 1), ("]", .unexpectedByte, 0),
      ("[}", .unexpectedByte, 1),
      ("[1}", .unexpectedByte, 2), (#"{"a":1]"#, .unexpectedByte, 6), ("1//", .trailingBytes, 1),
    ] as [(String, JSONError.Reason, Int)])
  func refuses(text: String, reason: JSONError.Reason, offset: Int) {
    #expect(throws: JSONError(reason, at: offset)) { try JSON(parsing: text) }
  }

  @Test func refusesBadUTF8() {
    for bytes: [UInt8] in [
      [0x80], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF],
    ] {
      #expect(throws: JSONError(.invalidUTF8, at: 1)) { try JSON(parsing: [0x22] + bytes + [0x22]) }
      // The way through an escape checks as well.
      #expect(throws: JSONError(.invalidUTF8, at: 1)) {
        try JSON(parsing: [0x22, 0x5C, 0x6E] + bytes + [0x22])
      }
    }
  }

  @Test func depthIsLimited() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    let deepest = try JSON(parsing: nested(JSON.maximumDepth))
    #expect(deepest.description == nested(JSON.maximumDepth))
    #expect(throws: JSONError(.tooDeep, at: JSON.maximumDepth)) {
      try JSON(parsing: nested(JSON.maximumDepth + 1))
    }
    #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000)) }
  }

  @Test func everyPrefixAndFlipIsAnErrorOrAValue() throws {
    let text = #"{"a": [1, -2.50e3, "x\u00e9\n", {"b": null}], "é": [true, false, "\ud83d\ude00"]}"#
    let bytes = Array(text.utf8)
    for count in 0..<bytes.count {
      #expect(throws: JSONError.self) { try JSON(parsing: Array(bytes[..<count])) }
    }
    for index in bytes.indices {
      for bit in 0..<8 {
        var flipped = bytes
        flipped[index] ^= 1 << bit
        if let value = try? JSON(parsing: flipped) {
          #expect(try JSON(parsing: value.encoded()) == value)
        }
      }
    }
  }

  @Test func objectsAreNormal() throws {
    var object = try #require(JSON(parsing: #"{"bb":1,"a":2,"é":3,"a":4,"b":5}"#).object)
    #expect(object.map(\.key) == ["a", "b", "bb", "é"])
    #expect(object["a"] == 4 && object["zz"] == nil)
    object["c"] = 6
    object["a"] = nil
    object["none"] = nil
    object["bb"] = .null
    #expect(JSON.object(object).description == #"{"b": 5, "c": 6, "bb": null, "é": 3}"#)
    // Composed and decomposed keys are two keys.
    let keys = try #require(JSON(parsing: "{\"\u{E9}\":1,\"e\u{301}\":2}").object)
    #expect(keys.count == 2 && keys["\u{E9}"] == 1 && keys["e\u{301}"] == 2)
  }

  @Test func manyKeysAreNormal() throws {
    for count in [2, 39, 40, 41, 300] {
      // Each key twice, the first value first, in an order that is neither.
      let keys = (0..<count).map { "k\($0 * 7919 % count)" }
      let object = JSON.Object(
        keys.map { ($0, JSON.string("old")) } + keys.reversed().map { ($0, JSON.string("new")) })
      #expect(object.count == count)
      #expect(object.allSatisfy { $0.value == "new" })
      let order = object.map(\.key)
      #expect(order == keys.sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) })
    }
  }

  @Test func validatesUTF8AsTheLibrary() {
    var state: UInt64 = 42
    func next() -> UInt8 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 40)
    }
    let leads: [UInt8] = [
      0x22, 0x41, 0x80, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5,
      0x90,
    ]
    for _ in 0..<20_000 {
      let bytes = (0..<(next() % 12)).map { _ in leads[Int(next()) % leads.count] }
      guard !bytes.contains(0x22) else { continue }
      let expected = String(validating: bytes, as: UTF8.self)
      let read = try? JSON(parsing: [0x22] + bytes + [0x22]).string
      #expect(read == expected, "\(bytes)")
    }
  }

  @Test func partsAreReached() throws {
    let value = try JSON(parsing: #"{"a": [1, "x", true, 2.5, null]}"#)
    #expect(value["a"]?[0]?.int64 == 1 && value["a"]?[1]?.string == "x")
    #expect(value["a"]?[2]?.bool == true && value["a"]?[3]?.number == Numeric("2.5"))
    #expect(value["a"]?[3]?.int64 == nil && value["a"]?[4]?.isNull == true)
    #expect(value["a"]?[5] == nil && value["a"]?[-1] == nil && value["b"] == nil && value[0] == nil)
    #expect(value.array == nil && value.object?.count == 1 && value["a"]?.array?.count == 5)
  }

  @Test func keepsDigits() throws {
    let text = "[1.10, 100, 9223372036854775807, 123456789012345678901234567890.5, 0.10]"
    let value = try JSON(parsing: text.replacingOccurrences(of: "100", with: "1e2"))
    #expect(value.description == text)
  }
}

@Suite struct JSONScannerTests {
  private func scan<T>(
    _ text: String, _ body: (inout JSONScanner) throws -> T
  ) throws -> T {
    try Array(text.utf8).withUnsafeBufferPointer { bytes in
      var scanner = JSONScanner(bytes)
      return try body(&scanner)
    }
  }

  @Test func pullsValues() throws {
    try scan(#" {"seq": 12, "ops": [["put", null], []], "skip": {"x": [1, "é"]}, "crc": "ab"} "#) {
      scanner in
      try scanner.beginObject()
      #expect(try scanner.nextKey() == "seq")
      #expect(try scanner.peek() == .number)
      #expect(try scanner.int64() == 12)
      #expect(try scanner.nextKey() == "ops")
      try scanner.beginArray()
      #expect(try scanner.nextElement())
      try scanner.beginArray()
      #expect(try scanner.nextElement())
      #expect(try !scanner.skipNull())
      #expect(try scanner.string() == "put")
      #expect(try scanner.nextElement())
      #expect(try scanner.skipNull())
      #expect(try !scanner.nextElement())
      #expect(try scanner.nextElement())
      #expect(try scanner.value() == [])
      #expect(try !scanner.nextElement())
      #expect(try scanner.nextKey() == "skip")
      #expect(try String(decoding: scanner.skipValue(), as: UTF8.self) == #"{"x": [1, "é"]}"#)
      #expect(try scanner.nextKey() == "crc")
      #expect(throws: JSONError(.unexpectedKind, at: 74)) { try scanner.int64() }
      #expect(try scanner.string() == "ab")
      #expect(try scanner.nextKey() == nil)
      try scanner.end()
    }
  }

  @Test func refusesTheWrongKind() throws {
    #expect(throws: JSONError(.unexpectedKind, at: 0)) { try scan("1") { try $0.beginObject() } }
    #expect(throws: JSONError(.unexpectedKind, at: 0)) { try scan("1") { try $0.bool() } }
    #expect(throws: JSONError(.unexpectedKind, at: 0)) { try scan("1") { _ = try $0.string() } }
    #expect(throws: JSONError(.numberOutOfRange, at: 0)) { try scan("1.5") { _ = try $0.int64() } }
    #expect(throws: JSONError(.numberOutOfRange, at: 0)) {
      try scan("9223372036854775808") { _ = try $0.int64() }
    }
    #expect(try scan("9223372036854775807") { try $0.int64() } == Int64.max)
    #expect(try scan("1e2") { try $0.int64() } == 100)
  }

  @Test func writerSeparates() {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("seq")
    writer.integer(Int64.min)
    writer.key("ops")
    writer.beginArray()
    writer.string("a")
    writer.raw("[1]")
    writer.beginArray()
    writer.endArray()
    writer.null()
    writer.bool(false)
    writer.endArray()
    writer.endObject()
    writer.unseparated("\n")
    #expect(
      writer.text
        == #"{"seq":-9223372036854775808,"ops":["a",[1],[],null,false]}"# + "\n")
    writer.removeAll()
    writer.integer(0)
    #expect(writer.bytes == [0x30])
  }
}
