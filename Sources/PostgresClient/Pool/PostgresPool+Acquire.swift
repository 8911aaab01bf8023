import RoostCore
import Synchronization

extension PostgresPool {
  /// Waits for a connection.
  func wait(from now: Deadline, until deadline: Deadline) async throws -> Member {
    let id = Mutex<WaiterID?>(nil)
    let grant = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let outcome: Grant? = shared.withLock { shared in
          switch shared.state.acquire(now: now, until: deadline) {
          case .use(let member): return .member(member)
          case .full: return .failure(exhausted(shared.state.lastConnectError))
          case .closed: return .failure(Self.closedError)
          case .wait(let waiter):
            id.withLock { $0 = waiter }
            // Who was cancelled before had nobody to take out.
            if Task.isCancelled, shared.state.removeWaiter(waiter) {
              return .failure(Self.cancelledError)
            }
            shared.continuations[waiter] = continuation
            return nil
          }
        }
        if let outcome { continuation.resume(returning: outcome) } else { proceed() }
      }
    } onCancel: {
      guard let id = id.withLock({ $0 }) else { return }
      if shared.withLock({ $0.state.removeWaiter(id) }) {
        self.grant(id, .failure(Self.cancelledError))
      }
    }
    switch grant {
    case .member(let member): return member
    case .failure(let error): throw error
    }
  }

  func grant(_ id: WaiterID, _ grant: Grant) {
    shared.withLock { $0.continuations.removeValue(forKey: id) }?.resume(returning: grant)
  }

  static var closedError: PostgresError { PostgresError(.poolClosed, "the pool is closed") }

  private static var cancelledError: PostgresError {
    PostgresError(.cancelled, "cancelled while waiting for a connection")
  }

  private func exhausted(_ cause: PostgresError?) -> PostgresError {
    PostgresError(
      .poolExhausted, "\(options.waitingLimit) callers wait for a connection already",
      cause: cause)
  }

  /// Opens the connections that are wanted, and sees to it that the time of those who wait is
  /// watched. It follows each change of the state that may ask for either.
  func proceed() {
    let now = Deadline.now
    let timer = shared.withLock { shared -> Deadline? in
      for _ in 0..<shared.state.planConnects(now: now) {
        shared.lastTask += 1
        let number = shared.lastTask
        shared.connecting[number] = Task.detached { [weak self] in await self?.connect(number) }
      }
      guard let next = shared.state.nextWake(now: now), next < shared.timer ?? .never else {
        return nil
      }
      shared.timer = next
      return next
    }
    guard let timer else { return }
    Task.detached { [weak self] in
      try? await Task.sleep(for: max(now.timeUntil(timer), .milliseconds(1)))
      self?.timerEnded(timer)
    }
  }

  private func timerEnded(_ timer: Deadline) {
    let (expired, cause) = shared.withLock { shared in
      // One that was set for an earlier time has taken its place.
      if shared.timer == timer { shared.timer = nil }
      return (shared.state.expireWaiters(now: .now), shared.state.lastConnectError)
    }
    let error = PostgresError(
      .acquireTimeout, "no connection became free within \(options.acquireTimeout)", cause: cause)
    for id in expired { grant(id, .failure(error)) }
    proceed()
  }
}
