import Foundation
package import PostgresClient
package import PostgresWire
import RoostCore

/// A server that says what a test tells it to, right or wrong.
///
/// It listens on a free port of the loopback; each connection runs the script on a thread of its
/// own, until the script ends or throws.
package final class ScriptedServer: Sendable {
  /// What the test wants said and done on one connection.
  package typealias Script = @Sendable (ScriptedConversation) throws -> Void

  /// The port on 127.0.0.1.
  package let port: Int
  private let listener: Socket

  /// Starts to listen.
  package init(_ script: @escaping Script) throws {
    (listener, port) = try Loopback.listen()
    let listener = listener
    Thread.detachNewThread {
      while true {
        let accepted = accept(listener.descriptor, nil, nil)
        guard accepted >= 0 else { return }
        let socket = Socket(accepted)
        guard SocketPlatform.prepare(accepted) else { continue }
        Thread.detachNewThread {
          try? script(ScriptedConversation(socket))
          socket.shutDown()
        }
      }
    }
  }

  deinit {
    listener.shutDown()
  }

  /// A configuration that leads here.
  package func configuration(
    user: String = "scripted", password: String? = "secret"
  ) -> PostgresConfiguration {
    var configuration = PostgresConfiguration(
      host: "127.0.0.1", port: port, user: user, password: password)
    configuration.sslMode = .disable
    configuration.connectTimeout = .seconds(30)
    configuration.queryTimeout = .seconds(30)
    return configuration
  }
}

/// One connection to a scripted server; used by the script's thread only.
package final class ScriptedConversation {
  /// The client has ended the conversation.
  package struct Ended: Error {
    package init() {}
  }

  private let socket: Socket
  private var input: TransportInputStream
  private var output: TransportOutputStream
  private var startup = MessageFramer(isTagged: false)
  private var messages = MessageFramer(limit: WireLimits.messageByteCount)

  init(_ socket: Socket) {
    self.socket = socket
    input = TransportInputStream(socket)
    output = TransportOutputStream(socket)
  }

  /// Answers the client's request for TLS and does the server's part of the handshake.
  package func acceptTLS(_ context: TLSContext) throws -> TLSSession {
    guard try readStartup() == .sslRequest else { throw Ended() }
    try send(raw: [UInt8(ascii: "S")])
    return try beginTLS(context)
  }

  /// Does the server's part of the handshake.
  package func beginTLS(_ context: TLSContext) throws -> TLSSession {
    let session = try TLSSession(context, over: StreamPair(socket), isServer: true)
    while true {
      switch session.continueHandshake() {
      case .done:
        input = TransportInputStream(session)
        output = TransportOutputStream(session)
        return session
      case .waiting(let descriptor, let events):
        guard Socket.wait(descriptor, events: events, until: .after(.seconds(30))) else {
          throw Ended()
        }
      case .failed, .lost: throw Ended()
      }
    }
  }

  /// The next start-up message.
  package func readStartup() throws -> StartupMessage {
    while true {
      if let frame = try startup.next() { return try StartupMessage(body: frame.body) }
      let count = startup.fill { room in receive(room) }
      guard count > 0 else { throw Ended() }
    }
  }

  /// The next message.
  package func read() throws -> FrontendMessage {
    while true {
      if let frame = try messages.next() {
        return try FrontendMessage(tag: frame.tag, body: frame.body)
      }
      let count = messages.fill { room in receive(room) }
      guard count > 0 else { throw Ended() }
    }
  }

  /// Reads up to the next Sync or Query.
  package func readRequest() throws {
    while true {
      switch try read() {
      case .sync, .query: return
      default: break
      }
    }
  }

  private func receive(_ room: UnsafeMutableRawBufferPointer) -> Int {
    guard let base = room.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
    return input.read(base, maxLength: room.count)
  }

  /// What comes next, as it is; at least one byte.
  package func receiveSome() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    let count = bytes.withUnsafeMutableBytes { receive($0) }
    guard count > 0 else { throw Ended() }
    return Array(bytes.prefix(count))
  }

  /// Sends bytes past TLS.
  package func sendBelowTLS(_ bytes: [UInt8]) throws {
    let sent = bytes.withUnsafeBytes { socket.writeAvailable($0) }
    guard case .moved(bytes.count) = sent else { throw Ended() }
  }

  /// Sends messages.
  package func send(_ messages: BackendMessage...) throws {
    var writer = WireWriter()
    for message in messages { try message.encode(into: &writer) }
    try send(raw: writer.bytes)
  }

  /// Sends bytes as they are.
  package func send(raw bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBufferPointer { buffer in
        buffer.baseAddress.map { output.write($0 + sent, maxLength: bytes.count - sent) } ?? 0
      }
      guard count > 0 else { throw Ended() }
      sent += count
    }
  }

  /// Does the start-up without authentication.
  package func logIn() throws {
    _ = try readStartup()
    try letIn()
  }

  /// Does what of the start-up comes behind the client's first message.
  package func letIn() throws {
    try send(
      .authentication(.ok), .parameterStatus(name: "server_encoding", value: "UTF8"),
      .backendKeyData(processID: 1, secretKey: [1, 2, 3, 4]), .readyForQuery(.idle))
  }

  /// Answers Parse and Describe of a statement that returns these columns.
  package func describe(_ columns: [PostgresColumn], parameters: [PostgresType] = []) throws {
    try readRequest()
    try send(
      .parseComplete, .parameterDescription(parameters),
      columns.isEmpty ? .noData : .rowDescription(columns), .readyForQuery(.idle))
  }

  /// Waits until the client closes.
  package func waitForEnd() {
    while (try? read()) != nil {}
  }
}
