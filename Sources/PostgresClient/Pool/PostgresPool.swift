import PostgresWire
import RoostCore
import Synchronization

/// Connections to one server, opened when they are needed and used again.
///
/// It needs no task to be run. A waiting caller is served in the order of arrival; the connection
/// that was used last is used first.
public final class PostgresPool: Sendable {
  typealias State = PoolState<PostgresConnection>
  typealias Member = State.Member

  enum Grant: Sendable {
    case member(Member)
    /// A place, to open a connection for.
    case place
    case failure(PostgresError)
  }

  struct Shared: Sendable {
    var state: State
    var continuations: [State.WaiterID: CheckedContinuation<Grant, Never>] = [:]
    /// Grants that came before their continuation did.
    var earlyGrants: [State.WaiterID: Grant] = [:]
    var isTimerRunning = false
    var isUpkeepRunning = false
    var closeContinuations: [CheckedContinuation<Void, Never>] = []
  }

  /// What the connections are opened with.
  public let configuration: PostgresConfiguration
  /// How many are kept, and for how long.
  public let options: PostgresPoolOptions
  let shared: Mutex<Shared>

  /// A pool without connections yet; those of the minimum are opened in the background.
  ///
  /// Throws `invalidConfiguration` and `unsupported` for what could never work.
  public init(
    _ configuration: PostgresConfiguration, options: PostgresPoolOptions = PostgresPoolOptions()
  ) throws(PostgresError) {
    try configuration.requireSupported()
    try options.validate()
    self.configuration = configuration
    self.options = options
    shared = Mutex(Shared(state: State(options)))
    if options.minimum > 0 { startUpkeep() }
  }

  deinit {
    let (connections, _) = shared.withLock { $0.state.close() }
    if connections.isEmpty { return }
    Task { for connection in connections { await connection.close() } }
  }

  /// The figures as they are.
  public var statistics: PostgresPoolStatistics { shared.withLock { $0.state.statistics } }

  /// Runs a closure with a connection, on the connection's thread, where its queries cost no hop.
  ///
  /// The closure's own error is rethrown unchanged. A transaction that it leaves open is rolled
  /// back. Throws `acquireTimeout` with the last failure to connect, `poolExhausted`, `poolClosed`;
  /// at once, a failure to connect that would come again (a wrong password, an unknown database),
  /// and any as long as the pool has never had a connection.
  @discardableResult
  public func withConnection<T: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> T
  ) async throws -> T {
    let deadline = Deadline.after(options.acquireTimeout)
    while true {
      let member = try await acquire(until: deadline)
      let connection = member.connection
      let result = await withTaskExecutorPreference(connection.loop) {
        await use(member, body)
      }
      if connection.isClosed {
        settle(shared.withLock { $0.state.discard() })
      } else {
        settle(shared.withLock { $0.state.release(member, now: .now) })
      }
      if options.idleLifetime != nil { startUpkeep() }
      // Nil: the connection had died in the pool, which is nobody's error.
      if let result { return try result.get() }
    }
  }

  private func use<T: Sendable>(
    _ member: Member, _ body: @Sendable (PostgresConnection) async throws -> T
  ) async -> Result<T, any Error>? {
    let connection = member.connection
    guard connection.core.isHealthy() else { return nil }
    if member.idleSince.advanced(by: options.healthCheckAfter) <= .now {
      do throws(PostgresError) {
        try await connection.simple("")
      } catch {
        if connection.isClosed, error.code != .cancelled { return nil }
      }
    }
    let result: Result<T, any Error>
    do {
      result = .success(try await body(connection))
    } catch {
      result = .failure(error)
    }
    await connection.leaveTransaction()
    return result
  }

  /// Closes the pool: no more connections are given out, idle ones are closed at once, and those in
  /// use when they come back. Returns when all are closed.
  public func close() async {
    let (connections, continuations) = shared.withLock { shared in
      let (connections, waiters) = shared.state.close()
      return (connections, waiters.compactMap { shared.continuations.removeValue(forKey: $0) })
    }
    let error = PostgresError(.poolClosed, "the pool is closed")
    for continuation in continuations { continuation.resume(returning: .failure(error)) }
    for connection in connections { await connection.close() }
    await withCheckedContinuation { continuation in
      let isDrained = shared.withLock { shared in
        if !shared.state.isDrained { shared.closeContinuations.append(continuation) }
        return shared.state.isDrained
      }
      if isDrained { continuation.resume() }
    }
  }
}
