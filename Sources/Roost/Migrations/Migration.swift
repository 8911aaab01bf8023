import Foundation
public import RoostCore

/// A migration's text, as it stands in `migrations/<system>/V<number>__<name>.sql`, or the script
/// that undoes one, in `V<number>__<name>.down.sql`.
public struct MigrationFile: Sendable, Equatable {
  /// The file's name without folders, for messages and for its version.
  public var name: String
  /// The text.
  public var text: String

  /// Makes a file.
  public init(name: String, text: String) {
    self.name = name
    self.text = text
  }
}

/// The migrations of one system, which together declare its tables.
public struct MigrationSet: Sendable {
  /// The system's name, for example `coherence`.
  public var system: String
  /// The files in any order.
  public var files: [MigrationFile]
  /// What embedded backends run for the triggers that the files declare.
  public var triggers: [any TriggerFunction]
  /// What embedded backends run in the place of statements marked `-- roost: step`.
  public var steps: [any MigrationStep]

  /// Makes a set from texts, for example embedded ones.
  public init(
    system: String, files: [MigrationFile], triggers: [any TriggerFunction] = [],
    steps: [any MigrationStep] = []
  ) {
    self.system = system
    self.files = files
    self.triggers = triggers
    self.steps = steps
  }

  /// Reads the `.sql` files of a folder, whose name becomes the system's.
  /// - Throws: `invalidConfiguration` when the folder cannot be read.
  public init(
    folder: String, triggers: [any TriggerFunction] = [], steps: [any MigrationStep] = []
  ) throws(StoreError) {
    self.triggers = triggers
    self.steps = steps
    let url = URL(fileURLWithPath: folder, isDirectory: true)
    do {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder)
      files = []
      for name in names.sorted() where name.hasSuffix(".sql") {
        let text = try String(contentsOf: url.appendingPathComponent(name), encoding: .utf8)
        files.append(MigrationFile(name: name, text: text))
      }
    } catch {
      throw StoreError(
        .invalidConfiguration, "the migrations in \"\(folder)\" cannot be read: \(error)")
    }
    system = url.lastPathComponent
  }
}

/// One migration of a system.
public struct Migration: Sendable, Equatable {
  /// The system.
  public var system: String
  /// The number after the V; migrations are applied in its order.
  public var version: Int
  /// The words after the two underscores.
  public var name: String
  /// The file's name behind the system's: `coherence/V001__create_projects.sql`.
  public var file: String
  /// The text with line ends normalised to LF.
  public var text: String
  /// The text of the script that undoes the migration, line ends normalised; nil when there is
  /// none.
  public var down: String?

  init(
    system: String, version: Int, name: String, file: String, text: String, down: String? = nil
  ) {
    self.system = system
    self.version = version
    self.name = name
    self.file = file
    self.text = text
    self.down = down
  }

  /// Reads a file's name: `V001__create_projects.sql`.
  /// - Throws: `invalidMigration` when the name has another form.
  init(system: String, file: MigrationFile, down: MigrationFile?) throws(StoreError) {
    let parts = file.name.dropLast(4).components(separatedBy: "__")
    guard file.name.hasSuffix(".sql"), file.name.hasPrefix("V"), parts.count == 2,
      let version = Int(parts[0].dropFirst()), version > 0, !parts[1].isEmpty
    else {
      throw StoreError(
        .invalidMigration,
        "\(system)/\(file.name): a migration is named V<number>__<name>.sql, such as "
          + "V001__create_projects.sql")
    }
    self.system = system
    self.version = version
    name = parts[1]
    self.file = "\(system)/\(file.name)"
    text = Self.normalised(file.text)
    self.down = down.map { Self.normalised($0.text) }
  }

  /// The name of the script that undoes the migration, whether there is one or not.
  public var downFile: String { file.dropLast(".sql".count) + Self.downSuffix }

  static let downSuffix = ".down.sql"

  /// The text with CRLF and lone CR as LF, so that a checkout's line ends change no checksum.
  private static func normalised(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "\r")) else { return text }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var isBehindReturn = false
    for byte in text.utf8 {
      let isReturn = byte == UInt8(ascii: "\r")
      if byte != UInt8(ascii: "\n") || !isBehindReturn {
        bytes.append(isReturn ? UInt8(ascii: "\n") : byte)
      }
      isBehindReturn = isReturn
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The SHA-256 of the normalised text, in hexadecimal.
  public var checksum: String {
    SHA256.hash(Array(text.utf8)).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
  }

  /// The note that applying it leaves.
  func record(at now: Timestamp) -> AppliedMigration {
    AppliedMigration(
      system: system, version: version, name: name, checksum: checksum, appliedAt: now)
  }
}

/// A migration that a store has.
public struct AppliedMigration: Sendable, Equatable {
  /// The system.
  public var system: String
  /// The version.
  public var version: Int
  /// The name.
  public var name: String
  /// The checksum of the text that was applied.
  public var checksum: String
  /// When it was applied.
  public var appliedAt: Timestamp

  /// Makes a note of a migration.
  public init(
    system: String, version: Int, name: String, checksum: String, appliedAt: Timestamp
  ) {
    self.system = system
    self.version = version
    self.name = name
    self.checksum = checksum
    self.appliedAt = appliedAt
  }

  /// Whether both are notes of the same migration, in whatever text.
  package func isSameVersion(as other: AppliedMigration) -> Bool {
    system == other.system && version == other.version
  }
}
