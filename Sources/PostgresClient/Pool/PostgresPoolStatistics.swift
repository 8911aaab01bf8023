public import RoostCore

/// A pool's figures.
public struct PostgresPoolStatistics: Sendable, Hashable {
  /// Why connections were closed, each counted from the pool's beginning.
  public struct Discards: Sendable, Hashable {
    /// They were lost, or closed by an error, a deadline or a cancelled task.
    public internal(set) var broken = 0
    /// Their `maximumLifetime` was over.
    public internal(set) var expired = 0
    /// They were idle for `idleLifetime`.
    public internal(set) var idle = 0
    /// They were more than the `maximum`, opened for the `overflow`.
    public internal(set) var surplus = 0
    /// Their session could not be reset.
    public internal(set) var unreset = 0
    /// `replaceConnections` asked for others, or they led to a server that takes no writes.
    public internal(set) var replaced = 0
    /// The pool was closed.
    public internal(set) var closed = 0

    enum Cause {
      case broken
      case expired
      case idle
      case surplus
      case unreset
      case replaced
      case closed
    }

    init() {}

    mutating func count(_ cause: Cause) {
      switch cause {
      case .broken: broken += 1
      case .expired: expired += 1
      case .idle: idle += 1
      case .surplus: surplus += 1
      case .unreset: unreset += 1
      case .replaced: replaced += 1
      case .closed: closed += 1
      }
    }
  }

  /// All connections, those being opened included.
  public internal(set) var total = 0
  /// Connections that nobody uses.
  public internal(set) var idle = 0
  /// Connections that somebody uses.
  public internal(set) var inUse = 0
  /// Connections being opened.
  public internal(set) var connecting = 0
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
  /// Sessions that were reset so far before somebody else got them.
  public internal(set) var resets = 0
  /// Connections closed so far, by cause.
  public internal(set) var discards = Discards()
  /// How often a statement, run by itself, was among the prepared ones so far.
  public internal(set) var statementHits = 0
  /// How often the server had to parse one first so far.
  public internal(set) var statementParses = 0
  /// How long callers waited for the connection that they got; zero when one was idle.
  public internal(set) var waitTimes = DurationHistogram()
  /// How long opening a connection took, `onConnect` included.
  public internal(set) var connectTimes = DurationHistogram()
  /// How long callers kept a connection.
  public internal(set) var useTimes = DurationHistogram()

  init() {}
}
