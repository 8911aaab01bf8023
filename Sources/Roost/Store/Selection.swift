/// A question for records, put together step by step; asking is the last step.
///
/// Rows come in the order given, completed by the primary key; without one, in primary-key order.
public struct Selection<R: Record>: Sendable {
  let core: SessionCore
  var query: Query

  /// Keeps the records that fulfil a condition, beside those given before.
  public func `where`(_ filter: (R.Columns) -> Filter) -> Selection {
    `where`(filter(R.columns))
  }

  /// Keeps the records that fulfil a condition, beside those given before.
  public func `where`(_ filter: Filter) -> Selection {
    var copy = self
    copy.query.filter = query.filter.map { .and([$0, filter.expression]) } ?? filter.expression
    return copy
  }

  /// Orders the records, behind the orders given before.
  public func order(_ term: (R.Columns) -> OrderTerm) -> Selection {
    order(by: term(R.columns))
  }

  /// Orders the records, behind the orders given before.
  public func order(by term: OrderTerm) -> Selection {
    var copy = self
    copy.query.order.append(term)
    return copy
  }

  /// Takes the first records only.
  public func limit(_ count: Int) -> Selection {
    var copy = self
    copy.query.limit = max(0, count)
    return copy
  }

  /// Locks the records until the transaction ends.
  public func locked(_ lock: RowLock) -> Selection {
    var copy = self
    copy.query.lock = lock
    return copy
  }
}

// Asking.

extension Selection {
  /// The records.
  /// - Throws: `invalidQuery` when the condition has no meaning; what the backend meets.
  public func fetch() async throws(StoreError) -> [R] {
    try await core.perform { session throws(StoreError) in
      let (query, layout) = try completed()
      let rows = try await session.query(query)
      var records: [R] = []
      records.reserveCapacity(rows.count)
      for row in rows { records.append(try R(row: try layout.row(row, of: query))) }
      return records
    }
  }

  /// The values of one column.
  /// - Throws: as `fetch`.
  public func values<C>(_ column: @Sendable (R.Columns) -> Column<C>) async throws(StoreError)
    -> [C]
  {
    let name = column(R.columns).name
    return try await core.perform { session throws(StoreError) in
      var (query, layout) = try completed()
      query.columns = [name]
      var values: [C] = []
      for row in try await session.query(query) {
        guard let first = row.first, let value = C(value: first) else {
          throw Row(row, layout).mismatch(name, C.self)
        }
        values.append(value)
      }
      return values
    }
  }

  /// The first record, nil when there is none.
  /// - Throws: as `fetch`.
  public func first() async throws(StoreError) -> R? {
    try await limit(min(query.limit ?? 1, 1)).fetch().first
  }

  /// How many records there are; the limit does not count.
  /// - Throws: as `fetch`.
  public func count() async throws(StoreError) -> Int {
    guard case .int(let count)? = try await figures([.count]).first?.first else { return 0 }
    return Int(count)
  }

  /// Whether there is a record.
  /// - Throws: as `fetch`.
  public func exists() async throws(StoreError) -> Bool {
    var copy = limit(1)
    copy.query.order = []
    return try await copy.first() != nil
  }

  /// Figures over the records, one row a group: the group's columns first, then the figures;
  /// ordered by the group's columns.
  /// - Throws: `invalidQuery` for a sum of what is no number; as `fetch`.
  public func aggregate(
    by groups: @Sendable (R.Columns) -> [any NamedColumn] = { _ in [] },
    _ figures: [AggregateQuery.Figure]
  ) async throws(StoreError) -> [[Value]] {
    try await self.figures(figures, by: groups(R.columns).map(\.name))
  }

  /// The sum of a column; NULL over no value.
  /// - Throws: as `aggregate`.
  public func sum<C>(_ column: @Sendable (R.Columns) -> Column<C>) async throws(StoreError) -> Value
  {
    try await figures([.sum(column(R.columns).name)]).first?.first ?? .null
  }

  /// The least value of a column; NULL over no value.
  /// - Throws: as `aggregate`.
  public func minimum<C>(_ column: @Sendable (R.Columns) -> Column<C>) async throws(StoreError)
    -> Value
  {
    try await figures([.minimum(column(R.columns).name)]).first?.first ?? .null
  }

  /// The greatest value of a column; NULL over no value.
  /// - Throws: as `aggregate`.
  public func maximum<C>(_ column: @Sendable (R.Columns) -> Column<C>) async throws(StoreError)
    -> Value
  {
    try await figures([.maximum(column(R.columns).name)]).first?.first ?? .null
  }

