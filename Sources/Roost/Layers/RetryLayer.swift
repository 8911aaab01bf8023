/// Runs a call again that failed in passing: the backend could not be reached, or the call met a
/// conflict. Whole transactions run again from their start; a call in one never does by itself.
///
/// Promise: a call is run again only when nothing has come of it. What may have happened
/// (`outcomeUnknown`) is never run again. A scan is not either, since its caller has seen rows.
public struct RetryLayer: StorageLayer {
  /// How often a call is run at most, 1 or more.
  public var attempts: Int
  /// The longest pause before the second attempt; it doubles with each. The pause is random, from
  /// nothing to that, so that those who failed together do not come back together.
  public var firstPause: Duration
  /// What no pause is longer than.
  public var longestPause: Duration

  /// Retries with so many attempts: 5, pauses of up to 50 ms, 100 ms and so on, but no more than
  /// 2 s.
  public init(
    attempts: Int = 5, firstPause: Duration = .milliseconds(50),
    longestPause: Duration = .seconds(2)
  ) {
    self.attempts = attempts
    self.firstPause = firstPause
    self.longestPause = longestPause
  }

  /// `retry`.
  public var place: LayerPlace { .retry }

  /// Runs the call again as long as that is safe and has a chance.
  public func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    guard call.isRepeatable else { return try await next() }
    var pause = firstPause
    var attempt = 1
    while true {
      do throws(StoreError) {
        return try await next()
      } catch {
        guard attempt < attempts, isTransient(error, call) else { throw error }
        let part = Double.random(in: 0...1)
        do {
          try await Task.sleep(for: pause * part)
        } catch {
          throw StoreError(.cancelled, "cancelled before the call was run again")
        }
      }
      pause = min(pause * 2, longestPause)
      attempt += 1
    }
  }

  /// The store itself runs a transaction again that met a conflict.
  private func isTransient(_ error: StoreError, _ call: StorageCall) -> Bool {
    switch error.code {
    case .unavailable: true
    case .serializationFailure: call.operation != .transaction
    default: false
    }
  }
}
