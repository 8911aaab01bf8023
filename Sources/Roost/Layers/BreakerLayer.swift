import Synchronization

/// Stops asking a backend that keeps failing, so that callers hear at once what they would else
/// wait for, and the backend comes back without a crowd before its door.
///
/// After `failureLimit` failures in a row (`unavailable` and `deadlineExceeded`) it is open: calls
/// throw `unavailable` without being made. After `pause` one call is let through; if it succeeds
/// the breaker is closed, else it stays open for another `pause`.
///
/// Promise: a refused call has not happened. The calls of a transaction are not refused.
public final class BreakerLayer: StorageLayer {
  /// How many failures in a row open it.
  public let failureLimit: Int
  /// How long it stays open.
  public let pause: Duration

  private struct State {
    var failures = 0
    /// When the next call is let through; nil while it is closed.
    var opensAgain: ContinuousClock.Instant?
    var isTrying = false
    var lastFailure = ""
  }

  private let state = Mutex(State())
  private let now: @Sendable () -> ContinuousClock.Instant

  /// A closed breaker.
  public convenience init(failureLimit: Int = 5, pause: Duration = .seconds(5)) {
    self.init(failureLimit: failureLimit, pause: pause) { .now }
  }

  /// A breaker with a clock of its own, for tests.
  package init(
    failureLimit: Int, pause: Duration, now: @escaping @Sendable () -> ContinuousClock.Instant
  ) {
    self.failureLimit = max(failureLimit, 1)
    self.pause = pause
    self.now = now
  }

  /// `breaker`.
  public var place: LayerPlace { .breaker }

  /// Hands the call on, or throws while the breaker is open.
  public func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    if call.isInTransaction { return try await next() }
    let isTrial = try admit()
    do throws(StoreError) {
      let result = try await next()
      note(nil, isTrial)
      return result
    } catch {
      note(error, isTrial)
      throw error
    }
  }

  /// Degraded while the breaker is open.
  public func health(_ below: Health) async -> Health {
    let reason = state.withLock { $0.opensAgain == nil ? nil : $0.lastFailure }
    guard let reason, below == .ready else { return below }
    return .degraded("calls are not made for a while: \(reason)")
  }

  /// Lets a call through, or throws; true for the one that tries whether the backend is back.
  private func admit() throws(StoreError) -> Bool {
    try state.withLock { state throws(StoreError) in
      guard let opensAgain = state.opensAgain else { return false }
      guard !state.isTrying, now() >= opensAgain else {
        throw StoreError(
          .unavailable, "\(state.failures) calls have failed in a row: \(state.lastFailure)")
      }
      state.isTrying = true
      return true
    }
  }

  private func note(_ error: StoreError?, _ isTrial: Bool) {
    state.withLock { state in
      if isTrial { state.isTrying = false }
      switch error?.code {
      case .unavailable, .deadlineExceeded:
        state.failures += 1
        state.lastFailure = error?.message ?? ""
        // Those that were under way when it opened do not keep it open for longer.
        if isTrial || (state.opensAgain == nil && state.failures >= failureLimit) {
          state.opensAgain = now() + pause
        }
      // A cancelled caller says nothing about the backend.
      case .cancelled: break
      default:
        // Whatever else it says, it answers.
        if isTrial || state.opensAgain == nil {
          state.failures = 0
          state.opensAgain = nil
        }
      }
    }
  }
}
