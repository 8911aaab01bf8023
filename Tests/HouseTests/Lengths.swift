/// The limits that keep a file readable in one sitting.
enum Lengths {
  static let linesPerFile = 400
  static let linesPerFunction = 70
  static let charactersPerLine = 100

  /// What of a file is too long.
  static func violations(in source: SwiftSource) -> [String] {
    var violations: [String] = []
    // A text that ends with a line end has an empty last piece.
    let count = source.lines.last?.isEmpty == true ? source.lines.count - 1 : source.lines.count
    if count > linesPerFile {
      violations.append("\(source.path): \(count) lines, more than \(linesPerFile)")
    }
    for (number, line) in source.lines.enumerated() where isTooLong(line, number, source) {
      violations.append(
        "\(source.path):\(number + 1): \(line.count) characters, more than \(charactersPerLine)")
    }
    for function in functions(in: source) where function.length > linesPerFunction {
      violations.append(
        "\(source.path):\(function.line): a function of \(function.length) lines, more than "
          + "\(linesPerFunction)")
    }
    return violations
  }

  /// Whether a line is too long. In tests the SQL and the URLs of literals may be wider, since they
  /// read better in one piece.
  private static func isTooLong(_ line: Substring, _ number: Int, _ source: SwiftSource) -> Bool {
    guard line.count > charactersPerLine else { return false }
    let isComment = line.drop { $0 == " " }.hasPrefix("//")
    guard source.path.hasPrefix("Tests/"), !isComment else { return true }
    return source.code[number].count { $0 != " " } > charactersPerLine
  }

  /// A function's place and length, from the line of its keyword to the line of its last brace.
  struct Function: Equatable {
    var line: Int
    var length: Int
  }

  /// The functions and initialisers that have a body.
  static func functions(in source: SwiftSource) -> [Function] {
    var scan = FunctionScan()
    for (number, line) in source.code.enumerated() { scan.read(line, number: number + 1) }
    return scan.functions.sorted { $0.line < $1.line }
  }
}

/// Counts braces.
private struct FunctionScan {
  private(set) var functions: [Lengths.Function] = []
  /// For each open brace the line of the function whose body it opens, nil for other braces.
  private var braces: [Int?] = []
  /// The line of a declaration whose body has not begun; a protocol's has none.
  private var declared: Int?
  private var parentheses = 0

  mutating func read(_ line: Substring, number: Int) {
    var word = ""
    var previous: Character = " "
    for character in line + " " {
      if character.isLetter || character.isNumber || character == "_" {
        if word.isEmpty && (previous == "." || previous == "`") {
          // `.init(` and `` `func` `` declare nothing.
          word = "."
        }
        word.append(character)
      } else {
        if ["func", "init", "deinit", "subscript"].contains(word), parentheses == 0 {
          declared = number
        }
        word = ""
        read(character, number: number)
      }
      previous = character
    }
  }

  private mutating func read(_ character: Character, number: Int) {
    switch character {
    case "(", "[": parentheses += 1
    case ")", "]": parentheses -= 1
    case "{" where parentheses > 0: braces.append(nil)
    case "{":
      braces.append(declared)
      declared = nil
    case "}":
      if parentheses == 0 { declared = nil }
      if let line = braces.popLast() ?? nil {
        functions.append(.init(line: line, length: number - line + 1))
      }
    default: break
    }
  }
}
