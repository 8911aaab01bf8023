/// Where a page ended: the order's values of its last record.
///
/// A position stays right while rows come and go, since it names values and no count.
public struct PagePosition: Sendable, Hashable {
  let values: [Value]
}

/// Some records and where to go on.
public struct Page<R: Record>: Sendable {
  /// The records in order.
  public var records: [R]
  /// Where the next page starts; nil when this was the last.
  public var next: PagePosition?
}

extension Selection {
  /// A page of the records, behind a position that an earlier page ended with.
  ///
  /// Correct over columns that may be NULL, in whatever order: no record is lost or given twice.
  /// - Parameters:
  ///   - size: the most records wanted, at least 1.
  ///   - position: where the page starts; nil for the first.
  /// - Throws: `invalidQuery` when the position belongs to another order; as `fetch`.
  public func page(
    size: Int, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<R> {
    let size = max(1, size)
    return try await core.perform { session throws(StoreError) in
      var (query, layout) = try completed()
      if let position {
        let start = try query.condition(after: position.values, in: layout.table)
        query.filter = query.filter.map { .and([$0, start]) } ?? start
      }
      query.limit = size + 1
      // The position is made of what the page is ordered by.
      if let read = query.columns {
        let ordered = query.order.reduce(into: Set<String>()) {
          $0.formUnion($1.expression.columns)
        }
        query.columns = read + ordered.subtracting(read).sorted()
      }
      var rows: [Row] = []
      for row in try await session.query(query) { rows.append(try layout.row(row, of: query)) }
      var page = Page<R>(records: [], next: nil)
      for row in rows.prefix(size) { page.records.append(try R(row: row)) }
      if rows.count > size {
        var values: [Value] = []
        for term in query.order {
          let bound = try BoundExpression(term.expression, in: layout.table)
          values.append(try bound.evaluate(rows[size - 1].values))
        }
        page.next = PagePosition(values: values)
      }
      return page
    }
  }
}

extension Query {
  /// The condition that a row comes behind these values in the query's order: the first term is
  /// behind, or it is equal and the second is behind, and so on. NULLs need cases of their own,
  /// since a row comparison in SQL loses them.
  func condition(
    after values: [Value], in table: TableDefinition
  ) throws(StoreError) -> Expression {
    guard values.count == order.count else {
      throw StoreError(
        .invalidQuery, "the page position belongs to another order", table: self.table)
    }
    var alternatives: [Expression] = []
    var equal: [Expression] = []
    for (term, value) in zip(order, values) {
      if let behind = term.condition(behind: value) {
        alternatives.append(.and(equal + [behind]))
      }
      equal.append(.isNotDistinct(term.expression, .literal(value)))
    }
    let condition = Expression.or(alternatives)
    // Implied by the rest, and what lets an index start at the page instead of the beginning.
    guard let term = order.first, let value = values.first,
      case .column(let name) = term.expression,
      let place = table.position(of: name), !table.columns[place].isNullable
    else { return condition }
    let bound = Expression.comparison(
      term.isDescending ? .lessOrEqual : .greaterOrEqual, term.expression, .literal(value))
    return .and([bound, condition])
  }
}

extension OrderTerm {
  /// The condition that the term's value is behind another; nil when nothing can be.
  fileprivate func condition(behind value: Value) -> Expression? {
    if value.isNull { return nullsFirst ? .not(.isNull(expression)) : nil }
    let behind = Expression.comparison(
      isDescending ? .less : .greater, expression, .literal(value))
    return nullsFirst ? behind : .or([behind, .isNull(expression)])
  }
}
