import RoostCore
import Synchronization

/// Counts a store's calls and how long they take, by operation and table; every store has it.
///
/// Promise: nothing is changed. A call costs two looks at the clock and a lock.
final class MetricsLayer: StorageLayer {
  /// The figures so far.
  private struct Book {
    /// The calls by operation and table, of which there are few.
    var series: [StoreMetrics.Series] = []
    /// The one noted last, which is mostly the next, too: a look there spares a search.
    var last = 0

    mutating func place(
      of operation: StorageCall.Operation, _ table: String?, _ location: String
    ) -> Int {
      // By place: to hand a series on would copy all that it counts.
      func isWanted(_ place: Int) -> Bool {
        series[place].operation == operation && series[place].table == table
      }
      if last < series.count, isWanted(last) { return last }
      last = series.indices.first(where: isWanted) ?? series.count
      if last == series.count {
        series.append(StoreMetrics.Series(operation, table, backend: location))
      }
      return last
    }
  }

  private let backend: any StorageBackend
  private let location: String
  private let slowCalls: SlowCallLog
  private let onCall: (@Sendable (CallEvent) -> Void)?
  private let book = Mutex(Book())

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
      note(call.operation, call.table, since: start, nil, call)
      return result
    } catch {
      note(call.operation, call.table, since: start, error.code, call)
      throw error
    }
  }

  /// The same for a call that needs no waiting.
  func run<Result>(
    _ operation: StorageCall.Operation, _ table: String, isInTransaction: Bool,
    _ next: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    func call() -> StorageCall {
      StorageCall(operation, table: table, isInTransaction: isInTransaction)
    }
    let start = Deadline.now
    do throws(StoreError) {
      let result = try next()
      note(operation, table, since: start, nil, call())
      return result
    } catch {
      note(operation, table, since: start, error.code, call())
      throw error
    }
  }

  /// - Parameter call: is put together only for those who ask for it.
  private func note(
    _ operation: StorageCall.Operation, _ table: String?, since start: Deadline,
    _ failure: StoreError.Code?, _ call: @autoclosure () -> StorageCall
  ) {
    let nanoseconds = Deadline.now.nanoseconds &- start.nanoseconds
    book.withLock { book in
      let place = book.place(of: operation, table, location)
      book.series[place].note(nanoseconds: nanoseconds, failure)
    }
    let duration = Duration.nanoseconds(Int64(clamping: nanoseconds))
    if let threshold = slowCalls.threshold, duration >= threshold, !operation.holdsOwnCode {
      slowCalls.note(call(), duration, failure, on: backend)
    }
    onCall?(CallEvent(call: call(), backend: location, duration: duration, failure: failure))
  }

  /// The series as they are.
  func snapshot() -> [StoreMetrics.Series] {
    book.withLock { book in
      book.series.map { one in
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
