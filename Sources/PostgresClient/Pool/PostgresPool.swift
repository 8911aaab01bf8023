import PostgresWire
import RoostCore
import Synchronization

/// Connections to one server, opened when they are needed and used again.
///
/// It needs no task to be run. A waiting caller is served in the order of arrival; the connection
/// that was used last is used first. What a user changed of a session is undone before somebody
/// else gets it, as `PostgresPoolOptions.Reset` says.
public final class PostgresPool: Sendable {
  typealias State = PoolState<PostgresConnection>
  typealias Member = State.Member

  /// Makes a new connection ready for use.
  public typealias ConnectHook = @Sendable (PostgresConnection) async throws -> Void

  enum Grant: Sendable {
    case member(Member)
    case failure(any Error)
  }

  struct Shared: Sendable {
    var state: State
    var continuations: [WaiterID: CheckedContinuation<Grant, Never>] = [:]
    /// When the earliest of the timers ends; nil when none runs.
    var timer: Deadline?
    var isUpkeepRunning = false
    /// The tasks that open connections.
    var connecting: [Int: Task<Void, Never>] = [:]
    var lastTask = 0
    /// How many connections have left the state and are not closed yet.
    var closing = 0
    /// Those who wait for the closed pool to be empty.
    var drains: [Int: CheckedContinuation<Bool, Never>] = [:]
    var lastDrain = 0

    /// Whether the pool is closed and nothing of it is left.
    var isEmpty: Bool { state.isDrained && closing == 0 }
  }

  /// What the connections are opened with.
  public let configuration: PostgresConfiguration
  /// How many are kept, and for how long.
  public let options: PostgresPoolOptions
  let onConnect: ConnectHook?
  let shared: Mutex<Shared>

  /// A pool without connections yet; those of the minimum are opened in the background.
  ///
  /// - Parameters:
  ///   - configuration: how to reach the server.
  ///   - options: how many connections are kept, and for how long.
  ///   - onConnect: runs on each new connection before anybody gets it, and again when the session
  ///     was reset, within the time for connecting: `SET`, `LISTEN` and the like. What it throws
  ///     closes the connection and reaches a caller who waits for one.
  /// - Throws: `invalidConfiguration` and `unsupported` for what could never work.
  public init(
    _ configuration: PostgresConfiguration, options: PostgresPoolOptions = PostgresPoolOptions(),
    onConnect: ConnectHook? = nil
  ) throws(PostgresError) {
    try configuration.requireSupported()
    try options.validate()
    self.configuration = configuration
    self.options = options
    self.onConnect = onConnect
    shared = Mutex(Shared(state: State(options)))
    if options.minimum > 0 {
      proceed()
      startUpkeep()
    }
  }

  deinit {
    let (connections, tasks) = shared.withLock { shared in
      (shared.state.close().connections, shared.connecting.values)
    }
    for task in tasks { task.cancel() }
    if connections.isEmpty { return }
    Task { for connection in connections { await connection.close() } }
  }

  /// The figures as they are.
  public var statistics: PostgresPoolStatistics {
    var statistics = shared.withLock { $0.state.statistics }
    (statistics.statementHits, statistics.statementParses) = configuration.statementCounts.values
    return statistics
  }

  /// Runs a closure with a connection, on its executor, where its queries cost no hop.
  ///
  /// The closure's own error is rethrown unchanged. A transaction that it leaves open is rolled
  /// back. Throws `acquireTimeout` with the last failure to connect, `poolExhausted`, `poolClosed`;
  /// at once, a failure to connect that would come again (a wrong password, an unknown database)
  /// when no connection is left that could come back, and any as long as the pool has never had a
  /// connection. What the pool's `onConnect` throws is rethrown unchanged.
  @discardableResult
  public func withConnection<T: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> T
  ) async throws -> T {
    var now = Deadline.now
    let deadline = now.advanced(by: options.acquireTimeout)
    while true {
      let member: Member
      if let idle = shared.withLock({ $0.state.takeIdle() }) {
        member = idle
      } else {
        member = try await wait(from: now, until: deadline)
        now = .now
      }
      let (result, fate) = await member.connection.loop.hop { await use(member, from: now, body) }
      giveBack(member, fate, since: now)
      // Nil: the connection had died in the pool, which is nobody's error.
      if let result { return try result.get() }
    }
  }

  /// What becomes of a connection that was used.
  private enum Fate {
    case good
    case broken
    case unreset
    /// Its server takes no writes, which the pool is for.
    case readOnly
  }

  private func use<T: Sendable>(
    _ member: Member, from now: Deadline,
    _ body: @Sendable (PostgresConnection) async throws -> T
  ) async -> (Result<T, any Error>?, Fate) {
    let connection = member.connection
    guard connection.core.isHealthy() else { return (nil, .broken) }
    if member.idleSince.advanced(by: options.healthCheckAfter) <= now {
      do throws(PostgresError) {
        try await connection.simple("", timeout: options.resetTimeout)
      } catch {
        if connection.isClosed, error.code != .cancelled { return (nil, .broken) }
      }
    }
    let result: Result<T, any Error>
    do {
      result = .success(try await body(connection))
    } catch {
      result = .failure(error)
    }
    await connection.leaveTransaction()
    if connection.core.changes.isEmpty, options.reset != .always {
      return (result, connection.isClosed ? .broken : .good)
    }
    return (result, await tidy(connection))
  }

  /// Undoes what was changed of a session, and finds out whether its server still is what the pool
  /// is for. Apart from the caller's task, which may be cancelled.
  private func tidy(_ connection: PostgresConnection) async -> Fate {
    if connection.isClosed { return .broken }
    let changes = connection.core.changes
    let (reset, timeout, hook) = (options.reset, options.resetTimeout, onConnect)
    let needsWrites = configuration.needsWrites
    return await Task {
      do {
        if changes.contains(.refusedToWrite), needsWrites {
          guard try await connection.takesWrites(within: timeout) else { return .readOnly }
        }
        guard try await connection.reset(reset, within: timeout) else { return .good }
        if let hook { try await connection.makeReady(by: hook, within: timeout) }
        shared.withLock { $0.state.countReset() }
        return connection.isClosed ? .unreset : .good
      } catch {
        return .unreset
      }
    }.value
  }

  private func giveBack(_ member: Member, _ fate: Fate, since start: Deadline) {
    switch fate {
    case .good:
      let disposal = shared.withLock { shared in
        shared.state.release(member, since: start, now: .now)
      }
      settle(disposal)
    case .broken, .unreset, .readOnly:
      if fate == .readOnly { replaceConnections() }
      shared.withLock { shared in
        shared.state.discard(
          member, fate == .broken ? .broken : fate == .unreset ? .unreset : .replaced)
      }
      settle(.close(member.connection))
    }
    if options.idleLifetime != nil { startUpkeep() }
  }

  /// Does what the state decided about a connection.
  func settle(_ disposal: State.Disposal) {
    switch disposal {
    case .nothing: break
    case .give(let id, let member): grant(id, .member(member))
    case .close(let connection):
      close([connection])
      proceed()
    }
  }

  /// Closes connections that have left the state. Nobody waits for it: one whose thread a user's
  /// own code keeps cannot be closed before that ends.
  func close(_ connections: [PostgresConnection]) {
    shared.withLock { $0.closing += connections.count }
    for connection in connections {
      Task {
        await connection.close()
        shared.withLock { $0.closing -= 1 }
        endDrains()
      }
    }
  }
}
