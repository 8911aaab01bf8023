import RoostCore
import Testing

@Suite("The public JSON test suite")
struct JSONSuiteTests {
  /// Cases that must be accepted by RFC 8259 and are not: Postgres cannot keep U+0000.
  private static let refused: Set = ["y_object_escaped_null_in_key", "y_string_null_escape"]

  /// Those of the free cases that are accepted: numbers are kept exactly as far as
  /// numeric goes.
  private static let accepted: Set = [
    "i_number_double_huge_neg_exp", "i_number_neg_int_huge_exp", "i_number_pos_double_huge_exp",
    "i_number_real_neg_overflow", "i_number_real_pos_overflow",
    "i_number_too_big_neg_int", "i_number_too_big_pos_int", "i_number_very_big_negative_int",
  ]

  @Test("each case is accepted or refused as it must be, and what is written is read alike")
  func cases() throws {
    let cases = try Self.cases()
    #expect(cases.count == 315)
    for (name, bytes) in cases {
      let value = try? JSON(parsing: bytes)
      let isWanted =
        switch name.first {
        case "y": !Self.refused.contains(name)
        case "n": false
        default: Self.accepted.contains(name)
        }
      #expect((value != nil) == isWanted, "\(name)")
      if let value { #expect(try JSON(parsing: value.encoded()) == value, "\(name)") }
    }
  }

  /// The cases' names and bytes.
  static func cases() throws -> [(name: String, bytes: [UInt8])] {
    try jsonSuiteCases.split(separator: "\n").map { line in
      let parts = line.drop { $0 == " " }.split(
        separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      return (name: String(parts[0]), bytes: try Self.bytes(parts.count > 1 ? parts[1] : ""))
    }
  }

  @Test(
    "the large cases are refused with an error",
    arguments: [
      String(repeating: "[", count: 100_000), String(repeating: #"[{"":"#, count: 50_000),
    ])
  func deep(text: String) {
    #expect(throws: JSONError.self) { try JSON(parsing: text) }
  }

  @Test("500 arrays in each other are read")
  func nested() throws {
    let text = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
    #expect(try JSON(parsing: text).description == text)
  }

  private static func bytes(_ text: Substring) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      let next = rest.popFirst()
      if next == UInt8(ascii: "\\") {
        bytes.append(UInt8(ascii: "\\"))
      } else {
        let digits = String(decoding: rest.prefix(2), as: UTF8.self)
        bytes.append(try #require(UInt8(digits, radix: 16)))
        rest = rest.dropFirst(2)
      }
    }
    return bytes
  }
}
