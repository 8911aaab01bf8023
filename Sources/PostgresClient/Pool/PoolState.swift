import RoostCore

/// What a pool knows, and its decisions, as a value: no connection is opened or closed here, and
/// time and chance are given from outside.
///
/// Connections are opened for the queue, not for a caller: who waits longest gets what comes first,
/// a new one or one that is given back.
struct PoolState<Connection: Sendable>: Sendable {
  /// A connection with what the pool has to know of it.
  struct Member: Sendable {
    let number: Int
    let connection: Connection
    /// When it is to be replaced.
    let expiry: Deadline
    let generation: Int
    /// When it was last given back.
    var idleSince: Deadline
  }

  /// What a caller who wants a connection is to do.
  enum Acquisition: Sendable {
    case use(Member)
    /// Wait under this name.
    case wait(WaiterID)
    case full
    case closed
  }

  /// What is to be done with a connection that came, or came back.
  enum Disposal: Sendable {
    /// It is kept.
    case nothing
    case close(Connection)
    /// The waiter gets it.
    case give(WaiterID, Member)
  }

  typealias Discards = PostgresPoolStatistics.Discards

  /// The pause after the first failure to connect; it doubles with each, up to the longest.
  static var firstPause: Duration { .milliseconds(50) }
  static var longestPause: Duration { .seconds(1) }
  /// After so many failures the pause is the longest.
  private static var doublingCount: Int { 5 }

  let options: PostgresPoolOptions
  private(set) var idle: [Member] = []
  /// All connections, those being opened and those in use included.
  private(set) var total = 0
  /// Those being opened.
  private(set) var connecting = 0
  private(set) var isClosed = false
  /// All that are open, by their numbers.
  private(set) var open: [Int: Connection] = [:]
  private var lastNumber = 0
  private var generation = 0
  private var waiters = WaiterQueue()

  private var hasEverConnected = false
  /// Failures to connect since the last success.
  private var failureCount = 0
  /// When the next attempt to connect may be made.
  private var retryAt = Deadline(nanoseconds: 0)
  private(set) var lastConnectError: PostgresError?
  private var counters = PostgresPoolStatistics()

  init(_ options: PostgresPoolOptions) {
    self.options = options
  }

  /// The figures as they are.
  var statistics: PostgresPoolStatistics {
    var figures = counters
    figures.total = total
    figures.idle = idle.count
    figures.inUse = total - idle.count - connecting
    figures.connecting = connecting
    figures.waiting = waiters.count
    figures.waitTimes = counters.waitTimes.detached
    figures.connectTimes = counters.connectTimes.detached
    figures.useTimes = counters.useTimes.detached
    return figures
  }

  /// Whether nothing is left after the pool was closed.
  var isDrained: Bool { isClosed && total == 0 }

  // MARK: Acquiring

  /// A connection that nobody uses, nil when there is none. The one that was used last comes first:
  /// those that are not needed grow old.
  mutating func takeIdle() -> Member? {
    guard let member = idle.popLast() else { return nil }
    counters.acquisitions += 1
    counters.waitTimes.note(nanoseconds: 0)
    return member
  }

  /// A connection, or a place in the queue. `planConnects` must follow.
  mutating func acquire(now: Deadline, until deadline: Deadline) -> Acquisition {
    if isClosed { return .closed }
    if let member = takeIdle() { return .use(member) }
    counters.acquisitions += 1
    // Who waits for a connection that may still be opened is not in anybody's way.
    let places = options.maximum + options.overflow - (total - connecting)
    guard waiters.count < options.waitingLimit + max(places, 0) else {
      counters.refusals += 1
      return .full
    }
    let waiter = WaiterQueue.Waiter(id: waiters.makeID(), since: now, deadline: deadline)
    waiters.append(waiter)
    return .wait(waiter.id)
  }

  /// Takes a waiter out; false when it is no longer waiting.
  mutating func removeWaiter(_ id: WaiterID) -> Bool {
    waiters.remove(id) != nil
  }

  /// Takes out the waiters whose time is over.
  mutating func expireWaiters(now: Deadline) -> [WaiterID] {
    let expired = waiters.expire(now: now)
    counters.timeouts += expired.count
    return expired.map(\.id)
  }

  /// When to look again: for a waiter whose time is over then, or to connect. Nil for never.
  mutating func nextWake(now: Deadline) -> Deadline? {
    let deadline = waiters.nextDeadline
    guard retryAt > now, wantedConnects > 0 else { return deadline }
    return min(deadline ?? .never, retryAt)
  }

  // MARK: Connecting

