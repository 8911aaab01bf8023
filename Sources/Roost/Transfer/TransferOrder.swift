import Synchronization

/// In which order tables are filled, and with which values at first, so that constraints hold and
/// triggers do what they do without ruining what was carried.
struct TransferOrder: Sendable {
  /// The tables, those that others refer to first, and those with triggers as late as that allows:
  /// a trigger that fires early could write rows that are still to come.
  let tables: [TableDefinition]
  /// The columns by table that are NULL until all else is right: they refer to a table that comes
  /// later, or are what a trigger would follow from row to row of a table that it counts in.
  private let deferred: [String: [Int]]
  /// The columns by table that start with a number of their own, since triggers may count on.
  private let counters: [String: [(place: Int, start: Value)]]
  private let checks: [String: [BoundExpression]]

  /// - Throws: `undefinedColumn` for a schema at odds with itself.
  init(_ schema: Schema) throws(StoreError) {
    tables = Self.order(schema)
    var deferred: [String: [Int]] = [:]
    var counters: [String: [(place: Int, start: Value)]] = [:]
    var checks: [String: [BoundExpression]] = [:]
    var placed: Set<String> = []
    let counted = Self.counted(schema)
    for table in tables {
      placed.insert(table.name)
      let isCounted = counted.contains(table.name)
      for key in table.foreignKeys {
        let isOwn = key.referencedTable == table.name
        guard isOwn ? isCounted : !placed.contains(key.referencedTable) else { continue }
        let places = try table.requirePositions(of: key.columns)
          .filter { table.columns[$0].isNullable }
        if !places.isEmpty { deferred[table.name, default: []] += places }
      }
      guard isCounted else { continue }
      counters[table.name] = Self.counters(of: table)
      var conditions: [BoundExpression] = []
      for check in table.checks {
        conditions.append(try BoundExpression(check.expression, in: table))
      }
      checks[table.name] = conditions
    }
    self.deferred = deferred
    self.counters = counters
    self.checks = checks
  }

  private static func order(_ schema: Schema) -> [TableDefinition] {
    var late: Set<String> = []
    let all = schema.tablesParentsFirst
    for table in all
    where !table.triggers.isEmpty
      || table.foreignKeys.contains(where: { late.contains($0.referencedTable) })
    {
      late.insert(table.name)
    }
    return all.filter { !late.contains($0.name) } + all.filter { late.contains($0.name) }
  }

  /// The tables that a trigger may count in: those that its table refers to, and so on.
  private static func counted(_ schema: Schema) -> Set<String> {
    var found: Set<String> = []
    var rest = schema.tables.values.filter { !$0.triggers.isEmpty }
    while let table = rest.popLast() {
      for key in table.foreignKeys where found.insert(key.referencedTable).inserted {
        if let next = schema.tables[key.referencedTable] { rest.append(next) }
      }
    }
    return found
  }

  /// The columns whose default is a number and that no key holds.
  private static func counters(of table: TableDefinition) -> [(place: Int, start: Value)] {
    var keys = Set(table.primaryKey.columns + table.foreignKeys.flatMap(\.columns))
    keys.formUnion(table.uniqueConstraints.flatMap(\.columns))
    for index in table.indexes where index.isUnique {
      for key in index.keys { keys.formUnion(key.expression.columns) }
    }
    return table.columns.enumerated().compactMap { place, column in
      guard column.type.isNumber, !keys.contains(column.name),
        case .value(let start)? = column.defaultValue
      else { return nil }
      return (place, start)
    }
  }

  /// Whether some columns are NULL until all else is right.
  var isDeferring: Bool { !deferred.isEmpty }

  /// Whether one of some columns is NULL until all else is right, so that they refer to nothing.
  func isDeferred(_ columns: [Int], of table: TableDefinition) -> Bool {
    deferred[table.name]?.contains { columns.contains($0) } ?? false
  }

  /// A row with NULL in the columns that come last.
  func deferring(_ row: [Value], of table: TableDefinition) -> [Value] {
    guard let places = deferred[table.name] else { return row }
    var row = row
    for place in places { row[place] = .null }
    return row
  }

  /// A row as it is written first.
  func first(_ row: [Value], of table: TableDefinition) throws(StoreError) -> [Value] {
    let row = deferring(row, of: table)
    guard let counters = counters[table.name], !counters.isEmpty else { return row }
    var started = row
    for (place, start) in counters { started[place] = start }
    for condition in checks[table.name] ?? [] {
      if case .bool(false) = try condition.evaluate(started) { return row }
    }
    return started
  }
}

/// Puts the rows of a table that refers to itself behind those that they refer to. It holds the
/// referenced keys, and the rows that wait for one.
final class SelfReferences: Sendable {
  private struct State {
    /// By foreign key: the referenced values that are there, and the rows that wait for some.
    var placed: [Set<[Value]>]
    var waiting: [[[Value]: [[Value]]]]
  }

  private let keys: [(columns: [Int], referenced: [Int])]
  private let state: Mutex<State>

  /// Nil when the table does not refer to itself, or only by columns that come last.
  init?(_ table: TableDefinition, _ order: TransferOrder) throws(StoreError) {
    var keys: [(columns: [Int], referenced: [Int])] = []
    for key in table.foreignKeys where key.referencedTable == table.name {
      let columns = try table.requirePositions(of: key.columns)
      if order.isDeferred(columns, of: table) { continue }
      keys.append((columns, try table.requirePositions(of: key.referencedColumns)))
    }
    if keys.isEmpty { return nil }
    self.keys = keys
    state = Mutex(
      State(
        placed: Array(repeating: [], count: keys.count),
        waiting: Array(repeating: [:], count: keys.count)))
  }

  /// Those of these rows, and of the rows that waited, whose turn it is.
  func ready(_ rows: [[Value]]) -> [[Value]] {
    state.withLock { state in
      var result: [[Value]] = []
      var rest = Array(rows.reversed())
      while let row = rest.popLast() {
        guard !waits(row, &state) else { continue }
        result.append(row)
        for (place, key) in keys.enumerated() {
          let values = key.referenced.map { row[$0] }
          state.placed[place].insert(values)
          rest += state.waiting[place].removeValue(forKey: values) ?? []
        }
      }
      return result
    }
  }

  /// Notes a row that refers to one that is not there yet.
  private func waits(_ row: [Value], _ state: inout State) -> Bool {
    for (place, key) in keys.enumerated() {
      let values = key.columns.map { row[$0] }
      if values.contains(where: \.isNull) || state.placed[place].contains(values) { continue }
      if values == key.referenced.map({ row[$0] }) { continue }
      state.waiting[place][values, default: []].append(row)
      return true
    }
    return false
  }

  /// The rows that go on waiting: they refer to each other in a ring, and hold only when they are
  /// written together.
  func rest() -> [[Value]] {
    state.withLock { state in state.waiting.flatMap { $0.values.flatMap { $0 } } }
  }
}
