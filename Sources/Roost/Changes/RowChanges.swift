/// The rows that changes may have touched: by their primary keys where these are known, else all
/// rows of a table.
struct RowChanges: Sendable, Equatable {
  /// Rows of one table.
  enum Rows: Sendable, Equatable {
    /// Those with these primary keys, of their columns' types.
    case keys(Set<[Value]>)
    case all
  }

  /// The most keys of a table that are worth telling apart.
  static let keyLimit = 1_000

  /// The rows by table.
  private(set) var tables: [String: Rows] = [:]
  /// Whether any row of any table may have been touched.
  private(set) var isEverything = false

  /// Any row of any table.
  static var everything: RowChanges {
    var changes = RowChanges()
    changes.isEverything = true
    return changes
  }

  var isEmpty: Bool { tables.isEmpty && !isEverything }

  mutating func add(_ table: String, _ rows: Rows) {
    switch (tables[table], rows) {
    case (nil, .keys(let keys)) where keys.isEmpty: break
    case (nil, .keys(let keys)) where keys.count <= Self.keyLimit: tables[table] = rows
    case (.keys(let old)?, .keys(let keys)) where old.count + keys.count <= Self.keyLimit:
      tables[table] = .keys(old.union(keys))
    default: tables[table] = .all
    }
  }

  mutating func add(_ other: RowChanges) {
    if other.isEverything { self = .everything }
    if isEverything { return }
    for (table, rows) in other.tables { add(table, rows) }
  }
}

/// Which rows a change may touch, by the schema: those that it names, and what cascades and
/// triggers do beyond them.
///
/// A trigger may write to any table, which cannot be seen from its SQL.
struct ChangeReach: Sendable {
  let schema: Schema
  /// For each table, those whose rows change with the deletion of its own, or nil for any.
  private let deletions: [String: Set<String>?]

  init(_ schema: Schema) {
    self.schema = schema
    deletions = schema.tables.mapValues { Self.deletion(of: $0, schema) }
  }

  private static func deletion(of table: TableDefinition, _ schema: Schema) -> Set<String>? {
    var reached: Set<String> = []
    var losing: Set<String> = [table.name]
    var waiting = [table]
    while let table = waiting.popLast() {
      if table.fires(.delete) { return nil }
      for child in schema.tables.values {
        for key in child.foreignKeys where key.referencedTable == table.name {
          switch key.onDelete {
          case .noAction, .restrict: break
          case .setNull:
            if child.fires(.update) { return nil }
            reached.insert(child.name)
          case .cascade:
            reached.insert(child.name)
            if losing.insert(child.name).inserted { waiting.append(child) }
          }
        }
      }
    }
    return reached
  }

  /// What a mutation may change.
  /// - Parameter result: what it did; nil when that is not known (yet).
  func changes(of mutation: Mutation, _ result: MutationResult? = nil) -> RowChanges {
    guard let table = schema.tables[mutation.table] else { return .everything }
    var changes = RowChanges()
    switch mutation {
    case .insert(let insert):
      if table.fires(.insert) { return .everything }
      if case .update = insert.conflict, table.fires(.update) { return .everything }
      changes.add(
        table.name, returned(result, insert.returning, table) ?? rows(of: insert, table))
    case .update(let update):
      if table.fires(.update) { return .everything }
      if update.assignments.contains(where: { table.primaryKey.columns.contains($0.column) }) {
        changes.add(table.name, .all)
      } else {
        changes.add(
          table.name,
          returned(result, update.returning, table) ?? rows(pickedBy: update.filter, table))
      }
    case .delete(let delete):
      guard let reached = deletions[table.name] ?? nil else { return .everything }
      for name in reached { changes.add(name, .all) }
      changes.add(
        table.name,
        returned(result, delete.returning, table) ?? rows(pickedBy: delete.filter, table))
    }
    return changes
  }

  /// What several mutations may change.
  /// - Parameter results: what they did; nil when that is not known (yet).
  func changes(of mutations: [Mutation], _ results: [MutationResult]? = nil) -> RowChanges {
    var changes = RowChanges()
    for (number, mutation) in mutations.enumerated() {
      let result = results.flatMap { number < $0.count ? $0[number] : nil }
      changes.add(self.changes(of: mutation, result))
    }
    return changes
  }

  /// A primary key as it is stored; nil when it is none.
  func key(_ values: [Value], of table: String) -> [Value]? {
    guard let table = schema.tables[table] else { return nil }
    return key(values, table)
  }

  private func key(_ values: [Value], _ table: TableDefinition) -> [Value]? {
    let names = table.primaryKey.columns
    guard values.count == names.count else { return nil }
    var key: [Value] = []
    key.reserveCapacity(values.count)
    for (name, value) in zip(names, values) {
      guard let position = table.position(of: name), !value.isNull,
        let stored = try? table.columns[position].type.coerce(
          value, table: table.name, column: name)
      else { return nil }
      key.append(stored)
    }
    return key
  }

  /// The affected rows where the result has them all; nil where it has not.
  private func returned(
    _ result: MutationResult?, _ isReturning: Bool, _ table: TableDefinition
  ) -> RowChanges.Rows? {
    guard let result, isReturning, result.rows.count == result.affected,
      result.rows.count <= RowChanges.keyLimit,
      let positions = try? table.requirePositions(of: table.primaryKey.columns)
    else { return nil }
    return .keys(Set(result.rows.map { row in positions.map { row[$0] } }))
  }

  private func rows(of insert: Mutation.Insert, _ table: TableDefinition) -> RowChanges.Rows {
    guard insert.rows.count <= RowChanges.keyLimit else { return .all }
    // An upsert by another key changes rows whose primary keys it does not say.
    if case .update(let target, _, _) = insert.conflict,
      Set(target) != Set(table.primaryKey.columns)
    {
      return .all
    }
    let places = table.primaryKey.columns.compactMap { insert.columns.firstIndex(of: $0) }
    guard places.count == table.primaryKey.columns.count else { return .all }
    var keys: Set<[Value]> = []
    for row in insert.rows {
      guard let key = key(places.map { row[$0] }, table) else { return .all }
      keys.insert(key)
    }
    return .keys(keys)
  }

  /// The rows that a filter may pick: one or some, when it says which primary keys.
  private func rows(pickedBy filter: Expression?, _ table: TableDefinition) -> RowChanges.Rows {
    guard let filter else { return .all }
    let columns = table.primaryKey.columns
    var values: [String: Value] = [:]
    for condition in filter.conditions {
      switch condition {
      case .comparison(.equal, .column(let name), .literal(let value)),
        .isNotDistinct(.column(let name), .literal(let value)):
        values[name] = value
      case .isIn(.column(let name), let candidates)
      where columns == [name] && candidates.count <= RowChanges.keyLimit:
        let keys = candidates.compactMap { candidate -> [Value]? in
          guard case .literal(let value) = candidate else { return nil }
          return key([value], table)
        }
        if keys.count == candidates.count { return .keys(Set(keys)) }
      default: break
      }
    }
    let named = columns.compactMap { values[$0] }
    guard named.count == columns.count, let stored = key(named, table) else { return .all }
    return .keys([stored])
  }
}

extension Expression {
  /// The conditions that all hold where the whole holds.
  fileprivate var conditions: [Expression] {
    guard case .and(let parts) = self else { return [self] }
    return parts.flatMap(\.conditions)
  }
}

extension TableDefinition {
  /// Whether a trigger runs for an event.
  fileprivate func fires(_ event: TriggerDefinition.Event) -> Bool {
    triggers.contains { $0.events.contains(event) }
  }
}
