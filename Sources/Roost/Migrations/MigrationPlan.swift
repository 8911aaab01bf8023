package import RoostCore

/// The migrations of several systems in the order of their application, read and checked.
package struct MigrationPlan: Sendable {
  /// The migrations, system by system, by version.
  package private(set) var migrations: [PlannedMigration] = []
  /// The schema after all of them.
  package private(set) var schema = Schema()
  /// What embedded backends pass over, for people.
  package private(set) var passedOver: [String] = []

  /// Reads the sets in the order given.
  /// - Throws: `invalidMigration`, naming file, line and column.
  package init(_ sets: [MigrationSet], now: Timestamp) throws(StoreError) {
    var systems: Set<String> = []
    for set in sets {
      guard systems.insert(set.system).inserted else {
        throw StoreError(
          .invalidConfiguration, "the migrations of \"\(set.system)\" are given twice")
      }
      var versions: [Int: Migration] = [:]
      for file in set.files where !file.name.hasSuffix(".down.sql") {
        let migration = try Migration(system: set.system, file: file)
        if let other = versions[migration.version] {
          throw StoreError(
            .invalidMigration,
            "\(migration.file) and \(other.file) have the same version \(migration.version)")
        }
        versions[migration.version] = migration
      }
      for migration in versions.values.sorted(by: { $0.version < $1.version }) {
        try add(migration, now)
      }
    }
  }

  private mutating func add(_ migration: Migration, _ now: Timestamp) throws(StoreError) {
    let script = try MigrationScript(reading: migration.text, file: migration.file, onto: schema)
    schema = script.schema
    passedOver += script.passedOver
    let record = AppliedMigration(
      system: migration.system, version: migration.version, name: migration.name,
      checksum: migration.checksum, appliedAt: now)
    migrations.append(PlannedMigration(migration, record, script))
  }

  /// The migrations that a store has not, in order.
  /// - Throws: `schemaDrift` when what it has was edited, is missing or came out of order.
  package func pending(after applied: [AppliedMigration]) throws(StoreError) -> [PlannedMigration] {
    let systems = Set(migrations.map(\.migration.system))
    var waiting: [PlannedMigration] = []
    for system in systems.sorted() {
      let known = applied.filter { $0.system == system }
      let planned = migrations.filter { $0.migration.system == system }
      for record in known {
        guard let match = planned.first(where: { $0.migration.version == record.version }) else {
          throw StoreError(
            .schemaDrift,
            "the store has migration V\(record.version)__\(record.name) of \(system), "
              + "which this program does not know")
        }
        guard match.record.checksum == record.checksum else {
          throw StoreError(
            .schemaDrift, "\(match.migration.file) was edited after it was applied")
        }
      }
      let last = known.map(\.version).max() ?? 0
      let versions = Set(known.map(\.version))
      for migration in planned where !versions.contains(migration.migration.version) {
        guard migration.migration.version > last else {
          throw StoreError(
            .schemaDrift,
            "\(migration.migration.file) was added behind V\(last), which is applied already")
        }
        waiting.append(migration)
      }
    }
    let order = migrations.map(\.migration.file)
    return waiting.sorted {
      (order.firstIndex(of: $0.migration.file) ?? 0)
        < (order.firstIndex(of: $1.migration.file) ?? 0)
    }
  }

  /// Applies what is waiting, under the lock that only one process holds.
  /// - Returns: the files applied.
  package func apply(to backend: any StorageBackend) async throws(StoreError) -> [String] {
    // Most starts find nothing to do; they need neither the lock nor the right to change tables.
    if try pending(after: try await backend.appliedMigrations()).isEmpty { return [] }
    do {
      return try await backend.migrate { session in
        let waiting = try pending(after: try await session.applied())
        for migration in waiting { try await session.apply(migration) }
        return waiting.map(\.migration.file)
      }
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(.internal, "migrating failed: \(error)")
    }
  }

  /// - Throws: `migrationPending`, naming what is waiting.
  package func check(_ backend: any StorageBackend) async throws(StoreError) {
    let waiting = try pending(after: try await backend.appliedMigrations())
    guard waiting.isEmpty else {
      let names = waiting.map(\.migration.file).joined(separator: ", ")
      throw StoreError(.migrationPending, "migrations are waiting: \(names); run: roost migrate")
    }
  }
}
