/// A five-character SQLSTATE code, as a Postgres server reports it.
///
/// Source: PostgreSQL manual, appendix A "PostgreSQL Error Codes".
public struct SQLState: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  /// The five characters, for example `23505`.
  public let rawValue: String

  /// Wraps a code as the server sent it; the text is not checked.
  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// Wraps a code as the server sent it; the text is not checked.
  public init(_ code: String) {
    self.rawValue = code
  }

  /// The class: the first two characters, for example `23` for integrity violations.
  public var classCode: Substring { rawValue.prefix(2) }

  /// The five characters.
  public var description: String { rawValue }
}

extension SQLState {
  /// 01000: a warning.
  public static let warning = SQLState("01000")
  /// 0A000: a feature is not supported, or a cached plan's result type changed.
  public static let featureNotSupported = SQLState("0A000")
  /// 08P01: a message that may not come now, or not so.
  public static let protocolViolation = SQLState("08P01")
  /// 22001: a text is longer than its column.
  public static let stringDataRightTruncation = SQLState("22001")
  /// 22003: a number is out of its type's range.
  public static let numericValueOutOfRange = SQLState("22003")
  /// 22P02: a text is not a value of the wanted type.
  public static let invalidTextRepresentation = SQLState("22P02")
  /// 23001: a foreign key with RESTRICT is violated.
  public static let restrictViolation = SQLState("23001")
  /// 23502: NULL in a NOT NULL column.
  public static let notNullViolation = SQLState("23502")
  /// 23503: a foreign key is violated.
  public static let foreignKeyViolation = SQLState("23503")
  /// 23505: a unique constraint is violated.
  public static let uniqueViolation = SQLState("23505")
  /// 23514: a check constraint is violated.
  public static let checkViolation = SQLState("23514")
  /// 25006: a write in a transaction, or on a server, that may only read.
  public static let readOnlyTransaction = SQLState("25006")
  /// 25P02: the transaction is aborted, commands are ignored until its end.
  public static let inFailedTransaction = SQLState("25P02")
  /// 26000: a prepared statement does not exist.
  public static let invalidStatementName = SQLState("26000")
  /// 28000: the role may not log in this way.
  public static let invalidAuthorization = SQLState("28000")
  /// 28P01: the password is wrong.
  public static let invalidPassword = SQLState("28P01")
  /// 3D000: the database does not exist.
  public static let invalidCatalogName = SQLState("3D000")
  /// 40001: the transaction could not be serialized; run it again.
  public static let serializationFailure = SQLState("40001")
  /// 40P01: a deadlock was broken by ending this transaction; run it again.
  public static let deadlockDetected = SQLState("40P01")
  /// 42501: the role lacks a privilege.
  public static let insufficientPrivilege = SQLState("42501")
  /// 42601: the SQL text has a syntax error.
  public static let syntaxError = SQLState("42601")
  /// 42703: a column does not exist.
  public static let undefinedColumn = SQLState("42703")
  /// 42P01: a table does not exist.
  public static let undefinedTable = SQLState("42P01")
  /// 42P05: a prepared statement of this name exists already.
  public static let duplicatePreparedStatement = SQLState("42P05")
  /// 53300: the server has no connection slot left.
  public static let tooManyConnections = SQLState("53300")
  /// 55P03: a lock could not be had at once.
  public static let lockNotAvailable = SQLState("55P03")
  /// 57014: the statement was cancelled, by request or by its timeout.
  public static let queryCanceled = SQLState("57014")
  /// 57P01: the server ended the session at an administrator's command.
  public static let adminShutdown = SQLState("57P01")
  /// 57P02: the server ended the session because another crashed.
  public static let crashShutdown = SQLState("57P02")
  /// 57P03: the server is starting up or shutting down.
  public static let cannotConnectNow = SQLState("57P03")
}
