public import PostgresWire
import RoostCore

extension PostgresConnection {
  /// Runs the statements of a batch in one round trip.
  ///
  /// Statements that the server does not know yet are parsed in the same flight; their rows come in
  /// the text format this first time. Answers are taken while statements are still being sent, so
  /// that neither side ever waits for the other, and memory holds the results that are kept, not
  /// the requests.
  /// - Returns: a result for each statement. With a barrier in the batch, a statement that failed
  ///   throws when its result is asked for, and `failures` has all errors.
  /// - Throws: `PostgresError`: without a barrier, the error of the statement that failed, named by
  ///   its number from 0 on; the connection's errors; before a byte is sent, `encoding` and, for a
  ///   COPY, `unsupported`.
  public func pipeline(
    _ batch: PostgresBatch
  ) async throws(PostgresError) -> PostgresBatchResults {
    try batch.validate()
    let results = try await onLoop { () throws(PostgresError) in
      try await core.pipeline(batch)
    }
    if batch.barriers.isEmpty { try results.check() }
    return results
  }

  /// Runs one statement for each of many rows of parameters, in one round trip.
  ///
  ///     let people = [(1, "Ada"), (2, "Grace")]
  ///     try await connection.executeMany("INSERT INTO person (id, name) VALUES ($1, $2)", people)
  ///
  /// All of them take effect, or none; unless `commitEvery` says otherwise.
  /// - Parameters:
  ///   - statement: its text, with `$1`, ... for the places of a row.
  ///   - rows: tuples; they are taken as they are sent.
  ///   - commitEvery: after how many rows, at least 1, there is a commit: an error then undoes no
  ///     more than its group, and the groups behind it run all the same; nil for all or nothing. In
  ///     a transaction of one's own it commits nothing.
  /// - Returns: how many rows the statements affected.
  /// - Throws: `PostgresError`: the first error of the server, with the row's number from 0 on.
  @inlinable
  @discardableResult
  public func executeMany<Rows: Sequence, each V: PostgresEncodable>(
    _ statement: PostgresQuery, _ rows: Rows, commitEvery: Int? = nil
  ) async throws(PostgresError) -> Int where Rows.Element == (repeat each V) {
    var rows = rows.makeIterator()
    return try await rethrowingPostgresErrors {
      try await executeMany(statement, commitEvery: commitEvery) { encoded in
        guard let row = rows.next() else { return false }
        repeat try encoded.append(each row)
        return true
      }
    }
  }

  /// Runs one statement for each of many values, its only parameter; else as above.
  @inlinable
  @discardableResult
  public func executeMany<Values: Sequence>(
    _ statement: PostgresQuery, _ values: Values, commitEvery: Int? = nil
  ) async throws(PostgresError) -> Int where Values.Element: PostgresEncodable {
    var iterator = values.makeIterator()
    return try await rethrowingPostgresErrors {
      try await executeMany(statement, commitEvery: commitEvery) { encoded in
        guard let value = iterator.next() else { return false }
        try encoded.append(value)
        return true
      }
    }
  }

  /// Runs one statement for each of many values, whose tuples of parameters the closure makes.
  ///
  /// - Throws: what the closure throws, unchanged; what was sent is undone as by an error.
  @inlinable
  @discardableResult
  public func executeMany<Values: Sequence, each V: PostgresEncodable>(
    _ statement: PostgresQuery, _ values: Values, commitEvery: Int? = nil,
    parameters: (Values.Element) throws -> (repeat each V)
  ) async throws -> Int {
    var iterator = values.makeIterator()
    return try await executeMany(statement, commitEvery: commitEvery) { encoded in
      guard let value = iterator.next() else { return false }
      let row = try parameters(value)
      repeat try encoded.append(each row)
      return true
    }
  }

  @usableFromInline
  nonisolated(nonsending) func executeMany(
    _ statement: PostgresQuery, commitEvery: Int?,
    _ next: (inout PostgresParameters) throws -> Bool
  ) async throws -> Int {
    if let error = statement.encodingError { throw PostgresError(error) }
    guard statement.parameters.count == 0 else {
      throw PostgresError(.encoding, "the statement's parameters are the rows'; write $1, ...")
    }
    guard commitEvery ?? 1 > 0 else {
      throw PostgresError(.encoding, "commitEvery is \(commitEvery ?? 0), not 1 or more")
    }
    try statement.requirePipelined()
    return try await onLoop {
      try await core.executeMany(statement, commitEvery: commitEvery, next)
    }
  }
}

