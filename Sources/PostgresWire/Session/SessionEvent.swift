/// What a message of the server means to the one who drives the session.
package enum SessionEvent: Sendable {
  /// Nothing to do.
  case progress
  /// The start-up is done; the session takes requests.
  case started
  /// There is something to be sent now.
  case mustSend
  /// The parameters of the described statement.
  case parameters([PostgresType])
  /// The columns of the rows that follow, or of the described statement.
  case columns([PostgresColumn])
  /// The described statement returns no rows.
  case noColumns
  /// A DataRow; its body is the message's.
  case row
  /// A statement is done; its command tag.
  case completed(tag: String)
  /// The SQL text had no statement.
  case empty
  /// The portal has more rows than were asked for.
  case suspended
  /// The server waits for CopyData.
  case copyingIn(CopyFormat)
  /// CopyData follows.
  case copyingOut(CopyFormat)
  /// The server began a COPY, which this exchange did not ask for; it has been refused (in) or
  /// its data is passed over (out).
  case copyRefused
  /// The server reports an error; what had been asked for up to the next Sync is void.
  case failed(PostgresServerMessage)
  /// All that was asked for is answered; the session takes requests.
  case ready(TransactionStatus)
  /// Something that has nothing to do with the exchange.
  case notice(PostgresServerMessage)
  /// A NOTIFY of some session.
  case notification(processID: Int32, channel: String, payload: String)
  /// The server says a run-time parameter's value.
  case parameterStatus(name: String, value: String)
}
