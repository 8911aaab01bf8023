import Foundation
package import Roost
import RoostCore

extension Workspace {
  /// Applies a migration to the schema and to the stored rows and notes it, or undoes one and
  /// removes its note.
  ///
  /// A journal's reader repeats it with `isReplay`: then no row is converted, inserted or checked
  /// again. Tables that are redefined start empty, and the effects, which hold their rows as they
  /// were in the end, fill them.
  /// - Returns: false when there was nothing to do.
  /// - Throws: the violations that stored rows would be, naming file, line and column.
  @discardableResult
  package mutating func apply(
    _ migration: PlannedMigration, isReplay: Bool = false
  ) throws(StoreError) -> Bool {
    let isNoted = state.migrations.contains { $0.record.isSameVersion(as: migration.record) }
    guard isNoted == (migration.direction == .down) else { return false }
    // Effects name tables by their places, which a later statement may move: none are recorded
    // before the last.
    var scratch = Workspace(
      state, isRecording: false, functions: functions, now: migration.record.appliedAt)
    var rewritten: Set<String> = []
    for (change, place) in zip(migration.changes, migration.changeStatements) {
      do throws(StoreError) {
        try scratch.make(change, of: migration, isReplay: isReplay)
      } catch {
        var error = error
        let statement = migration.statements[place]
        error.message =
          "\(statement.file):\(statement.line):\(statement.column): \(error.message)"
        throw error
      }
      switch change {
      case .createTable(let table): rewritten.insert(table.name)
      case .dropTable(let name): rewritten.remove(name)
      case .redefineTable(let name, let table, sources: _):
        rewritten.remove(name)
        rewritten.insert(table.name)
      case .setEnumeration, .dropEnumeration, .insert, .step: break
      }
    }
    switch migration.direction {
    case .up:
      scratch.state.migrations.append(
        StoredMigration(migration.record, text: migration.migration.text))
    case .down:
      scratch.state.migrations.removeAll { $0.record.isSameVersion(as: migration.record) }
      // The order of foreign keys, too, is the one that the remaining texts give.
      scratch.state.catalog = try Catalog(migration.schema)
    }
    if isRecording {
      replaceEffects(by: effects + Self.effects(from: state, to: scratch.state, rewritten))
    }
    state = scratch.state
    return true
  }

  private mutating func make(
    _ change: SchemaChange, of migration: PlannedMigration, isReplay: Bool
  ) throws(StoreError) {
    switch change {
    case .insert(let insert): if !isReplay { _ = try apply(.insert(insert)) }
    case .step:
      if isReplay { return }
      guard let step = migration.step else {
        throw StoreError(.invalidMigration, "no step is registered for \(migration.file)")
      }
      try step.run(in: &self)
    case .redefineTable(let old, let table, let sources):
      try redefine(old, table, sources, change, isReplay: isReplay)
    case .createTable, .dropTable, .setEnumeration, .dropEnumeration:
      try changeCatalog(change)
    }
  }

  /// Changes the schema; tables of an equal name keep their rows.
  private mutating func changeCatalog(_ change: SchemaChange) throws(StoreError) {
    var schema = state.catalog.schema
    schema.apply(change)
    let old = state
    state.catalog = try Catalog(schema)
    state.tables = state.catalog.tables.map { plan in
      guard let place = try? old.catalog.place(of: plan.definition.name) else {
        return TableState(indexCount: plan.indexes.count)
      }
      return old.tables[place]
    }
  }

  private mutating func redefine(
    _ oldName: String, _ table: TableDefinition, _ sources: [SchemaChange.ColumnSource],
    _ change: SchemaChange, isReplay: Bool
  ) throws(StoreError) {
    if !isReplay {
      for trigger in table.triggers { _ = try functions.function(for: trigger, on: table.name) }
    }
    let oldPlace = try state.catalog.place(of: oldName)
    let (old, oldPlan) = (state.tables[oldPlace], state.catalog.tables[oldPlace])
    try changeCatalog(change)
    let place = try state.catalog.place(of: table.name)
    state.tables[place] = TableState(indexCount: state.catalog.tables[place].indexes.count)
    if isReplay { return }
    for (source, column) in zip(sources, table.columns) where column.isSerial {
      guard case .old(let position) = source else { continue }
      let oldName = oldPlan.definition.columns[position].name
      state.tables[place].sequences[column.name] = old.sequences[oldName]
    }
    for (_, row) in old.rows.ascending() {
      do throws(StoreError) {
        try add(row, to: place, sources)
      } catch {
        var error = error
        let key = oldPlan.key(of: row).values.map(\.description).joined(separator: ", ")
        let columns = oldPlan.definition.primaryKey.columns.joined(separator: ", ")
        error.message += " (the row of \"\(oldName)\" with (\(columns)) = (\(key)))"
        throw error
      }
    }
    let rows = state.tables[place].rows.ascending().map { (old: [Value]?.none, new: $0.element) }
    try checkReferences(rows, in: place)
  }

