import PostgresWire
import RoostCore
import Synchronization

extension PostgresListener {
  /// Keeps a connection as long as there are subscribers.
  func supervise() async {
    var pause = options.firstPause
    while !mayEnd() {
      do throws(PostgresError) {
        let connection = try await PostgresConnection.connect(configuration)
        let failure = await attend(connection) { pause = self.options.firstPause }
        await connection.close()
        if let failure { throw failure }
      } catch {
        guard giveUp(error) else { continue }
        await rest(pause * Double.random(in: 0.5...1))
        pause = min(pause * 2, options.longestPause)
      }
    }
  }

  /// Whether there is nothing to do; the supervisor is over then.
  private func mayEnd() -> Bool {
    state.withLock { state in
      guard state.isClosed || state.subscribers.isEmpty else { return false }
      state.supervisor = nil
      state.wake = nil
      return true
    }
  }

  /// Tells of a failure those who still wait for the first confirmation, and, if it would come
  /// again, everybody. False when nobody is left to try again for.
  private func giveUp(_ error: PostgresError) -> Bool {
    let (ended, goesOn) = state.withLock { state in
      let ended = state.subscribers.filter { error.isPermanent || !$0.value.isConfirmed }
      for id in ended.keys { state.subscribers[id] = nil }
      return (ended.values, !state.subscribers.isEmpty && !state.isClosed)
    }
    for subscriber in ended {
      subscriber.confirmation.end(error)
      subscriber.mailbox.end(error)
    }
    return goesOn
  }

  /// Sleeps, but not when there is something new to do.
  private func rest(_ duration: Duration) async {
    let sleeper = Task { _ = try? await Task.sleep(for: duration) }
    let isWanted = state.withLock { state in
      state.wake = { sleeper.cancel() }
      defer { state.hasChanges = false }
      return state.isClosed || state.hasChanges
    }
    if isWanted { sleeper.cancel() }
    await sleeper.value
  }

  /// Listens on a connection until there is nothing more to do (nil), or until it is lost.
  private func attend(
    _ connection: PostgresConnection, onListening: () -> Void
  ) async -> PostgresError? {
    await connection.onLoop {
      let core = connection.core
      core.onNotification = { [weak self] processID, channel, payload in
        self?.deliver(
          .notification(channel: channel, payload: payload, processID: processID), to: channel)
      }
      do throws(PostgresError) {
        var listening: [[UInt8]: String] = [:]
        var isFirst = true
        while true {
          let id = core.loop.makeWaitID()
          guard
            let wanted = wantedChannels(wakingBy: { [loop = core.loop] in loop.signal(id, .ready) })
          else { return nil }
          try await change(from: listening, to: wanted, on: connection)
          listening = wanted
          confirm(listening, isAgain: isFirst)
          if isFirst { onListening() }
          isFirst = false
          guard core.isHealthy() else { throw core.closeReason ?? .closed }
          if state.withLock({ $0.hasChanges || $0.isClosed }) { continue }
          switch await core.waitIdle(id, until: .after(options.keepAlive)) {
          case .ready: break
          // An empty query: whoever answers is there.
          case .deadline: try await connection.simple("", timeout: options.answerTimeout)
          case .cancelled: throw PostgresError(.cancelled, "cancelled while listening")
          }
        }
      } catch {
        return error
      }
    }
  }

  /// The channels that somebody listens to, nil when it is over; notes how to end the next wait.
  private func wantedChannels(
    wakingBy wake: @escaping @Sendable () -> Void
  ) -> [[UInt8]: String]? {
    state.withLock { state in
      guard !state.isClosed, !state.subscribers.isEmpty else { return nil }
      state.wake = wake
      state.hasChanges = false
      return Dictionary(
        state.subscribers.values.map { ($0.key, $0.channel) },
        uniquingKeysWith: { first, _ in first })
    }
  }

  private func change(
    from old: [[UInt8]: String], to new: [[UInt8]: String], on connection: PostgresConnection
  ) async throws(PostgresError) {
    let commands =
      new.filter { old[$0.key] == nil }.map {
        "LISTEN \(PostgresQuery.quote(identifier: $0.value))"
      }
      + old.filter { new[$0.key] == nil }.map {
        "UNLISTEN \(PostgresQuery.quote(identifier: $0.value))"
      }
    if !commands.isEmpty { try await connection.simple(commands.joined(separator: ";")) }
  }

  /// Tells those who wait that the server listens, and, on a new connection, those who had been
  /// told before that they may have missed something.
  private func confirm(_ listening: [[UInt8]: String], isAgain: Bool) {
    let (confirmed, resumed) = state.withLock { state in
      var confirmed: [NotificationMailbox] = []
      var resumed: [NotificationMailbox] = []
      for (id, subscriber) in state.subscribers where listening[subscriber.key] != nil {
        if !subscriber.isConfirmed {
          state.subscribers[id]?.isConfirmed = true
          confirmed.append(subscriber.confirmation)
        } else if isAgain {
          resumed.append(subscriber.mailbox)
        }
      }
      return (confirmed, resumed)
    }
    for mailbox in confirmed { mailbox.end(nil) }
    for mailbox in resumed { mailbox.add(.gap) }
  }

  private func deliver(_ event: PostgresNotificationEvent, to channel: String) {
    let mailboxes = state.withLock { state in
      state.subscribers.values.filter { $0.channel.utf8.elementsEqual(channel.utf8) }.map(\.mailbox)
    }
    for mailbox in mailboxes { mailbox.add(event) }
  }
}
