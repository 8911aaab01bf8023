import PostgresWire
import RoostCore

/// Takes a row; what it throws ends the query and reaches the caller unchanged.
typealias RowHandler = (borrowing PostgresRow) throws -> Void

extension ConnectionCore {
  /// The most bytes of rows that are received only to be dropped, after the caller's own error; a
  /// bigger rest is not waited for, the connection is closed instead.
  static let droppedByteCount = 16 << 20

  /// Runs one statement, with binary parameters and results, and hands its rows on.
  ///
  /// The statement is parsed and described once, and kept; from then on it is one round trip.
  func run(
    _ sql: String, _ parameters: PostgresParameters, timeout: Duration?, watch: QueryWatch?,
    columns: (PostgresColumns) -> Void, row: RowHandler
  ) async throws -> PostgresCommandTag {
    let deadline = Deadline.after(timeout ?? configuration.queryTimeout)
    try await beginTurn(until: deadline)
    defer { endTurn() }
    watch?.begin(observation)
    try requireOpen()
    if Task.isCancelled { throw PostgresError(.cancelled, "cancelled before it was sent") }
    var mayRetry = transactionStatus == .idle
    while true {
      let (statement, isNew) = try await prepare(sql, parameters.types, until: deadline)
      do throws(StatementFailure) {
        return try await execute(
          statement, parameters, until: deadline, columns: columns, row: row)
      } catch {
        guard case .server(let message, _) = error else { throw error.underlying }
        if message.isStaleStatement {
          statements.remove(statement)
          // The statement was refused before it did anything; once more, parsed anew.
          if !isNew, mayRetry, !isClosed {
            mayRetry = false
            continue
          }
        }
        throw error.underlying
      }
    }
  }

  /// The statement from the cache, or parsed and described in a round trip of its own.
  @inline(__always)
  func prepare(
    _ sql: String, _ types: [PostgresType], until deadline: Deadline
  ) async throws(PostgresError) -> (PreparedStatement, isNew: Bool) {
    if let known = statements.find(sql, types) {
      if known.showsChange { changes.insert(.changed) }
      if known.lacksTypes { try await learnTypes(of: known, until: deadline) }
      return (known, false)
    }
    return (try await parse(sql, types, until: deadline), true)
  }

  private func learnTypes(
    of statement: PreparedStatement, until deadline: Deadline
  ) async throws(PostgresError) {
    let columns = CollectionOfOne(statement.columns)
    statement.columns = statement.columns.preferringBinary(
      try await catalogue(for: columns, until: deadline))
    statement.lacksTypes = false
  }

  private func parse(
    _ sql: String, _ types: [PostgresType], until deadline: Deadline
  ) async throws(PostgresError) -> PreparedStatement {
    observation?.parseCount += 1
    let name = statements.makeName()
    let evicted = statements.takeEvicted()
    try wire.write { (session, output) throws(WireError) in
      for name in evicted { try session.close(statement: name, output: &output) }
      try session.parse(name: name, sql: sql, types: types, output: &output)
      try session.describe(statement: name, output: &output)
      try session.sync(output: &output)
    }
    var columns = PostgresColumns.none
    var failure: PostgresServerMessage?
    try await exchange(until: deadline, row: { _ in }) { event in
      switch event {
      case .columns(let described): columns = PostgresColumns(described)
      case .failed(let message):
        failure = message
        return message.endsSession
      case .ready: return true
      default: break
      }
      return false
    }
    if let failure { throw refused(failure) }
    columns = columns.preferringBinary(
      try await catalogue(for: CollectionOfOne(columns), until: deadline))
    let statement = PreparedStatement(name: name, sql: sql, types: types, columns: columns)
    statements.insert(statement)
    if statement.showsChange { changes.insert(.changed) }
    return statement
  }

  /// Why a statement did not run to its end.
  private enum StatementFailure: Error {
    case server(PostgresServerMessage, PostgresError)
    case connection(PostgresError)
    case caller(any Error)

    var underlying: any Error {
      switch self {
      case .server(_, let error), .connection(let error): error
      case .caller(let error): error
      }
    }
  }

