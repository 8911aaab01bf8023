import Foundation
import RoostCore
import Testing

@Suite struct NumericTests {
  @Test func answersAsPostgres() throws {
    for line in postgresNumericAnswers.split(separator: "\n") {
      let fields = line.split(separator: "|").map(String.init)
      try #require(fields.count == 12)
      let a = try #require(Numeric(fields[0]))
      let b = try #require(Numeric(fields[1]))
      let scale = try #require(Int(fields[2]))
      let order = a < b ? "-1" : a == b ? "0" : "1"
      let answers = [
        a.description, (a + b).description, (a - b).description, (a * b).description,
        a.divided(by: b)?.description, a.remainder(dividingBy: b)?.description,
        a.rounded(toScale: scale).description, order, a.reduced.description,
      ]
      #expect(answers == fields[3...].map(Optional.init), "\(line)")
    }
  }

  @Test(
    arguments: [
      ("1.10", "1.10"), ("-0", "0"), ("+.5", "0.5"), ("5.", "5"), ("1e2", "100"),
      ("1.5E-3", "0.0015"),
      ("000123.4500", "123.4500"), ("0e5", "0"), ("0e-5", "0.00000"), ("nan", "NaN"),
      ("INF", "Infinity"), ("-infinity", "-Infinity"), ("1e-16383", "0." + zeros(16_382) + "1"),
      ("999999999999999999", "999999999999999999"), ("1000000000000000000", "1000000000000000000"),
      ("-9999999999.99999999999", "-9999999999.99999999999"), ("1e131071", "1" + zeros(131_071)),
      ("0.0000000000000000001", "0.0000000000000000001"), ("0e999999999", "0"),
    ] as [(String, String)])
  func readsAndPrints(text: String, printed: String) throws {
    let value = try #require(Numeric(text))
    #expect(value.description == printed)
    #expect(Numeric(printed)?.description == printed)
  }

  @Test(arguments: [
    "", " 1", "1 ", "+", "-", ".", "e5", "1e", "1e+", "1.2.3", "1,5", "0x10", "1_000", "-nan",
    "+nan",
    "infinit", "--1", "1e131072", "1e-16384", "1e99999999999999999999", "1e-99999999999999999999",
    "0." + zeros(16_384), "１", "1\u{0}",
  ])
  func refuses(text: String) {
    #expect(Numeric(text) == nil)
  }

  @Test func equalsByWorthAndSortsAsSQL() throws {
    let long = try #require(Numeric("1.1" + zeros(40)))
    #expect(Numeric("1.10") == Numeric("1.1"))
    #expect(long == Numeric("1.1") && long.hashValue == Numeric("1.1")?.hashValue)
    #expect(Numeric("1" + zeros(30))?.hashValue == Numeric("1" + zeros(30) + ".00")?.hashValue)
    #expect(Numeric.nan == Numeric.nan && Numeric.nan.hashValue == Numeric.nan.hashValue)
    let ordered: [Numeric] = [
      .negativeInfinity, try #require(Numeric("-1e30")), -1, try #require(Numeric("-0.1")), 0,
      try #require(Numeric("1e-20")), 1, try #require(Numeric("1e30")), .infinity, .nan,
    ]
    #expect(ordered.shuffled().sorted() == ordered)
    #expect(!(Numeric.nan < Numeric.nan))
  }

  @Test func fitsSwiftNumbersExactly() throws {
    #expect(Numeric(Int64.min).description == "-9223372036854775808")
    #expect(Numeric(Int64.min).int64 == Int64.min)
    #expect(Numeric("9223372036854775807")?.int64 == Int64.max)
    #expect(Numeric("9223372036854775808")?.int64 == nil)
    #expect(Numeric("12.000")?.int64 == 12)
    #expect(Numeric("12.001")?.int64 == nil)
    #expect(Numeric("1e40")?.int64 == nil)
    #expect(Numeric.nan.int64 == nil)
    #expect(Numeric(0.1).description == "0.1")
    #expect(Numeric(1.0).description == "1")
    let least = Double.leastNonzeroMagnitude
    #expect(Numeric(least).double == least)
    #expect(Numeric(Double.greatestFiniteMagnitude).double == Double.greatestFiniteMagnitude)
    #expect(Numeric(-Double.infinity) == .negativeInfinity)
    #expect(Numeric(Double.nan).isNaN)
    #expect(Numeric("1e400")?.double == .infinity)
    let decimal = try #require(Decimal(string: "-123456789012345678901234567.5"))
    #expect(Numeric(decimal).description == "-123456789012345678901234567.5")
    #expect(Numeric(decimal).decimal == decimal)
    #expect(Numeric("1" + zeros(20) + "." + zeros(19) + "1")?.decimal == nil)
    #expect(Numeric.infinity.decimal == nil)
    #expect(Numeric("0.1")?.decimal == Decimal(string: "0.1"))
  }

