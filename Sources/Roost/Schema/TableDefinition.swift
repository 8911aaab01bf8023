/// A table as its migrations declare it.
public struct TableDefinition: Sendable, Equatable {
  /// The table's name.
  public var name: String
  /// The columns in their order, which is the order of a row's values.
  public var columns: [ColumnDefinition]
  /// The primary key; every table has one, since it is the default order.
  public var primaryKey: KeyConstraint
  /// The unique constraints.
  public var uniqueConstraints: [KeyConstraint]
  /// The foreign keys.
  public var foreignKeys: [ForeignKey]
  /// The check constraints.
  public var checks: [CheckConstraint]
  /// The indexes, unique ones included, without those that constraints bring.
  public var indexes: [IndexDefinition]
  /// The triggers.
  public var triggers: [TriggerDefinition]

  /// Makes a table.
  public init(
    name: String, columns: [ColumnDefinition], primaryKey: KeyConstraint,
    uniqueConstraints: [KeyConstraint] = [], foreignKeys: [ForeignKey] = [],
    checks: [CheckConstraint] = [], indexes: [IndexDefinition] = [],
    triggers: [TriggerDefinition] = []
  ) {
    self.name = name
    self.columns = columns
    self.primaryKey = primaryKey
    self.uniqueConstraints = uniqueConstraints
    self.foreignKeys = foreignKeys
    self.checks = checks
    self.indexes = indexes
    self.triggers = triggers
  }

  /// The place of a column in a row, nil when the table has no such column.
  public func position(of column: String) -> Int? {
    columns.firstIndex { $0.name == column }
  }

  /// The place of a column in a row.
  /// - Throws: `undefinedColumn`.
  public func requirePosition(of column: String) throws(StoreError) -> Int {
    guard let position = position(of: column) else {
      throw StoreError(
        .undefinedColumn, "table \"\(name)\" has no column \"\(column)\"", table: name,
        column: column)
    }
    return position
  }

  /// The places of several columns in a row.
  /// - Throws: `undefinedColumn`.
  public func requirePositions(of columns: [String]) throws(StoreError) -> [Int] {
    var positions: [Int] = []
    positions.reserveCapacity(columns.count)
    for column in columns { positions.append(try requirePosition(of: column)) }
    return positions
  }
}

/// A column as its migration declares it.
public struct ColumnDefinition: Sendable, Equatable {
  /// The column's name.
  public var name: String
  /// The type.
  public var type: ColumnType
  /// Whether NULL may stand in it.
  public var isNullable: Bool
  /// What a row gets that does not name the column; nil for NULL.
  public var defaultValue: ColumnDefault?
  /// The collation that the migration names, nil when it names none.
  public var collation: String?

  /// Makes a column.
  public init(
    name: String, type: ColumnType, isNullable: Bool = true, defaultValue: ColumnDefault? = nil,
    collation: String? = nil
  ) {
    self.name = name
    self.type = type
    self.isNullable = isNullable
    self.defaultValue = defaultValue
    self.collation = collation
  }

  /// Whether values come from a sequence when the row has none.
  public var isSerial: Bool { defaultValue == .serial }
}

/// The default of a column.
public enum ColumnDefault: Sendable, Equatable {
  /// A literal, already of the column's type.
  case value(Value)
  /// `now()`: the transaction's time.
  case now
  /// `gen_random_uuid()`.
  case randomUUID
  /// `serial`, `bigserial` or an identity: the next number of the column's own sequence.
  case serial
}

/// A primary key or unique constraint.
public struct KeyConstraint: Sendable, Equatable {
  /// The constraint's name as Postgres gives it.
  public var name: String
  /// The columns in the key's order.
  public var columns: [String]

  /// Makes a key.
  public init(name: String, columns: [String]) {
    self.name = name
    self.columns = columns
  }
}

/// A foreign key.
public struct ForeignKey: Sendable, Equatable {
  /// What happens to the referencing rows when the referenced row is deleted.
  public enum DeleteAction: String, Sendable {
    /// `NO ACTION`: refused when rows still refer to it at the end of the statement.
    case noAction = "NO ACTION"
    /// `RESTRICT`: refused at once.
    case restrict = "RESTRICT"
    /// `CASCADE`: they are deleted too.
    case cascade = "CASCADE"
    /// `SET NULL`: their columns become NULL.
    case setNull = "SET NULL"
  }

  /// The constraint's name as Postgres gives it.
  public var name: String
  /// The referencing columns.
  public var columns: [String]
  /// The referenced table.
  public var referencedTable: String
  /// The referenced columns: a primary key or unique constraint.
  public var referencedColumns: [String]
  /// What a delete of the referenced row does.
  public var onDelete: DeleteAction

  /// Makes a foreign key.
  public init(
    name: String, columns: [String], referencedTable: String, referencedColumns: [String],
    onDelete: DeleteAction
  ) {
    self.name = name
    self.columns = columns
    self.referencedTable = referencedTable
    self.referencedColumns = referencedColumns
    self.onDelete = onDelete
  }
}

/// A check constraint: rows for which the expression is false are refused; unknown passes.
public struct CheckConstraint: Sendable, Equatable {
  /// The constraint's name as Postgres gives it.
  public var name: String
  /// The condition.
  public var expression: Expression

  /// Makes a check.
  public init(name: String, expression: Expression) {
    self.name = name
    self.expression = expression
  }
}

/// An index as its migration declares it.
public struct IndexDefinition: Sendable, Equatable {
  /// One key of an index.
  public struct Key: Sendable, Equatable {
    /// What is indexed, mostly a column.
    public var expression: Expression
    /// Whether the order is descending.
    public var isDescending: Bool
    /// Whether NULLs come first.
    public var nullsFirst: Bool

    /// Makes a key.
    public init(_ expression: Expression, isDescending: Bool = false, nullsFirst: Bool? = nil) {
      self.expression = expression
      self.isDescending = isDescending
      self.nullsFirst = nullsFirst ?? isDescending
    }
  }

  /// The index's name.
  public var name: String
  /// The keys in order.
  public var keys: [Key]
  /// Whether two rows with equal keys, none NULL, are refused.
  public var isUnique: Bool
  /// The condition of a partial index, nil when all rows are in it.
  public var predicate: Expression?

  /// Makes an index.
  public init(name: String, keys: [Key], isUnique: Bool = false, predicate: Expression? = nil) {
    self.name = name
    self.keys = keys
    self.isUnique = isUnique
    self.predicate = predicate
  }
}

/// A trigger as its migration declares it.
public struct TriggerDefinition: Sendable, Equatable {
  /// What fires a trigger.
  public enum Event: String, Sendable, Hashable {
    /// A row is inserted.
    case insert
    /// A row is updated.
    case update
    /// A row is deleted.
    case delete
  }

  /// The trigger's name.
  public var name: String
  /// Whether it runs before the row is written; else after the statement's rows.
  public var isBefore: Bool
  /// What fires it.
  public var events: Set<Event>
  /// The function that Postgres runs.
  public var function: String

  /// Makes a trigger.
  public init(name: String, isBefore: Bool, events: Set<Event>, function: String) {
    self.name = name
    self.isBefore = isBefore
    self.events = events
    self.function = function
  }
}
