public import RoostCore

/// What a backup says of itself: enough to read its rows without the program that wrote it.
public struct BackupManifest: Sendable {
  /// A table's file.
  public struct Table: Sendable, Equatable {
    /// The table.
    public var name: String
    /// The file's name in the backup's folder.
    public var file: String
    /// How many rows it has.
    public var rows: Int
    /// The file's length in bytes.
    public var bytes: Int64
    /// The file's SHA-256 in hexadecimal.
    public var sha256: String
    /// What the rows come to, as `RangeDigest` has it.
    public var digest: String
  }

  /// The version of the format; a backup with a greater one is refused.
  public static let version: Int64 = 1

  /// When the snapshot was taken.
  public var createdAt: Timestamp
  /// The store that it is of; no secrets.
  public var source: String
  /// Whether the tables' files are gzip's.
  public var isCompressed: Bool
  /// The migrations that the store had, in the order of their application.
  public var migrations: [AppliedMigration]
  /// Their texts, in the same order.
  package var texts: [String]
  /// The tables, those that others refer to first.
  public var tables: [Table]
  /// The schema that the migrations declare.
  public private(set) var schema = Schema()

  /// How many rows there are in all tables.
  public var rows: Int { tables.reduce(0) { $0 + $1.rows } }

  init(
    createdAt: Timestamp, source: String, isCompressed: Bool, migrations: [PlannedMigration]
  ) {
    self.createdAt = createdAt
    self.source = source
    self.isCompressed = isCompressed
    self.migrations = migrations.map(\.record)
    texts = migrations.map(\.migration.text)
    tables = []
    schema = migrations.last?.schema ?? Schema()
  }

  func encoded() -> [UInt8] {
    var json = JSONWriter(style: .spaced)
    json.beginObject()
    json.key("format")
    json.string(Self.format)
    json.key("version")
    json.integer(Self.version)
    json.key("createdAt")
    json.string(createdAt.description)
    json.key("source")
    json.string(source)
    json.key("isCompressed")
    json.bool(isCompressed)
    json.key("tables")
    json.beginArray()
    for table in tables {
      json.beginObject()
      json.key("name")
      json.string(table.name)
      json.key("file")
      json.string(table.file)
      json.key("rows")
      json.integer(Int64(table.rows))
      json.key("bytes")
      json.integer(table.bytes)
      json.key("sha256")
      json.string(table.sha256)
      json.key("digest")
      json.string(table.digest)
      json.endObject()
    }
    json.endArray()
    json.key("migrations")
    json.beginArray()
    for (migration, text) in zip(migrations, texts) {
      json.beginObject()
      migration.write(into: &json)
      json.key("sql")
      json.string(text)
      json.endObject()
    }
    json.endArray()
    json.endObject()
    return json.bytes + [UInt8(ascii: "\n")]
  }

  private static let format = "roost-backup"

  /// Reads a manifest.
  /// - Parameters:
  ///   - bytes: the file's content.
  ///   - isWhole: whether its checksum is right.
  ///   - path: the file, for messages.
  /// - Throws: `invalidConfiguration` for what is no backup and for a newer format; `corrupted`.
  init(_ bytes: [UInt8], isWhole: Bool, path: String) throws(StoreError) {
    guard let json = try? JSON(parsing: bytes) else {
      throw .damaged(path, "it is no JSON")
    }
    guard json["format"]?.string == Self.format, let version = json["version"]?.int64 else {
      throw StoreError(.invalidConfiguration, "\(path) is not of a backup of Roost")
    }
    guard version <= Self.version else {
      throw StoreError(
        .invalidConfiguration,
        "\(path) has format version \(version), newer than this program")
    }
    guard isWhole else { throw .damaged(path, "its checksum is wrong") }
    guard let createdAt = json["createdAt"]?.string.flatMap({ Timestamp($0) }),
      let source = json["source"]?.string, let isCompressed = json["isCompressed"]?.bool,
      let tables = json["tables"]?.array, let migrations = json["migrations"]?.array
    else { throw .damaged(path, "it lacks a field") }
    self.createdAt = createdAt
    self.source = source
    self.isCompressed = isCompressed
    self.tables = []
    self.migrations = []
    texts = []
    for table in tables { self.tables.append(try Self.table(table, path)) }
    for migration in migrations {
      let (record, text) = try Self.migration(migration, path)
      self.migrations.append(record)
      texts.append(text)
      schema = try PlannedMigration(record, text: text, onto: schema).schema
    }
    guard Set(self.tables.map(\.name)) == Set(schema.tables.keys),
      self.tables.count == schema.tables.count
    else { throw .damaged(path, "its tables are not those that its migrations declare") }
  }

  private static func table(_ json: JSON, _ path: String) throws(StoreError) -> Table {
    guard let name = json["name"]?.string, let file = json["file"]?.string,
      let rows = json["rows"]?.int64, let bytes = json["bytes"]?.int64,
      let sha256 = json["sha256"]?.string, let digest = json["digest"]?.string, rows >= 0
    else { throw .damaged(path, "a table lacks a field") }
    // A name of another folder's file must not be followed.
    guard !file.isEmpty, !file.hasPrefix("."), !file.contains("/"), !file.contains("\0") else {
      throw .damaged(path, "a table's file has a name that no backup gives")
    }
    return Table(
      name: name, file: file, rows: Int(rows), bytes: bytes, sha256: sha256, digest: digest)
  }

  private static func migration(
    _ json: JSON, _ path: String
  ) throws(StoreError) -> (AppliedMigration, String) {
    guard let record = AppliedMigration(json), let text = json["sql"]?.string
    else { throw .damaged(path, "a migration lacks a field") }
    return (record, text)
  }
}
