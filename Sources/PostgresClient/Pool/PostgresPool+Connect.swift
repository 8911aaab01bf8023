import PostgresWire
import RoostCore
import Synchronization

extension PostgresPool {
  /// Opens a connection for a place that is reserved.
  func connect(_ task: Int) async {
    let start = Deadline.now
    var failure: any Error
    do {
      let connection = try await openConnection()
      let disposal = shared.withLock { shared in
        shared.connecting[task] = nil
        return shared.state.connected(connection, expiry: expiry(), since: start, now: .now)
      }
      settle(disposal)
      proceed()
      return
    } catch {
      failure = error
    }
    let refusal = failure as? HookRefusal
    if let refusal { failure = refusal.error }
    let error = failure as? PostgresError
    let isFinal = refusal != nil || error?.isPermanent == true
    let chance = Double.random(in: 0...1)
    let refused = shared.withLock { shared in
      shared.connecting[task] = nil
      return shared.state.connectFailed(error, isFinal: isFinal, now: .now, chance: chance)
    }
    for id in refused { grant(id, .failure(failure)) }
    proceed()
    endDrains()
  }

  private func openConnection() async throws -> PostgresConnection {
    let timeout = configuration.connectTimeout ?? options.acquireTimeout
    // Several hosts have the time of one each, and all of them that of a caller.
    let connection = try await PostgresConnection.connect(
      configuration, until: .after(max(timeout, options.acquireTimeout)))
    if connection.core.observation != nil {
      let plan: PlanConnection = { [weak self] body in
        guard let self else { throw Self.closedError }
        try await withConnection(body)
      }
      await connection.onLoop { connection.core.observation?.planConnection = plan }
    }
    guard let onConnect else { return connection }
    do {
      try await connection.makeReady(by: onConnect, within: timeout)
      return connection
    } catch {
      if connection.isClosed { throw PostgresError(anyError: error) }
      await connection.close()
      throw HookRefusal(error: error)
    }
  }

  /// What the hook threw on a connection that was good: the next would fare no better.
  private struct HookRefusal: Error {
    let error: any Error
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
      while self?.upkeep() == true {
        try? await Task.sleep(for: pause)
      }
    }
  }

  private func upkeep() -> Bool {
    let expired = shared.withLock { $0.state.expireIdle(now: .now) }
    close(expired)
    proceed()
    return shared.withLock { shared in
      let goesOn =
        !shared.state.isClosed && (shared.state.total > 0 || options.minimum > 0)
      shared.isUpkeepRunning = goesOn
      return goesOn
    }
  }
}
