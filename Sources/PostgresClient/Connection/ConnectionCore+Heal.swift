import PostgresWire
import RoostCore

extension ConnectionCore {
  /// Sees to it that a statement whose Bind or Parse was refused, because it is not what it was, is
  /// parsed anew the next time; false when the error is about something else.
  ///
  /// Its tables may have changed, so that it would return something else. A name that is not there
  /// although it was given, or there although it was not, is another session's doing: of a pooler
  /// that gives each transaction another server connection. From then on there are no names.
  func heal(
    _ message: PostgresServerMessage, _ name: String, _ key: StatementCache.Key
  ) -> Bool {
    switch message.sqlState {
    case .featureNotSupported where message.routine == "RevalidateCachedQuery",
      // It asks for the formats of more or fewer columns than there are now.
      .protocolViolation where name.isEmpty && message.routine == "PortalSetResultFormat":
      statements.remove(key)
      return true
    case .invalidStatementName, .duplicatePreparedStatement:
      // The statement may be about another one itself: EXECUTE, PREPARE.
      guard !name.isEmpty, message.message.contains(name) else { return false }
      statements.stopNaming()
      if configuration.naming.stop() { tellOfPooler(message) }
      return true
    default: return false
    }
  }

  private func tellOfPooler(_ message: PostgresServerMessage) {
    configuration.onNotice?(
      PostgresServerMessage(
        severity: .warning, sqlState: message.sqlState,
        message: "\(message.message): from here on statements are not prepared by name, as behind "
          + "a pooler in transaction mode; a statement cache of 0 spares the error"))
  }
}
