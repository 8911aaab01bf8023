import PostgresWire
import RoostCore
import Synchronization

extension PostgresPool {
  /// The wait before a failed attempt to connect is repeated, in milliseconds; it doubles.
  private static let firstPauseMilliseconds = 50
  private static let longestPauseMilliseconds = 1_000

  func acquire(until deadline: Deadline) async throws(PostgresError) -> Member {
    switch shared.withLock({ $0.state.acquire(until: deadline) }) {
    case .use(let member): return member
    case .connect: return try await connectPatiently(until: deadline)
    case .wait(let id):
      switch await wait(id) {
      case .member(let member): return member
      case .place: return try await connectPatiently(until: deadline)
      case .failure(let error): throw error
      }
    case .full:
      throw PostgresError(
        .poolExhausted, "\(options.waitingLimit) callers wait for a connection already",
        cause: shared.withLock { $0.state.lastConnectError })
    case .closed: throw PostgresError(.poolClosed, "the pool is closed")
    }
  }

  // MARK: Waiting

  private func wait(_ id: State.WaiterID) async -> Grant {
    startTimer()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let early: Grant? = shared.withLock { shared in
          if let grant = shared.earlyGrants.removeValue(forKey: id) { return grant }
          shared.continuations[id] = continuation
          return nil
        }
        if let early { continuation.resume(returning: early) }
      }
    } onCancel: {
      let isWaiting = shared.withLock { $0.state.removeWaiter(id) }
      if isWaiting {
        grant(id, .failure(PostgresError(.cancelled, "cancelled while waiting for a connection")))
      }
    }
  }

  private func grant(_ id: State.WaiterID, _ grant: Grant) {
    let continuation = shared.withLock { shared in
      let continuation = shared.continuations.removeValue(forKey: id)
      if continuation == nil { shared.earlyGrants[id] = grant }
      return continuation
    }
    continuation?.resume(returning: grant)
  }

  /// Does what the state decided about a connection or a place that came back.
  func settle(_ disposal: State.Disposal) {
    switch disposal {
    case .nothing: break
    case .close(let connection):
      Task { await connection.close() }
    case .give(let id, let member): grant(id, .member(member))
    case .letConnect(let id): grant(id, .place)
    }
    let finished = shared.withLock { shared in
      guard shared.state.isDrained else { return [CheckedContinuation<Void, Never>]() }
      defer { shared.closeContinuations.removeAll() }
      return shared.closeContinuations
    }
    for continuation in finished { continuation.resume() }
  }

  /// One task watches the time of all waiters, as long as there are any.
  private func startTimer() {
    let mustStart = shared.withLock { shared in
      defer { shared.isTimerRunning = true }
      return !shared.isTimerRunning
    }
    guard mustStart else { return }
    Task.detached { [weak self] in
      while let next = self?.expireWaiters() {
        let now = Deadline.now.nanoseconds
        let pause = next.nanoseconds > now ? next.nanoseconds - now : 0
        try? await Task.sleep(nanoseconds: max(pause, 1_000_000))
      }
    }
  }

  /// When to look again, nil when nobody waits any more.
  private func expireWaiters() -> Deadline? {
    let (expired, next, cause) = shared.withLock { shared in
      let expired = shared.state.expireWaiters(now: .now)
      let next = shared.state.nextDeadline
      if next == nil { shared.isTimerRunning = false }
      return (expired, next, shared.state.lastConnectError)
    }
    for id in expired { grant(id, .failure(timeout(cause))) }
    return next
  }

  private func timeout(_ cause: PostgresError?) -> PostgresError {
    PostgresError(
      .acquireTimeout, "no connection became free within \(options.acquireTimeout)", cause: cause)
  }

  // MARK: Connecting

  /// Opens a connection for a place that is reserved, and tries again until the deadline as long as
  /// that has a chance.
  private func connectPatiently(until deadline: Deadline) async throws(PostgresError) -> Member {
    var pause = Self.firstPauseMilliseconds
    while true {
      let failure: PostgresError
      do throws(PostgresError) {
        return try await connect(until: deadline)
      } catch {
        failure = error
      }
      let mustFail = shared.withLock { shared in
        !shared.state.hasEverConnected || shared.state.isClosed
      }
      let isOver = deadline <= Deadline.now.advanced(by: .milliseconds(pause))
      if failure.isPermanent || failure.code == .cancelled || mustFail || isOver {
        settle(shared.withLock { $0.state.discard() })
        throw isOver && !failure.isPermanent && !mustFail ? timeout(failure) : failure
      }
      try? await Task.sleep(for: .milliseconds(Int.random(in: pause / 2...pause)))
      pause = min(pause * 2, Self.longestPauseMilliseconds)
    }
  }

  private func connect(until deadline: Deadline) async throws(PostgresError) -> Member {
    do throws(PostgresError) {
      let connection = try await PostgresConnection.connect(configuration, until: deadline)
      return shared.withLock { shared in
        shared.state.hasEverConnected = true
        shared.state.counters.connects += 1
        return Member(connection: connection, expiry: expiry(), idleSince: .now)
      }
    } catch {
      shared.withLock { shared in
        shared.state.lastConnectError = error
        shared.state.counters.connectFailures += 1
      }
      throw error
    }
  }

  private func expiry() -> Deadline {
    guard let lifetime = options.maximumLifetime else { return .never }
    return .after(lifetime * (1 - Double.random(in: 0...options.lifetimeJitter)))
  }

  // MARK: Upkeep

  /// How long the upkeep pauses.
  private var upkeepPause: Duration {
    let shortest = min(
      options.idleLifetime ?? .seconds(60), options.maximumLifetime ?? .seconds(60))
    return max(min(shortest / 2, .seconds(30)), .milliseconds(50))
  }

  /// One task closes what is too old and keeps the minimum; it ends with the pool, and while the
  /// pool has no connections to look after.
  func startUpkeep() {
    let mustStart = shared.withLock { shared in
      guard !shared.isUpkeepRunning, !shared.state.isClosed else { return false }
      shared.isUpkeepRunning = true
      return true
    }
    guard mustStart else { return }
    let pause = upkeepPause
    Task.detached { [weak self] in
      while await self?.upkeep() == true {
        try? await Task.sleep(for: pause)
      }
    }
  }

  private func upkeep() async -> Bool {
    let expired = shared.withLock { $0.state.expireIdle(now: .now) }
    for connection in expired { await connection.close() }
    while shared.withLock({ $0.state.reserveForMinimum() }) {
      do throws(PostgresError) {
        let member = try await connect(until: .after(options.acquireTimeout))
        settle(shared.withLock { $0.state.release(member, now: .now) })
      } catch {
        settle(shared.withLock { $0.state.discard() })
        break
      }
    }
    return shared.withLock { shared in
      let goesOn =
        !shared.state.isClosed && (shared.state.total > 0 || options.minimum > 0)
      shared.isUpkeepRunning = goesOn
      return goesOn
    }
  }
}
