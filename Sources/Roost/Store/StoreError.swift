public import RoostCore

/// Whatever goes wrong in a store, with the same code on every backend.
///
/// Act on `code`, never on the text. Neither text ever holds a secret or a bound value's content
/// beyond what names the fault.
public struct StoreError: Error, Sendable {
  /// What went wrong, equal across backends.
  public struct Code: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The code's name.
    public let rawValue: String
    /// Wraps a name.
    public init(rawValue: String) { self.rawValue = rawValue }
    init(_ name: String) { rawValue = name }
    /// The code's name.
    public var description: String { rawValue }
  }

  /// What went wrong.
  public var code: Code
  /// A sentence that may be shown to a user of the program.
  public var message: String
  /// The table concerned, nil when there is none.
  public var table: String?
  /// The column concerned, nil when there is none.
  public var column: String?
  /// The violated constraint or index by the name that Postgres gives it, nil when there is none.
  public var constraint: String?
  /// The SQLSTATE, nil when SQL knows none for it.
  public var sqlState: SQLState?

  /// Makes an error.
  public init(
    _ code: Code, _ message: String, table: String? = nil, column: String? = nil,
    constraint: String? = nil, sqlState: SQLState? = nil
  ) {
    self.code = code
    self.message = message
    self.table = table
    self.column = column
    self.constraint = constraint
    self.sqlState = sqlState ?? Self.states[code]
  }

  /// Whether the same transaction, run again from its start, may succeed without harm.
  ///
  /// False for `outcomeUnknown`: the change may already be there.
  public var isRetryable: Bool {
    switch code {
    case .serializationFailure, .unavailable: true
    default: false
    }
  }
}

extension StoreError.Code {
  // Constraints and values.

  /// Two rows with equal keys under a unique constraint or index.
  public static let uniqueViolation = Self("uniqueViolation")
  /// A reference to a row that does not exist, or the removal of a row that others refer to.
  public static let foreignKeyViolation = Self("foreignKeyViolation")
  /// NULL in a NOT NULL column.
  public static let notNullViolation = Self("notNullViolation")
  /// A CHECK is false.
  public static let checkViolation = Self("checkViolation")
  /// A text is longer than its column.
  public static let valueTooLong = Self("valueTooLong")
  /// A number is out of its column's range, or a division by zero.
  public static let valueOutOfRange = Self("valueOutOfRange")
  /// A value is not of its column's type.
  public static let invalidValue = Self("invalidValue")
  /// One batch names the same key twice.
  public static let duplicateInBatch = Self("duplicateInBatch")

  // Asking.

  /// The row that was asked for does not exist.
  public static let notFound = Self("notFound")
  /// The schema has no such table.
  public static let undefinedTable = Self("undefinedTable")
  /// The table has no such column.
  public static let undefinedColumn = Self("undefinedColumn")
  /// A query that has no meaning, such as comparing a number with a text.
  public static let invalidQuery = Self("invalidQuery")
  /// The backend does not offer this.
  public static let unsupported = Self("unsupported")

  // Transactions.

  /// The transaction conflicts with another: run it again.
  public static let serializationFailure = Self("serializationFailure")
  /// An earlier error doomed the transaction.
  public static let transactionAborted = Self("transactionAborted")
  /// The store was used inside its own transaction.
  public static let nestedTransaction = Self("nestedTransaction")
  /// A deadline passed.
  public static let deadlineExceeded = Self("deadlineExceeded")
  /// The calling task was cancelled; nothing was changed.
  public static let cancelled = Self("cancelled")
  /// The connection or disk failed while a commit was under way: it may or may not be there.
  public static let outcomeUnknown = Self("outcomeUnknown")

  // Opening and running.

  /// A URL, parameter or variable is wrong.
  public static let invalidConfiguration = Self("invalidConfiguration")
  /// The backend cannot be reached now.
  public static let unavailable = Self("unavailable")
  /// The server refuses the role or its password.
  public static let accessDenied = Self("accessDenied")
  /// Another process or handle has the store open.
  public static let locked = Self("locked")
  /// The store is closed.
  public static let closed = Self("closed")
  /// The stored data is damaged.
  public static let corrupted = Self("corrupted")
  /// No space is left.
  public static let storageFull = Self("storageFull")
  /// A file operation failed for another reason.
  public static let inputOutput = Self("inputOutput")

  // Migrations.

  /// A migration has a syntax error or a statement that embedded backends do not know.
  public static let invalidMigration = Self("invalidMigration")
  /// The store's schema is not what the migrations say.
  public static let schemaDrift = Self("schemaDrift")
  /// Migrations are waiting and the store was told only to check.
  public static let migrationPending = Self("migrationPending")
  /// Something that Roost itself did not expect; a bug worth reporting.
  public static let `internal` = Self("internal")
}

extension StoreError {
  private static let states: [Code: SQLState] = [
    .uniqueViolation: .uniqueViolation,
    .foreignKeyViolation: .foreignKeyViolation,
    .notNullViolation: .notNullViolation,
    .checkViolation: .checkViolation,
    .valueTooLong: .stringDataRightTruncation,
    .valueOutOfRange: .numericValueOutOfRange,
    .serializationFailure: .serializationFailure,
    .transactionAborted: .inFailedTransaction,
    .undefinedTable: .undefinedTable,
    .undefinedColumn: .undefinedColumn,
  ]
}

extension StoreError: CustomStringConvertible {
  /// The code and the message.
  public var description: String { "\(code): \(message)" }
}
