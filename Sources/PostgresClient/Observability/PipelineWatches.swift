import PostgresWire
import RoostCore

/// The statements of a pipeline of which an observer is to be told. Used on the loop's thread only.
final class PipelineWatches {
  private let observation: Observation
  private var running: [Int: QueryWatch] = [:]
  /// The first that is not over.
  private var first = 0

  init(_ observation: Observation) {
    self.observation = observation
  }

  func wrote(_ index: Int, _ sql: String, _ parameters: PostgresParameters, _ byteCount: Int) {
    let watch = QueryWatch(.pipelined, sql, parameters)
    watch.sentByteCount = byteCount
    running[index] = watch
  }

  func received(_ row: UnsafeRawBufferPointer, of index: Int) {
    running[index]?.receivedByteCount += row.count + 5
  }

  func completed(_ index: Int, _ tag: PostgresCommandTag, wasParsed: Bool) {
    guard let watch = running.removeValue(forKey: index) else { return }
    watch.wasParsed = wasParsed
    observation.ended(watch, rowCount: tag.rowCount, error: nil)
  }

  func failed(_ index: Int?, _ error: PostgresError) {
    guard let index, let watch = running.removeValue(forKey: index) else { return }
    observation.ended(watch, rowCount: nil, error: error)
  }

  /// A segment is over: what of it has not run was passed over because of an error.
  func passedOver(before end: Int, _ cause: PostgresError?) {
    let error = PostgresError(
      .pipelineAborted, "void, because another statement of the pipeline failed", cause: cause)
    for index in first..<max(end, first) { failed(index, error) }
    first = max(end, first)
  }

  func failedAll(_ error: PostgresError) {
    for index in running.keys.sorted() { failed(index, error) }
  }
}
