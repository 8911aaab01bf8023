import Foundation
package import Roost
import RoostCore

extension Workspace {
  /// Applies a migration to the schema and to the stored rows, and notes it.
  /// - Throws: the violations that stored rows would be, naming the migration's file.
  package mutating func apply(_ migration: PlannedMigration) throws(StoreError) {
    guard !state.migrations.contains(where: { migration.record.isSameVersion(as: $0) }) else {
      return
    }
    do {
      for change in migration.changes { try apply(change) }
    } catch {
      var error = error
      error.message = "\(migration.migration.file): \(error.message)"
      throw error
    }
    state.migrations.append(migration.record)
  }

  private mutating func apply(_ change: SchemaChange) throws(StoreError) {
    if case .insert(let insert) = change {
      _ = try apply(Mutation.insert(insert))
      return
    }
    var schema = state.catalog.schema
    schema.apply(change)
    let old = state
    state.catalog = try Catalog(schema)
    state.tables = try state.catalog.tables.map { plan throws(StoreError) in
      let name = plan.definition.name
      if case .redefineTable(let oldName, let table, let sources) = change, table.name == name {
        let place = try old.catalog.place(of: oldName)
        return try redefined(old.tables[place], old.catalog.tables[place], plan, sources)
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
    }
  }

  /// The rows of a table under its new definition, checked and indexed again.
  private func redefined(
    _ table: TableState, _ oldPlan: TablePlan, _ plan: TablePlan,
    _ sources: [SchemaChange.ColumnSource]
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
          row.append(
            try scratch.defaultValue(of: column, in: place, from: old))
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
    of column: ColumnDefinition, in table: Int, from row: [Value]
  ) throws(StoreError) -> Value {
    switch column.defaultValue {
    case nil: return .null
    case .value(let value): return value
    case .serial: return .int(nextInSequence(of: column.name, in: table))
    case .now: return .timestamp(.now())
    case .randomUUID: return .uuid(UUID())
    }
  }
}

extension AppliedMigration {
  fileprivate func isSameVersion(as other: AppliedMigration) -> Bool {
    system == other.system && version == other.version
  }
}