  private func figures(
    _ figures: [AggregateQuery.Figure], by groups: [String] = []
  ) async throws(StoreError) -> [[Value]] {
    try await core.perform { session throws(StoreError) in
      let (query, layout) = try completed()
      for figure in figures { try figure.check(in: layout.table) }
      return try await session.aggregate(
        AggregateQuery(
          table: R.table, filter: query.filter, groupBy: groups, figures: figures))
    }
  }

  /// Calls the body with batches of records, from one snapshot, holding one batch at a time.
  /// - Throws: as `fetch`, and what the body throws, unchanged.
  public func scan(
    batchSize: Int = 1_000, _ body: @Sendable ([R]) async throws -> Void
  ) async throws {
    let (query, layout) = try await core.perform { _ throws(StoreError) in try completed() }
    try await core.session.scan(query, batchSize: batchSize) { rows in
      try await body(rows.map { try R(row: try layout.row($0, of: query)) })
    }
  }

  /// How the backend would answer: which index, whether it sorts.
  /// - Throws: as `fetch`.
  public func explain() async throws(StoreError) -> String {
    try await core.perform { session throws(StoreError) in
      try await session.explain(try completed().query)
    }
  }

  /// The query with its filter checked and its order completed by the primary key.
  func completed() throws(StoreError) -> (query: Query, layout: RowLayout) {
    let layout = try core.context.layout(R.self)
    var query = query
    query.filter = try condition(layout)
    let named = Set(query.order.map(\.expression))
    for column in layout.table.primaryKey.columns where !named.contains(.column(column)) {
      query.order.append(OrderTerm(.column(column)))
    }
    return (query, layout)
  }

  private func condition(_ layout: RowLayout) throws(StoreError) -> Expression? {
    try query.filter.map { filter throws(StoreError) in
      try filter.resolvedCondition(in: layout.table)
    }
  }
}

// Changing what was selected.

extension Selection {
  /// Gives columns of the selected records new values, atomically.
  /// - Returns: how many records were changed.
  /// - Throws: the violations that the new values meet; `invalidQuery` when a limit is set.
  @discardableResult
  public func update(
    _ assignments: @Sendable (R.Columns) -> [Mutation.Assignment]
  ) async throws(StoreError) -> Int {
    try await changed(assignments(R.columns), returning: false).affected
  }

  /// As `update`, and returns the records as they are now, in primary-key order.
  /// - Throws: as `update`.
  public func updateReturning(
    _ assignments: @Sendable (R.Columns) -> [Mutation.Assignment]
  ) async throws(StoreError) -> [R] {
    let layout = try core.context.layout(R.self)
    var records: [R] = []
    for row in try await changed(assignments(R.columns), returning: true).rows {
      records.append(try R(row: Row(row, layout)))
    }
    return records
  }

  /// Removes the selected records.
  /// - Returns: how many were removed, without cascades.
  /// - Throws: `foreignKeyViolation`; `invalidQuery` when a limit is set.
  @discardableResult
  public func delete() async throws(StoreError) -> Int {
    try await core.perform { session throws(StoreError) in
      let delete = Mutation.Delete(table: R.table, filter: try changeable())
      return try await session.apply([.delete(delete)]).first?.affected ?? 0
    }
  }

  private func changed(
    _ assignments: [Mutation.Assignment], returning: Bool
  ) async throws(StoreError) -> MutationResult {
    try await core.perform { session throws(StoreError) in
      let update = Mutation.Update(
        table: R.table, assignments: assignments, filter: try changeable(),
        returning: returning)
      return try await session.apply([.update(update)]).first ?? MutationResult(affected: 0)
    }
  }

  /// The condition on what is to be changed; nil for all.
  private func changeable() throws(StoreError) -> Expression? {
    guard query.limit == nil, query.lock == nil else {
      throw StoreError(
        .invalidQuery, "a change takes a condition only, no limit and no lock", table: R.table)
    }
    return try condition(try core.context.layout(R.self))
  }
}

extension AggregateQuery.Figure {
  /// - Throws: `undefinedColumn`; `invalidQuery` for a figure that Postgres has not for the type.
  fileprivate func check(in table: TableDefinition) throws(StoreError) {
    switch self {
    case .count: break
    case .sum(let column):
      let type = table.columns[try table.requirePosition(of: column)].type
      guard type.isNumber else { throw Self.refusal("sum", column, type, table) }
    case .minimum(let column), .maximum(let column):
      let type = table.columns[try table.requirePosition(of: column)].type
      switch type {
      case .boolean, .uuid, .bytes, .json:
        throw Self.refusal("minimum or maximum", column, type, table)
      default: break
      }
    }
  }

  private static func refusal(
    _ figure: String, _ column: String, _ type: ColumnType, _ table: TableDefinition
  ) -> StoreError {
    StoreError(
      .invalidQuery, "there is no \(figure) of \"\(column)\", which is \(type.sql)",
      table: table.name, column: column)
  }
}
