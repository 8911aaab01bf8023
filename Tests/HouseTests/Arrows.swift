/// Which module may import which: the directions of the design, all arrows one way.
enum Arrows {
  /// What a target may import of this package.
  static let allowed: [String: Set<String>] = [
    "RoostCore": [],
    "PostgresWire": ["RoostCore"],
    "PostgresClient": ["RoostCore", "PostgresWire"],
    "Roost": ["RoostCore"],
    "RoostMemory": ["RoostCore", "Roost"],
    "RoostFile": ["RoostCore", "Roost", "RoostMemory"],
    "RoostPostgres": ["RoostCore", "Roost", "PostgresWire", "PostgresClient"],
    "RoostSystems": ["RoostCore", "Roost"],
    "RoostBench": ["RoostCore", "Roost", "RoostSystems"],
    "RoostTesting": [
      "RoostCore", "PostgresWire", "PostgresClient", "Roost", "RoostMemory", "RoostFile",
      "RoostPostgres", "RoostSystems",
    ],
    "RoostCommand": [
      "RoostCore", "PostgresWire", "PostgresClient", "Roost", "RoostMemory", "RoostFile",
      "RoostPostgres", "RoostSystems", "RoostBench",
    ],
    "EmbedMigrations": [],
    "EmbedMigrationsPlugin": [],
  ]

  /// What comes with the toolchain and any target may import.
  static let toolchain: Set<String> = ["Foundation", "Synchronization", "Dispatch"]

  /// What one target alone may import: the C library, and what plugins are written with.
  static let exceptions: [String: Set<String>] = [
    "RoostCore": ["Glibc", "Musl", "Darwin"],
    "EmbedMigrationsPlugin": ["PackagePlugin"],
  ]

  /// The only folder that knows which C library there is.
  static let systemFolder = "Sources/RoostCore/System/"

  /// What a file of `Sources` imports against the directions.
  static func violations(in source: SwiftSource) -> [String] {
    let parts = source.path.split(separator: "/")
    guard parts.count > 2, let allowed = allowed[String(parts[1])] else {
      return ["\(source.path): a target that Arrows.allowed does not have"]
    }
    let target = String(parts[1])
    let all = allowed.union(toolchain).union(exceptions[target] ?? [])
    var violations: [String] = []
    for (number, line) in source.code.enumerated() {
      let place = "\(source.path):\(number + 1)"
      if let module = importedModule(line) {
        if !all.contains(module) {
          violations.append("\(place): \(target) must not import \(module)")
        } else if exceptions["RoostCore"]?.contains(module) == true,
          !source.path.hasPrefix(systemFolder)
        {
          violations.append("\(place): only \(systemFolder) imports \(module)")
        }
      }
      if line.contains("canImport(Glibc)"), !source.path.hasPrefix(systemFolder) {
        violations.append("\(place): only \(systemFolder) asks for Glibc")
      }
    }
    return violations
  }

  /// The module of an import line: `@testable package import struct Roost.Store` names `Roost`.
  static func importedModule(_ line: Substring) -> String? {
    var words = line.split(whereSeparator: { $0 == " " || $0 == ";" })[...]
    let modifiers = ["public", "package", "internal", "fileprivate", "private"]
    while let word = words.first, word.hasPrefix("@") || modifiers.contains(String(word)) {
      words.removeFirst()
    }
    guard words.popFirst() == "import" else { return nil }
    let kinds = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
    if let kind = words.first, kinds.contains(String(kind)) { words.removeFirst() }
    return words.first.map { String($0.prefix { $0 != "." }) }
  }
}
