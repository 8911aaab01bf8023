import Foundation
package import Roost
package import RoostCore

/// A database state under change, with the effects so far. A copy of it is a savepoint.
package struct Workspace: Sendable {
  package var state: DatabaseState
  /// The effects since the transaction's start, in order; none when they are not recorded.
  package private(set) var effects: [Effect] = []
  let isRecording: Bool
  /// The transaction's time, for triggers, for steps of migrations and for what they insert.
  package let now: Timestamp
  /// What runs for triggers.
  let functions: TriggerFunctions
  /// How many triggers are running, one set off by the other.
  var depth = 0

  /// Starts from a state. `isRecording` is false where nobody keeps a journal.
  package init(
    _ state: DatabaseState, isRecording: Bool, functions: TriggerFunctions = .none,
    now: Timestamp = .now()
  ) {
    self.state = state
    self.now = now
    self.isRecording = isRecording
    self.functions = functions
  }

  /// Applies one mutation as one statement: rows first, then foreign keys, then triggers.
  /// - Throws: constraint and value errors; the workspace is then to be thrown away or replaced by
  ///   an earlier copy.
  package mutating func apply(_ mutation: Mutation) throws(StoreError) -> MutationResult {
    switch mutation {
    case .insert(let insert): try self.insert(insert)
    case .update(let update): try self.update(update)
    case .delete(let delete): try self.delete(delete)
    }
  }

  /// Puts in a row that must be new: one walk down its tree both finds another of its key and puts
  /// it there.
  /// - Throws: as `checkUnique`; the workspace is then to be thrown away.
  mutating func add(_ row: [Value], in table: Int) throws(StoreError) {
    let plan = state.catalog.tables[table]
    let key = plan.key(of: row)
    guard state.tables[table].rows.insert(key, row) == nil else {
      throw duplicate(plan.definition.primaryKey.name, in: table)
    }
    for (place, index) in plan.indexes.enumerated() {
      if index.isUnique, let values = try index.values(of: row),
        state.tables[table].conflict(in: place, with: values, except: nil) != nil
      {
        throw duplicate(index.name, in: table)
      }
      if let entry = try index.key(of: row, key) {
        state.tables[table].indexes[place].insert(entry, key)
      }
    }
    if isRecording { effects.append(.put(table: table, key: key, row: row)) }
  }

  mutating func put(
    _ row: [Value], in table: Int, replacing old: [Value]? = nil
  ) throws(StoreError) {
    try state.put(row, in: table, replacing: old)
    guard isRecording else { return }
    let plan = state.catalog.tables[table]
    let key = plan.key(of: row)
    if let old {
      let oldKey = plan.key(of: old)
      if oldKey != key { effects.append(.remove(table: table, key: oldKey)) }
    }
    effects.append(.put(table: table, key: key, row: row))
  }

  mutating func remove(_ row: [Value], from table: Int) throws(StoreError) {
    try state.remove(row, from: table)
    guard isRecording else { return }
    effects.append(.remove(table: table, key: state.catalog.tables[table].key(of: row)))
  }

  /// Replaces the effects so far by those that a migration has in the end.
  mutating func replaceEffects(by migrated: [Effect]) {
    effects = migrated
  }

  /// The next number of a serial column. Numbers are never given twice after a commit.
  mutating func nextInSequence(of column: String, in table: Int) -> Int64 {
    let next = (state.tables[table].sequences[column] ?? 0) + 1
    state.tables[table].sequences[column] = next
    return next
  }

  /// Notes where the sequences of a table stand, so that a journal keeps it.
  mutating func noteSequences(of table: Int) {
    guard isRecording else { return }
    for (column, last) in state.tables[table].sequences.sorted(by: { $0.key < $1.key }) {
      effects.append(.sequence(table: table, column: column, last: last))
    }
  }

  /// Inserts rows as one statement, and moves the sequences of those serial columns that the rows
  /// give behind the greatest number given.
  package mutating func load(_ rows: RowsToLoad) throws(StoreError) -> Int {
    let table = try state.catalog.place(of: rows.table)
    let serials = state.catalog.tables[table].definition.columns.filter(\.isSerial).map(\.name)
    var (count, written) = (0, [WrittenRow]())
    try rows.forEach { insert throws(StoreError) in
      count += try add(insert, to: table, &written).affected
      for column in serials {
        guard let position = insert.columns.firstIndex(of: column) else { continue }
        var greatest = state.tables[table].sequences[column] ?? 0
        for row in insert.rows {
          if case .int(let number) = row[position] { greatest = max(greatest, number) }
        }
        state.tables[table].sequences[column] = greatest
        if isRecording {
          effects.append(.sequence(table: table, column: column, last: greatest))
        }
      }
    }
    try settle(written, in: table)
    return count
  }
}

extension Workspace {
  /// NOT NULL in column order, then CHECK in name order.
  func check(_ row: [Value], in table: Int) throws(StoreError) {
    let plan = state.catalog.tables[table]
    for position in plan.requiredPositions where row[position].isNull {
      let (name, column) = (plan.definition.name, plan.definition.columns[position])
      throw StoreError(
        .notNullViolation,
        "null value in column \"\(column.name)\" of table \"\(name)\" violates not-null constraint",
        table: name, column: column.name)
    }
    for (constraint, condition) in plan.checks {
      if case .bool(false) = try condition.evaluate(row) {
        let name = plan.definition.name
        throw StoreError(
          .checkViolation,
          "new row for table \"\(name)\" violates check constraint \"\(constraint)\"", table: name,
          constraint: constraint)
      }
    }
  }

