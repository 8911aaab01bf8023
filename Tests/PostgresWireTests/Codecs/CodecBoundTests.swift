import Foundation
import PostgresWire
import RoostCore
import Testing

/// What a few bytes may not grow to, and what they may not lead to.
@Suite(.timeLimit(.minutes(1))) struct CodecBoundTests {
  /// A cursor's name as a text once led from reading to showing and back, without an end.
  @Test func aCursorsNameIsAText() throws {
    let bytes = Array("portal".utf8)
    #expect(try Codec.decode(String.self, bytes, .refcursor, .binary) == "portal")
    #expect(try Codec.readable(bytes, .refcursor) == "portal")
  }

  /// Every built-in type is shown or refused, whatever its bytes.
  @Test func everyTypeIsShownOrRefused() {
    for number: UInt32 in 0..<10_000 where PostgresType(number).isBuiltIn {
      for count in [0, 1, 4, 8, 12, 16] {
        _ = try? Codec.readable([UInt8](repeating: 0, count: count), PostgresType(number))
      }
    }
  }

  @Test func whatHasNoElementsHasNoDimensions() throws {
    var writer = PostgresValueWriter()
    for field: Int32 in [2, 0, 23, 1, 1, 0, 1] { writer.write(field) }
    let array = try Codec.decode(
      PostgresArray<Int32>.self, writer.bytes, PostgresType(1_007), .binary)
    #expect(array == PostgresArray([]))
    #expect(array.description == "{}")
    #expect(PostgresArray<Int>([], dimensions: [.init(count: 0)])?.dimensions.isEmpty == true)
  }

  @Test func aDateIsWithinTheServersRange() {
    for microseconds in [Int64.max - 1, .min + 1, .max, .min] {
      #expect(throws: PostgresDecodingError.self) {
        try Codec.decode(
          Date.self, withUnsafeBytes(of: microseconds.bigEndian) { Array($0) }, .timestamptz,
          .binary)
      }
    }
  }

  /// Twelve bytes are a number of 131,069 digits: one is shown, a thousand of them are not.
  @Test func numbersOfManyDigitsAreNotShownByTheThousand() throws {
    func array(count: Int) -> [UInt8] {
      var writer = PostgresValueWriter()
      for field: Int32 in [1, 0, 1_700, Int32(count), 1] { writer.write(field) }
      for _ in 0..<count {
        writer.writeSized { writer in
          for field: Int16 in [1, 32_767, 0, 0, 1] { writer.write(field) }
        }
      }
      return writer.bytes
    }
    #expect(try Codec.readable(array(count: 1), PostgresType(1_231))?.utf8.count == 131_071)
    let error = #expect(throws: PostgresDecodingError.self) {
      try Codec.readable(array(count: 1_000), PostgresType(1_231))
    }
    #expect(error?.reason == "its text is too long")
    #expect(
      try Codec.decode([Numeric].self, array(count: 1_000), PostgresType(1_231), .binary).count
        == 1_000)
  }

  @Test func aLongTextIsNoAddress() {
    #expect(PostgresInet(String(repeating: ".", count: 1_000_000)) == nil)
    #expect(PostgresInet("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/127") != nil)
  }
}
