import Foundation
import RoostCore
import Testing

@Suite struct JSONCodableTests {
  struct Inner: Codable, Equatable {
    var tags: [String: Int]
    var choice: Choice
  }

  enum Choice: String, Codable { case first, second }

  struct Everything: Codable, Equatable {
    var small: Int8 = -128
    var large: Int64 = .max
    var unsigned: UInt64 = .max
    var double = 0.1
    var float: Float = 0.1
    var flag = true
    var text = "e\u{301}"
    var none: String?
    var amount = Numeric("1234567890123456789012345678901234567890.10") ?? .nan
    var decimal = Decimal(string: "0.10") ?? 0
    var date = Date(timeIntervalSince1970: 1_795_000_000.25)
    var timestamp = Timestamp(microsecondsSince2000: 1)
    var day = CalendarDate(daysSince2000: 1)
    var id = UUID(uuidString: "0F0E0D0C-0B0A-0908-0706-050403020100") ?? UUID()
    var bytes = Data([0, 255])
    var link = URL(string: "https://example.org/a?b=c")
    var free: JSON = ["x": [1, .null]]
    var list = [[1], [], [2, 3]]
    var optionals: [Int?] = [1, nil]
    var inner = Inner(tags: ["b": 2, "a": 1], choice: .second)
  }

  @Test func roundTripsExactly() throws {
    let value = Everything()
    let json = try JSON(encoding: value)
    #expect(try json.decode(Everything.self) == value)
    #expect(try JSON(parsing: json.encoded()).decode(Everything.self) == value)
    #expect(json["large"]?.description == "9223372036854775807")
    #expect(json["unsigned"]?.description == "18446744073709551615")
    #expect(json["amount"]?.description == "1234567890123456789012345678901234567890.10")
    #expect(json["date"] == "2026-11-18T11:06:40.250000Z")
    #expect(json["timestamp"] == "2000-01-01T00:00:00.000001Z")
    #expect(json["id"] == "0f0e0d0c-0b0a-0908-0706-050403020100")
    #expect(json["bytes"] == "AP8=" && json["link"] == "https://example.org/a?b=c")
    #expect(json["none"] == nil && json["float"] == 0.1)
    #expect(json["optionals"] == [1, .null] && json["inner"]?["choice"] == "second")
  }

  @Test func refusesWhatJSONLacks() {
    #expect(throws: EncodingError.self) { try JSON(encoding: [Double.nan]) }
    #expect(throws: EncodingError.self) { try JSON(encoding: ["a\u{0}"]) }
    #expect(throws: EncodingError.self) { try JSON(encoding: ["a\u{0}": 1]) }
  }

  @Test func namesThePlace() {
    let json: JSON = ["inner": ["tags": ["a": "one"], "choice": "first"]]
    struct Outer: Decodable { var inner: Inner }
    do {
      _ = try json.decode(Outer.self)
      Issue.record("no error")
    } catch DecodingError.typeMismatch(_, let context) {
      #expect(context.codingPath.map(\.stringValue) == ["inner", "tags", "a"])
    } catch {
      Issue.record("\(error)")
    }
    #expect(throws: DecodingError.self) { try JSON.number(300).decode(Int8.self) }
    #expect(throws: DecodingError.self) { try JSON.number(-1).decode(UInt64.self) }
    #expect(throws: DecodingError.self) { try (1.5 as JSON).decode(Int.self) }
    #expect(throws: DecodingError.self) { try JSON.null.decode(String.self) }
    #expect(throws: DecodingError.self) { try JSON.array([]).decode(Inner.self) }
    #expect(throws: DecodingError.self) { try JSON.string("x").decode(UUID.self) }
    #expect(throws: DecodingError.self) { try JSON.string("tomorrow").decode(Date.self) }
    #expect(throws: DecodingError.self) { try JSON.object([:]).decode(Inner.self) }
  }

  @Test func nestedContainersAndSuperclasses() throws {
    class Base: Codable {
      var a = 1
    }
    final class Derived: Base {
      var b = 2
      enum Keys: String, CodingKey { case b, list }
      override init() { super.init() }
      required init(from decoder: any Decoder) throws {
        let keyed = try decoder.container(keyedBy: Keys.self)
        b = try keyed.decode(Int.self, forKey: .b)
        var list = try keyed.nestedUnkeyedContainer(forKey: .list)
        let inner = try list.nestedContainer(keyedBy: Keys.self)
        #expect(try inner.decode(Int.self, forKey: .b) == 3)
        #expect(try list.decodeNil() && list.isAtEnd)
        try super.init(from: keyed.superDecoder())
      }
      override func encode(to encoder: any Encoder) throws {
        var keyed = encoder.container(keyedBy: Keys.self)
        try super.encode(to: keyed.superEncoder())
        try keyed.encode(b, forKey: .b)
        var list = keyed.nestedUnkeyedContainer(forKey: .list)
        var inner = list.nestedContainer(keyedBy: Keys.self)
        try inner.encode(3, forKey: .b)
        try list.encodeNil()
      }
    }
    let json = try JSON(encoding: Derived())
    #expect(json == ["b": 2, "super": ["a": 1], "list": [["b": 3], .null]])
    #expect(try json.decode(Derived.self).a == 1)
  }

  @Test func worksWithOtherCoders() throws {
    let value: JSON = ["a": [1, 2.5, "x", .null, true], "b": [:]]
    let data = try JSONEncoder().encode(value)
    #expect(try JSONDecoder().decode(JSON.self, from: data) == value)
  }
}
