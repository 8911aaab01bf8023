import PostgresWire
import RoostCore

/// A query whose rows are fetched batch by batch. Used on the loop's thread only, as the core.
final class Portal {
  enum State {
    /// Nothing has been sent.
    case created
    /// The server has it, with more rows perhaps.
    case open
    /// All rows have come, but it is not closed.
    case exhausted
    /// Rows of it are lost, but it is not closed.
    case broken
    /// It is closed, or gone with its transaction.
    case over
  }

  let query: PostgresQuery
  let rowLimit: Int32
  var name = ""
  var columns = PostgresColumns.none
  var state = State.created

  init(_ query: PostgresQuery, rowLimit: Int32) {
    self.query = query
    self.rowLimit = rowLimit
  }

  /// Whether the server has it.
  var isOpen: Bool { state == .open || state == .exhausted || state == .broken }
}

extension ConnectionCore {
  /// Fetches the next rows of a portal; the first call makes it.
  nonisolated(nonsending) func fetch(
    _ portal: Portal, watch: QueryWatch?, row handle: RowHandler
  ) async throws {
    let deadline = Deadline.after(portal.query.timeout ?? configuration.queryTimeout)
    try await beginTurn(until: deadline)
    defer { endTurn() }
    watch?.begin(observation)
    try requireOpen()
    if Task.isCancelled { throw PostgresError(.cancelled, "cancelled before it was sent") }
    switch portal.state {
    case .created: try await bind(portal, until: deadline)
    case .open: break
    case .exhausted: return
    case .broken: throw PostgresError(.closed, "the cursor was cancelled")
    case .over: throw PostgresError(.closed, "the cursor is closed")
    }
    portal.state = .broken
    try wire.write { (session, output) throws(WireError) in
      try session.execute(portal: portal.name, rowLimit: portal.rowLimit, output: &output)
      try session.sync(output: &output)
    }
    var row = PostgresRow(columns: portal.columns)
    var rowCount = 0
    var failure: PostgresServerMessage?
    var callerError: (any Error)?
    var wasCopy = false
    var isSuspended = false
    try await exchange(until: deadline) { body throws(PostgresError) in
      rowCount += 1
      guard rowCount <= portal.rowLimit else {
        throw PostgresError(.protocolViolation, "more rows than were asked for")
      }
      // The batch is small enough to pass over its rest.
      guard callerError == nil else { return }
      try Self.load(&row, body)
      do { try handle(row) } catch { callerError = error }
    } _: { event in
      switch event {
      case .suspended: isSuspended = true
      case .copyRefused: wasCopy = true
      case .failed(let message):
        failure = message
        return message.endsSession
      case .ready: return true
      default: break
      }
      return false
    }
    portal.state = isSuspended ? .open : failure == nil ? .exhausted : .over
    if let failure { throw refused(failure) }
    if wasCopy { throw Self.copyRefused }
    if let callerError { throw callerError }
  }

  /// Makes the portal. Its transaction goes on behind the Sync, and so does the portal.
  ///
  /// The statement is the unnamed one, which cannot be out of date: in a transaction nothing could
  /// be tried again. The portal does not need it any more when another takes its place.
  private nonisolated(nonsending) func bind(
    _ portal: Portal, until deadline: Deadline
  ) async throws(PostgresError) {
    let query = portal.query
    let statement = try await parse("", query.sql, query.parameters.types, until: deadline)
    portalCount += 1
    portal.name = "p\(portalCount)"
    portal.columns = statement.columns
    try wire.write { (session, output) throws(WireError) in
      try session.bind(
        statement: statement.name, parameters: query.parameters, columns: statement.columns,
        portal: portal.name, output: &output)
    }
    portal.state = .open
  }

  /// Closes a portal.
  nonisolated(nonsending) func close(portal: String) async throws(PostgresError) {
    let deadline = Deadline.after(configuration.queryTimeout)
    try await beginTurn(until: deadline)
    defer { endTurn() }
    try requireOpen()
    try wire.write { (session, output) throws(WireError) in
      try session.close(portal: portal, output: &output)
      try session.sync(output: &output)
    }
    var failure: PostgresServerMessage?
    try await exchange(until: deadline, row: { _ in }) { event in
      switch event {
      case .failed(let message):
        failure = message
        return message.endsSession
      case .ready: return true
      default: return false
      }
    }
    if let failure { throw refused(failure) }
  }
}
