import PostgresWire
import RoostCore
import Synchronization

/// Listens to channels on a connection of its own, and connects again when that is lost.
///
///     let listener = try PostgresListener(configuration)
///     for try await event in try await listener.listen("orders") {
///       switch event {
///       case .notification(_, let payload, _): print(payload)
///       case .gap: print("look again at everything")
///       }
///     }
///
/// The connection is opened by the first `listen`, watched all the time, and closed with the last
/// subscriber.
public final class PostgresListener: Sendable {
  /// The longest channel name in bytes.
  ///
  /// Source: `NAMEDATALEN - 1` of the server, whose LISTEN cuts longer names without an error.
  public static let channelByteCount = 63

  struct Subscriber {
    let channel: String
    let mailbox: NotificationMailbox
    /// Ends when the server listens for it, or with why it does not.
    let confirmation: NotificationMailbox
    var isConfirmed = false

    /// The bytes of the channel, since texts that only look the same are two channels.
    var key: [UInt8] { Array(channel.utf8) }
  }

  struct State {
    var subscribers: [UInt64: Subscriber] = [:]
    var subscriberCount: UInt64 = 0
    var isClosed = false
    /// Whether subscribers came or went since the supervisor last looked.
    var hasChanges = false
    var supervisor: Task<Void, Never>?
    /// Ends what the supervisor waits for.
    var wake: (@Sendable () -> Void)?
  }

  let configuration: PostgresConfiguration
  let options: PostgresListenerOptions
  let state = Mutex(State())

  /// A listener that connects as the configuration says, once it has a subscriber.
  ///
  /// Throws `invalidConfiguration` and `unsupported` for what could never work.
  public init(
    _ configuration: PostgresConfiguration,
    options: PostgresListenerOptions = PostgresListenerOptions()
  ) throws(PostgresError) {
    try configuration.requireSupported()
    try options.validate()
    var configuration = configuration
    configuration.queryTimeout = options.answerTimeout
    // A server that does not answer is left at once, for one that does.
    configuration.cancelTimeout = .zero
    self.configuration = configuration
    self.options = options
  }

  /// Listens to a channel; returns when the server does, so that no later NOTIFY is missed.
  ///
  /// - Parameter channel: its name, of 1 to 63 bytes; it is quoted, so that case counts.
  /// - Throws: `PostgresError`: why the server cannot be reached or refuses, at once; `encoding`
  ///   for a name that cannot be one; `closed`; `cancelled`.
  public func listen(_ channel: String) async throws(PostgresError) -> PostgresNotifications {
    try PostgresConnection.requireChannel(channel)
    let subscriber = Subscriber(
      channel: channel, mailbox: NotificationMailbox(limit: options.bufferLimit),
      confirmation: NotificationMailbox(limit: 1))
    let (id, wake) = state.withLock { state -> (UInt64?, (@Sendable () -> Void)?) in
      if state.isClosed { return (nil, nil) }
      state.subscriberCount += 1
      state.subscribers[state.subscriberCount] = subscriber
      state.hasChanges = true
      if state.supervisor == nil { state.supervisor = Task.detached { await self.supervise() } }
      return (state.subscriberCount, state.wake)
    }
    guard let id else { throw PostgresError(.closed, "the listener is closed") }
    wake?()
    let subscription = NotificationSubscription(subscriber.mailbox) { self.remove(id) }
    _ = try await subscriber.confirmation.next()
    return PostgresNotifications(subscription: subscription)
  }

  /// Ends all sequences and closes the connection, or the attempt to open one.
  public func close() async {
    let (subscribers, supervisor, wake) = state.withLock { state in
      state.isClosed = true
      defer { state.subscribers.removeAll() }
      return (Array(state.subscribers.values), state.supervisor, state.wake)
    }
    for subscriber in subscribers {
      subscriber.confirmation.end(PostgresError(.closed, "the listener is closed"))
      subscriber.mailbox.end(nil)
    }
    supervisor?.cancel()
    wake?()
    await supervisor?.value
  }

  private func remove(_ id: UInt64) {
    let wake = state.withLock { state -> (@Sendable () -> Void)? in
      guard state.subscribers.removeValue(forKey: id) != nil else { return nil }
      state.hasChanges = true
      return state.wake
    }
    wake?()
  }
}

extension PostgresConnection {
  /// Tells all sessions that listen to a channel; in a transaction, when it commits.
  ///
  /// - Parameters:
  ///   - channel: its name, of 1 to 63 bytes; case counts.
  ///   - payload: a text of less than 8,000 bytes; a longer one is the server's error 22023.
  /// - Throws: `PostgresError`: `encoding` for a name that cannot be one, and for NUL.
  public func notify(_ channel: String, _ payload: String = "") async throws(PostgresError) {
    try Self.requireChannel(channel)
    guard !payload.utf8.contains(0) else {
      throw PostgresError(WireError.nulInString(field: "payload"))
    }
    try await execute("SELECT pg_notify(\(channel), \(payload))")
  }

  static func requireChannel(_ channel: String) throws(PostgresError) {
    guard !channel.utf8.contains(0) else {
      throw PostgresError(WireError.nulInString(field: "channel's name"))
    }
    let count = channel.utf8.count
    guard (1...PostgresListener.channelByteCount).contains(count) else {
      throw PostgresError(
        .encoding,
        "a channel's name has 1 to \(PostgresListener.channelByteCount) bytes, not \(count)")
    }
  }
}

extension PostgresPool {
  /// Tells all sessions that listen to a channel; as `PostgresConnection.notify`.
  public func notify(_ channel: String, _ payload: String = "") async throws(PostgresError) {
    try await rethrowingPostgresErrors {
      try await withConnection { connection in try await connection.notify(channel, payload) }
    }
  }

  /// A listener that connects as the pool's connections do, with one beside them.
  public func listener(
    options: PostgresListenerOptions = PostgresListenerOptions()
  ) throws(PostgresError) -> PostgresListener {
    try PostgresListener(configuration, options: options)
  }
}
