import PostgresWire
import RoostCore

// A cancel addresses a server process, not a query: one that comes late would hit whatever the
// session asks next. So the session is fenced: nothing is sent until the connection with the
// CancelRequest has been closed by the server, which closes it after the signal, and the session's
// own answer has come to its ReadyForQuery.

/// What the server has come to since it last was ready.
struct AnswerSoFar: Sendable {
  /// The last statement that ran to its end.
  var tag: String?
  /// The first error.
  var failure: PostgresServerMessage?
}

/// How much of an answer that nobody wants is taken before the server is told to stop.
private struct Patience {
  let time: Duration
  let byteCount: Int

  /// Only what is there: somebody waits.
  static let none = Patience(time: .zero, byteCount: 1 << 20)

  /// What takes about as long as a second connection would.
  static let some = Patience(time: .seconds(1), byteCount: 1 << 20)
}

extension ConnectionCore {
  /// How long the server has to stop before it is told again, the first time: one that has not yet
  /// seen the query ignores that it is to cancel it.
  private static let firstCancelPause = Duration.milliseconds(100)

  /// Ends an exchange that failed, and returns the error to throw.
  ///
  /// When the client wants no more of it, the server is made to stop, and the session is usable
  /// again when this returns; where that does not come about, it is closed.
  func breakOff(_ error: PostgresError) async -> PostgresError {
    guard error.isInterruption, isEstablished, wire.session.isOpen, !isClosed else {
      return abandon(error)
    }
    let patience = error.isUnwantedAnswer ? Patience.some : .none
    // A task of its own: in one that is cancelled no wait would last.
    let answer = await Task(executorPreference: loop) { await self.stopServer(patience) }.value
    guard let answer else { return abandon(error) }
    return PostgresError(
      error.code, error.message, cause: answer.failure.map { PostgresError(server: $0) },
      completedTag: answer.failure == nil ? answer.tag : nil)
  }

  /// Brings the session to the end of what it was asked; nil when that is not to be had.
  private func stopServer(_ patience: Patience) async -> AnswerSoFar? {
    var answer = answerSoFar
    do throws(PostgresError) {
      try wire.write { (session, output) throws(WireError) in
        try session.giveUp(output: &output)
      }
      if try await drain(
        until: .after(patience.time), byteCount: patience.byteCount, into: &answer)
      {
        return answer
      }
      guard let server, server.socket != nil, !wire.session.secretKey.isEmpty else { return nil }
      let end = Deadline.after(configuration.cancelTimeout)
      var pause = Self.firstCancelPause
      while .now < end {
        guard let line = await openCancelLine(to: server, until: end) else {
          return try await drain(until: end, into: &answer) ? answer : nil
        }
        defer { line.close() }
        // Who has answered meanwhile need not be stopped.
        if try await drain(until: .now, into: &answer) { return answer }
        try await requestCancel(over: line, until: end)
        if try await drain(until: min(end, .after(pause)), into: &answer) { return answer }
        // Of several segments of a pipeline a cancel ends the one that runs.
        pause = pause * 2
      }
      return nil
    } catch {
      return nil
    }
  }

  // MARK: The session's own answer

  /// Sends what has been written and drops the answers. False when their end has not come by the
  /// deadline, or within so many bytes.
  private func drain(
    until deadline: Deadline, byteCount: Int = .max, into answer: inout AnswerSoFar
  ) async throws(PostgresError) -> Bool {
    var dropped = 0
    var isLate = false
    while true {
      let isFlushed = try flushNow()
      if try dropAnswers(into: &answer, &dropped) { return true }
      if isLate || dropped > byteCount { return false }
      isLate = deadline <= .now
      if try fillNow() {
        await loop.yieldIfWanted()
      } else if isLate {
        return false
      } else if let streams, !streams.input.hasBufferedBytes {
        let events = isFlushed ? Int16(POLLIN) : Int16(POLLIN) | Int16(POLLOUT)
        _ = await loop.wait(
          loop.makeWaitID(), descriptor: streams.output.descriptor, events: events,
          deadline: deadline)
      }
    }
  }

  /// Drops what has been received; true when nothing more is owed.
  private func dropAnswers(
    into answer: inout AnswerSoFar, _ dropped: inout Int
  ) throws(PostgresError) -> Bool {
    while true {
      var asksForData = false
      let isStep = try handleBuffered(row: { dropped += $0.count }) { event throws(PostgresError) in
        switch event {
        case .completed(let tag): answer.tag = tag
        case .failed(let message):
          answer.failure = answer.failure ?? message
          if message.endsSession { throw PostgresError(endOfSession: message) }
        case .copyingIn:
          asksForData = true
          return true
        case .ready: return true
        default: break
        }
        return false
      }
      if asksForData {
        try wire.write { (_, output) throws(WireError) in
          try FrontendMessage.copyFail(reason: Self.copyFailReason).encode(into: &output)
        }
      } else if !isStep || wire.session.isIdle {
        return isStep
      }
    }
  }

  // MARK: The connection for the CancelRequest

  /// Another connection to the very same server, encrypted and verified as the session is; nil when
  /// there is none to be had.
  private func openCancelLine(
    to server: ServerAddress, until deadline: Deadline
  ) async -> StreamPair? {
    let opener = TransportOpener(
      configuration: configuration, server: server, loop: loop, deadline: deadline)
    do throws(PostgresError) {
      return try await opener.open(encryption == nil ? .never : .required, over: nil).streams
    } catch {
      return nil
    }
  }

  /// Sends the CancelRequest and waits until the server has closed its connection. Throws when that
  /// is not what happens: nobody knows then when the cancel will hit.
  private func requestCancel(
    over line: StreamPair, until deadline: Deadline
  ) async throws(PostgresError) {
    var request = WireWriter()
    do throws(WireError) {
      try StartupMessage.cancelRequest(
        processID: wire.session.processID, secretKey: wire.session.secretKey
      ).encode(into: &request)
    } catch {
      throw PostgresError(error)
    }
    while !request.bytes.isEmpty {
      switch request.bytes.withUnsafeBytes({ line.output.writeAvailable($0) }) {
      case .moved(let count): request.removeFirst(count)
      case .wouldBlock: try await wait(line.output.descriptor, Int16(POLLOUT), until: deadline)
      case .end, .failed: throw PostgresError(.closed, "the CancelRequest cannot be sent")
      }
    }
    var byte: UInt8 = 0
    while true {
      switch withUnsafeMutableBytes(of: &byte, { line.input.readAvailable($0) }) {
      case .end: return
      case .wouldBlock: try await wait(line.input.descriptor, Int16(POLLIN), until: deadline)
      case .moved: throw PostgresError(.protocolViolation, "a CancelRequest has no answer")
      case .failed(let number):
        throw PostgresError(.closed, String(cString: strerror(number)))
      }
      try requireTime(deadline)
    }
  }
}
