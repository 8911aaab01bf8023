public import PostgresWire

/// What the statements of a batch came to.
///
/// A subscript throws the statement's own error, `pipelineAborted` when another one made it void or
/// was rolled back with it (`cause` is that one's error), and `decoding` for rows that do not fit.
public struct PostgresBatchResults: Sendable {
  let identity: PostgresBatch.Identity
  let outcomes: [Result<PostgresResult, PostgresError>]

  /// The errors of the statements that failed by themselves, in order; empty when all took effect.
  public let failures: [PostgresError]

  /// Throws the first of `failures`, if there is one.
  public func check() throws(PostgresError) {
    if let failure = failures.first { throw failure }
  }

  /// The rows of a statement, as tuples.
  public subscript<each T: PostgresDecodable>(
    handle: PostgresBatch.Rows<repeat each T>
  ) -> [(repeat each T)] {
    get throws(PostgresError) { try result(handle.place).decode(as: (repeat each T).self) }
  }

  /// The only row of a statement, as a tuple. Throws `unexpectedRowCount` when there is none or
  /// more than one.
  public subscript<each T: PostgresDecodable>(
    handle: PostgresBatch.Row<repeat each T>
  ) -> (repeat each T) {
    get throws(PostgresError) {
      let result = try result(handle.place)
      guard result.count == 1, let row = try result.decode(as: (repeat each T).self).first else {
        throw PostgresError(.unexpectedRowCount, "the result has \(result.count) rows, not one")
      }
      return row
    }
  }

  /// The whole result of a statement.
  public subscript(handle: PostgresBatch.Result) -> PostgresResult {
    get throws(PostgresError) { try result(handle.place) }
  }

  /// What a statement did.
  public subscript(handle: PostgresBatch.Command) -> PostgresCommandTag {
    get throws(PostgresError) { try result(handle.place).tag }
  }

  private func result(_ place: PostgresBatch.Place) throws(PostgresError) -> PostgresResult {
    guard place.batch === identity, place.index < outcomes.count else {
      throw PostgresError(.unsupported, "the statement is not one of this batch")
    }
    return try outcomes[place.index].get()
  }
}

/// Collects the results of a batch, on the loop's thread.
final class BatchSink: PipelineSink {
  private let batch: PostgresBatch
  private var results: [PostgresResult?]
  private var errors: [PostgresError?]
  private var failures: [PostgresError] = []

  init(_ batch: PostgresBatch) {
    self.batch = batch
    results = Array(repeating: nil, count: batch.count)
    errors = Array(repeating: nil, count: batch.count)
  }

  func row(_ body: UnsafeRawBufferPointer, of index: Int, _ columns: PostgresColumns) {
    guard batch.statements[index].keepsRows else { return }
    if results[index] == nil { results[index] = PostgresResult(columns: columns) }
    results[index]?.append(body)
  }

  func completed(_ index: Int, _ tag: PostgresCommandTag, _ columns: PostgresColumns) {
    if results[index] == nil { results[index] = PostgresResult(columns: columns) }
    results[index]?.tag = tag
  }

  func succeeded(_ segment: Range<Int>) {}

  func failed(_ segment: Range<Int>, undone: Int, _ failure: PipelineFailure) {
    let place = failure.index.map { "statement \($0)" } ?? "the commit"
    let error = PostgresError(
      .server, "\(place): \(failure.message.message)", server: failure.message)
    failures.append(error)
    let void = PostgresError(
      .pipelineAborted, "void, because \(place) of the batch failed", cause: error)
    let end = segment.upperBound
    for index in min(undone, failure.index ?? end)..<end {
      errors[index] = index == failure.index ? error : void
      results[index] = nil
    }
  }

  var outcome: PostgresBatchResults {
    PostgresBatchResults(
      identity: batch.identity,
      outcomes: zip(results, errors).map { result, error in
        if let error { return .failure(error) }
        return .success(result ?? PostgresResult(columns: .none))
      }, failures: failures)
  }
}
