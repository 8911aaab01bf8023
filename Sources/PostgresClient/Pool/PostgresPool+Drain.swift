import RoostCore
import Synchronization

extension PostgresPool {
  /// How long `close` waits for connections in use.
  public static var closeTimeout: Duration { .seconds(30) }

  /// How long a connection that is closed while it is in use has to come back.
  private static var hardCloseTimeout: Duration { .seconds(1) }

  /// Closes the pool as `drain` does, with `closeTimeout` for what is in use.
  public func close() async {
    await drain(timeout: Self.closeTimeout)
  }

  /// Closes the pool: no more connections are given out, who waits gets `poolClosed`, idle ones are
  /// closed at once, and those in use when they come back.
  ///
  /// What has not come back in time is closed where it is: its user's next call, or the one that
  /// waits for an answer, throws `closed`.
  /// - Parameter timeout: how long to wait for what is in use.
  /// - Returns: whether all came back in time. It returns by then, and a second for what is closed.
  @discardableResult
  public func drain(timeout: Duration) async -> Bool {
    let (connections, waiters, connecting) = shared.withLock { shared in
      let (connections, waiters) = shared.state.close()
      return (connections, waiters, shared.connecting.values)
    }
    for task in connecting { task.cancel() }
    for id in waiters { grant(id, .failure(Self.closedError)) }
    close(connections)
    if await waitUntilDrained(timeout) { return true }
    let late = shared.withLock { $0.state.open.values }
    for connection in late { Task { await connection.close() } }
    _ = await waitUntilDrained(Self.hardCloseTimeout)
    return false
  }

  /// Has all connections replaced, for example when a password was changed or the servers have
  /// changed their parts: idle ones are closed at once, those in use when they come back.
  public func replaceConnections() {
    close(shared.withLock { $0.state.replaceAll() })
    proceed()
  }

  /// Waits until nothing is left or being closed; false when the time is over first.
  private func waitUntilDrained(_ timeout: Duration) async -> Bool {
    await withCheckedContinuation { continuation in
      let number = shared.withLock { shared -> Int? in
        if shared.isEmpty { return nil }
        shared.lastDrain += 1
        shared.drains[shared.lastDrain] = continuation
        return shared.lastDrain
      }
      guard let number else { return continuation.resume(returning: true) }
      // Whoever waits keeps the pool; its timer need not.
      Task.detached { [weak self] in
        try? await Task.sleep(for: max(timeout, .zero))
        self?.shared.withLock { $0.drains.removeValue(forKey: number) }?.resume(returning: false)
      }
    }
  }

  /// Tells those who wait that nothing is left, if that is so.
  func endDrains() {
    let ended = shared.withLock { shared in
      guard shared.isEmpty else { return [CheckedContinuation<Bool, Never>]() }
      defer { shared.drains.removeAll() }
      return Array(shared.drains.values)
    }
    for continuation in ended { continuation.resume(returning: true) }
  }
}
