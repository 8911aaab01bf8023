/// How many connections a pool keeps, and for how long.
public struct PostgresPoolOptions: Sendable, Hashable {
  /// Whether what a user changed of a session is undone before somebody else gets it.
  ///
  /// A reset closes cursors, drops temporary tables, releases session-level advisory locks, ends
  /// LISTEN, forgets `currval`, and sets role and run-time parameters to what the connection began
  /// with (those of the configuration included); then the pool's `onConnect` runs again. It costs a
  /// round trip. The connection's prepared statements stay, unless somebody used SQL's PREPARE.
  public enum Reset: Sendable, Hashable {
    /// Never; only a transaction that is left open is rolled back.
    case never
    /// When it shows that something was changed: the server said so (a run-time parameter, SET,
    /// LISTEN, PREPARE, CALL, DO, any other command that is not about rows or transactions), or a
    /// statement's text has `set_config`, `TEMP` or a session-level advisory lock in it. It does
    /// not show when a function of one's own does such a thing inside a SELECT; say
    /// `resetAfterUse()` there, or choose `.always`. `currval` of an INSERT counts as no change;
    /// SET LOCAL counts as one, since the server calls it SET.
    case whenChanged
    /// Always: safe whatever was done, for a round trip more with each use.
    case always
  }

  /// How many connections are kept open even when idle. They are opened in the background.
  public var minimum = 0
  /// How many connections are kept at most.
  public var maximum = 10
  /// How many more may be opened when all are in use; they are closed when they are given back.
  public var overflow = 0
  /// How many connections may be being opened at the same time; after a failure it is one, until
  /// one has succeeded. Callers meanwhile wait for whichever comes first, a new connection or one
  /// that is given back.
  public var connectLimit = 4
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
  /// Whether what a user changed of a session is undone.
  public var reset = Reset.whenChanged
  /// How long a reset, or the try of a connection that was idle, may take before the connection is
  /// closed instead.
  public var resetTimeout: Duration = .seconds(5)

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
    guard connectLimit >= 1, resetTimeout > .zero, acquireTimeout >= .zero else {
      throw PostgresError(
        .invalidConfiguration,
        "a pool needs 1 <= connectLimit, 0 < resetTimeout and 0 <= acquireTimeout")
    }
  }
}
