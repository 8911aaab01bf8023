package import Roost

/// Applies and undoes migrations in an embedded engine, each in one commit.
///
/// What a statement means is read again onto the schema that the engine has, since that is what a
/// journal's reader does later.
struct EmbeddedMigrationSession: MigrationSession {
  let engine: Engine
  let functions: TriggerFunctions

  func applied() async throws(StoreError) -> [AppliedMigration] {
    try engine.snapshot().migrations.map(\.record)
  }

  func apply(_ migration: PlannedMigration) async throws(StoreError) {
    try await commit { workspace throws(StoreError) in
      let planned = try workspace.state.read(migration)
      return try workspace.apply(planned) ? .ran(planned) : nil
    }
  }

  func note(
    _ migrations: [PlannedMigration], forgetting: [AppliedMigration]
  ) async throws(StoreError) {
    try await commit { workspace throws(StoreError) in
      var notes = workspace.state.migrations
      for migration in migrations {
        guard let index = notes.firstIndex(where: { $0.record.isSameVersion(as: migration.record) })
        else {
          throw StoreError(
            .unsupported, "\(migration.file) cannot be noted: its tables would not be there")
        }
        notes[index] = StoredMigration(migration.record, text: migration.migration.text)
      }
      notes.removeAll { note in forgetting.contains { $0.isSameVersion(as: note.record) } }
      try workspace.replaceNotes(by: notes)
      return .noted(notes)
    }
  }

  /// Runs a change in a commit of its own; nil changes nothing.
  private func commit(
    _ change: (inout Workspace) throws(StoreError) -> MigrationChange?
  ) async throws(StoreError) {
    let grant = try await engine.acquire(within: TransactionOptions().deadline)
    var workspace = engine.workspace(grant.state, functions)
    let done: MigrationChange?
    do {
      done = try change(&workspace)
    } catch {
      engine.release(grant.ticket)
      throw error
    }
    guard let done else {
      engine.release(grant.ticket)
      return
    }
    try await engine.commit(workspace, grant, migration: done)
  }
}

extension Workspace {
  /// Takes other texts for the migrations that made the schema.
  /// - Throws: `schemaDrift` when they declare another schema.
  package mutating func replaceNotes(by notes: [StoredMigration]) throws(StoreError) {
    let (stored, declared) = (state.catalog.schema, try DatabaseState.schema(of: notes))
    guard stored.tables == declared.tables, stored.enumerations == declared.enumerations else {
      let drift = SchemaComparison.drifts(expected: declared, found: stored).first
      throw StoreError(
        .schemaDrift,
        "the files declare other tables than those that the store has: "
          + (drift.map { "\($0)" } ?? "the order of columns, or a table more"),
        table: drift?.table)
    }
    state.catalog = try Catalog(declared)
    state.migrations = notes
  }
}

extension DatabaseState {
  /// The schema that migrations declare, one after the other.
  static func schema(of migrations: [StoredMigration]) throws(StoreError) -> Schema {
    var schema = Schema()
    for migration in migrations {
      schema = try PlannedMigration(migration.record, text: migration.text, onto: schema).schema
    }
    return schema
  }

  /// Reads a migration, or the script that undoes it, onto the schema that is there.
  package func read(_ planned: PlannedMigration) throws(StoreError) -> PlannedMigration {
    switch planned.direction {
    case .up:
      return try PlannedMigration(
        planned.migration, planned.record, step: planned.step, onto: catalog.schema)
    case .down:
      return try read(undoing: planned.migration, planned.record)
    }
  }

  /// Reads the script that undoes a migration onto the schema that is there.
  package func read(
    undoing migration: Migration, _ record: AppliedMigration
  ) throws(StoreError) -> PlannedMigration {
    let rest = migrations.filter { !$0.record.isSameVersion(as: record) }
    return try PlannedMigration(
      undoing: migration, record, onto: catalog.schema, leaving: try Self.schema(of: rest))
  }
}
