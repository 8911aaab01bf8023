public import Foundation
import RoostCore

extension Store {
  /// Opens a store as it stands: with those of the known systems that it holds, at the versions
  /// that it has. Nothing is migrated, and a store that is not there is not made.
  /// - Parameters:
  ///   - url: the store's URL; its parameters `migrate` and `fallback` mean nothing here.
  ///   - backends: the backends to choose from, by scheme.
  ///   - known: the systems that the program knows.
  ///   - systems: the systems wanted; nil for all that the store holds.
  ///   - environment: the variables.
  ///   - log: where log lines go.
  /// - Throws: `schemaDrift` when a migration of the store is edited or unknown to the program;
  ///   `invalidConfiguration` for a store without any of the systems, and for one with more than
  ///   the program knows; what opening the backend meets.
  public static func openHeld(
    _ url: String, backends: [BackendFactory], known: [MigrationSet], systems: [String]? = nil,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) async throws(StoreError) -> Store {
    let backend = try await openBackend(
      url, backends, known, requireURL: false, environment, log)
    do throws(StoreError) {
      let records = try await backend.appliedMigrations()
      let held = try known.held(records, systems: systems, location: backend.location)
      let plan = try MigrationPlan(held, now: .now())
      let schema = try await plan.check(backend)
      try await backend.adopt(schema)
      return Store(
        context: StoreContext(backend: backend, schema: schema, generators: .system),
        opening: OpeningReport(location: backend.location, migrated: [], passedOver: []))
    } catch {
      await backend.close()
      throw error
    }
  }
}

extension [MigrationSet] {
  /// The systems that a store has, each cut to the versions that it has.
  /// - Throws: `invalidConfiguration`, as `Store.openHeld`.
  public func held(
    _ records: [AppliedMigration], systems: [String]?, location: String
  ) throws(StoreError) -> [MigrationSet] {
    // Roost's own tables are no system's.
    let stored = Set(records.map(\.system)).subtracting([MigrationSet.changes.system])
    let wanted = systems.map { Set($0) } ?? stored
    guard !wanted.isEmpty else {
      throw StoreError(.invalidConfiguration, "\(location) holds no tables: it was never migrated")
    }
    let names = Set(map(\.system))
    for system in wanted.sorted() {
      guard stored.contains(system) else {
        throw StoreError(
          .invalidConfiguration, "\(location) does not hold the system \"\(system)\"")
      }
      guard names.contains(system) else {
        throw StoreError(
          .invalidConfiguration,
          "\(location) holds the system \"\(system)\", whose migrations are not at hand")
      }
    }
    return filter { wanted.contains($0.system) }.map { $0.cut(to: records) }
  }
}

extension MigrationSet {
  /// The set without the versions that are not among the records.
  func cut(to records: [AppliedMigration]) -> MigrationSet {
    let versions = Set(records.filter { $0.system == system }.map(\.version))
    func isKept(_ file: MigrationFile) -> Bool {
      let digits = file.name.dropFirst().prefix { $0.isNumber }
      return Int(digits).map { versions.contains($0) } ?? true
    }
    var set = self
    set.files = files.filter(isKept)
    set.steps = steps.filter { versions.contains($0.version) }
    return set
  }
}
