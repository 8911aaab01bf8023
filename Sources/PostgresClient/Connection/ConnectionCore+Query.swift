import PostgresWire
import RoostCore

/// Takes a row; what it throws ends the query and reaches the caller unchanged.
typealias RowHandler = (borrowing PostgresRow) throws -> Void

extension ConnectionCore {
  /// Runs one statement, with binary parameters and results, and hands its rows on.
  ///
  /// The statement is parsed and described once, and kept; from then on it is one round trip.
  nonisolated(nonsending) func run(
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
      do throws(StatementFailure) {
        let statement = try await prepare(sql, parameters.types, until: deadline)
        return try await execute(
          statement, parameters, until: deadline, columns: columns, row: row)
      } catch {
        // What the server refused in this way did nothing; once more, parsed anew.
        guard case .server(let message, let name, _) = error,
          heal(message, name, StatementCache.Key(sql: sql, types: parameters.types)), mayRetry,
          !isClosed
        else { throw error.underlying }
        mayRetry = false
      }
    }
  }

  /// The statement from the cache, or parsed and described in a round trip of its own.
  @inline(__always)
  private nonisolated(nonsending) func prepare(
    _ sql: String, _ types: [PostgresType], until deadline: Deadline
  ) async throws(StatementFailure) -> PreparedStatement {
    if configuration.naming.isStopped, statements.givesNames { statements.stopNaming() }
    if let known = statements.find(sql, types) {
      configuration.statementCounts.countFound()
      if known.showsChange { changes.insert(.changed) }
      if known.lacksTypes {
        do throws(PostgresError) {
          try await learnTypes(of: known, until: deadline)
        } catch {
          throw .connection(error)
        }
      }
      return known
    }
    return try await prepareAnew(sql, types, until: deadline)
  }

  private nonisolated(nonsending) func prepareAnew(
    _ sql: String, _ types: [PostgresType], until deadline: Deadline
  ) async throws(StatementFailure) -> PreparedStatement {
    let name = statements.makeName(for: sql)
    do throws(PostgresError) {
      let statement = try await parse(name, sql, types, until: deadline)
      statements.insert(statement)
      return statement
    } catch {
      // Whether the server has it is not known.
      statements.forget(name: name)
      guard error.code == .server, let message = error.server else { throw .connection(error) }
      throw .server(message, name: name, error)
    }
  }

  private nonisolated(nonsending) func learnTypes(
    of statement: PreparedStatement, until deadline: Deadline
  ) async throws(PostgresError) {
    let columns = CollectionOfOne(statement.columns)
    statement.columns = statement.columns.preferringBinary(
      try await catalogue(for: columns, until: deadline))
    statement.lacksTypes = false
  }

  /// Parses and describes a statement, whatever the cache has. The unnamed one is there until the
  /// next Parse, and outside of a transaction, behind a pooler, no longer than this.
  nonisolated(nonsending) func parse(
    _ name: String, _ sql: String, _ types: [PostgresType], until deadline: Deadline
  ) async throws(PostgresError) -> PreparedStatement {
    observation?.parseCount += 1
    configuration.statementCounts.countParsed()
    try wire.write { (session, output) throws(WireError) in
      for name in statements.evicted { try session.close(statement: name, output: &output) }
      try session.parse(name: name, sql: sql, types: types, output: &output)
      try session.describe(statement: name, output: &output)
      try session.sync(output: &output)
    }
    statements.clearEvicted()
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
    if statement.showsChange { changes.insert(.changed) }
    return statement
  }

  /// Why a statement did not run to its end.
  private enum StatementFailure: Error {
    /// The server refused it before it did anything.
    case server(PostgresServerMessage, name: String, PostgresError)
    case connection(PostgresError)
    case caller(any Error)

    var underlying: any Error {
      switch self {
      case .server(_, _, let error), .connection(let error): error
      case .caller(let error): error
      }
    }
  }

  /// Appends what runs a statement; an unnamed one is parsed in the same flight, for nobody knows
  /// which server connection the next one goes to.
  private func write(
    _ statement: PreparedStatement, _ parameters: PostgresParameters
  ) throws(PostgresError) {
    let isUnnamed = statement.name.isEmpty
    let key = statement.key
    try wire.write { (session, output) throws(WireError) in
      if isUnnamed {
        try session.parse(name: "", sql: key.sql, types: key.types, output: &output)
      }
      try session.bind(
        statement: statement.name, parameters: parameters, columns: statement.columns,
        output: &output)
      if isUnnamed { try session.describe(portal: "", output: &output) }
      try session.execute(output: &output)
      try session.sync(output: &output)
    }
  }

  /// What a portal of an unnamed statement returns: mostly what its statement did the last time.
  private func columns(
    _ described: [PostgresColumn], of statement: PreparedStatement
  ) -> PostgresColumns {
    if described.elementsEqual(statement.columns) { return statement.columns }
    statements.remove(statement.key)
    let columns = PostgresColumns(described)
    return columns.knowing(knownCatalogue(for: columns).catalogue)
  }

  private nonisolated(nonsending) func execute(
    _ statement: PreparedStatement, _ parameters: PostgresParameters, until deadline: Deadline,
    columns noteColumns: (PostgresColumns) -> Void, row handle: RowHandler
  ) async throws(StatementFailure) -> PostgresCommandTag {
    var tag = PostgresCommandTag("")
    var failure: PostgresServerMessage?
    var callerError: (any Error)?
    var wasCopy = false
    var isBound = false
    do throws(PostgresError) {
      try write(statement, parameters)
      if !statement.name.isEmpty { noteColumns(statement.columns) }
      var row = PostgresRow(columns: statement.columns)
      try await exchange(until: deadline) { body throws(PostgresError) in
        try Self.load(&row, body)
        do { try handle(row) } catch {
          callerError = error
          throw .unwantedAnswer
        }
      } _: { event in
        switch event {
        case .progress: isBound = !statement.name.isEmpty
        case .columns(let described):
          isBound = true
          let columns = columns(described, of: statement)
          noteColumns(columns)
          row = PostgresRow(columns: columns)
        case .noColumns:
          isBound = true
          noteColumns(.none)
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
    if wasCopy { throw .connection(Self.copyRefused) }
    if let failure {
      let error = refused(failure)
      throw isBound ? .connection(error) : .server(failure, name: statement.name, error)
    }
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
  nonisolated(nonsending) func simple(
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
