package import RoostCore

/// The migrations of several systems in the order of their application, read and checked.
package struct MigrationPlan: Sendable {
  /// The sets that it was made from.
  package let sets: [MigrationSet]
  /// The migrations, system by system, by version.
  package private(set) var migrations: [PlannedMigration] = []
  /// The schema after all of them.
  package private(set) var schema = Schema()
  /// What embedded backends pass over, for people.
  package var passedOver: [String] { migrations.flatMap(\.passedOver) }

  /// Reads the sets in the order given.
  /// - Throws: `invalidMigration`, naming file, line and column.
  package init(_ sets: [MigrationSet], now: Timestamp) throws(StoreError) {
    self.sets = sets
    var systems: Set<String> = []
    for set in sets {
      guard systems.insert(set.system).inserted else {
        throw StoreError(
          .invalidConfiguration, "the migrations of \"\(set.system)\" are given twice")
      }
      let steps = try Self.steps(of: set)
      for migration in try Self.migrations(of: set) {
        let step = steps[migration.version]
        let planned = try PlannedMigration(
          migration, migration.record(at: now), step: step, onto: schema)
        try Self.check(planned)
        schema = planned.schema
        migrations.append(planned)
      }
      let versions = Set(migrations.filter { $0.record.system == set.system }.map(\.record.version))
      if let version = steps.keys.sorted().first(where: { !versions.contains($0) }) {
        throw StoreError(
          .invalidMigration, "\(set.system) has a step for V\(version), which is no migration")
      }
    }
  }

  /// The migrations of a set by version, each with the script that undoes it.
  private static func migrations(of set: MigrationSet) throws(StoreError) -> [Migration] {
    var downs: [String: MigrationFile] = [:]
    for file in set.files where file.name.hasSuffix(Migration.downSuffix) {
      downs[file.name.dropLast(Migration.downSuffix.count) + ".sql"] = file
    }
    var versions: [Int: Migration] = [:]
    for file in set.files where !file.name.hasSuffix(Migration.downSuffix) {
      let migration = try Migration(
        system: set.system, file: file, down: downs.removeValue(forKey: file.name))
      if let other = versions[migration.version] {
        throw StoreError(
          .invalidMigration,
          "\(migration.file) and \(other.file) have the same version \(migration.version)")
      }
      versions[migration.version] = migration
    }
    if let name = downs.keys.sorted().first, let file = downs[name] {
      throw StoreError(
        .invalidMigration, "\(set.system)/\(file.name) undoes nothing: there is no \(name)")
    }
    return versions.values.sorted { $0.version < $1.version }
  }

  private static func steps(
    of set: MigrationSet
  ) throws(StoreError) -> [Int: any MigrationStep] {
    var steps: [Int: any MigrationStep] = [:]
    for step in set.steps {
      guard steps.updateValue(step, forKey: step.version) == nil else {
        throw StoreError(
          .invalidMigration, "\(set.system) has two steps for V\(step.version)")
      }
    }
    return steps
  }

  /// What a store that kept the text need not ask any more.
  private static func check(_ planned: PlannedMigration) throws(StoreError) {
    guard !planned.statements.isEmpty else {
      throw StoreError(.invalidMigration, "\(planned.file) has no statement")
    }
    if let down = planned.migration.down,
      try SQLSplitter(down, file: planned.migration.downFile).statements.isEmpty
    {
      throw StoreError(.invalidMigration, "\(planned.migration.downFile) has no statement")
    }
    let marked = planned.statements.first(where: \.isStep)
    switch (marked, planned.step) {
    case (let statement?, nil):
      throw StoreError(
        .invalidMigration,
        "\(statement.file):\(statement.line):\(statement.column): no step is registered for "
          + "V\(planned.migration.version) of \(planned.migration.system)")
    case (nil, _?):
      throw StoreError(
        .invalidMigration,
        "\(planned.file) has a registered step, but no statement behind \"-- roost: step\"")
    default: break
    }
  }

  /// The names of the systems in order.
  package var systems: [String] { sets.map(\.system) }

  /// The place of a migration in the plan's order; nil when the plan does not know it.
  private func place(of record: AppliedMigration) -> Int? {
    migrations.firstIndex { $0.record.isSameVersion(as: record) }
  }
}

// What a store has of a plan.

extension MigrationPlan {
  /// Every migration that the plan or the store knows of the plan's systems.
  package func status(_ records: [AppliedMigration]) -> [MigrationStatus] {
    var result: [MigrationStatus] = []
    for system in systems {
      let known = records.filter { $0.system == system }
      let last = known.map(\.version).max() ?? 0
      var entries = migrations.filter { $0.record.system == system }.map { planned in
        let record = known.first { $0.isSameVersion(as: planned.record) }
        let state: MigrationStatus.State =
          if let record {
            record.checksum == planned.record.checksum ? .applied : .edited
          } else {
            planned.record.version > last ? .pending : .outOfOrder
          }
        return MigrationStatus(
          planned.migration, state, appliedAt: record?.appliedAt,
          canUndo: planned.migration.down != nil)
      }
      for record in known where place(of: record) == nil {
        entries.append(
          MigrationStatus(
            Migration(record, text: ""), .missing, appliedAt: record.appliedAt, canUndo: false))
      }
      result += entries.sorted { $0.version < $1.version }
    }
    return result
  }

