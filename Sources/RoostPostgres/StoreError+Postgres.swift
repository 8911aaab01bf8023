import PostgresClient
import Roost
import RoostCore

extension StoreError {
  /// Says what a driver's error means to a store.
  init(_ error: PostgresError) {
    if let server = error.server {
      self.init(server, error)
      return
    }
    let code: Code =
      switch error.code {
      case .invalidConfiguration, .unknownDatabase: .invalidConfiguration
      case .unsupported: .unsupported
      // Neither goes away by itself, and neither is a server that cannot be reached.
      case .authenticationFailed, .tlsFailed: .accessDenied
      case .cancelled: .cancelled
      case .deadlineExceeded: .deadlineExceeded
      case .outcomeUnknown: .outcomeUnknown
      case .transactionRolledBack: .transactionAborted
      case .poolClosed: .closed
      case .decoding, .unexpectedRowCount: .schemaDrift
      case .encoding: .invalidValue
      default: .unavailable
      }
    self.init(code, error.description)
  }

  private init(_ server: PostgresServerMessage, _ error: PostgresError) {
    var message = error.message
    let code: Code =
      switch server.sqlState {
      case .uniqueViolation: .uniqueViolation
      case .foreignKeyViolation, .restrictViolation: .foreignKeyViolation
      case .notNullViolation: .notNullViolation
      case .checkViolation: .checkViolation
      case .stringDataRightTruncation: .valueTooLong
      case .numericValueOutOfRange, SQLState("22012"), SQLState("22008"): .valueOutOfRange
      case .serializationFailure, .deadlockDetected: .serializationFailure
      case .inFailedTransaction: .transactionAborted
      case .undefinedTable: .undefinedTable
      case .undefinedColumn: .undefinedColumn
      case .insufficientPrivilege, .invalidPassword, .invalidAuthorization: .accessDenied
      case .invalidCatalogName: .invalidConfiguration
      case .queryCanceled: .deadlineExceeded
      case .tooManyConnections, .adminShutdown, .crashShutdown, .cannotConnectNow: .unavailable
      case SQLState("53100"): .storageFull
      // Such as a serializable transaction on a hot standby.
      case .featureNotSupported: .unsupported
      default:
        switch server.sqlState.classCode {
        case "08", "53", "57": .unavailable
        case "22": .invalidValue
        case "25" where server.sqlState == SQLState("25006"): .invalidQuery
        case "42": .invalidQuery
        default: .internal
        }
      }
    if code == .internal { message += " (SQLSTATE \(server.sqlState))" }
    // A connection that failed for good says more than the server's last word.
    if error.code == .outcomeUnknown {
      self.init(.outcomeUnknown, error.description, sqlState: server.sqlState)
      return
    }
    self.init(
      code, message, table: server.table, column: server.column, constraint: server.constraint,
      sqlState: server.sqlState)
  }
}

/// Runs driver calls and turns their errors into the store's.
@discardableResult
func storeErrors<Result>(
  _ body: () async throws(PostgresError) -> Result
) async throws(StoreError) -> Result {
  do {
    return try await body()
  } catch {
    throw StoreError(error)
  }
}
