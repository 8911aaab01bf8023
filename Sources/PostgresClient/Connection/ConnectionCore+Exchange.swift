import Foundation
import PostgresWire
import RoostCore

extension ConnectionCore {
  /// Sends what has been written and hands the server's answers to the closures, until the second
  /// says that the exchange is over.
  ///
  /// A cancelled task, and the deadline, break it off: `breakOff` makes the server stop. Any other
  /// error, the closures' included, closes the connection. With `renewal` the deadline is so far
  /// away again whenever something comes.
  nonisolated(nonsending) func exchange(
    until deadline: Deadline, renewal: Duration? = nil, row: RowBodyHandler,
    _ handle: EventHandler
  ) async throws(PostgresError) {
    var deadline = deadline
    do throws(PostgresError) {
      if !(try flushNow()) { try await flush(until: deadline) }
      var isFirst = true
      while !(try handleBuffered(row: row, handle)) {
        if !wire.output.bytes.isEmpty { try await flush(until: deadline) }
        // Only the first answer is worth spinning for: of a long result, more comes while we sleep.
        let wasFirst = isFirst
        isFirst = false
        if wasFirst {
          if try fillSpinning() { continue }
        } else if try fillNow() {
          // What comes without a pause would hide that the time is over.
          try requireTime(deadline)
          if let renewal { deadline = .after(renewal) }
          await loop.yieldIfWanted()
          continue
        }
        try await fill(until: deadline)
        if let renewal { deadline = .after(renewal) }
      }
    } catch {
      throw await breakOff(error)
    }
  }

  /// The most bytes of requests that are written before they are sent.
  static let requestByteCount = 64 << 10

  /// Sends requests as the first closure writes them, part by part, until it returns false, and
  /// hands on the answers meanwhile: the server never waits for us to read, so that it goes on
  /// reading what we write, and nothing piles up on either side.
  nonisolated(nonsending) func exchange(
    until deadline: Deadline, writing write: (inout WireState) throws(PostgresError) -> Bool,
    row: RowBodyHandler, _ handle: EventHandler
  ) async throws(PostgresError) {
    do throws(PostgresError) {
      var hasMore = true
      while hasMore || !wire.output.bytes.isEmpty {
        while hasMore, wire.output.bytes.count < Self.requestByteCount {
          hasMore = try write(&wire)
        }
        // A short one has its answer read, with a spin, by the exchange below.
        if try flushNow(), !hasMore { break }
        if try fillNow() {
          guard !(try handleBuffered(row: row, handle)) else { return }
          await loop.yieldIfWanted()
        } else if !wire.output.bytes.isEmpty, let streams {
          let events = Int16(POLLIN) | Int16(POLLOUT)
          try await wait(streams.output.descriptor, events, until: deadline)
        }
        try requireTime(deadline)
      }
    } catch {
      throw await breakOff(error)
    }
    try await exchange(until: deadline, row: row, handle)
  }

  /// Sends what has been written while the server need not answer, and hands on what it says all
  /// the same: true when the exchange is over, mostly because of an error. When the time is over or
  /// the task cancelled, the caller has to break the exchange off.
  nonisolated(nonsending) func send(
    until deadline: Deadline, _ handle: EventHandler
  ) async throws(PostgresError) -> Bool {
    do throws(PostgresError) {
      if !(try flushNow()) { try await flush(until: deadline) }
      _ = try fillNow()
      return try handleBuffered(row: { _ in }, handle)
    } catch {
      throw error.isInterruption ? error : abandon(error)
    }
  }

  /// Hands on what has been received, and notes what has nothing to do with the exchange.
  func handleBuffered(
    row: RowBodyHandler, _ handle: EventHandler
  ) throws(PostgresError) -> Bool {
    try wire.handleBuffered(row: row) { event throws(PostgresError) in
      switch event {
      case .ready(let status):
        answerSoFar = AnswerSoFar()
        note(status)
      case .completed(let tag):
        answerSoFar.tag = tag
        changes.note(tag: tag)
        if tag.utf8.first == UInt8(ascii: "D") { noteDropped(tag) }
      case .failed(let message):
        answerSoFar.failure = answerSoFar.failure ?? message
        if message.sqlState == .readOnlyTransaction { changes.insert(.refusedToWrite) }
      case .notice(let message): configuration.onNotice?(message)
      case .parameterStatus(let name, let value):
        note(parameter: name, value)
        changes.insert(.changed)
        observation?.changed(name, value)
      case .notification(let processID, let channel, let payload):
        onNotification?(processID, channel, payload)
      default: break
      }
      return try handle(event)
    }
  }

  // MARK: Sending

  /// Sends without waiting; true when all is sent.
  @inline(__always)
  func flushNow() throws(PostgresError) -> Bool {
    guard let streams else { throw .closed }
    guard let isDone = wire.send(to: streams.output, observation) else { throw sendFailure() }
    return isDone
  }

  /// Sends all, and meanwhile takes what the server sends: if both sides only wrote, neither would
  /// ever read.
  private nonisolated(nonsending) func flush(until deadline: Deadline) async throws(PostgresError) {
    while !(try flushNow()) {
      guard let streams else { throw .closed }
      let events = Int16(POLLIN) | Int16(POLLOUT)
      try await wait(streams.output.descriptor, events, until: deadline)
      try requireTime(deadline)
      // The end of what the server sends shows when its answers are read.
      if case .failed(let number) = receiveAvailable(streams) { throw lost(number) }
    }
  }

