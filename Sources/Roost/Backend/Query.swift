/// A question for rows of one table.
///
/// The store completes each query before a backend sees it: the order ends with the primary key,
/// and a page's start has become part of the filter.
public struct Query: Sendable, Hashable {
  /// The table.
  public var table: String
  /// The rows wanted; nil for all.
  public var filter: Expression?
  /// The order; the store makes it total.
  public var order: [OrderTerm]
  /// The most rows wanted; nil for all.
  public var limit: Int?
  /// The columns wanted, in this order; nil for all in the table's order.
  public var columns: [String]?
  /// The lock to hold on the rows until the transaction ends; nil for none.
  public var lock: RowLock?

  /// Makes a query.
  public init(
    table: String, filter: Expression? = nil, order: [OrderTerm] = [], limit: Int? = nil,
    columns: [String]? = nil, lock: RowLock? = nil
  ) {
    self.table = table
    self.filter = filter
    self.order = order
    self.limit = limit
    self.columns = columns
    self.lock = lock
  }
}

/// One term of an order.
public struct OrderTerm: Sendable, Hashable {
  /// What is ordered by, mostly a column.
  public var expression: Expression
  /// Whether greater values come first.
  public var isDescending: Bool
  /// Whether NULLs come first.
  public var nullsFirst: Bool

  /// Makes a term. As in Postgres, NULLs come last when ascending and first when descending,
  /// unless it is said otherwise.
  public init(_ expression: Expression, isDescending: Bool = false, nullsFirst: Bool? = nil) {
    self.expression = expression
    self.isDescending = isDescending
    self.nullsFirst = nullsFirst ?? isDescending
  }

  /// This order with NULLs before all other values.
  public var withNullsFirst: OrderTerm {
    OrderTerm(expression, isDescending: isDescending, nullsFirst: true)
  }

  /// This order with NULLs after all other values.
  public var withNullsLast: OrderTerm {
    OrderTerm(expression, isDescending: isDescending, nullsFirst: false)
  }

  /// How two values of the term stand to each other.
  package func order(_ left: Value, _ right: Value) -> ValueOrdering {
    switch (left.isNull, right.isNull) {
    case (true, true): .same
    case (true, false): nullsFirst ? .before : .after
    case (false, true): nullsFirst ? .after : .before
    case (false, false):
      isDescending ? Value.order(right, left) : Value.order(left, right)
    }
  }
}

/// A lock on the rows that a query returns, held until the transaction ends.
///
/// The embedded backends have one writer, so the lock is theirs already; a skipping claim is
/// never in another's way there.
public enum RowLock: Sendable, Hashable {
  /// `FOR UPDATE`: nobody else changes or locks the rows.
  case forUpdate
  /// `FOR UPDATE SKIP LOCKED`: rows that another transaction has locked are passed over.
  case forUpdateSkippingLocked
  /// `FOR SHARE`: nobody else changes the rows.
  case forShare
}

/// A question for figures over the rows of one table.
public struct AggregateQuery: Sendable, Equatable {
  /// A figure over a group of rows.
  public enum Figure: Sendable, Hashable {
    /// `count(*)`: a bigint.
    case count
    /// `sum(column)`: bigint for smallint and integer, numeric for bigint and numeric, real for
    /// real, else double precision; NULL over no value.
    case sum(String)
    /// `min(column)`; NULL over no value.
    case minimum(String)
    /// `max(column)`; NULL over no value.
    case maximum(String)
  }

  /// The table.
  public var table: String
  /// The rows wanted; nil for all.
  public var filter: Expression?
  /// The columns to group by; one group, also over no rows, when empty.
  public var groupBy: [String]
  /// The figures.
  public var figures: [Figure]

  /// Makes a query. Its answer has a row a group, ordered by the group's columns, NULLs last:
  /// those columns first, then the figures.
  public init(
    table: String, filter: Expression? = nil, groupBy: [String] = [], figures: [Figure]
  ) {
    self.table = table
    self.filter = filter
    self.groupBy = groupBy
    self.figures = figures
  }
}
