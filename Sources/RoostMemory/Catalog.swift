package import Roost

/// A schema made ready for work: names turned into places, conditions bound.
package final class Catalog: Sendable {
  /// The schema as the migrations declare it.
  package let schema: Schema
  /// The tables in name order, which is the order of `DatabaseState.tables`.
  package let tables: [TablePlan]
  /// The foreign keys of each table, in the order of declaration, as all that follow.
  let outgoing: [[ForeignKeyPlan]]
  /// The foreign keys of other tables, and its own, that refer to each table.
  let incoming: [[ForeignKeyPlan]]
  /// The place of each table by name.
  private let places: NamePlaces

  package init(_ schema: Schema) throws(StoreError) {
    self.schema = schema
    let names = schema.tables.keys.sorted()
    let places = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
    var tables: [TablePlan] = []
    for name in names { tables.append(try TablePlan(try schema.table(name), schema)) }
    var outgoing = [[ForeignKeyPlan]](repeating: [], count: tables.count)
    var incoming = outgoing
    for name in schema.foreignKeyOrder {
      guard let place = places[name.table] else { continue }
      let table = tables[place]
      for foreignKey in table.definition.foreignKeys where foreignKey.name == name.constraint {
        guard let target = places[foreignKey.referencedTable] else {
          throw StoreError(
            .undefinedTable, "there is no table \"\(foreignKey.referencedTable)\"",
            table: foreignKey.referencedTable)
        }
        let plan = try ForeignKeyPlan(
          foreignKey, from: (place, table.definition), to: (target, tables[target]))
        outgoing[place].append(plan)
        incoming[target].append(plan)
      }
    }
    self.places = NamePlaces(places)
    self.tables = tables
    self.outgoing = outgoing
    self.incoming = incoming
  }

  /// The place of a table.
  /// - Throws: `undefinedTable`.
  package func place(of table: String) throws(StoreError) -> Int {
    guard let place = places[table] else {
      throw StoreError(.undefinedTable, "there is no table \"\(table)\"", table: table)
    }
    return place
  }

  /// Whether somebody has to see the rows that a statement has written: a foreign key or a trigger.
  func watchesWrites(to table: Int) -> Bool {
    !outgoing[table].isEmpty || !incoming[table].isEmpty || !tables[table].triggers.isEmpty
  }
}

/// A table made ready for work. A class, as the other plans are, so that handing it on in a hot
/// loop costs one reference.
package final class TablePlan: Sendable {
  package let definition: TableDefinition
  /// The places of the primary key's columns in a row.
  package let keyPositions: [Int]
  /// Their types.
  private let keyTypes: [ColumnType]
  /// The ordered indexes beside the primary key: unique constraints first, then indexes, each in
  /// the order of declaration, which is the order in which violations are found.
  package let indexes: [IndexPlan]
  /// The places of the columns that may not be NULL.
  let requiredPositions: [Int]
  /// The checks in name order, as Postgres runs them.
  let checks: [(name: String, condition: BoundExpression)]
  /// The triggers in name order, as Postgres runs them.
  let triggers: [TriggerDefinition]
  /// The columns by name, for triggers.
  let layout: RowLayout

  init(_ definition: TableDefinition, _ schema: Schema) throws(StoreError) {
    self.definition = definition
    keyPositions = try definition.requirePositions(of: definition.primaryKey.columns)
    keyTypes = keyPositions.map { definition.columns[$0].type }
    requiredPositions = definition.columns.indices.filter { !definition.columns[$0].isNullable }
    var indexes: [IndexPlan] = []
    for unique in definition.uniqueConstraints {
      let keys = unique.columns.map { IndexDefinition.Key(.column($0)) }
      indexes.append(
        try IndexPlan(IndexDefinition(name: unique.name, keys: keys, isUnique: true), definition))
    }
    for index in definition.indexes { indexes.append(try IndexPlan(index, definition)) }
    self.indexes = indexes
    var checks: [(name: String, condition: BoundExpression)] = []
    for check in definition.checks.sorted(by: { $0.name < $1.name }) {
      checks.append((check.name, try BoundExpression(check.expression, in: definition)))
    }
    self.checks = checks
    triggers = definition.triggers.sorted { $0.name < $1.name }
    layout = RowLayout(definition)
  }

  /// A row's primary key.
  func key(of row: [Value]) -> RowKey { RowKey(row, at: keyPositions) }

  /// The primary key of these values, as the table stores them.
  /// - Parameters:
  ///   - first: the key's first value; nil when there is none.
  ///   - rest: those behind it.
  /// - Throws: `invalidQuery` when they are not as many as the key's columns; what a value of
  ///   another type is refused with.
  func key(of first: Value?, _ rest: [Value]) throws(StoreError) -> RowKey {
    guard let first, rest.count == keyTypes.count - 1 else {
      throw StoreError(
        .invalidQuery, "the key of \"\(definition.name)\" has \(keyTypes.count) columns",
        table: definition.name)
    }
    return RowKey(
      first: try stored(first, 0),
      rest: try rest.indices.map { place throws(StoreError) in
        try stored(rest[place], place + 1)
      })
  }

  /// The primary key that a condition asks for, and nothing else, as most changes do: what the
  /// planner would find in more time than the row. Nil for any other condition.
  func key(askedBy filter: Expression) -> RowKey? {
    var terms = [filter]
    if case .and(let parts) = filter { terms = parts }
    let columns = definition.primaryKey.columns
    guard terms.count == columns.count else { return nil }
    var values: [Value] = []
    for (column, type) in zip(columns, keyTypes) {
      let asked = terms.lazy.compactMap { term -> Value? in
        guard case .comparison(.equal, .column(column), .literal(let value)) = term else {
          return nil
        }
        return value
      }
      guard let value = asked.first, !value.isNull, type.accepts(value) else { return nil }
      values.append(value)
    }
    return RowKey(values)
  }

  private func stored(_ value: Value, _ place: Int) throws(StoreError) -> Value {
    if keyTypes[place].accepts(value) { return value }
    let column = definition.columns[keyPositions[place]].name
    return try keyTypes[place].coerce(value, table: definition.name, column: column)
  }
}