  @Test func carriesTheWireForm() throws {
    let value = try #require(Numeric("-12345678.90"))
    #expect(value.negative && value.weight == 1 && value.scale == 2)
    #expect(value.digits == [1234, 5678, 9000])
    let big = try #require(
      Numeric(negative: true, weight: 6, scale: 2, digits: [0, 1, 0, 0, 0, 0, 0, 2500, 0]))
    #expect(big.description == "-100000000000000000000.25")
    #expect(Numeric(negative: true, weight: 0, scale: 3, digits: [0])?.description == "0.000")
    #expect(Numeric(negative: false, weight: 0, scale: 0, digits: [10_000]) == nil)
    #expect(Numeric(negative: false, weight: 0, scale: -1, digits: [1]) == nil)
    #expect(Numeric(negative: false, weight: 0, scale: 16_384, digits: [1]) == nil)
    #expect(Numeric(negative: false, weight: 0, scale: 2, digits: [1, 2345]) == nil)
    #expect(Numeric(negative: false, weight: .max, scale: 0, digits: [9999]) != nil)
    #expect(Numeric(negative: false, weight: .min, scale: 0, digits: []) == 0)
    #expect(Numeric.zero.digits.isEmpty && Numeric.nan.digits.isEmpty)
  }

  @Test func staysWithinTheFormat() throws {
    let greatest = try #require(Numeric("9e131071"))
    #expect((greatest + greatest) == .infinity)
    #expect((-greatest - greatest) == .negativeInfinity)
    #expect(greatest * -greatest == .negativeInfinity)
    let least = try #require(Numeric("1e-16383"))
    #expect((least * least).scale == 16_383 && (least * least).isZero)
    #expect((Numeric.infinity - .infinity).isNaN && (Numeric.infinity * 0).isNaN)
    #expect(Numeric(5).divided(by: 0) == nil && Numeric(5).remainder(dividingBy: 0) == nil)
    #expect(greatest.remainder(dividingBy: least)?.isZero == true)
    #expect(greatest.rounded(toScale: .max).scale == 16_383)
    #expect(greatest.rounded(toScale: .min).isZero)
  }

  @Test func fitsPrecisionAndScale() throws {
    let value = try #require(Numeric("99.994"))
    #expect(value.fits(precision: 4, scale: 2))
    #expect(try !#require(Numeric("99.995")).fits(precision: 4, scale: 2))
    #expect(try #require(Numeric("0.00049")).fits(precision: 1, scale: 3))
    #expect(try !#require(Numeric("1e30")).fits(precision: 30, scale: 0))
    #expect(try #require(Numeric("1e30")).fits(precision: 31, scale: 0))
    #expect(Numeric.nan.fits(precision: 1, scale: 0))
    #expect(!Numeric.infinity.fits(precision: 1000, scale: 0))
  }

  @Test func isSmall() {
    #expect(MemoryLayout<Numeric>.size <= 16)
  }

  @Test func codesAsText() throws {
    let value = try #require(Numeric("12345678901234567890.10"))
    let data = try JSONEncoder().encode([value])
    #expect(String(decoding: data, as: UTF8.self) == #"["12345678901234567890.10"]"#)
    #expect(
      try JSONDecoder().decode([Numeric].self, from: data)[0].description == value.description)
    #expect(
      try JSONDecoder().decode([Numeric].self, from: Data("[9223372036854775807, 0.1]".utf8))
        == [Numeric(Int64.max), Numeric(0.1)])
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([Numeric].self, from: Data(#"["one"]"#.utf8))
    }
  }
}

private func zeros(_ count: Int) -> String {
  String(repeating: "0", count: count)
}
