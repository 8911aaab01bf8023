import Synchronization

/// Lets so many calls through at once; the others wait for their turn, in order. A transaction is
/// one call, and the calls in it need no turn of their own.
///
/// Promise: never more than `limit` calls are under way below. Who finds `waitingLimit` callers
/// waiting, or waits longer than `patience`, gets `unavailable`, and nothing has happened.
public final class ConcurrencyLimitLayer: StorageLayer {
  /// How many calls are let through at once, 1 or more.
  public let limit: Int
  /// How many may wait.
  public let waitingLimit: Int
  /// How long each may wait.
  public let patience: Duration

  private struct State {
    var running = 0
    var nextID: UInt64 = 0
    /// In the order of arrival.
    var waiters: [(id: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
    /// Waits that have not begun yet, and have not been given up.
    var coming: Set<UInt64> = []
  }

  private let state = Mutex(State())

  /// Limits calls.
  public init(_ limit: Int, waitingLimit: Int = 10_000, patience: Duration = .seconds(30)) {
    self.limit = max(limit, 1)
    self.waitingLimit = waitingLimit
    self.patience = patience
  }

  /// `concurrencyLimit`.
  public var place: LayerPlace { .concurrencyLimit }

  /// Hands the call on when it is its turn.
  public func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    if call.isInTransaction { return try await next() }
    try await enter()
    defer { leave() }
    return try await next()
  }

  private func enter() async throws(StoreError) {
    enum Entry { case free, wait(UInt64), full }
    let entry = state.withLock { state -> Entry in
      if state.running < limit {
        state.running += 1
        return .free
      }
      guard state.waiters.count + state.coming.count < waitingLimit else { return .full }
      state.nextID += 1
      state.coming.insert(state.nextID)
      return .wait(state.nextID)
    }
    switch entry {
    case .free: return
    case .full:
      throw StoreError(
        .unavailable, "\(limit) calls are under way and \(waitingLimit) wait for their turn")
    case .wait(let id):
      guard await wait(id) else {
        guard !Task.isCancelled else {
          throw StoreError(.cancelled, "cancelled while waiting for a turn")
        }
        throw StoreError(.unavailable, "no turn within \(patience): \(limit) calls are under way")
      }
    }
  }

  /// Waits for a turn; false when it was given up.
  private func wait(_ id: UInt64) async -> Bool {
    let timer = Task { [patience] in
      try? await Task.sleep(for: patience)
      if !Task.isCancelled { self.giveUp(id) }
    }
    defer { timer.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = state.withLock { state -> Bool? in
          guard state.coming.remove(id) != nil else { return false }
          // A place may have become free meanwhile.
          guard state.running >= limit else {
            state.running += 1
            return true
          }
          state.waiters.append((id, continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      giveUp(id)
    }
  }

  private func giveUp(_ id: UInt64) {
    let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      state.coming.remove(id)
      guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
      return state.waiters.remove(at: index).continuation
    }
    continuation?.resume(returning: false)
  }

  private func leave() {
    let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      if !state.waiters.isEmpty { return state.waiters.removeFirst().continuation }
      state.running -= 1
      return nil
    }
    continuation?.resume(returning: true)
  }
}
