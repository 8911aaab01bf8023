/// How a listener keeps its connection.
public struct PostgresListenerOptions: Sendable, Hashable {
  /// After how long a silence the server is asked whether it is still there; nil for never.
  public var keepAlive: Duration? = .seconds(30)
  /// How long the server may take to answer, before the connection counts as lost.
  public var answerTimeout: Duration = .seconds(10)
  /// The pause before the second attempt to connect again; it doubles with each, and a random part
  /// of up to half is taken off, so that the clients of a server do not all come back at once.
  public var firstPause: Duration = .milliseconds(50)
  /// The longest pause between attempts.
  public var longestPause: Duration = .seconds(10)
  /// How many events wait for a subscriber before more are dropped and a `.gap` says so.
  public var bufferLimit = 1_024

  /// The options that are used unless something else is said.
  public init() {}

  /// Throws for numbers that make no sense.
  func validate() throws(PostgresError) {
    guard keepAlive ?? .seconds(1) > .zero, answerTimeout > .zero, firstPause > .zero,
      longestPause >= firstPause, bufferLimit >= 1
    else {
      throw PostgresError(
        .invalidConfiguration,
        "a listener needs 0 < keepAlive, 0 < answerTimeout, 0 < firstPause <= longestPause and "
          + "1 <= bufferLimit")
    }
  }
}
