import RoostCore
import Synchronization

/// Counts a store's calls and how long they take, by operation and table; every store has it.
///
/// Promise: nothing is changed. A call costs two looks at the clock and a lock.
final class MetricsLayer: StorageLayer {
  private struct Key: Hashable {
    let operation: StorageCall.Operation
    let table: String?
  }

  private let backend: any StorageBackend
  private let location: String
  private let slowCalls: SlowCallLog
  private let onCall: (@Sendable (CallEvent) -> Void)?
  private let series = Mutex<[Key: StoreMetrics.Series]>([:])

  /// Counts from nothing.
  /// - Parameter backend: what is below all layers, which says how it would answer a slow query.
  init(
    _ backend: any StorageBackend, slowCalls: SlowCallLog,
    onCall: (@Sendable (CallEvent) -> Void)?
  ) {
    self.backend = backend
    location = backend.location
    self.slowCalls = slowCalls
    self.onCall = onCall
  }

  var place: LayerPlace { .metrics }

  /// Hands the call on and notes what it came to.
  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    // The end of a body is a moment, and the transaction has it.
    if call.operation == .commit { return try await next() }
    let start = Deadline.now
    do throws(StoreError) {
      let result = try await next()
      note(call, since: start, nil)
      return result
    } catch {
      note(call, since: start, error.code)
      throw error
    }
  }

  private func note(
    _ call: StorageCall, since start: Deadline, _ failure: StoreError.Code?
  ) {
    let nanoseconds = Deadline.now.nanoseconds &- start.nanoseconds
    let duration = Duration.nanoseconds(Int64(clamping: nanoseconds))
    let key = Key(operation: call.operation, table: call.table)
    series.withLock { series in
      series[key, default: StoreMetrics.Series(call.operation, call.table, backend: location)]
        .note(nanoseconds: nanoseconds, failure)
    }
    if let threshold = slowCalls.threshold, duration >= threshold, !call.operation.holdsOwnCode {
      slowCalls.note(call, duration, failure, on: backend)
    }
    onCall?(CallEvent(call: call, backend: location, duration: duration, failure: failure))
  }

  /// The series as they are.
  func snapshot() -> [StoreMetrics.Series] {
    series.withLock { series in
      series.values.map { one in
        var copy = one
        copy.durations = one.durations.detached
        return copy
      }
    }
  }
}

extension StorageCall.Operation {
  /// Whether the caller's own code runs in it, whose time is not the backend's.
  var holdsOwnCode: Bool { self == .transaction || self == .scan }
}
