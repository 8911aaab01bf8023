import PostgresWire

/// Takes what the server says other than rows; true ends the exchange.
typealias EventHandler = (SessionEvent) throws(PostgresError) -> Bool

/// Takes the body of a DataRow.
typealias RowBodyHandler = (UnsafeRawBufferPointer) throws(PostgresError) -> Void

/// The session with the bytes on their way in and out.
///
/// One value, so that a batch of messages is worked off under one access to it: what Swift checks
/// for each access to a class's property costs more than reading a small row.
struct WireState: ~Copyable {
  var session: Session
  var framer = MessageFramer()
  var output = WireWriter(capacity: 1 << 10)
  /// Shows the messages that come; nil when nobody wants to see them.
  var tracer: WireTracer?

  init(_ session: Session) {
    self.session = session
  }

  mutating func start(
    _ parameters: [StartupMessage.Parameter], minors: ClosedRange<UInt16>
  ) throws(WireError) {
    try session.start(parameters: parameters, minors: minors, output: &output)
  }

  /// Ends the session; returns what is to be said to the server.
  mutating func terminate() -> [UInt8] {
    output.removeAll()
    session.terminate(output: &output)
    return output.bytes
  }

  /// Writes a request. When it cannot be written, nothing of it is sent, and the session is as it
  /// was before.
  mutating func write(
    _ body: (inout Session, inout WireWriter) throws(WireError) -> Void
  ) throws(PostgresError) {
    do throws(WireError) {
      try body(&session, &output)
    } catch {
      session.forgetRequests()
      output.removeAll()
      throw PostgresError(error)
    }
  }

  /// Sends what has been written, as far as it goes without waiting: true when that is all, nil
  /// when nothing can be sent any more.
  mutating func send(to stream: TransportOutputStream, _ observation: Observation?) -> Bool? {
    while !output.bytes.isEmpty {
      let progress = output.bytes.withUnsafeBytes { bytes in
        let progress = stream.writeAvailable(bytes)
        if case .moved(let count) = progress {
          observation?.sent(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
        }
        return progress
      }
      switch progress {
      case .moved(let count) where count >= output.bytes.count: output.removeAll()
      case .moved(let count): output.removeFirst(count)
      case .wouldBlock: return false
      case .end, .failed: return nil
      }
    }
    return true
  }

  /// Hands on what has been received; true when the exchange is over.
  mutating func handleBuffered(
    row: RowBodyHandler, event handle: EventHandler
  ) throws(PostgresError) -> Bool {
    while let frame = try nextFrame() {
      if tracer != nil { trace(frame) }
      if session.takesRow(frame.tag) {
        try row(frame.body)
      } else if try handle(try receive(frame)) {
        return true
      }
    }
    return false
  }

  @inline(never)
  private func trace(_ frame: MessageFramer.Frame) { tracer?.received(frame) }

  @inline(__always)
  private mutating func nextFrame() throws(PostgresError) -> MessageFramer.Frame? {
    do throws(WireError) { return try framer.next() } catch { throw PostgresError(error) }
  }

  private mutating func receive(
    _ frame: MessageFramer.Frame
  ) throws(PostgresError) -> SessionEvent {
    do throws(WireError) {
      return try session.receive(frame, output: &output)
    } catch {
      throw PostgresError(error)
    }
  }
}
