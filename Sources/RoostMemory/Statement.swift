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

  /// Inserts rows, and moves the sequences of those serial columns that the rows give behind the
  /// greatest number given.
  package mutating func load(
    _ name: String, columns: [String], rows: [[Value]]
  ) throws(StoreError) -> Int {
    let insert = Mutation.Insert(table: name, columns: columns, rows: rows)
    let result = try apply(.insert(insert))
    let table = try state.catalog.place(of: name)
    for column in state.catalog.tables[table].definition.columns where column.isSerial {
      guard let position = columns.firstIndex(of: column.name) else { continue }
      var greatest = state.tables[table].sequences[column.name] ?? 0
      for row in rows {
        if case .int(let number) = row[position] { greatest = max(greatest, number) }
      }
      state.tables[table].sequences[column.name] = greatest
      if isRecording {
        effects.append(.sequence(table: table, column: column.name, last: greatest))
      }
    }
    return result.affected
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
    let name = state.catalog.tables[table].definition.name
    throw StoreError(
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
    let plan = state.catalog.tables[table]
    let source = try RowSource(insert, plan, at: now)
    let upsert = try UpsertPlan(insert, plan)
    var affected = 0
    var stored: [[Value]] = []
    let isWatched = state.catalog.watchesWrites(to: table)
    var written: [WrittenRow] = []
    for given in insert.rows {
      var row = try source.row(given)
      for (position, column) in source.serials {
        row[position] = .int(nextInSequence(of: column, in: table))
      }
      try check(row, in: table)
      var old: [Value]?
      switch insert.conflict {
      case .fail: try checkUnique(row, in: table)
      case .ignore: if try conflict(of: row, in: table) != nil { continue }
      case .update:
        old = try upsert?.existing(row, state.tables[table], plan)
        if let existing = old {
          guard let changed = upsert?.changed(existing, by: row) else { continue }
          row = changed
          try check(row, in: table)
        }
        try checkUnique(row, in: table, replacing: old)
      }
      try put(row, in: table, replacing: old)
      affected += 1
      if isWatched { written.append((old, row)) }
      if insert.returning { stored.append(row) }
    }
    if !source.serials.isEmpty { noteSequences(of: table) }
    try checkReferences(written, in: table)
    try fire(written.map { RowChange(old: $0.old, new: $0.new) }, of: table)
    return MutationResult(affected: affected, rows: stored)
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
    try checkReferences(written, in: table)
    try fire(written.map { RowChange(old: $0.old, new: $0.new) }, of: table)
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

/// How the rows of an insert become rows of the table.
private struct RowSource {
  private let table: TableDefinition
  private let positions: [Int]
  private let types: [ColumnType]
  private let template: [Value]
  /// The serial columns that the insert does not give.
  let serials: [(position: Int, column: String)]
  /// The columns that the insert does not give and whose default is a random UUID.
  private let identifiers: [Int]
  /// Whether an insert's rows have all columns in the table's order.
  private let isWhole: Bool

  /// A store gives the present and UUIDs itself; triggers and migrations leave them to their
  /// defaults.
  init(_ insert: Mutation.Insert, _ plan: TablePlan, at now: Timestamp) throws(StoreError) {
    let table = plan.definition
    self.table = table
    isWhole = insert.columns == plan.layout.names
    if isWhole {
      positions = Array(insert.columns.indices)
      (types, template) = (plan.layout.types, plan.layout.blank)
      (serials, identifiers) = ([], [])
      return
    }
    let positions = try table.requirePositions(of: insert.columns)
    self.positions = positions
    types = positions.map { table.columns[$0].type }
    let given = Set(positions)
    var template: [Value] = []
    var serials: [(position: Int, column: String)] = []
    var identifiers: [Int] = []
    for (position, column) in table.columns.enumerated() {
      switch column.defaultValue {
      case .value(let value): template.append(value)
      case .now: template.append(.timestamp(now))
      default: template.append(.null)
      }
      if given.contains(position) { continue }
      if column.isSerial { serials.append((position, column.name)) }
      if column.defaultValue == .randomUUID { identifiers.append(position) }
    }
    self.identifiers = identifiers
    self.template = template
    self.serials = serials
  }

  func row(_ given: [Value]) throws(StoreError) -> [Value] {
    guard given.count == positions.count else {
      throw StoreError(
        .invalidQuery, "a row has \(given.count) values for \(positions.count) columns",
        table: table.name)
    }
    if isWhole, given.indices.allSatisfy({ types[$0].accepts(given[$0]) }) { return given }
    var row = template
    for position in identifiers { row[position] = .uuid(UUID()) }
    for index in positions.indices {
      let position = positions[index]
      if types[index].accepts(given[index]) {
        row[position] = given[index]
      } else {
        row[position] = try types[index].coerce(
          given[index], table: table.name, column: table.columns[position].name)
      }
    }
    return row
  }
}

/// An upsert made ready for work.
private struct UpsertPlan {
  /// The unique index of the target columns; nil for the primary key.
  private let index: Int?
  private let permutation: [Int]
  private let set: [Int]
  private let ifChanged: [Int]?

  /// Nil when the insert is no upsert.
  init?(_ insert: Mutation.Insert, _ plan: TablePlan) throws(StoreError) {
    guard case .update(let target, let set, let ifChanged) = insert.conflict else { return nil }
    let table = plan.definition
    self.set = try table.requirePositions(of: set)
    self.ifChanged = try ifChanged.map { columns throws(StoreError) in
      try table.requirePositions(of: columns)
    }
    let wanted = Set(target)
    if Set(table.primaryKey.columns) == wanted {
      index = nil
      permutation = plan.keyPositions
      return
    }
    index = plan.indexes.firstIndex {
      $0.isUnique && $0.predicate == nil && Set($0.columns) == Set(wanted.map { $0 })
    }
    guard let index else {
      throw StoreError(
        .invalidQuery,
        "no unique constraint of \"\(table.name)\" has the columns "
          + target.joined(separator: ", "),
        table: table.name)
    }
    permutation = try table.requirePositions(of: plan.indexes[index].columns.compactMap { $0 })
  }

  func existing(
    _ row: [Value], _ table: TableState, _ plan: TablePlan
  ) throws(StoreError) -> [Value]? {
    guard let index else { return table.rows[plan.key(of: row)] }
    let key = RowKey(row, at: permutation)
    return table.conflict(in: index, with: key, except: nil)
      .flatMap { table.rows[$0] }
  }

  /// The existing row with the new values, nil when nothing is to change.
  func changed(_ existing: [Value], by row: [Value]) -> [Value]? {
    if let ifChanged, ifChanged.allSatisfy({ existing[$0] == row[$0] }) { return nil }
    var result = existing
    for position in set { result[position] = row[position] }
    return result
  }
}
