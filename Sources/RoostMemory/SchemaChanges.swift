import Foundation
package import Roost
import RoostCore

extension Workspace {
  /// Applies a migration to the schema and to the stored rows, and notes it.
  ///
  /// All rows that it writes are among the effects, so that a journal's reader, who replays the
  /// migration with `isReplay`, ends with the same rows though their defaults were random.
  /// - Throws: the violations that stored rows would be, naming the migration's file.
  package mutating func apply(
    _ migration: PlannedMigration, isReplay: Bool = false
  ) throws(StoreError) {
    guard !state.migrations.contains(where: { migration.record.isSameVersion(as: $0.record) })
    else { return }
    do {
      for change in migration.changes {
        switch change {
        case .insert(let insert): if !isReplay { try self.insert(insert, of: migration) }
        default: try apply(change, at: migration.record.appliedAt, isReplay: isReplay)
        }
      }
    } catch {
      var error = error
      error.message = "\(migration.migration.file): \(error.message)"
      throw error
    }
    state.migrations.append((migration.record, migration.migration.text))
  }

  /// Inserts a migration's own rows; what a store resolves for records is resolved here.
  private mutating func insert(
    _ insert: Mutation.Insert, of migration: PlannedMigration
  ) throws(StoreError) {
    let place = try state.catalog.place(of: insert.table)
    var insert = insert
    for column in state.catalog.tables[place].definition.columns
    where !insert.columns.contains(column.name) {
      switch column.defaultValue {
      case .now:
        insert.rows = insert.rows.map { $0 + [.timestamp(migration.record.appliedAt)] }
      case .randomUUID: insert.rows = insert.rows.map { $0 + [.uuid(UUID())] }
      default: continue
      }
      insert.columns.append(column.name)
    }
    _ = try apply(.insert(insert))
  }

  private mutating func apply(
    _ change: SchemaChange, at now: Timestamp, isReplay: Bool
  ) throws(StoreError) {
    if case .redefineTable(_, let table, sources: _) = change, !isReplay {
      for trigger in table.triggers { _ = try functions.function(for: trigger, on: table.name) }
    }
    var schema = state.catalog.schema
    schema.apply(change)
    let old = state
    state.catalog = try Catalog(schema)
    state.tables = try state.catalog.tables.map { plan throws(StoreError) in
      let name = plan.definition.name
      if case .redefineTable(let oldName, let table, let sources) = change, table.name == name {
        let place = try old.catalog.place(of: oldName)
        return try redefined(old.tables[place], old.catalog.tables[place], plan, sources, now)
      }
      guard let place = try? old.catalog.place(of: name) else {
        return TableState(indexCount: plan.indexes.count)
      }
      return old.tables[place]
    }
    if case .redefineTable(_, let table, sources: _) = change {
      let place = try state.catalog.place(of: table.name)
      let rows = state.tables[place].rows.ascending().map { (old: [Value]?.none, new: $0.element) }
      try checkReferences(rows, in: place)
      note(rows.map(\.new), in: place)
    }
  }

  /// The rows of a table under its new definition, checked and indexed again.
  private func redefined(
    _ table: TableState, _ oldPlan: TablePlan, _ plan: TablePlan,
    _ sources: [SchemaChange.ColumnSource], _ now: Timestamp
  ) throws(StoreError) -> TableState {
    let definition = plan.definition
    let place = try state.catalog.place(of: definition.name)
    var scratch = self
    scratch.state.tables = scratch.state.catalog.tables.map {
      TableState(indexCount: $0.indexes.count)
    }
    for (source, column) in zip(sources, definition.columns) where column.isSerial {
      guard case .old(let position) = source else { continue }
      let oldName = oldPlan.definition.columns[position].name
      scratch.state.tables[place].sequences[column.name] = table.sequences[oldName]
    }
    for (_, old) in table.rows.ascending() {
      var row: [Value] = []
      row.reserveCapacity(sources.count)
      for (source, column) in zip(sources, definition.columns) {
        switch source {
        case .old(let position):
          row.append(
            try column.type.coerce(old[position], table: definition.name, column: column.name))
        case .defaultValue:
          row.append(scratch.defaultValue(of: column, in: place, at: now))
        }
      }
      try scratch.check(row, in: place)
      try scratch.checkUnique(row, in: place)
      try scratch.state.put(row, in: place)
    }
    return scratch.state.tables[place]
  }

  /// What a stored row gets in a column that is new.
  private mutating func defaultValue(
    of column: ColumnDefinition, in table: Int, at now: Timestamp
  ) -> Value {
    switch column.defaultValue {
    case nil: return .null
    case .value(let value): return value
    case .serial: return .int(nextInSequence(of: column.name, in: table))
    case .now: return .timestamp(now)
    case .randomUUID: return .uuid(UUID())
    }
  }
}

extension AppliedMigration {
  fileprivate func isSameVersion(as other: AppliedMigration) -> Bool {
    system == other.system && version == other.version
  }
}