  /// Adds a row of a table's old definition to the table as it is defined now.
  private mutating func add(
    _ old: [Value], to place: Int, _ sources: [SchemaChange.ColumnSource]
  ) throws(StoreError) {
    let definition = state.catalog.tables[place].definition
    var row: [Value] = []
    row.reserveCapacity(sources.count)
    for (source, column) in zip(sources, definition.columns) {
      switch source {
      case .old(let position):
        let value = Self.trimmed(old[position], for: column.type)
        row.append(try column.type.coerce(value, table: definition.name, column: column.name))
      case .defaultValue: row.append(defaultValue(of: column, in: place))
      }
    }
    try check(row, in: place)
    try checkUnique(row, in: place)
    try state.put(row, in: place)
  }

  /// A text without the space around it where it is read as a type for which space means nothing.
  private static func trimmed(_ value: Value, for type: ColumnType) -> Value {
    guard case .text(let text) = value else { return value }
    switch type {
    case .boolean, .smallint, .integer, .bigint, .real, .double, .numeric, .unlimitedNumeric,
      .date, .timestamp, .timestamptz:
      return .text(text.trimmingCharacters(in: CharacterSet(charactersIn: " \t\n\r\u{0B}\u{0C}")))
    default: return value
    }
  }

  /// What a stored row gets in a column that is new.
  private mutating func defaultValue(of column: ColumnDefinition, in table: Int) -> Value {
    switch column.defaultValue {
    case nil: return .null
    case .value(let value): return value
    case .serial: return .int(nextInSequence(of: column.name, in: table))
    case .now: return .timestamp(now)
    case .randomUUID: return .uuid(UUID())
    }
  }

  // MARK: Effects

  /// What leads from the rows before a migration to those behind it, in tables of the schema behind
  /// it: all rows of the tables that were made or redefined, of the others what differs.
  private static func effects(
    from start: DatabaseState, to end: DatabaseState, _ rewritten: Set<String>
  ) -> [Effect] {
    var effects: [Effect] = []
    for (place, plan) in end.catalog.tables.enumerated() {
      let table = end.tables[place]
      var before = TableState(indexCount: 0)
      let name = plan.definition.name
      if !rewritten.contains(name), let old = try? start.catalog.place(of: name) {
        before = start.tables[old]
      }
      effects += rowEffects(from: before.rows, to: table.rows, in: place)
      for (column, last) in table.sequences.sorted(by: { $0.key < $1.key })
      where before.sequences[column] != last {
        effects.append(.sequence(table: place, column: column, last: last))
      }
    }
    return effects
  }

  private static func rowEffects(
    from start: OrderedMap<RowKey, [Value]>, to end: OrderedMap<RowKey, [Value]>, in table: Int
  ) -> [Effect] {
    if start.isIdentical(to: end) { return [] }
    var effects: [Effect] = []
    var old = start.ascending()
    var new = end.ascending()
    var (left, right) = (old.next(), new.next())
    while left != nil || right != nil {
      let order: Int
      switch (left, right) {
      case (let left?, let right?): order = RowKey.order(left.key, right.key)
      case (_?, nil): order = -1
      default: order = 1
      }
      if order < 0 {
        if let left { effects.append(.remove(table: table, key: left.key)) }
        left = old.next()
        continue
      }
      if let right, order > 0 || left?.element != right.element {
        effects.append(.put(table: table, key: right.key, row: right.element))
      }
      if order == 0 { left = old.next() }
      right = new.next()
    }
    return effects
  }
}
