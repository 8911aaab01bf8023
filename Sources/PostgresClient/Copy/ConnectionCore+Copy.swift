import PostgresWire
import RoostCore

// COPY runs as a simple query: the server then ends it with ReadyForQuery by itself, also when it
// fails half-way. Each wait has the time of a query; the whole may take as long as it goes on.
//
// While it receives data, the server does not look whether it is to cancel: CopyFail ends the COPY
// then, and a CancelRequest what the server does with the data that it has.

/// What a COPY has come to.
///
/// Thread confinement: it is read and changed in jobs of the connection's loop only, by the core
/// that made it and by `CopyInput`, which goes there first. That is why this is `Sendable`.
final class CopyOutcome: @unchecked Sendable {
  private(set) var hasBegun = false
  private(set) var isOver = false
  private(set) var tag = PostgresCommandTag("")
  private(set) var failure: PostgresServerMessage?
  /// Whether data is sent: neither refused by the server nor ended by the client.
  var takesData = false
  /// Why the client could send no more in time; nil when that did not happen.
  private(set) var interruption: PostgresError?

  /// Takes note that no more is to be sent.
  func interrupt(_ error: PostgresError) {
    interruption = interruption ?? error
    takesData = false
  }

  /// Takes what the server says; true when there is nothing more to come, or when it waits.
  func note(_ event: SessionEvent) -> Bool {
    switch event {
    case .copyingIn:
      hasBegun = true
      takesData = true
      return true
    case .copyingOut: hasBegun = true
    case .completed(let text): tag = PostgresCommandTag(text)
    case .failed(let message):
      failure = failure ?? message
      takesData = false
      isOver = isOver || message.endsSession
    case .ready: isOver = true
    default: break
    }
    return isOver
  }
}

/// The way for the data of a COPY to the server, from whatever thread.
struct CopyInput: Sendable {
  let connection: PostgresConnection
  let outcome: CopyOutcome
  let timeout: Duration?

  nonisolated(nonsending) func send(_ bytes: [UInt8]) async throws(PostgresError) {
    try await connection.onLoop { () throws(PostgresError) in
      try await connection.core.send(bytes, outcome, timeout: timeout)
    }
  }
}

extension ConnectionCore {
  /// The columns that a query returns, or that a table has, without running it.
  nonisolated(nonsending) func describe(
    _ sql: String, timeout: Duration?
  ) async throws(PostgresError) -> PostgresColumns {
    let deadline = Deadline.after(timeout ?? configuration.queryTimeout)
    try await beginTurn(until: deadline)
    defer { endTurn() }
    try requireOpen()
    // Not from the cache: what the server says now is what the COPY will be.
    return try await parse("", sql, [], until: deadline).columns
  }

  /// The core whose COPY the current task feeds; it cannot have another turn meanwhile.
  @TaskLocal static var copying: ObjectIdentifier?

  /// Why a COPY in fails that the client gives up, as the server's log has it.
  static let copyFailReason = "the client gave up"

  /// The most bytes of one CopyData; what is in one message means nothing.
  private static let copyDataByteCount = 1 << 20

  /// Runs COPY FROM STDIN with the data that the closure sends.
  ///
  /// What the closure throws makes the COPY fail, in the server, too, and is rethrown; the
  /// connection stays as good as it was.
  nonisolated(nonsending) func copyIn(
    _ sql: String, on connection: PostgresConnection, timeout: Duration?,
    _ body: nonisolated(nonsending) (CopyInput) async throws -> Void
  ) async throws -> PostgresCommandTag {
    try await watching(.copyIn, sql, rowCount: { $0.rowCount }) { watch in
      try await copyIn(sql, on: connection, timeout: timeout, watch: watch, body)
    }
  }

