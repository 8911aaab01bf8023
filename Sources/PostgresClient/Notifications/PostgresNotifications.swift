import Synchronization

/// What a subscriber is told.
public enum PostgresNotificationEvent: Sendable, Hashable {
  /// A NOTIFY of some session: its channel, its payload (empty for none), and the process number
  /// of the session's backend.
  case notification(channel: String, payload: String, processID: Int32)
  /// Notifications may have been missed here: the connection was lost and is there again, or the
  /// subscriber took them too slowly. What they are about has to be looked at anew.
  case gap
}

/// The notifications of one channel, from the moment that it was listened to.
///
/// It ends with nil when the listener is closed, and with an error when the listener cannot connect
/// again: a wrong password, a database that is gone. When the sequence and its iterators are let
/// go, the channel is no longer listened to, unless others do.
public struct PostgresNotifications: AsyncSequence, Sendable {
  let subscription: NotificationSubscription

  /// The events from here on; several iterators share them.
  public func makeAsyncIterator() -> Iterator { Iterator(subscription: subscription) }

  /// Gives the events one by one.
  public struct Iterator: AsyncIteratorProtocol, Sendable {
    let subscription: NotificationSubscription

    /// Waits for the next event; nil after the end.
    /// - Throws: `PostgresError`: why the listener gave up; `cancelled` in a cancelled task.
    public mutating func next() async throws(PostgresError) -> PostgresNotificationEvent? {
      try await subscription.mailbox.next()
    }
  }
}

/// Ends with its last holder.
final class NotificationSubscription: Sendable {
  let mailbox: NotificationMailbox
  private let onEnd: @Sendable () -> Void

  init(_ mailbox: NotificationMailbox, onEnd: @escaping @Sendable () -> Void) {
    self.mailbox = mailbox
    self.onEnd = onEnd
  }

  deinit {
    onEnd()
  }
}

/// The events that a subscriber has not taken yet; bounded.
final class NotificationMailbox: Sendable {
  typealias Answer = Result<PostgresNotificationEvent?, PostgresError>

  /// The most bytes of payloads that wait.
  ///
  /// Source: the server refuses payloads of 8,000 bytes and more (`NOTIFY_PAYLOAD_MAX_LENGTH`);
  /// this is a thousand of them.
  private static let payloadByteCount = 8_000_000

  private struct State {
    var events: [PostgresNotificationEvent] = []
    var nextEvent = 0
    var byteCount = 0
    var end: Answer?
    var waiters: [(id: UInt64, continuation: CheckedContinuation<Answer, Never>)] = []
    var waiterCount: UInt64 = 0
    /// Waits that were cancelled before they began.
    var cancelled: Set<UInt64> = []
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) {
    self.limit = limit
  }

  /// Adds an event. A full mailbox drops it, and says so with a gap in its place.
  func add(_ event: PostgresNotificationEvent) {
    let waiter = state.withLock { state -> CheckedContinuation<Answer, Never>? in
      guard state.end == nil else { return nil }
      if !state.waiters.isEmpty { return state.waiters.removeFirst().continuation }
      let size = event.byteCount
      let count = state.events.count - state.nextEvent
      if count < limit, state.byteCount + size <= Self.payloadByteCount {
        state.events.append(event)
        state.byteCount += size
      } else if state.events.last != .gap {
        state.events.append(.gap)
      }
      return nil
    }
    waiter?.resume(returning: .success(event))
  }

  /// Ends the sequence, behind what it still has.
  func end(_ error: PostgresError?) {
    let waiters = state.withLock { state in
      guard state.end == nil else { return state.waiters }
      state.end = error.map { .failure($0) } ?? .success(nil)
      defer { state.waiters.removeAll() }
      return state.waiters
    }
    for waiter in waiters {
      waiter.continuation.resume(returning: error.map { .failure($0) } ?? .success(nil))
    }
  }

  func next() async throws(PostgresError) -> PostgresNotificationEvent? {
    let id = state.withLock { state in
      state.waiterCount += 1
      return state.waiterCount
    }
    let answer = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let early = state.withLock { state in
          let early = Self.take(&state, id)
          if early == nil { state.waiters.append((id, continuation)) }
          return early
        }
        if let early { continuation.resume(returning: early) }
      }
    } onCancel: {
      let waiter = state.withLock { state -> CheckedContinuation<Answer, Never>? in
        guard let index = state.waiters.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        return state.waiters.remove(at: index).continuation
      }
      waiter?.resume(returning: Self.cancelled)
    }
    // A cancellation that came after the answer has left its mark.
    state.withLock { _ = $0.cancelled.remove(id) }
    return try answer.get()
  }

  private static let cancelled = Answer.failure(
    PostgresError(.cancelled, "cancelled while waiting for a notification"))

  private static func take(_ state: inout State, _ id: UInt64) -> Answer? {
    if state.cancelled.contains(id) { return cancelled }
    guard state.nextEvent < state.events.count else { return state.end }
    let event = state.events[state.nextEvent]
    state.nextEvent += 1
    state.byteCount -= event.byteCount
    if state.nextEvent == state.events.count || state.nextEvent >= 1_024 {
      state.events.removeFirst(state.nextEvent)
      state.nextEvent = 0
    }
    return .success(event)
  }
}

extension PostgresNotificationEvent {
  /// How many bytes of a mailbox it takes.
  fileprivate var byteCount: Int {
    guard case .notification(let channel, let payload, _) = self else { return 0 }
    return channel.utf8.count + payload.utf8.count
  }
}
