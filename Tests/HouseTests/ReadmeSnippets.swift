import Foundation

/// The Swift code of a Markdown file as one program: types at file level, statements in functions.
struct ReadmeSnippets {
  /// A fence of Swift code.
  struct Snippet: Equatable {
    /// The line of the Markdown file that its first line is on.
    var line: Int
    var code: [Substring]
  }

  /// What a snippet may use without making it: it stands for code that the reader has.
  private static let parameters =
    "store: Store, pool: PostgresPool, connection: PostgresConnection"
  private static let imports = [
    "Foundation", "PostgresClient", "Roost", "RoostFile", "RoostMemory", "RoostPostgres",
    "RoostSystems", "RoostTesting",
  ]
  private static let declarations: Set<Substring> = [
    "struct", "enum", "extension", "final", "class", "actor", "protocol", "func", "@main",
    "public", "private",
  ]

  let file: String
  let snippets: [Snippet]

  init(file: String, markdown: String) {
    self.file = file
    var snippets: [Snippet] = []
    var open: Snippet?
    let lines = markdown.split(separator: "\n", omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      if let snippet = open {
        if line.hasPrefix("```") {
          snippets.append(snippet)
          open = nil
        } else {
          open?.code.append(line)
        }
      } else if line == "```swift" {
        open = Snippet(line: number + 2, code: [])
      }
    }
    self.snippets = snippets
  }

  /// The program that the compiler sees; its errors are at the Markdown file's lines.
  func program() -> String {
    let functions = snippets.enumerated().map { number, snippet in
      let (declarations, statements) = Self.parts(of: snippet)
      return located(declarations)
        + "\nfunc snippet\(number)(\(Self.parameters)) async throws {\n"
        + located(statements) + "\n}\n"
    }
    return Self.imports.map { "import \($0)\n" }.joined() + functions.joined()
  }

  /// The lines with their place before each run of neighbours; a literal of several lines must
  /// have no such mark inside.
  private func located(_ lines: [(number: Int, text: Substring)]) -> String {
    var result = ""
    var expected: Int?
    for (number, text) in lines {
      if number != expected { result += "#sourceLocation(file: \"\(file)\", line: \(number))\n" }
      result += text + "\n"
      expected = number + 1
    }
    return lines.isEmpty ? "" : result + "#sourceLocation()\n"
  }

  /// Parts a snippet at the lines outside of braces: declarations, and what is left but imports.
  private static func parts(
    of snippet: Snippet
  ) -> (declarations: [(Int, Substring)], statements: [(Int, Substring)]) {
    let source = SwiftSource(path: "", text: snippet.code.joined(separator: "\n"))
    var parts: (declarations: [(Int, Substring)], statements: [(Int, Substring)]) = ([], [])
    var depth = 0
    var isDeclaration = false
    for (index, line) in snippet.code.enumerated() {
      let code = source.code[index]
      let word = code.split(separator: " ").first
      if depth == 0, let word, !word.hasPrefix("}"), !word.hasPrefix(")"), !word.hasPrefix(".") {
        isDeclaration = declarations.contains(word)
      }
      let place = (snippet.line + index, line)
      if depth > 0 || word != "import" {
        if isDeclaration {
          parts.declarations.append(place)
        } else {
          parts.statements.append(place)
        }
      }
      for character in code {
        if "{([".contains(character) { depth += 1 }
        if "})]".contains(character) { depth -= 1 }
      }
    }
    return parts
  }

  /// What the compiler has against the program; nil when it has nothing.
  func complaints() throws -> String? {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("roost-readme-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("Snippets.swift")
    try Data(program().utf8).write(to: path)

    let modules = try Self.moduleFolder()
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      // Beyond the types: initialisation and data races are checked on SIL.
      "swiftc", "-emit-sil", "-o", folder.appendingPathComponent("Snippets.sil").path,
      "-parse-as-library", "-swift-version", "6", "-warnings-as-errors",
      "-I", modules.path, "-module-cache-path",
      modules.deletingLastPathComponent().appendingPathComponent("ModuleCache").path, path.path,
    ]
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? nil : String(decoding: data, as: UTF8.self)
  }

  /// The folder with the modules that this very test was built from.
  private static func moduleFolder() throws -> URL {
    let paths = [CommandLine.arguments[0]] + CommandLine.arguments
    for path in paths {
      guard let range = path.range(of: ".xctest") else { continue }
      let modules = URL(fileURLWithPath: String(path[..<range.upperBound]))
        .deletingLastPathComponent().appendingPathComponent("Modules")
      let module = modules.appendingPathComponent("Roost.swiftmodule").path
      if FileManager.default.fileExists(atPath: module) { return modules }
    }
    throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: "\(paths)"])
  }
}
