/// A change that was asked for. It names what to do, not which rows result: each backend derives
/// its own defaults, cascades and triggers.
public enum Mutation: Sendable, Equatable {
  /// New rows.
  case insert(Insert)
  /// New values for columns of existing rows.
  case update(Update)
  /// The removal of rows.
  case delete(Delete)

  /// The table changed.
  public var table: String {
    switch self {
    case .insert(let insert): insert.table
    case .update(let update): update.table
    case .delete(let delete): delete.table
    }
  }
}

extension Mutation {
  /// New rows of one table.
  public struct Insert: Sendable, Equatable {
    /// What happens when a row with the same key is there.
    public enum Conflict: Sendable, Equatable {
      /// It is a `uniqueViolation`.
      case fail
      /// The new row is passed over, whatever unique constraint it meets.
      case ignore
      /// The existing row with equal `target` columns gets the new row's values of `set`.
      ///
      /// When `ifChanged` is not nil, this happens only if one of these columns differs; a row
      /// that is left as it is counts as not affected.
      case update(target: [String], set: [String], ifChanged: [String]?)
    }

    /// The table.
    public var table: String
    /// The columns given; the others take their defaults.
    public var columns: [String]
    /// The rows, each with a value for each column.
    public var rows: [[Value]]
    /// What happens when a row with the same key is there.
    public var conflict: Conflict
    /// Whether the stored rows are wanted.
    public var returning: Bool

    /// Makes an insert.
    public init(
      table: String, columns: [String], rows: [[Value]], conflict: Conflict = .fail,
      returning: Bool = false
    ) {
      self.table = table
      self.columns = columns
      self.rows = rows
      self.conflict = conflict
      self.returning = returning
    }
  }

  /// New values for columns of existing rows.
  public struct Update: Sendable, Equatable {
    /// The table.
    public var table: String
    /// The new values: expressions over the row as it was.
    public var assignments: [Assignment]
    /// The rows to change; nil for all.
    public var filter: Expression?
    /// Whether the rows as they are now are wanted, in primary-key order.
    public var returning: Bool

    /// Makes an update.
    public init(
      table: String, assignments: [Assignment], filter: Expression?, returning: Bool = false
    ) {
      self.table = table
      self.assignments = assignments
      self.filter = filter
      self.returning = returning
    }
  }

  /// A column's new value.
  public struct Assignment: Sendable, Equatable {
    /// The column.
    public var column: String
    /// Its new value, over the row as it was.
    public var value: Expression

    /// Makes an assignment.
    public init(_ column: String, _ value: Expression) {
      self.column = column
      self.value = value
    }
  }

  /// The removal of rows.
  public struct Delete: Sendable, Equatable {
    /// The table.
    public var table: String
    /// The rows to remove; nil for all.
    public var filter: Expression?
    /// Whether the rows as they were are wanted, in primary-key order.
    public var returning: Bool

    /// Makes a delete.
    public init(table: String, filter: Expression?, returning: Bool = false) {
      self.table = table
      self.filter = filter
      self.returning = returning
    }
  }
}

/// What a mutation did.
public struct MutationResult: Sendable, Equatable {
  /// How many rows were inserted, changed or removed, without cascades.
  public var affected: Int
  /// The affected rows with all columns, when they were asked for; else empty. An insert's are in
  /// the order of the rows given, those passed over left out.
  public var rows: [[Value]]

  /// Makes a result.
  public init(affected: Int, rows: [[Value]] = []) {
    self.affected = affected
    self.rows = rows
  }
}
