/// Words that end the process, or switch a check of the compiler off.
enum Traps {
  static let words = ["try!", "fatalError(", "preconditionFailure(", "precondition(", "as!"]

  /// What of a file may end the process, and what it takes from the compiler without saying why.
  static func violations(in source: SwiftSource) -> [String] {
    var violations: [String] = []
    for (number, line) in source.code.enumerated() {
      for word in words where contains(word, in: line) {
        violations.append("\(source.path):\(number + 1): \(word) ends the process")
      }
      if line.contains("@unchecked Sendable"), !hasComment(near: number, in: source) {
        violations.append("\(source.path):\(number + 1): @unchecked Sendable without a reason")
      }
    }
    return violations
  }

  /// Whether the word is there, and no part of a longer one.
  private static func contains(_ word: String, in line: Substring) -> Bool {
    line.ranges(of: word).contains { range in
      guard range.lowerBound > line.startIndex else { return true }
      let before = line[line.index(before: range.lowerBound)]
      return !before.isLetter && !before.isNumber && before != "_"
    }
  }

  /// Whether the line has a comment, or one stands in the three lines above.
  private static func hasComment(near number: Int, in source: SwiftSource) -> Bool {
    (max(0, number - 3)...number).contains { source.lines[$0].contains("//") }
  }
}