  private nonisolated(nonsending) func copyIn(
    _ sql: String, on connection: PostgresConnection, timeout: Duration?, watch: QueryWatch?,
    _ body: nonisolated(nonsending) (CopyInput) async throws -> Void
  ) async throws -> PostgresCommandTag {
    let timeout = timeout ?? configuration.queryTimeout
    try await beginTurn(until: .after(timeout))
    defer { endTurn() }
    watch?.begin(observation)
    try requireOpen()
    if Task.isCancelled { throw PostgresError(.cancelled, "cancelled before it was sent") }
    let outcome = CopyOutcome()
    if SessionChanges.showsChange(sql) { changes.insert(.changed) }
    try wire.write { (session, output) throws(WireError) in
      try session.copyIn(sql, output: &output)
    }
    try await exchange(until: .after(timeout), row: { _ in }) { outcome.note($0) }
    if !outcome.hasBegun { throw copyFailure(outcome, "COPY ... FROM STDIN") }
    var callerError: (any Error)?
    do {
      let input = CopyInput(connection: connection, outcome: outcome, timeout: timeout)
      try await Self.$copying.withValue(ObjectIdentifier(self)) { try await body(input) }
    } catch {
      callerError = error
    }
    outcome.takesData = false
    callerError = callerError ?? outcome.interruption
    // Asynchronous sequences simply end in a cancelled task: what has come is not all.
    if Task.isCancelled, !outcome.isOver, callerError == nil {
      callerError = PostgresError(.cancelled, "cancelled while copying")
    }
    if !outcome.isOver, !isClosed {
      let message: FrontendMessage =
        callerError == nil ? .copyDone : .copyFail(reason: Self.copyFailReason)
      try wire.write { (_, output) throws(WireError) in try message.encode(into: &output) }
      if callerError == nil {
        try await exchange(until: .after(timeout), row: { _ in }) { outcome.note($0) }
      } else {
        _ = await breakOff(.unwantedAnswer)
      }
    }
    if let callerError { throw callerError }
    if let failure = outcome.failure { throw refused(failure) }
    return outcome.tag
  }

  /// Sends a part of a COPY's data. Does nothing once the server has refused it.
  fileprivate nonisolated(nonsending) func send(
    _ bytes: [UInt8], _ outcome: CopyOutcome, timeout: Duration?
  ) async throws(PostgresError) {
    var rest = bytes[...]
    while !rest.isEmpty, outcome.takesData {
      if Task.isCancelled {
        outcome.interrupt(PostgresError(.cancelled, "cancelled while copying"))
        break
      }
      try requireOpen()
      let part = rest.prefix(Self.copyDataByteCount)
      rest = rest.dropFirst(part.count)
      try wire.write { (_, output) throws(WireError) in
        try output.message(FrontendTag.copyData) { writer in
          part.withUnsafeBytes { writer.write($0) }
        }
      }
      do throws(PostgresError) {
        _ = try await send(until: .after(timeout)) { outcome.note($0) }
      } catch {
        guard error.isInterruption else { throw error }
        outcome.interrupt(error)
      }
      await loop.yieldIfWanted()
    }
    if let interruption = outcome.interruption { throw interruption }
  }

  /// Runs COPY TO STDOUT and hands the data on, message by message.
  ///
  /// What the closure throws ends the COPY and is rethrown.
  nonisolated(nonsending) func copyOut(
    _ sql: String, timeout: Duration?, data handle: (UnsafeRawBufferPointer) throws -> Void
  ) async throws -> PostgresCommandTag {
    try await watching(.copyOut, sql, rowCount: { $0.rowCount }) { watch in
      try await copyOut(sql, timeout: timeout, watch: watch, data: handle)
    }
  }

  private nonisolated(nonsending) func copyOut(
    _ sql: String, timeout: Duration?, watch: QueryWatch?,
    data handle: (UnsafeRawBufferPointer) throws -> Void
  ) async throws -> PostgresCommandTag {
    let timeout = timeout ?? configuration.queryTimeout
    try await beginTurn(until: .after(timeout))
    defer { endTurn() }
    watch?.begin(observation)
    try requireOpen()
    if Task.isCancelled { throw PostgresError(.cancelled, "cancelled before it was sent") }
    let outcome = CopyOutcome()
    if SessionChanges.showsChange(sql) { changes.insert(.changed) }
    var callerError: (any Error)?
    try wire.write { (session, output) throws(WireError) in
      try session.copyOut(sql, output: &output)
    }
    do throws(PostgresError) {
      try await exchange(until: .after(timeout), renewal: timeout) { body throws(PostgresError) in
        do { try handle(body) } catch {
          callerError = error
          throw .unwantedAnswer
        }
      } _: {
        outcome.note($0)
      }
    } catch {
      throw callerError ?? error
    }
    if !outcome.hasBegun { throw copyFailure(outcome, "COPY ... TO STDOUT") }
    if let failure = outcome.failure { throw refused(failure) }
    return outcome.tag
  }

  private func copyFailure(_ outcome: CopyOutcome, _ wanted: String) -> PostgresError {
    if let failure = outcome.failure { return refused(failure) }
    return PostgresError(.unsupported, "the statement is not \(wanted)")
  }
}
