import Foundation
import Roost
import RoostCore

/// How the rows of an insert become rows of the table.
struct RowSource {
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
struct UpsertPlan {
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
