import Foundation
import Roost
import RoostCore

/// `roost migrate new NAME`: writes the files of a system's next migration.
enum MigrateNew {
  static func run(_ arguments: Arguments) throws -> ExitCode {
    let name = arguments.operands[1]
    guard isWord(name) else {
      throw UsageError(
        "a migration's name has small letters, digits and single underscores: create_books")
    }
    let folder = arguments.value("--migrations") ?? "migrations"
    let system = try system(arguments.value("--system"), in: folder)
    let path = "\(folder)/\(system)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let version = try nextVersion(in: path)
    let digits = String(version)
    let stem =
      "V\(String(repeating: "0", count: max(0, 3 - digits.count)))\(digits)__\(name)"
    let files = [
      ("\(path)/\(stem).sql", "-- \(sentence(name))\n"),
      ("\(path)/\(stem).down.sql", "-- Undoes \(stem).sql.\n"),
    ]
    for (file, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .withoutOverwriting)
    }
    if arguments.wantsJSON {
      var json = JSONWriter()
      json.beginObject()
      json.key("written")
      json.beginArray()
      for (file, _) in files { json.string(file) }
      json.endArray()
      json.endObject()
      Terminal.print(json.text)
    } else {
      for (file, _) in files { Terminal.print("written \(file)") }
    }
    return .success
  }

  private static func isWord(_ name: String) -> Bool {
    let parts = name.split(separator: "_", omittingEmptySubsequences: false)
    return parts.allSatisfy { part in
      !part.isEmpty && part.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) }
    }
  }

  private static func system(_ named: String?, in folder: String) throws -> String {
    if let named {
      guard !named.isEmpty, !named.hasPrefix("."), !named.contains("/") else {
        throw UsageError("\"\(named)\" is no name of a system")
      }
      return named
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let systems = names.filter { name in
      var isFolder: ObjCBool = false
      return !name.hasPrefix(".")
        && FileManager.default.fileExists(atPath: "\(folder)/\(name)", isDirectory: &isFolder)
        && isFolder.boolValue
    }.sorted()
    guard systems.count == 1 else {
      throw UsageError(
        systems.isEmpty
          ? "\(folder) holds no system's folder: name the system with --system"
          : "name one system: --system \(systems.joined(separator: " or "))")
    }
    return systems[0]
  }

  private static func nextVersion(in folder: String) throws -> Int {
    let versions = try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { name in
      name.hasPrefix("V") && name.hasSuffix(".sql")
        ? Int(name.dropFirst().prefix { $0.isNumber }) : nil
    }
    return (versions.max() ?? 0) + 1
  }

  /// `create_books` becomes `Create books.`
  private static func sentence(_ name: String) -> String {
    let words = name.split(separator: "_").joined(separator: " ")
    return words.prefix(1).uppercased() + words.dropFirst() + "."
  }
}
