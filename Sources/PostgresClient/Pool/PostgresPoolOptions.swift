/// How many connections a pool keeps, and for how long.
public struct PostgresPoolOptions: Sendable, Hashable {
  /// How many connections are kept open even when idle. They are opened in the background.
  public var minimum = 0
  /// How many connections are kept at most.
  public var maximum = 10
  /// How many more may be opened when all are in use; they are closed when they are given back.
  public var overflow = 0
  /// How long a connection above the minimum may be idle; nil for ever.
  public var idleLifetime: Duration? = .seconds(600)
  /// How long a connection is used at all, so that none outlives a change of servers; nil for ever.
  public var maximumLifetime: Duration? = .seconds(3_600)
  /// The part of `maximumLifetime` that is taken off at random, so that connections that were
  /// opened together do not end together; 0 to 1.
  public var lifetimeJitter = 0.1
  /// How many callers may wait for a connection; the next one gets `poolExhausted`.
  public var waitingLimit = 10_000
  /// How long a caller waits for a connection before it gets `acquireTimeout`.
  public var acquireTimeout: Duration = .seconds(30)
  /// How long a connection may have been idle before it is tried with a round trip; before that,
  /// only whether the server has closed it is looked at.
  public var healthCheckAfter: Duration = .seconds(30)

  /// The options that are used unless something else is said.
  public init() {}

  /// Throws for numbers that make no sense together.
  func validate() throws(PostgresError) {
    guard minimum >= 0, maximum >= 1, minimum <= maximum, overflow >= 0, waitingLimit >= 0,
      maximum <= 100_000, overflow <= 100_000, (0...1).contains(lifetimeJitter)
    else {
      throw PostgresError(
        .invalidConfiguration,
        "a pool needs 0 <= minimum <= maximum, 1 <= maximum, 0 <= overflow, 0 <= waitingLimit and "
          + "0 <= lifetimeJitter <= 1")
    }
  }
}

/// A pool's figures.
public struct PostgresPoolStatistics: Sendable, Hashable {
  /// All connections, those being opened included.
  public internal(set) var total = 0
  /// Connections that nobody uses.
  public internal(set) var idle = 0
  /// Connections in use or being opened.
  public internal(set) var inUse = 0
  /// Callers that wait.
  public internal(set) var waiting = 0
  /// Connections opened so far.
  public internal(set) var connects = 0
  /// Failures to open one so far.
  public internal(set) var connectFailures = 0
  /// Connections asked for so far.
  public internal(set) var acquisitions = 0
  /// Callers whose time was over so far.
  public internal(set) var timeouts = 0
  /// Callers that were refused because the queue was full so far.
  public internal(set) var refusals = 0

  init() {}
}