  private func execute(
    _ statement: PreparedStatement, _ parameters: PostgresParameters, until deadline: Deadline,
    columns: (PostgresColumns) -> Void, row handle: RowHandler
  ) async throws(StatementFailure) -> PostgresCommandTag {
    var tag = PostgresCommandTag("")
    var failure: PostgresServerMessage?
    var callerError: (any Error)?
    var wasCopy = false
    var dropped = 0
    do throws(PostgresError) {
      try wire.write { (session, output) throws(WireError) in
        try session.bind(
          statement: statement.name, parameters: parameters, columns: statement.columns,
          output: &output)
        try session.execute(output: &output)
        try session.sync(output: &output)
      }
      columns(statement.columns)
      var row = PostgresRow(columns: statement.columns)
      try await exchange(until: deadline) { body throws(PostgresError) in
        guard callerError == nil else {
          dropped += body.count
          guard dropped <= Self.droppedByteCount else {
            throw PostgresError(.closed, "closed rather than to receive rows that nobody wants")
          }
          return
        }
        try Self.load(&row, body)
        do { try handle(row) } catch { callerError = error }
      } _: { event in
        switch event {
        case .completed(let text): tag = PostgresCommandTag(text)
        case .copyRefused: wasCopy = true
        case .failed(let message):
          failure = message
          return message.endsSession
        case .ready: return true
        default: break
        }
        return false
      }
    } catch {
      if let callerError { throw .caller(callerError) }
      throw .connection(error)
    }
    if let callerError { throw .caller(callerError) }
    if wasCopy { throw .connection(Self.copyRefused) }
    if let failure { throw .server(failure, refused(failure)) }
    return tag
  }

  static var copyRefused: PostgresError {
    PostgresError(.unsupported, "COPY to or from the client is not supported by this call")
  }

  static func load(
    _ row: inout PostgresRow, _ body: UnsafeRawBufferPointer
  ) throws(PostgresError) {
    do throws(WireError) {
      try row.load(body)
    } catch {
      throw PostgresError(error)
    }
  }

  /// The error for what the server says; closes the connection when the session is over.
  func refused(_ message: PostgresServerMessage) -> PostgresError {
    message.endsSession
      ? abandon(PostgresError(endOfSession: message)) : PostgresError(server: message)
  }

  // MARK: Simple queries

  /// Runs a script of any number of statements and keeps their results, in the text format.
  func simple(
    _ script: String, timeout: Duration?, watch: QueryWatch?
  ) async throws(PostgresError) -> [PostgresResult] {
    let deadline = Deadline.after(timeout ?? configuration.queryTimeout)
    try await beginTurn(until: deadline)
    defer { endTurn() }
    watch?.begin(observation)
    try requireOpen()
    if Task.isCancelled { throw PostgresError(.cancelled, "cancelled before it was sent") }
    try wire.write { (session, output) throws(WireError) in
      try session.query(script, output: &output)
    }
    if SessionChanges.showsChange(script) { changes.insert(.changed) }
    var results: [PostgresResult] = []
    var current = PostgresResult(columns: .none)
    var failure: PostgresServerMessage?
    var wasCopy = false
    try await exchange(until: deadline, row: { current.append($0) }) { event in
      switch event {
      case .columns(let columns): current = PostgresResult(columns: PostgresColumns(columns))
      case .completed(let tag):
        current.tag = PostgresCommandTag(tag)
        results.append(current)
        current = PostgresResult(columns: .none)
      case .copyRefused: wasCopy = true
      case .failed(let message):
        failure = message
        return message.endsSession
      case .ready: return true
      default: break
      }
      return false
    }
    if wasCopy { throw Self.copyRefused }
    if let failure { throw refused(failure) }
    // A script may leave a transaction that has failed, in which nothing can be asked.
    if transactionStatus != .failed {
      let catalogue = try await catalogue(for: results.lazy.map(\.columns), until: deadline)
      for index in results.indices { results[index].know(catalogue) }
    }
    return results
  }
}

extension PostgresServerMessage {
  /// Whether a prepared statement is no longer what it was: its tables have changed, or it is gone
  /// (DEALLOCATE, or another session behind a proxy).
  var isStaleStatement: Bool {
    sqlState == .invalidStatementName
      || (sqlState == .featureNotSupported && routine == "RevalidateCachedQuery")
  }
}