/// An ordered index made ready for work. The tree's keys are the index's values followed by the
/// primary key, ascending with NULLs last whatever the declaration says: a walk goes both ways.
package final class IndexPlan: Sendable {
  package let name: String
  package let isUnique: Bool
  /// The indexed columns by name; nil where an expression is indexed.
  let columns: [String?]
  /// What is indexed, as a resolved filter names it.
  let expressions: [Expression]
  let keys: [BoundExpression]
  let predicate: BoundExpression?
  /// The predicate as declared, so that a filter that contains it may use the index.
  let predicateExpression: Expression?

  init(_ index: IndexDefinition, _ table: TableDefinition) throws(StoreError) {
    name = index.name
    isUnique = index.isUnique
    var keys: [BoundExpression] = []
    var columns: [String?] = []
    for key in index.keys {
      keys.append(try BoundExpression(key.expression, in: table))
      if case .column(let name) = key.expression {
        columns.append(name)
      } else {
        columns.append(nil)
      }
    }
    self.keys = keys
    self.columns = columns
    expressions = try index.keys.map { key throws(StoreError) in
      try key.expression.resolved(in: table)
    }
    predicateExpression = try index.predicate.map {
      condition throws(StoreError) in try condition.resolvedCondition(in: table)
    }
    predicate = try index.predicate.map { condition throws(StoreError) in
      try BoundExpression(condition, in: table)
    }
  }

  /// A row's indexed values alone, which stand before every key that begins with them; nil when
  /// the row is not in a partial index.
  func values(of row: [Value]) throws(StoreError) -> RowKey? {
    if let predicate, try !predicate.isTrue(row) { return nil }
    var rest: [Value] = []
    for key in keys.dropFirst() { rest.append(try key.evaluate(row)) }
    return RowKey(first: try keys[0].evaluate(row), rest: rest)
  }

  /// The tree's key for a row, nil when the row is not in a partial index.
  func key(of row: [Value], _ primary: RowKey) throws(StoreError) -> RowKey? {
    if let predicate, try !predicate.isTrue(row) { return nil }
    var rest: [Value] = []
    rest.reserveCapacity(keys.count + primary.rest.count)
    for key in keys.dropFirst() { rest.append(try key.evaluate(row)) }
    rest.append(primary.first)
    rest.append(contentsOf: primary.rest)
    return RowKey(first: try keys[0].evaluate(row), rest: rest)
  }
}

/// A foreign key made ready for work.
final class ForeignKeyPlan: Sendable {
  let definition: ForeignKey
  /// The referencing table's place, name and columns.
  let table: Int
  let tableName: String
  let positions: [Int]
  /// The referenced table's place and columns.
  let referencedTable: Int
  let referencedPositions: [Int]
  /// The referenced unique index's place; nil for the primary key.
  let referencedIndex: Int?
  /// For each column of the referenced key, the place of its value among the foreign key's columns.
  let permutation: [Int]
  /// For each column of the referenced key, the place of its value in a referencing row.
  let keyPositions: [Int]

  init(
    _ definition: ForeignKey, from: (place: Int, table: TableDefinition),
    to: (place: Int, plan: TablePlan)
  ) throws(StoreError) {
    self.definition = definition
    table = from.place
    tableName = from.table.name
    positions = try from.table.requirePositions(of: definition.columns)
    referencedTable = to.place
    let target = to.plan.definition
    referencedPositions = try target.requirePositions(of: definition.referencedColumns)
    let wanted = Set(definition.referencedColumns)
    let keyColumns: [String]
    if Set(target.primaryKey.columns) == wanted {
      referencedIndex = nil
      keyColumns = target.primaryKey.columns
    } else if let index = to.plan.indexes.firstIndex(where: {
      $0.isUnique && $0.predicate == nil && Set($0.columns) == Set(wanted.map { $0 })
    }) {
      referencedIndex = index
      keyColumns = to.plan.indexes[index].columns.compactMap { $0 }
    } else {
      throw StoreError(
        .invalidMigration,
        "foreign key \"\(definition.name)\" refers to columns that are not unique",
        table: from.table.name, constraint: definition.name)
    }
    permutation = keyColumns.compactMap { definition.referencedColumns.firstIndex(of: $0) }
    keyPositions = permutation.map { [positions] in positions[$0] }
  }
}
