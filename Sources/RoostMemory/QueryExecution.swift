package import Roost

extension DatabaseState {
  /// The rows with these primary keys, nil where there is none.
  package func get(_ table: String, keys: [[Value]]) throws(StoreError) -> [[Value]?] {
    let place = try catalog.place(of: table)
    let plan = catalog.tables[place]
    return try keys.map { key throws(StoreError) in
      tables[place].rows[try plan.key(of: key.first, Array(key.dropFirst()))]
    }
  }

  /// The row with a primary key, nil when there is none.
  func row(_ table: String, key first: Value, _ rest: [Value]) throws(StoreError) -> [Value]? {
    let place = try catalog.place(of: table)
    return tables[place].rows[try catalog.tables[place].key(of: first, rest)]
  }

  /// A query's rows, with the wanted columns.
  package func answer(_ query: Query) throws(StoreError) -> [[Value]] {
    let rows = try rows(of: query)
    guard let columns = query.columns else { return rows }
    let table = catalog.tables[try catalog.place(of: query.table)].definition
    let positions = try table.requirePositions(of: columns)
    return rows.map { row in positions.map { row[$0] } }
  }

  /// A query's rows with all columns. Without an order they come by primary key.
  func rows(of query: Query) throws(StoreError) -> [[Value]] {
    let place = try catalog.place(of: query.table)
    let plan = catalog.tables[place]
    if let key = query.filter.flatMap(plan.key(askedBy:)) {
      guard query.limit != 0, let row = tables[place].rows[key] else { return [] }
      return [row]
    }
    let run = try QueryRun(query, plan)
    if run.path.keepsOrder {
      return try run.collect(tables[place], limit: query.limit)
    }
    if run.path.orderedTerms > 0, let limit = query.limit {
      return try run.collectGroups(tables[place], limit: limit)
    }
    let rows = try run.collect(tables[place], limit: nil)
    return try run.sort(rows, limit: query.limit)
  }

  /// How a query would be answered.
  package func explain(_ query: Query) throws(StoreError) -> String {
    let plan = catalog.tables[try catalog.place(of: query.table)]
    return try QueryRun(query, plan).path.description(plan)
  }
}

/// A query made ready: its filter bound and its path chosen.
private struct QueryRun {
  let path: AccessPath
  private let plan: TablePlan
  private let filter: BoundExpression?
  private let order: [OrderTerm]

  init(_ query: Query, _ plan: TablePlan) throws(StoreError) {
    self.plan = plan
    let table = plan.definition
    let resolved = try query.filter.map { filter throws(StoreError) in
      try filter.resolvedCondition(in: table)
    }
    filter = try resolved.map { condition throws(StoreError) in
      try BoundExpression(condition, in: table)
    }
    // A key that is named twice would hide from the planner that a walk keeps the order.
    let named = Set(query.order.map(\.expression))
    order =
      query.order
      + table.primaryKey.columns.map { OrderTerm(.column($0)) }
      .filter { !named.contains($0.expression) }
    path = Planner(plan, filter: resolved, order: order, hasLimit: query.limit != nil).path()
  }

  /// The rows on the path that pass the filter, in the path's order.
  func collect(_ table: TableState, limit: Int?) throws(StoreError) -> [[Value]] {
    var result: [[Value]] = []
    if limit == 0 { return result }
    try visit(table) { row in
      result.append(row)
      return result.count != limit
    }
    return result
  }

  /// The first rows in the wanted order, of which the path gives the first terms: those that are
  /// equal by them are sorted by the others, and the walk ends with the last group that is wanted.
  func collectGroups(_ table: TableState, limit: Int) throws(StoreError) -> [[Value]] {
    var result: [[Value]] = []
    if limit == 0 { return result }
    var leading: [BoundExpression] = []
    for term in order.prefix(path.orderedTerms) {
      leading.append(try BoundExpression(term.expression, in: plan.definition))
    }
    var group: [[Value]] = []
    var groupKey: [Value] = []
    try visit(table) { row throws(StoreError) in
      var key: [Value] = []
      for term in leading { key.append(try term.evaluate(row)) }
      let isSame = zip(key, groupKey).allSatisfy { Value.order($0, $1) == .same }
      if !isSame || group.isEmpty {
        result += try sort(group, limit: limit - result.count)
        group = []
        groupKey = key
      }
      group.append(row)
      return result.count < limit
    }
    if result.count < limit { result += try sort(group, limit: limit - result.count) }
    return result
  }

