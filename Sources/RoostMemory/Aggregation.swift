package import Roost
import RoostCore

extension DatabaseState {
  /// The figures that a query asks for, a row a group, ordered by the group's columns.
  package func aggregate(_ query: AggregateQuery) throws(StoreError) -> [[Value]] {
    let place = try catalog.place(of: query.table)
    let table = catalog.tables[place].definition
    let groupPositions = try table.requirePositions(of: query.groupBy)
    if query.groupBy.isEmpty && query.figures == [.count] && query.filter == nil {
      return [[.int(Int64(tables[place].rows.count))]]
    }
    var groups: [[Value]: [Accumulator]] = [:]
    let fresh = try query.figures.map { figure throws(StoreError) in
      try Accumulator(figure, table)
    }
    if query.groupBy.isEmpty { groups[[]] = fresh }
    for row in try rows(of: Query(table: query.table, filter: query.filter)) {
      let group = groupPositions.map { row[$0] }
      if fresh.isEmpty { groups[group] = [] }
      for index in fresh.indices {
        try groups[group, default: fresh][index].add(row)
      }
    }
    let order = query.groupBy.map { OrderTerm(.column($0)) }
    let sorted = groups.sorted { left, right in
      for (index, term) in order.enumerated() {
        let result = term.order(left.key[index], right.key[index])
        if result != .same { return result == .before }
      }
      return false
    }
    return sorted.map { $0.key + $0.value.map(\.result) }
  }
}

/// A figure in the making.
private struct Accumulator {
  private let figure: AggregateQuery.Figure
  private let position: Int
  private let type: ColumnType?
  private var count: Int64 = 0
  private var value: Value = .null

  init(_ figure: AggregateQuery.Figure, _ table: TableDefinition) throws(StoreError) {
    self.figure = figure
    switch figure {
    case .count: (position, type) = (0, nil)
    case .sum(let column), .minimum(let column), .maximum(let column):
      position = try table.requirePosition(of: column)
      type = table.columns[position].type
    }
    if case .sum(let column) = figure, type?.isNumber != true {
      throw StoreError(.invalidQuery, "\"\(column)\" is not a number", column: column)
    }
  }

  mutating func add(_ row: [Value]) throws(StoreError) {
    if case .count = figure {
      count += 1
      return
    }
    let next = row[position]
    if next.isNull { return }
    if value.isNull {
      value = try widened(next)
      return
    }
    switch figure {
    case .count: break
    case .sum: value = try sum(value, try widened(next))
    case .minimum: if Value.order(next, value) == .before { value = next }
    case .maximum: if Value.order(next, value) == .after { value = next }
    }
  }

  var result: Value {
    if case .count = figure { return .int(count) }
    return value
  }

  /// Sums of bigint are numeric, as in Postgres.
  private func widened(_ value: Value) throws(StoreError) -> Value {
    if case .sum = figure, type == .bigint, case .int(let number) = value {
      return .numeric(Numeric(number))
    }
    return value
  }

  private func sum(_ left: Value, _ right: Value) throws(StoreError) -> Value {
    switch (left, right) {
    case (.int(let a), .int(let b)):
      let (result, overflows) = a.addingReportingOverflow(b)
      guard !overflows else { throw StoreError(.valueOutOfRange, "bigint out of range") }
      return .int(result)
    case (.numeric(let a), .numeric(let b)): return .numeric(a + b)
    case (.double(let a), .double(let b)):
      return .double(type == .real ? Double(Float(a) + Float(b)) : a + b)
    default: throw StoreError(.internal, "sum of \(left) and \(right)")
    }
  }
}
