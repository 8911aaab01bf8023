public import Foundation
import RoostCore

/// Looks at a store's migrations, applies and undoes them.
///
///     let migrator = try await Migrator.open(backends: [.postgres], migrations: [.coherence])
///     let runs = try await migrator.up()
///     let report = try await migrator.verify()
///     await migrator.close()
///
/// It opens a store without asking whether the store is up to date. The `roost migrate` command
/// does no more than this type.
public struct Migrator: Sendable {
  private let backend: any StorageBackend
  private let plan: MigrationPlan
  private let generators: StoreGenerators

  /// Opens the store that a URL or the environment names, as `Store.open` does; the URL's
  /// parameters `migrate` and `fallback` mean nothing here.
  /// - Throws: `invalidConfiguration`, `invalidMigration`, `unavailable`, `accessDenied`, `locked`,
  ///   `corrupted`.
  public static func open(
    _ url: String? = nil, backends: [BackendFactory], migrations: [MigrationSet],
    requireURL: Bool = false,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    generators: StoreGenerators = .system,
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) async throws(StoreError) -> Migrator {
    let plan = try MigrationPlan(migrations, now: generators.now())
    let backend = try await Store.openBackend(
      url, backends, migrations, requireURL: requireURL, environment, log)
    return Migrator(backend: backend, plan: plan, generators: generators)
  }

  /// The same store, seen for some of the systems alone.
  /// - Throws: `invalidConfiguration` for a system that the migrator was not opened with.
  public func only(_ systems: String...) throws(StoreError) -> Migrator {
    try only(systems)
  }

  /// The same store, seen for some of the systems alone, which keep their order.
  /// - Throws: `invalidConfiguration` for a system that the migrator was not opened with.
  public func only(_ systems: [String]) throws(StoreError) -> Migrator {
    if let unknown = systems.first(where: { !plan.systems.contains($0) }) {
      throw StoreError(
        .invalidConfiguration,
        "there is no system \"\(unknown)\"; known are: \(plan.systems.joined(separator: ", "))")
    }
    let sets = plan.sets.filter { systems.contains($0.system) }
    return Migrator(
      backend: backend, plan: try MigrationPlan(sets, now: generators.now()),
      generators: generators)
  }

  /// The names of the systems, in the order in which they are migrated.
  public var systems: [String] { plan.systems }

  /// The backend and its place, without a password.
  public var location: String { backend.location }

  /// Lets go of the store.
  public func close() async { await backend.close() }

  private var isEmbedded: Bool { !backend.capabilities.contains(.sql) }

  // MARK: Looking

  /// All migrations that the store has, also of systems that the migrator was not opened with, in
  /// the order of their application.
  /// - Throws: `unavailable` and what else the backend meets.
  public func applied() async throws(StoreError) -> [AppliedMigration] {
    try await backend.appliedMigrations()
  }

  /// How the migrations stand. Drift is part of the answer and no error.
  /// - Throws: `unavailable` and what else the backend meets.
  public func status() async throws(StoreError) -> MigrationOverview {
    MigrationOverview(
      migrations: plan.status(try await backend.appliedMigrations()),
      invalidIndexes: try await backend.invalidIndexes(),
      passedOver: isEmbedded ? plan.passedOver : [])
  }

  /// Compares what the store really has with what its migrations say.
  ///
  /// Postgres runs the applied migrations once more in a scratch schema, within a transaction that
  /// is rolled back, and compares the two schemas' catalogs; that needs the right to create a
  /// schema. Tables that no migration makes are no drift.
  /// - Throws: `accessDenied` without that right; `unsupported` on a backend that cannot tell.
  public func verify() async throws(StoreError) -> MigrationVerification {
    let records = try await backend.appliedMigrations()
    let (applied, schema) = try plan.applied(records)
    var drifts = try await backend.drifts(from: applied, schema)
    for index in try await backend.invalidIndexes()
    where !drifts.contains(where: { $0.kind == .invalidIndex && $0.object == index.object }) {
      drifts.append(index)
    }
    var warnings: [String] = []
    for table in schema.tables.values.sorted(by: { $0.name < $1.name }) {
      for column in table.columns where column.type.elementType.isText && column.collation != "C" {
        warnings.append(
          "table \"\(table.name)\", column \"\(column.name)\" lacks COLLATE \"C\": Postgres orders "
            + "and indexes it by the database's locale")
      }
    }
    return MigrationVerification(
      migrations: plan.status(records).filter { $0.state != .applied }, drifts: drifts,
      warnings: warnings)
  }

  // MARK: Running

  /// Applies what is waiting, in order, each migration once though others start at the same time.
  /// - Parameters:
  ///   - version: the last version to apply; nil for all.
  ///   - allowingOutOfOrder: whether a file behind what is applied already may run.
  ///   - isDryRun: whether nothing runs and the answer says what would.
  /// - Returns: what ran, or would run.
  /// - Throws: `schemaDrift` for edited, missing and out-of-order files; `invalidConfiguration` for
  ///   a version without a system that it can only mean; what a failed migration met, with file,
  ///   line and column; nothing of it is left then.
  @discardableResult
  public func up(
    to version: Int? = nil, allowingOutOfOrder: Bool = false, isDryRun: Bool = false
  ) async throws(StoreError) -> [MigrationRun] {
    let records = try await backend.appliedMigrations()
    let states: Set<MigrationStatus.State> = [.pending, .outOfOrder]
    let system = try version.map { version throws(StoreError) in
      let system = try onlySystem(plan.status(records).filter { states.contains($0.state) })
      try require(version, of: system)
      return system
    }
    let now = generators.now()
    @Sendable func waiting(
      _ records: [AppliedMigration]
    ) throws(StoreError) -> [PlannedMigration] {
      let waiting = try plan.pending(
        after: records, at: now, allowingOutOfOrder: allowingOutOfOrder
      ).migrations
      guard let system, let version else { return waiting }
      return waiting.filter { $0.record.system == system && $0.record.version <= version }
    }
    let first = try waiting(records)
    if isDryRun || first.isEmpty { return runs(first) }
    return runs(
      try await backend.migrating { session throws(StoreError) in
        let waiting = try waiting(try await session.applied())
        try await session.run(waiting)
        return waiting
      })
  }