  /// Hands the rows on the path that pass the filter to the body, in the path's order, until it
  /// returns false.
  private func visit(
    _ table: TableState, _ body: ([Value]) throws(StoreError) -> Bool
  ) throws(StoreError) {
    for prefix in path.prefixes {
      if path.index == nil && prefix.count == plan.keyPositions.count {
        if let row = table.rows[RowKey(prefix)], try passes(row), try !body(row) { return }
        continue
      }
      if let index = path.index {
        var walk = walk(table.indexes[index], prefix)
        while let (key, primary) = walk.next(), isInside(key, prefix) {
          guard let row = table.rows[primary], try passes(row) else { continue }
          if try !body(row) { return }
        }
      } else {
        var walk = walk(table.rows, prefix)
        while let (key, row) = walk.next(), isInside(key, prefix) {
          guard try passes(row) else { continue }
          if try !body(row) { return }
        }
      }
    }
  }

  private func passes(_ row: [Value]) throws(StoreError) -> Bool {
    guard let filter else { return true }
    return try filter.isTrue(row)
  }

  /// A walk from the near end of the path's range; `isInside` finds the far end.
  private func walk<Element>(
    _ tree: OrderedMap<RowKey, Element>, _ prefix: [Value]
  ) -> OrderedMap<RowKey, Element>.Walk {
    let depth = prefix.count
    if path.isForward {
      let lower = path.lower
      return tree.ascending { key in
        let order = key.orderOfPrefix(prefix)
        guard order == 0, let lower else { return order < 0 }
        let bound = Value.order(key[depth], lower.value)
        return bound == .before || (bound == .same && !lower.isInclusive)
      }
    }
    let upper = path.upper
    return tree.descending { key in
      let order = key.orderOfPrefix(prefix)
      guard order == 0, let upper else { return order <= 0 }
      let bound = Value.order(key[depth], upper.value)
      return bound == .before || (bound == .same && upper.isInclusive)
    }
  }

  private func isInside(_ key: RowKey, _ prefix: [Value]) -> Bool {
    guard key.orderOfPrefix(prefix) == 0 else { return false }
    if path.isForward {
      guard let upper = path.upper else { return true }
      let bound = Value.order(key[prefix.count], upper.value)
      return bound == .before || (bound == .same && upper.isInclusive)
    }
    guard let lower = path.lower else { return true }
    let bound = Value.order(key[prefix.count], lower.value)
    return bound == .after || (bound == .same && lower.isInclusive)
  }

  /// The rows in the wanted order; each order value is worked out once a row. With a limit, no more
  /// than twice as many are kept and put in order at a time.
  func sort(_ rows: [[Value]], limit: Int?) throws(StoreError) -> [[Value]] {
    var terms: [(term: OrderTerm, value: BoundExpression)] = []
    for term in order {
      terms.append((term, try BoundExpression(term.expression, in: plan.definition)))
    }
    var keyed: [(keys: [Value], row: [Value])] = []
    let most = limit.map { min($0, rows.count) * 2 + 16 } ?? rows.count
    keyed.reserveCapacity(min(most, rows.count))
    for row in rows {
      var keys: [Value] = []
      keys.reserveCapacity(terms.count)
      for term in terms { keys.append(try term.value.evaluate(row)) }
      keyed.append((keys, row))
      if let limit, keyed.count == most, most < rows.count {
        keyed.sort { isBefore($0.keys, $1.keys) }
        keyed.removeLast(keyed.count - limit)
      }
    }
    keyed.sort { isBefore($0.keys, $1.keys) }
    let wanted = limit.map { keyed.prefix($0) } ?? keyed[...]
    return wanted.map(\.row)
  }

  private func isBefore(_ left: [Value], _ right: [Value]) -> Bool {
    for (index, term) in order.enumerated() {
      let result = term.order(left[index], right[index])
      if result != .same { return result == .before }
    }
    return false
  }
}
