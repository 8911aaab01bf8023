package import RoostCore

// The notes of migrations in files: a file store's, a backup's manifest and an export have the same
// members, beside what each of them adds.

extension AppliedMigration {
  /// Writes the members that say which migration it is.
  package func writeIdentity(into json: inout JSONWriter) {
    json.key("system")
    json.string(system)
    json.key("version")
    json.integer(Int64(version))
    json.key("name")
    json.string(name)
    json.key("checksum")
    json.string(checksum)
  }

  /// Writes all members.
  package func write(into json: inout JSONWriter) {
    writeIdentity(into: &json)
    json.key("appliedAt")
    json.string(appliedAt.description)
  }

  /// Reads an object with the members; nil when one is missing.
  package init?(_ json: JSON) {
    guard let appliedAt = json["appliedAt"]?.string.flatMap({ Timestamp($0) }) else { return nil }
    self.init(identity: json, appliedAt: appliedAt)
  }

  /// Reads an object that does not tell when it was applied; nil when another member is missing.
  package init?(identity json: JSON, appliedAt: Timestamp) {
    guard let system = json["system"]?.string, let version = json["version"]?.int64,
      let name = json["name"]?.string, let checksum = json["checksum"]?.string
    else { return nil }
    self.init(
      system: system, version: Int(version), name: name, checksum: checksum, appliedAt: appliedAt)
  }
}
