import Foundation
public import RoostCore

/// A migration's text, as it stands in `migrations/<system>/V<number>__<name>.sql`.
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

  /// Makes a set from texts, for example embedded ones.
  public init(
    system: String, files: [MigrationFile], triggers: [any TriggerFunction] = []
  ) {
    self.system = system
    self.files = files
    self.triggers = triggers
  }

  /// Reads the `.sql` files of a folder, whose name becomes the system's.
  /// - Throws: `invalidConfiguration` when the folder cannot be read.
  public init(
    folder: String, triggers: [any TriggerFunction] = []
  ) throws(StoreError) {
    self.triggers = triggers
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
  /// The file's name.
  public var file: String
  /// The text with line ends normalised to LF.
  public var text: String

  init(system: String, version: Int, name: String, file: String, text: String) {
    self.system = system
    self.version = version
    self.name = name
    self.file = file
    self.text = text
  }

  /// Reads a file's name: `V001__create_projects.sql`.
  /// - Throws: `invalidMigration` when the name has another form.
  init(system: String, file: MigrationFile) throws(StoreError) {
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
    text = file.text.replacingOccurrences(of: "\r\n", with: "\n")
  }

  /// The SHA-256 of the normalised text, in hexadecimal.
  public var checksum: String {
    SHA256.hash(Array(text.utf8)).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
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
}

/// A migration read and checked against those before it.
public struct PlannedMigration: Sendable {
  /// The migration.
  public var migration: Migration
  /// The note that applying it leaves.
  public var record: AppliedMigration
  /// The statements that Postgres executes, in order.
  public var statements: [SQLStatement]
  /// What the statements mean to embedded backends, in order.
  public var changes: [SchemaChange]
  /// The schema after the migration.
  public var schema: Schema
  /// Whether the statements run in one transaction with the note; false for
  /// `-- roost: no-transaction`.
  public var isTransactional: Bool
}

extension PlannedMigration {
  /// Reads a migration that a store kept, onto the schema before it.
  /// - Throws: `invalidMigration` when the text cannot be read by this program.
  package init(_ record: AppliedMigration, text: String, onto schema: Schema) throws(StoreError) {
    let migration = Migration(
      system: record.system, version: record.version, name: record.name,
      file: "\(record.system)/V\(record.version)__\(record.name).sql", text: text)
    self.init(
      migration, record,
      try MigrationScript(
        reading: text, file: migration.file, onto: schema))
  }

  init(_ migration: Migration, _ record: AppliedMigration, _ script: MigrationScript) {
    self.init(
      migration: migration, record: record, statements: script.statements,
      changes: script.changes, schema: script.schema, isTransactional: script.isTransactional)
  }
}