  /// Undoes the migration of a system that was applied last, or all beyond a version, each by its
  /// `.down.sql`, which must leave the schema that there was before.
  /// - Parameters:
  ///   - version: the version that is to be the last; 0 undoes all, nil only the last one.
  ///   - isDryRun: whether nothing runs and the answer says what would.
  /// - Returns: what ran, or would run.
  /// - Throws: `invalidMigration` when one cannot be undone; `schemaDrift`;
  ///   `invalidConfiguration` when several systems could be meant.
  @discardableResult
  public func down(
    to version: Int? = nil, isDryRun: Bool = false
  ) async throws(StoreError) -> [MigrationRun] {
    let records = try await backend.appliedMigrations()
    let system = try onlySystem(plan.status(records).filter { $0.appliedAt != nil })
    if let version, version != 0 { try require(version, of: system) }
    let first = try plan.undoing(system, to: version, records)
    if isDryRun || first.isEmpty { return runs(first) }
    return runs(
      try await backend.migrating { session throws(StoreError) in
        let scripts = try plan.undoing(system, to: version, try await session.applied())
        try await session.run(scripts)
        return scripts
      })
  }

  private func runs(_ migrations: [PlannedMigration]) -> [MigrationRun] {
    migrations.map { MigrationRun($0, isEmbedded: isEmbedded) }
  }

  // MARK: Notes

  /// Notes the versions up to one as applied without running them, for a Postgres database whose
  /// tables were made before Roost came. Nothing is compared: `verify` does that.
  /// - Returns: the files noted.
  /// - Throws: `unsupported` on embedded backends; `invalidConfiguration` when the store has notes
  ///   of the system already, or several systems could be meant.
  public func baseline(_ version: Int) async throws(StoreError) -> [String] {
    guard !isEmbedded else {
      throw StoreError(
        .unsupported,
        "\(location) has no tables but those that its migrations have made, so none can be noted "
          + "as made before")
    }
    let status = plan.status(try await backend.appliedMigrations())
    let system = try onlySystem(status.filter { $0.appliedAt == nil })
    try require(version, of: system)
    let now = generators.now()
    return try await backend.migrating { session throws(StoreError) in
      let records = try await session.applied()
      guard !records.contains(where: { $0.system == system }) else {
        throw StoreError(
          .invalidConfiguration,
          "the store has migrations of \(system) already, so there is no baseline to set")
      }
      let waiting = try plan.pending(after: records, at: now).migrations
        .filter { $0.record.system == system && $0.record.version <= version }
      try await session.note(waiting, forgetting: [])
      return waiting.map(\.file)
    }
  }

  /// Accepts files that were edited after they were applied, and forgets migrations whose files
  /// are gone. Nothing runs. Embedded backends read their schema from these texts, so there they
  /// must declare the tables that the store has.
  /// - Throws: `schemaDrift` when they do not.
  public func repair() async throws(StoreError) -> MigrationRepair {
    let states: Set<MigrationStatus.State> = [.edited, .missing]
    let first = plan.status(try await backend.appliedMigrations())
    guard first.contains(where: { states.contains($0.state) }) else {
      return MigrationRepair(accepted: [], forgotten: [])
    }
    return try await backend.migrating { session throws(StoreError) in
      let records = try await session.applied()
      let status = plan.status(records).filter { states.contains($0.state) }
      func isMeant(_ record: AppliedMigration, _ state: MigrationStatus.State) -> Bool {
        status.contains {
          $0.state == state && $0.system == record.system && $0.version == record.version
        }
      }
      var accepted = try plan.applied(records).migrations.filter { isMeant($0.record, .edited) }
      for index in accepted.indices {
        let appliedAt = accepted[index].record.appliedAt
        accepted[index].record = accepted[index].migration.record(at: appliedAt)
      }
      let forgotten = records.filter { isMeant($0, .missing) }
      try await session.note(accepted, forgetting: forgotten)
      return MigrationRepair(
        accepted: accepted.map(\.file),
        forgotten: forgotten.map { Roost.Migration($0, text: "").file })
    }
  }

  // MARK: Systems

  /// The one system that is meant: the only one there is, or the only one with something to do.
  private func onlySystem(_ candidates: [MigrationStatus]) throws(StoreError) -> String {
    if plan.systems.count == 1 { return plan.systems[0] }
    let systems = Set(candidates.map(\.system)).sorted()
    guard systems.count == 1 else {
      throw StoreError(
        .invalidConfiguration,
        "several systems could be meant: name one of \(plan.systems.joined(separator: ", "))")
    }
    return systems[0]
  }

  private func require(_ version: Int, of system: String) throws(StoreError) {
    let isKnown = plan.migrations.contains {
      $0.record.system == system && $0.record.version == version
    }
    guard isKnown else {
      throw StoreError(.invalidConfiguration, "\(system) has no migration V\(version)")
    }
  }
}
