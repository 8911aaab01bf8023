import Foundation

/// Turns folders of migrations into Swift source: `embed-migrations OUTPUT FOLDER...`.
///
/// Each folder becomes a static property of `[MigrationFile]` with the texts as string literals, so
/// that a program carries its schema in itself.
@main
enum EmbedMigrations {
  static func main() {
    do {
      let arguments = CommandLine.arguments
      guard arguments.count >= 2 else { throw Failure("usage: embed-migrations OUTPUT FOLDER...") }
      let source = try arguments.dropFirst(2).sorted().map(property).joined(separator: "\n")
      let text = """
        // Made by the EmbedMigrations plugin from the package's migrations folder.

        import Roost

        extension [MigrationFile] {
        \(source)}

        """
      try text.write(toFile: arguments[1], atomically: true, encoding: .utf8)
    } catch {
      FileHandle.standardError.write(Data("error: \(error)\n".utf8))
      exit(1)
    }
  }

  private static func property(_ folder: String) throws -> String {
    let url = URL(fileURLWithPath: folder, isDirectory: true)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    var files = ""
    for name in names.sorted() where name.hasSuffix(".sql") {
      let text = try String(contentsOf: url.appendingPathComponent(name), encoding: .utf8)
      files += "    MigrationFile(name: \(literal(name)), text: \(literal(text))),\n"
    }
    let system = url.lastPathComponent
    return """
        /// The files of `migrations/\(system)`, compiled in.
        static let \(identifier(system)): [MigrationFile] = [
      \(files)  ]

      """
  }

  /// A text as a literal: raw, with more number signs than any quote in it is followed by.
  private static func literal(_ text: String) -> String {
    var signs = "#"
    while text.contains("\"" + signs) || text.contains("\\" + signs) { signs += "#" }
    guard text.contains("\n") else { return "\(signs)\"\(text)\"\(signs)" }
    return "\(signs)\"\"\"\n\(text)\n\"\"\"\(signs)"
  }

  /// `farm-produce` becomes `farmProduce`.
  private static func identifier(_ system: String) -> String {
    let parts = system.split { !$0.isLetter && !$0.isNumber }
    let name = parts.dropFirst().reduce(String(parts.first ?? "")) { name, part in
      name + part.prefix(1).uppercased() + part.dropFirst()
    }
    return "`\(name)`"
  }
}

/// What stopped the generator.
private struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