extension ConnectionCore {
  /// Runs the statements of a batch that is valid.
  fileprivate nonisolated(nonsending) func pipeline(
    _ batch: PostgresBatch
  ) async throws(PostgresError) -> PostgresBatchResults {
    guard batch.count > 0 else { return BatchSink(batch).outcome }
    let deadline = Deadline.after(batch.timeout ?? configuration.queryTimeout)
    try await beginTurn(until: deadline)
    defer { endTurn() }
    try requireOpen()
    if Task.isCancelled { throw PostgresError(.cancelled, "cancelled before it was sent") }
    // What is behind a barrier has taken effect when what is before it fails.
    var mayRetry = transactionStatus == .idle && batch.barriers.isEmpty
    while true {
      let sink = BatchSink(batch)
      let pipeline = Pipeline(self, sink)
      try await run(batch, in: pipeline, until: deadline)
      guard mayRetry, pipeline.mayRunAgain, transactionStatus == .idle else { return sink.outcome }
      mayRetry = false
    }
  }

  private nonisolated(nonsending) func run(
    _ batch: PostgresBatch, in pipeline: Pipeline, until deadline: Deadline
  ) async throws(PostgresError) {
    var index = 0
    var barriers = batch.barriers[...]
    try await run(pipeline, until: deadline) { wire throws(PostgresError) in
      do throws(WireError) {
        let query = batch.statements[index].query
        try pipeline.write(query, query.parameters, index, into: &wire)
        index += 1
        if barriers.first == index || index == batch.count {
          barriers = barriers.dropFirst()
          if index == batch.count { pipeline.finish() }
          try pipeline.writeBarrier(before: index, into: &wire)
        }
      } catch {
        throw PostgresError(error)
      }
      return index < batch.count
    }
  }

  /// Runs a statement for each row that the closure encodes, until it returns false.
  fileprivate nonisolated(nonsending) func executeMany(
    _ statement: PostgresQuery, commitEvery: Int?,
    _ next: (inout PostgresParameters) throws -> Bool
  ) async throws -> Int {
    let deadline = Deadline.after(statement.timeout ?? configuration.queryTimeout)
    try await beginTurn(until: deadline)
    defer { endTurn() }
    try requireOpen()
    if Task.isCancelled { throw PostgresError(.cancelled, "cancelled before it was sent") }
    let sink = CountSink()
    // Rows that were taken cannot be taken again, so that the statement must not be one which the
    // server could have forgotten: it is parsed in the same flight.
    let pipeline = Pipeline(self, sink, keepsStatements: false)
    var parameters = PostgresParameters()
    var index = 0
    var callerError: (any Error)?
    try await run(pipeline, until: deadline) { wire throws(PostgresError) in
      var hasRow = false
      do {
        // Without groups there is nothing behind an error that could still take effect.
        if commitEvery != nil || !pipeline.isVoid {
          parameters.removeAll()
          hasRow = try next(&parameters)
        }
        if hasRow { try pipeline.write(statement, parameters, index, into: &wire) }
      } catch {
        callerError = error
        hasRow = false
      }
      do throws(WireError) {
        if hasRow { index += 1 }
        if callerError != nil { try pipeline.surrender(into: &wire) }
        if !hasRow { pipeline.finish() }
        if !hasRow || (commitEvery.map { index.isMultiple(of: $0) } ?? false) {
          try pipeline.writeBarrier(before: index, into: &wire)
        }
      } catch {
        throw PostgresError(error)
      }
      return hasRow
    }
    if let error = callerError {
      throw (error as? WireError).map { PostgresError($0) }
        ?? (error as? PostgresEncodingError).map {
          PostgresError(.encoding, "row \(index): \($0.description)")
        } ?? error
    }
    if let failure = sink.failure { throw failure }
    return sink.affected
  }
}

/// Counts what the rows of `executeMany` affected, on the loop's thread.
private final class CountSink: PipelineSink {
  private(set) var affected = 0
  private(set) var failure: PostgresError?
  private var segmentCount = 0

  func row(_ body: UnsafeRawBufferPointer, of index: Int, _ columns: PostgresColumns) {}

  func completed(_ index: Int, _ tag: PostgresCommandTag, _ columns: PostgresColumns) {
    segmentCount += tag.rowCount ?? 0
  }

  func succeeded(_ segment: Range<Int>) {
    affected += segmentCount
    segmentCount = 0
  }

  func failed(_ segment: Range<Int>, undone: Int, _ failure: PipelineFailure) {
    segmentCount = 0
    let place = failure.index.map { "row \($0)" } ?? "the commit"
    self.failure =
      self.failure
      ?? PostgresError(.server, "\(place): \(failure.message.message)", server: failure.message)
  }
}