  private var wantedConnects: Int {
    if isClosed { return 0 }
    let wanted = max(waiters.count - connecting, options.minimum - total)
    let room = options.maximum + options.overflow - total
    let limit = failureCount > 0 ? 1 : options.connectLimit
    return min(wanted, room, limit - connecting)
  }

  /// How many connections are to be opened now, whose places are reserved.
  mutating func planConnects(now: Deadline) -> Int {
    guard retryAt <= now else { return 0 }
    let count = max(wantedConnects, 0)
    total += count
    connecting += count
    return count
  }

  /// Takes a new connection, for a place that was reserved.
  mutating func connected(
    _ connection: Connection, expiry: Deadline, since start: Deadline, now: Deadline
  ) -> Disposal {
    connecting -= 1
    failureCount = 0
    retryAt = now
    hasEverConnected = true
    counters.connects += 1
    counters.connectTimes.note(nanoseconds: now.nanoseconds(since: start))
    lastNumber += 1
    open[lastNumber] = connection
    return place(
      Member(
        number: lastNumber, connection: connection, expiry: expiry, generation: generation,
        idleSince: now), now: now)
  }

  /// Gives a place up for which no connection came; returns the waiters to whom that is to be said.
  ///
  /// A failure is final when it would come again. With no connection left that could serve them, it
  /// is everybody's, else the first one's: the others may still be served by those that come back.
  /// As long as the pool has never had a connection, every failure is final.
  ///
  /// - Parameter chance: a number of 0 to 1, the part of half the pause that is left out.
  mutating func connectFailed(
    _ error: PostgresError?, isFinal: Bool, now: Deadline, chance: Double
  ) -> [WaiterID] {
    connecting -= 1
    total -= 1
    counters.connectFailures += 1
    lastConnectError = error ?? lastConnectError
    // Attempts that ran side by side count as one.
    if retryAt <= now {
      failureCount += 1
      let pause = min(
        Self.firstPause * (1 << min(failureCount - 1, Self.doublingCount)), Self.longestPause)
      retryAt = now.advanced(by: pause * (1 - chance / 2))
    }
    let isAlone = total == connecting
    if isFinal, !isAlone { return waiters.popFirst().map { [$0.id] } ?? [] }
    if isFinal || !hasEverConnected && connecting == 0 { return waiters.removeAll() }
    return []
  }

  // MARK: Giving back

  /// Takes a connection back that may be used again. `planConnects` must follow.
  mutating func release(_ member: Member, since start: Deadline, now: Deadline) -> Disposal {
    counters.useTimes.note(nanoseconds: now.nanoseconds(since: start))
    return place(member, now: now)
  }

  private mutating func place(_ member: Member, now: Deadline) -> Disposal {
    if let cause = reasonToClose(member, now: now) {
      remove(member, cause)
      return .close(member.connection)
    }
    if let waiter = waiters.popFirst() {
      counters.waitTimes.note(nanoseconds: now.nanoseconds(since: waiter.since))
      return .give(waiter.id, member)
    }
    var member = member
    member.idleSince = now
    idle.append(member)
    return .nothing
  }

  private func reasonToClose(_ member: Member, now: Deadline) -> Discards.Cause? {
    if isClosed { return .closed }
    if member.generation != generation { return .replaced }
    if member.expiry <= now { return .expired }
    return total > options.maximum && waiters.isEmpty ? .surplus : nil
  }

  /// Gives the place of a connection up that is of no more use. `planConnects` must follow.
  mutating func discard(_ member: Member, _ cause: Discards.Cause) {
    remove(member, cause)
  }

  private mutating func remove(_ member: Member, _ cause: Discards.Cause) {
    open[member.number] = nil
    total -= 1
    counters.discards.count(cause)
  }

  mutating func countReset() { counters.resets += 1 }

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
        remove(member, isOld ? .expired : .idle)
      } else {
        kept.append(member)
      }
    }
    idle = kept
    return expired
  }

  /// Makes all connections ones that are used no more; returns those that nobody uses, which are to
  /// be closed. The others are closed when they come back.
  mutating func replaceAll() -> [Connection] {
    generation += 1
    return removeIdle(.replaced)
  }

  /// Ends the pool; returns what is to be closed and who is to be told.
  mutating func close() -> (connections: [Connection], waiters: [WaiterID]) {
    isClosed = true
    return (removeIdle(.closed), waiters.removeAll())
  }

  private mutating func removeIdle(_ cause: Discards.Cause) -> [Connection] {
    defer { idle.removeAll() }
    for member in idle { remove(member, cause) }
    return idle.map(\.connection)
  }
}

extension Deadline {
  /// How long after another this is; 0 when it is not.
  func nanoseconds(since start: Deadline) -> UInt64 {
    nanoseconds > start.nanoseconds ? nanoseconds - start.nanoseconds : 0
  }
}
