import Foundation
import RoostCore
import Testing

@Suite struct TextOrderTests {
  @Test func comparesBytes() {
    // The composed and the decomposed é are one String to Swift and two texts to Postgres.
    #expect("\u{E9}" == "e\u{301}")
    #expect(!TextOrder.areEqual("\u{E9}", "e\u{301}"))
    #expect(TextOrder.isLess("e\u{301}", "\u{E9}"))
    #expect(TextOrder.isLess("Z", "a") && TextOrder.isLess("a", "é"))
    #expect(TextOrder.isLess("", "a") && TextOrder.isLess("a", "aa") && !TextOrder.isLess("a", "a"))
    // By UTF-8 bytes, not by UTF-16 units.
    #expect(TextOrder.isLess("\u{FFFF}", "\u{10000}"))
    #expect(TextOrder.compare("same text of some length", "same text of some length") == 0)
  }

  @Test func hashesWhatItCompares() {
    func hash(_ text: String) -> Int {
      var hasher = Hasher()
      TextOrder.hash(text, into: &hasher)
      return hasher.finalize()
    }
    #expect(hash("abc") == hash(String("xabc".dropFirst())))
    #expect(hash("\u{E9}") != hash("e\u{301}"))
  }

  @Test func foldsOnlyASCII() {
    #expect(TextOrder.lowercased("ÀBZ-09É") == "Àbz-09É")
    #expect(TextOrder.uppercased("àbz-09é") == "àBZ-09é")
    #expect(TextOrder.lowercased("plain") == "plain")
    #expect(TextOrder.lowercased("İSTANBUL") == "İstanbul")
  }

  @Test func countsScalars() {
    #expect(TextOrder.scalarCount("") == 0)
    #expect(TextOrder.scalarCount("héllo") == 5)
    #expect(TextOrder.scalarCount("e\u{301}") == 2)
    #expect(TextOrder.scalarCount("👩‍👩‍👧") == 5)
    #expect(TextOrder.containsNull("a\u{0}b") && !TextOrder.containsNull("ab"))
    #expect(!TextOrder.containsNull(""))
  }
}

@Suite struct LikePatternTests {
  /// Answers of PostgreSQL 15.
  @Test(
    arguments: [
      ("abc", "abc", true), ("abc", "ab", false), ("abc", "a%", true), ("abc", "%c", true),
      ("abc", "%b%", true), ("abc", "%d%", false), ("abc", "a_c", true), ("abc", "a__c", false),
      ("", "", true), ("", "%", true), ("", "_", false), ("a", "", false), ("abc", "%%%", true),
      ("é", "_", true), ("e\u{301}", "_", false), ("e\u{301}", "__", true), ("日本語", "_本_", true),
      ("日本語", "%語", true), ("日本語", "%_", true), ("日本", "___", false), ("10%", #"10\%"#, true),
      ("10x", #"10\%"#, false), (#"a\b"#, #"a\\b"#, true), ("ABC", "abc", false),
      ("aXbXc", "a%X%c", true), ("ab", "a%b%b", false), ("abab", "%ab", true), ("aab", "%ab", true),
      ("ab", "%a%b%", true), ("aa", "%a_", true), ("aé", "%a_", true), ("a_b", #"a\_b"#, true),
      ("axb", #"a\_b"#, false), ("mississippi", "m%iss%ip%i", true),
      ("mississippi", "m%iss%ipp", false),
      ("\u{E9}", "e\u{301}", false),
    ] as [(String, String, Bool)])
  func matchesAsPostgres(text: String, pattern: String, answer: Bool) throws {
    #expect(try LikePattern(pattern).matches(text) == answer)
  }

  @Test func foldsASCIIOnly() throws {
    #expect(try LikePattern("a%Z", caseInsensitive: true).matches("Abcz"))
    #expect(try !LikePattern("é", caseInsensitive: true).matches("É"))
    #expect(try LikePattern("%LIB_C%", caseInsensitive: true).matches("the libéc"))
  }

  @Test func escapes() throws {
    #expect(throws: LikePattern.Failure.endsWithEscape) { try LikePattern(#"abc\"#) }
    #expect(
      LikePattern.Failure.endsWithEscape.description
        == "LIKE pattern must not end with escape character")
    #expect(throws: LikePattern.Failure.invalidEscape) { try LikePattern("a", escape: "ab") }
    #expect(try LikePattern("a!%", escape: "!").matches("a%"))
    #expect(try LikePattern(#"a\%"#, escape: "").matches(#"a\b"#))
    #expect(LikePattern.escaped(#"50%_\"#) == #"50\%\_\\"#)
    #expect(try LikePattern(LikePattern.escaped(#"50%_\"#)).matches(#"50%_\"#))
    #expect(try LikePattern(#"ab\%c%"#).literalPrefix == "ab%c")
    #expect(try LikePattern("日_").literalPrefix == "日")
    #expect(try LikePattern(#"a\_b"#).isLiteral && !LikePattern("a_b").isLiteral)
  }

  /// A matcher that goes back to every earlier `%` would take longer than the universe has.
  @Test(.timeLimit(.minutes(1))) func isNotExponential() throws {
    let pattern = try LikePattern(String(repeating: "%a", count: 60) + "%b")
    #expect(!pattern.matches(String(repeating: "a", count: 20_000)))
  }

  /// Against a plain recursive matcher on all short texts and patterns of a small alphabet.
  @Test func agreesWithThePlainDefinition() throws {
    func plain(_ text: ArraySlice<Character>, _ pattern: ArraySlice<Character>) -> Bool {
      guard let first = pattern.first else { return text.isEmpty }
      if first == "%" {
        return (text.startIndex...text.endIndex).contains {
          plain(text[$0...], pattern.dropFirst())
        }
      }
      guard let character = text.first, first == "_" || first == character else { return false }
      return plain(text.dropFirst(), pattern.dropFirst())
    }
    func words(_ alphabet: [String], _ length: Int) -> [String] {
      length == 0
        ? [""] : words(alphabet, length - 1).flatMap { word in alphabet.map { word + $0 } }
    }
    let texts = (0...4).flatMap { words(["a", "é"], $0) }
    for pattern in (0...4).flatMap({ words(["a", "é", "%", "_"], $0) }) {
      let compiled = try LikePattern(pattern)
      for text in texts {
        let expected = plain(Array(text)[...], Array(pattern)[...])
        if compiled.matches(text) != expected { Issue.record("\(text) LIKE \(pattern)") }
      }
    }
  }
}