  /// The primary key, then the unique indexes in their order.
  /// - Throws: `uniqueViolation` for the first that another row fulfils.
  func checkUnique(
    _ row: [Value], in table: Int, replacing old: [Value]? = nil
  ) throws(StoreError) {
    guard let constraint = try conflict(of: row, in: table, replacing: old) else { return }
    throw duplicate(constraint, in: table)
  }

  private func duplicate(_ constraint: String, in table: Int) -> StoreError {
    let name = state.catalog.tables[table].definition.name
    return StoreError(
      .uniqueViolation, "duplicate key value violates unique constraint \"\(constraint)\"",
      table: name, constraint: constraint)
  }

  /// The first unique constraint that another row fulfils already, nil when there is none.
  func conflict(
    of row: [Value], in table: Int, replacing old: [Value]? = nil
  ) throws(StoreError) -> String? {
    let plan = state.catalog.tables[table]
    let key = plan.key(of: row)
    let oldKey = old.map { plan.key(of: $0) }
    if key != oldKey, state.tables[table].rows[key] != nil {
      return plan.definition.primaryKey.name
    }
    for (place, index) in plan.indexes.enumerated() where index.isUnique {
      guard let values = try index.values(of: row) else { continue }
      let other = state.tables[table].conflict(in: place, with: values, except: oldKey)
      if other != nil { return index.name }
    }
    return nil
  }
}

extension Workspace {
  private mutating func insert(_ insert: Mutation.Insert) throws(StoreError) -> MutationResult {
    let table = try state.catalog.place(of: insert.table)
    var written: [WrittenRow] = []
    let result = try add(insert, to: table, &written)
    try settle(written, in: table)
    return result
  }

  /// Inserts rows.
  /// - Parameter written: gets what is then to be settled.
  private mutating func add(
    _ insert: Mutation.Insert, to table: Int, _ written: inout [WrittenRow]
  ) throws(StoreError) -> MutationResult {
    let plan = state.catalog.tables[table]
    let source = try RowSource(insert, plan, at: now)
    let upsert = try UpsertPlan(insert, plan)
    var affected = 0
    var stored: [[Value]] = []
    let isWatched = state.catalog.watchesWrites(to: table)
    for given in insert.rows {
      var row = try source.row(given)
      for (position, column) in source.serials {
        row[position] = .int(nextInSequence(of: column, in: table))
      }
      try check(row, in: table)
      var old: [Value]?
      switch insert.conflict {
      case .fail: break
      case .ignore: if try conflict(of: row, in: table) != nil { continue }
      case .update:
        old = try upsert?.existing(row, state.tables[table], plan)
        if let existing = old {
          guard let changed = upsert?.changed(existing, by: row) else { continue }
          row = changed
          try check(row, in: table)
          try checkUnique(row, in: table, replacing: existing)
        }
      }
      if let old { try put(row, in: table, replacing: old) } else { try add(row, in: table) }
      affected += 1
      if isWatched { written.append((old, row)) }
      if insert.returning { stored.append(row) }
    }
    if !source.serials.isEmpty { noteSequences(of: table) }
    return MutationResult(affected: affected, rows: stored)
  }

  /// What a statement that wrote rows ends with.
  private mutating func settle(_ written: [WrittenRow], in table: Int) throws(StoreError) {
    try checkReferences(written, in: table)
    try fire(written.map { RowChange(old: $0.old, new: $0.new) }, of: table)
  }

  private mutating func update(_ update: Mutation.Update) throws(StoreError) -> MutationResult {
    let table = try state.catalog.place(of: update.table)
    let plan = state.catalog.tables[table]
    let name = plan.definition.name
    var assignments: [(position: Int, type: ColumnType, value: BoundExpression)] = []
    var literals: [(position: Int, value: Value)] = []
    for assignment in update.assignments {
      let position = try plan.definition.requirePosition(of: assignment.column)
      let type = plan.definition.columns[position].type
      if case .literal(let literal) = assignment.value {
        // A value that does not fit is refused even when no row is there to be changed.
        literals.append(
          (position, try type.coerce(literal, table: name, column: assignment.column)))
      } else {
        assignments.append(
          (position, type, try BoundExpression(assignment.value, in: plan.definition)))
      }
    }
    var written: [WrittenRow] = []
    for old in try state.rows(of: Query(table: update.table, filter: update.filter)) {
      var row = old
      for literal in literals { row[literal.position] = literal.value }
      for assignment in assignments {
        row[assignment.position] = try assignment.type.coerce(
          try assignment.value.evaluate(old), table: name,
          column: plan.definition.columns[assignment.position].name)
      }
      try check(row, in: table)
      try checkUnique(row, in: table, replacing: old)
      try put(row, in: table, replacing: old)
      written.append((old, row))
    }
    try settle(written, in: table)
    let rows = update.returning ? written.map(\.new) : []
    return MutationResult(affected: written.count, rows: rows)
  }

  private mutating func delete(_ delete: Mutation.Delete) throws(StoreError) -> MutationResult {
    let table = try state.catalog.place(of: delete.table)
    let rows = try state.rows(of: Query(table: delete.table, filter: delete.filter))
    var changes: [(table: Int, change: RowChange)] = []
    try removeWithReferences(rows, from: table, noting: &changes)
    for (place, change) in changes { try fire([change], of: place) }
    return MutationResult(affected: rows.count, rows: delete.returning ? rows : [])
  }
}
