import RoostCore

/// What a pool knows, and its decisions, as a value: no connection is opened or closed here, and
/// time is given from outside.
struct PoolState<Connection: Sendable>: Sendable {
  /// A connection with what the pool has to know of it.
  struct Member: Sendable {
    let connection: Connection
    /// When it is to be replaced.
    let expiry: Deadline
    /// When it was last given back.
    var idleSince: Deadline
  }

  /// Names one wait.
  struct WaiterID: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  /// What a caller who wants a connection is to do.
  enum Acquisition: Sendable {
    case use(Member)
    /// Open one: a place is reserved.
    case connect
    /// Wait under this name.
    case wait(WaiterID)
    case full
    case closed
  }

  /// What is to be done with a place that became free.
  enum Disposal: Sendable {
    case nothing
    case close(Connection)
    /// The waiter gets the connection.
    case give(WaiterID, Member)
    /// The waiter gets the place, and may open a connection.
    case letConnect(WaiterID)
  }

  let options: PostgresPoolOptions
  private(set) var idle: [Member] = []
  /// All connections, those being opened and those in use included.
  private(set) var total = 0
  private(set) var isClosed = false
  private var waiters: [(id: WaiterID, deadline: Deadline)] = []
  private var nextWaiter: UInt64 = 0

  var hasEverConnected = false
  var lastConnectError: PostgresError?
  var counters = PostgresPoolStatistics()

  init(_ options: PostgresPoolOptions) {
    self.options = options
  }

  /// The figures as they are.
  var statistics: PostgresPoolStatistics {
    var figures = counters
    figures.total = total
    figures.idle = idle.count
    figures.inUse = total - idle.count
    figures.waiting = waiters.count
    return figures
  }

  /// Whether nothing is left after the pool was closed.
  var isDrained: Bool { isClosed && total == 0 }

  // MARK: Acquiring

  /// The connection that was used last comes first: those that are not needed grow old.
  mutating func acquire(until deadline: Deadline) -> Acquisition {
    if isClosed { return .closed }
    counters.acquisitions += 1
    if let member = idle.popLast() { return .use(member) }
    if total < options.maximum + options.overflow {
      total += 1
      return .connect
    }
    guard waiters.count < options.waitingLimit else {
      counters.refusals += 1
      return .full
    }
    nextWaiter &+= 1
    let id = WaiterID(number: nextWaiter)
    waiters.append((id, deadline))
    return .wait(id)
  }

  /// Takes a waiter out; false when it is no longer waiting.
  mutating func removeWaiter(_ id: WaiterID) -> Bool {
    guard let index = waiters.firstIndex(where: { $0.id == id }) else { return false }
    waiters.remove(at: index)
    return true
  }

  /// Takes out the waiters whose time is over.
  mutating func expireWaiters(now: Deadline) -> [WaiterID] {
    let expired = waiters.filter { $0.deadline <= now }.map(\.id)
    if !expired.isEmpty { waiters.removeAll { $0.deadline <= now } }
    counters.timeouts += expired.count
    return expired
  }

  /// When the first waiter's time is over, nil when nobody waits.
  var nextDeadline: Deadline? { waiters.map(\.deadline).min() }

  // MARK: Giving back

  /// Takes a connection back that may be used again.
  mutating func release(_ member: Member, now: Deadline) -> Disposal {
    if isClosed || total > options.maximum && waiters.isEmpty || member.expiry <= now {
      let freed = discard()
      // The place goes on; the connection does not.
      if case .nothing = freed { return .close(member.connection) }
      return freed
    }
    if !waiters.isEmpty { return .give(waiters.removeFirst().id, member) }
    var member = member
    member.idleSince = now
    idle.append(member)
    return .nothing
  }

  /// Gives a place up whose connection is gone or never came.
  mutating func discard() -> Disposal {
    if !isClosed, !waiters.isEmpty { return .letConnect(waiters.removeFirst().id) }
    total -= 1
    return .nothing
  }

  // MARK: Upkeep

  /// Takes out the idle connections that are too old or too long idle. Those below the minimum stay
  /// until they are too old.
  mutating func expireIdle(now: Deadline) -> [Connection] {
    var kept: [Member] = []
    var expired: [Connection] = []
    // The oldest idle ones are at the front.
    for member in idle {
      let isOld = member.expiry <= now
      let isUnused = options.idleLifetime.map { member.idleSince.advanced(by: $0) <= now } ?? false
      if isOld || (isUnused && total > options.minimum) {
        expired.append(member.connection)
        total -= 1
      } else {
        kept.append(member)
      }
    }
    idle = kept
    return expired
  }

  /// Reserves a place when there are fewer connections than the minimum.
  mutating func reserveForMinimum() -> Bool {
    guard !isClosed, total < options.minimum else { return false }
    total += 1
    return true
  }

  /// Ends the pool; returns what is to be closed and who is to be told.
  mutating func close() -> (connections: [Connection], waiters: [WaiterID]) {
    isClosed = true
    defer {
      total -= idle.count
      idle.removeAll()
      waiters.removeAll()
    }
    return (idle.map(\.connection), waiters.map(\.id))
  }
}