  /// A server that has closed may have said why: that is worth more than a broken pipe.
  private func sendFailure() -> PostgresError {
    guard let streams else { return .closed }
    while case .moved = receiveAvailable(streams) {}
    var said: PostgresServerMessage?
    _ = try? wire.handleBuffered(row: { _ in }) { event in
      if case .failed(let message) = event { said = message }
      return said != nil
    }
    if let said { return PostgresError(endOfSession: said) }
    return PostgresError(.closed, "the connection was lost while sending")
  }

  // MARK: Receiving

  private func receiveAvailable(_ streams: StreamPair) -> StreamProgress {
    var progress = StreamProgress.wouldBlock
    _ = wire.framer.fill { room in
      progress = streams.input.readAvailable(room)
      if case .moved(let count) = progress { return count }
      return 0
    }
    if let observation, case .moved(let count) = progress { observation.received(count) }
    return progress
  }

  /// Receives without sleeping, as long as that is promising. False when nothing came.
  private func fillSpinning() throws(PostgresError) -> Bool {
    guard spin.begin(), let streams else { return false }
    var end: UInt64?
    while true {
      switch receiveAvailable(streams) {
      case .moved:
        spin.end(succeeded: true)
        return true
      case .wouldBlock: break
      case .end: throw ended()
      case .failed(let number): throw lost(number)
      }
      guard spin.limit > 0 else { break }
      // The clock is read only where the first look was in vain.
      let now = Deadline.now.nanoseconds
      if now >= end ?? .max { break }
      end = end ?? now &+ spin.limit
    }
    spin.end(succeeded: false)
    return false
  }

  /// Receives what is there. False when nothing is.
  func fillNow() throws(PostgresError) -> Bool {
    guard let streams else { return false }
    switch receiveAvailable(streams) {
    case .moved: return true
    case .wouldBlock: return false
    case .end: throw ended()
    case .failed(let number): throw lost(number)
    }
  }

  /// Waits for something to come and receives it.
  private nonisolated(nonsending) func fill(until deadline: Deadline) async throws(PostgresError) {
    while true {
      guard let streams else { throw .closed }
      // What is decrypted already does not show in `poll`.
      if !streams.input.hasBufferedBytes {
        let (descriptor, events) = (streams.input.descriptor, Int16(POLLIN))
        if !loop.waitBriefly(descriptor, events: events, deadline: deadline) {
          try await wait(descriptor, events, until: deadline)
        }
      }
      switch receiveAvailable(streams) {
      case .moved: return
      // Bytes that only TLS is interested in may come for ever.
      case .wouldBlock: try requireTime(deadline)
      case .end: throw ended()
      case .failed(let number): throw lost(number)
      }
    }
  }

  nonisolated(nonsending) func wait(
    _ descriptor: Int32, _ events: Int16, until deadline: Deadline
  ) async throws(PostgresError) {
    let id = loop.makeWaitID()
    switch await loop.wait(id, descriptor: descriptor, events: events, deadline: deadline) {
    case .ready: return
    case .deadline: throw .lateAnswer
    case .cancelled: throw .cancelledAnswer
    }
  }

  func requireTime(_ deadline: Deadline) throws(PostgresError) {
    if deadline <= .now { throw .lateAnswer }
    if Task.isCancelled { throw .cancelledAnswer }
  }

  private func ended() -> PostgresError {
    PostgresError(.closed, "the server closed the connection")
  }

  private func lost(_ number: Int32) -> PostgresError {
    let reason = streams?.input.failureText ?? String(cString: strerror(number))
    return PostgresError(.closed, "the connection was lost: \(reason)")
  }

  // MARK: Idle

  /// Whether an idle connection looks as a live one does: no error and no end. What the server says
  /// to an idle session, such as a changed parameter or a notification, is taken.
  func isHealthy() -> Bool {
    guard !isClosed, let streams else { return false }
    do throws(PostgresError) {
      while true {
        // What came with the last answer is in the buffer already.
        _ = try handleBuffered(row: { _ in }) { event throws(PostgresError) in
          if case .failed(let message) = event { throw PostgresError(endOfSession: message) }
          return false
        }
        switch receiveAvailable(streams) {
        case .moved: break
        case .wouldBlock: return true
        case .end, .failed: throw ended()
        }
      }
    } catch {
      abandon(error)
      return false
    }
  }

  /// Waits while nobody uses the connection: for something to come, for a signal, or for the
  /// deadline, which is no error.
  nonisolated(nonsending) func waitIdle(_ id: ConnectionLoop.WaitID, until deadline: Deadline) async
    -> ConnectionLoop.Outcome
  {
    guard let streams, !isClosed else { return .ready }
    return await loop.wait(
      id, descriptor: streams.input.descriptor, events: Int16(POLLIN), deadline: deadline)
  }
}

extension PostgresError {
  static var lateAnswer: PostgresError {
    PostgresError(.deadlineExceeded, "the deadline passed before the server answered")
  }

  static var cancelledAnswer: PostgresError {
    PostgresError(.cancelled, "cancelled before the server answered")
  }

  /// Whether an exchange stopped because the client wants no more of it.
  var isInterruption: Bool {
    code == .cancelled || code == .deadlineExceeded || isUnwantedAnswer
  }

  /// An error with which the server ends the session.
  init(endOfSession message: PostgresServerMessage) {
    self.init(.closed, message.message, server: message)
  }
}