  /// - Throws: `schemaDrift` when what the store has was edited, is missing or came out of order.
  package func requireNoDrift(
    _ records: [AppliedMigration], allowingOutOfOrder: Bool = false
  ) throws(StoreError) {
    for entry in status(records) {
      let problem: String
      switch entry.state {
      case .applied, .pending: continue
      case .edited:
        problem =
          "\(entry.file) was edited after it was applied: take the edit back, or accept it with: "
          + "roost migrate repair"
      case .missing:
        problem =
          "the store has migration \(entry.file), which this program does not know: bring it "
          + "back, or have it forgotten with: roost migrate repair"
      case .outOfOrder:
        if allowingOutOfOrder { continue }
        problem =
          "\(entry.file) was added behind a greater version that is applied already: give it the "
          + "next number, or apply it with: roost migrate up --out-of-order"
      }
      throw StoreError(.schemaDrift, problem)
    }
  }

  /// The migrations that a store has and the plan knows, in the order of their application, each
  /// read onto those before it.
  package func applied(
    _ records: [AppliedMigration]
  ) throws(StoreError) -> (migrations: [PlannedMigration], schema: Schema) {
    var order: [(record: AppliedMigration, place: Int)] = []
    for record in records {
      guard let place = place(of: record) else { continue }
      // One run gives all its migrations the same time; among them the plan's order counts.
      let index = order.lastIndex { $0.record.appliedAt != record.appliedAt || $0.place < place }
      order.insert((record, place), at: index.map { $0 + 1 } ?? 0)
    }
    var schema = Schema()
    var result: [PlannedMigration] = []
    for (record, place) in order {
      let planned = try PlannedMigration(migrations[place].migration, record, onto: schema)
      schema = planned.schema
      result.append(planned)
    }
    return (result, schema)
  }

  /// The migrations that a store has not, in order, and the schema that it has.
  /// - Throws: `schemaDrift`.
  package func pending(
    after records: [AppliedMigration], at now: Timestamp, allowingOutOfOrder: Bool = false
  ) throws(StoreError) -> (migrations: [PlannedMigration], schema: Schema) {
    try requireNoDrift(records, allowingOutOfOrder: allowingOutOfOrder)
    let applied = try applied(records).schema
    var schema = applied
    var result: [PlannedMigration] = []
    for planned in migrations
    where !records.contains(where: { $0.isSameVersion(as: planned.record) }) {
      let next = try PlannedMigration(
        planned.migration, planned.migration.record(at: now), step: planned.step, onto: schema)
      schema = next.schema
      result.append(next)
    }
    return (result, applied)
  }

  /// The scripts that undo a system's migrations beyond a version, the last applied one first;
  /// only that one when `version` is nil.
  /// - Throws: `schemaDrift`, and `invalidMigration` when one cannot be undone.
  package func undoing(
    _ system: String, to version: Int?, _ records: [AppliedMigration]
  ) throws(StoreError) -> [PlannedMigration] {
    try requireNoDrift(records, allowingOutOfOrder: true)
    var (applied, schema) = try applied(records)
    var result: [PlannedMigration] = []
    while let index = applied.lastIndex(where: {
      $0.record.system == system && $0.record.version > version ?? 0
    }) {
      let planned = applied.remove(at: index)
      let rest = try self.applied(applied.map(\.record)).schema
      result.append(
        try PlannedMigration(
          undoing: planned.migration, planned.record, onto: schema, leaving: rest))
      schema = rest
      if version == nil { break }
    }
    return result
  }
}

// Opening a store.

extension MigrationPlan {
  /// Applies what is waiting, under the lock that only one process holds.
  /// - Returns: the files applied, and the schema that the store has now.
  package func apply(
    to backend: any StorageBackend, at now: Timestamp
  ) async throws(StoreError) -> (files: [String], schema: Schema) {
    // Most starts find nothing to do; they need neither the lock nor the right to change tables.
    let (waiting, schema) = try pending(after: try await backend.appliedMigrations(), at: now)
    if waiting.isEmpty { return ([], schema) }
    return try await backend.migrating { session throws(StoreError) in
      let (waiting, schema) = try pending(after: try await session.applied(), at: now)
      try await session.run(waiting)
      return (waiting.map(\.file), waiting.last?.schema ?? schema)
    }
  }

  /// - Returns: the schema that the store has.
  /// - Throws: `migrationPending`, naming what is waiting; `schemaDrift`.
  package func check(_ backend: any StorageBackend) async throws(StoreError) -> Schema {
    let records = try await backend.appliedMigrations()
    let (waiting, schema) = try pending(after: records, at: Timestamp.now())
    guard waiting.isEmpty else {
      let names = waiting.map(\.file).joined(separator: ", ")
      throw StoreError(.migrationPending, "migrations are waiting: \(names); run: roost migrate")
    }
    return schema
  }
}

extension MigrationSession {
  /// Applies or undoes migrations in order. The error of one says which before it stay.
  func run(_ migrations: [PlannedMigration]) async throws(StoreError) {
    for (place, migration) in migrations.enumerated() {
      do throws(StoreError) {
        try await apply(migration)
      } catch {
        guard place > 0 else { throw error }
        var error = error
        let done = migrations[..<place].map(\.file).joined(separator: ", ")
        error.message += "; done before it: \(done)"
        throw error
      }
    }
  }
}

extension StorageBackend {
  /// Runs a body under the lock that only one process holds, with the store's errors.
  func migrating<Result: Sendable>(
    _ body: @Sendable (any MigrationSession) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    do {
      return try await migrate { session in try await body(session) }
    } catch let error as StoreError {
      throw error
    } catch is CancellationError {
      throw StoreError(.cancelled, "the task was cancelled")
    } catch {
      throw StoreError(.internal, "migrating failed: \(error)")
    }
  }
}
