import Foundation

/// A Swift file as the house rules read it: as it stands, and with comments and literals blanked.
struct SwiftSource: Sendable {
  /// The path from the package's folder.
  let path: String
  /// The lines as they stand.
  let lines: [Substring]
  /// The same lines with each byte of a comment or a string literal turned into a space, so that
  /// words and braces in them do not count.
  let code: [Substring]

  init(path: String, text: String) {
    self.path = path
    var blanker = Blanker(text: text)
    lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    code = blanker.blank().split(separator: "\n", omittingEmptySubsequences: false)
  }
}

/// Turns the bytes of comments and string literals into spaces and keeps all else in its place.
private struct Blanker {
  private let bytes: [UInt8]
  private var position = 0
  private var output: [UInt8] = []

  private static let lineEnd = UInt8(ascii: "\n")

  init(text: String) {
    bytes = Array(text.utf8)
    output.reserveCapacity(bytes.count)
  }

  mutating func blank() -> String {
    while position < bytes.count {
      if starts("//") {
        while position < bytes.count, bytes[position] != Self.lineEnd { skip(1) }
      } else if starts("/*") {
        skipBlockComment()
      } else if let signs = literalStart() {
        skipLiteral(signs: signs)
      } else {
        output.append(bytes[position])
        position += 1
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  private func starts(_ word: String) -> Bool {
    var index = position
    for byte in word.utf8 {
      guard index < bytes.count, bytes[index] == byte else { return false }
      index += 1
    }
    return true
  }

  /// Blanks bytes; line ends stay.
  private mutating func skip(_ count: Int) {
    for byte in bytes[position...].prefix(count) {
      output.append(byte == Self.lineEnd ? byte : UInt8(ascii: " "))
    }
    position = min(position + count, bytes.count)
  }

  private mutating func skipBlockComment() {
    var depth = 0
    repeat {
      if starts("/*") {
        depth += 1
        skip(2)
      } else if starts("*/") {
        depth -= 1
        skip(2)
      } else {
        skip(1)
      }
    } while depth > 0 && position < bytes.count
  }

  /// The number signs before the quote that a literal starts with here; nil when none starts.
  private func literalStart() -> Int? {
    var quote = position
    while quote < bytes.count, bytes[quote] == UInt8(ascii: "#") { quote += 1 }
    return quote < bytes.count && bytes[quote] == UInt8(ascii: "\"") ? quote - position : nil
  }

  /// Blanks a literal with the code of its interpolations, which no rule needs to see.
  private mutating func skipLiteral(signs: Int) {
    skip(signs)
    let quote = starts("\"\"\"") ? "\"\"\"" : "\""
    let sharps = String(repeating: "#", count: signs)
    let end = quote + sharps
    let escape = "\\" + sharps
    skip(quote.count)
    while position < bytes.count {
      if starts(end) {
        skip(end.count)
        return
      }
      // A literal of one line ends there whatever it looks like, as in a regular expression.
      if quote.count == 1, bytes[position] == Self.lineEnd { return }
      if starts(escape + "(") {
        skip(escape.count + 1)
        skipInterpolation()
      } else if starts(escape) {
        skip(escape.count + 1)
      } else {
        skip(1)
      }
    }
  }

  /// Blanks up to the parenthesis that ends an interpolation.
  private mutating func skipInterpolation() {
    var depth = 1
    while position < bytes.count, depth > 0 {
      if let signs = literalStart() {
        skipLiteral(signs: signs)
        continue
      }
      if bytes[position] == UInt8(ascii: "(") { depth += 1 }
      if bytes[position] == UInt8(ascii: ")") { depth -= 1 }
      skip(1)
    }
  }
}

/// The package's own folder and files.
enum House {
  /// The folder that `Package.swift` is in.
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The Swift files under these folders, by path.
  static func sources(in folders: [String]) throws -> [SwiftSource] {
    try all.get().filter { source in folders.contains { source.path.hasPrefix($0 + "/") } }
  }

  /// Read once, since several rules ask for them.
  private static let all = Result {
    try paths(in: ["Sources", "Tests", "Benchmarks"]).filter { $0.hasSuffix(".swift") }.map {
      SwiftSource(path: $0, text: try text(of: $0))
    }
  }

  /// The files under these folders, by path; what a build made is none of them.
  static func paths(in folders: [String]) throws -> [String] {
    try folders.flatMap { folder in
      try FileManager.default.subpathsOfDirectory(atPath: House.folder.path + "/" + folder)
        .filter { !$0.split(separator: "/").contains { $0.hasPrefix(".build") } }
        .map { "\(folder)/\($0)" }
    }.sorted()
  }

  /// The text of a file of the package.
  static func text(of path: String) throws -> String {
    try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
  }
}
