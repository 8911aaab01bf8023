import Foundation
import PostgresClient
import RoostCore
import Synchronization

/// A proxy between a client and a server on the loopback, which does to their bytes what a test
/// wants.
///
/// Each connection is served by a thread of its own, until one of the sides has ended it.
package final class FaultProxy: Sendable {
  /// The faults of a connection, by its number from 0: in what the client says, and the server.
  package typealias Faults = @Sendable (Int) -> (client: WireFaults, server: WireFaults)

  /// The port on 127.0.0.1.
  package let port: Int
  private let listener: Socket
  private let bytes = Mutex<(client: [UInt8], server: [UInt8])>(([], []))

  /// What passed so far in each direction, of all connections.
  package var recorded: (client: [UInt8], server: [UInt8]) { bytes.withLock { $0 } }

  /// Starts to listen for clients of the server at this port.
  ///
  /// Throws `ThrowawayPostgresError` when the system has no port left.
  package init(to serverPort: Int, _ faults: @escaping Faults = { _ in (.init(), .init()) }) throws
  {
    (listener, port) = try Loopback.listen()
    Thread.detachNewThread { [weak self, listener] in
      var count = 0
      while true {
        let accepted = accept(listener.descriptor, nil, nil)
        guard accepted >= 0 else { return }
        let client = Socket(accepted)
        guard SocketPlatform.prepare(accepted), let server = Loopback.connect(to: serverPort) else {
          continue
        }
        let (clientFaults, serverFaults) = faults(count)
        count += 1
        Thread.detachNewThread { [weak self] in
          var conversation = ProxiedConversation(
            client: client, server: server, clientFaults, serverFaults)
          conversation.run { bytes, isClients in
            self?.record(bytes, isClients)
          }
        }
      }
    }
  }

  private func record(_ passed: [UInt8], _ isClients: Bool) {
    bytes.withLock { bytes in
      if isClients { bytes.client += passed } else { bytes.server += passed }
    }
  }

  deinit {
    listener.shutDown()
  }
}

/// Moves the bytes of one connection.
private struct ProxiedConversation {
  /// One way through the proxy. What is read is written before more is read.
  private struct Direction {
    let source: Socket
    let target: Socket
    let faults: WireFaults
    var count = 0
    var backlog: [UInt8] = []
    var isSilent = false

    var descriptor: pollfd {
      backlog.isEmpty
        ? pollfd(fd: source.descriptor, events: Int16(POLLIN), revents: 0)
        : pollfd(fd: target.descriptor, events: Int16(POLLOUT), revents: 0)
    }
  }

  private enum Outcome {
    case goesOn
    case ends
    case resets
  }

  private static let readByteCount = 64 << 10
  private var directions: [Direction]

  init(client: Socket, server: Socket, _ clientFaults: WireFaults, _ serverFaults: WireFaults) {
    directions = [
      Direction(source: client, target: server, faults: clientFaults),
      Direction(source: server, target: client, faults: serverFaults),
    ]
  }

  mutating func run(_ note: ([UInt8], _ isClients: Bool) -> Void) {
    var outcome = Outcome.goesOn
    while outcome == .goesOn {
      var descriptors = directions.map(\.descriptor)
      guard poll(&descriptors, 2, -1) > 0 || errno == EINTR else { break }
      for index in directions.indices
      where outcome == .goesOn && descriptors[index].revents != 0 {
        outcome = move(&directions[index]) { note($0, index == 0) }
      }
    }
    for direction in directions {
      if outcome == .resets {
        // Closing, which follows when the last of the sockets is let go, then sends a reset.
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
          direction.source.descriptor, SOL_SOCKET, SO_LINGER, &option,
          socklen_t(MemoryLayout<linger>.size))
      } else {
        direction.source.shutDown()
      }
    }
  }

  private func move(_ direction: inout Direction, _ note: ([UInt8]) -> Void) -> Outcome {
    if direction.backlog.isEmpty { return read(&direction, note) }
    let slice = direction.faults.sliceByteCount ?? direction.backlog.count
    let written = direction.backlog.prefix(slice).withUnsafeBytes {
      direction.target.writeAvailable($0)
    }
    switch written {
    case .moved(let count): direction.backlog.removeFirst(count)
    case .wouldBlock: break
    case .end, .failed: return .ends
    }
    return .goesOn
  }

  private func read(_ direction: inout Direction, _ note: ([UInt8]) -> Void) -> Outcome {
    var bytes = [UInt8](repeating: 0, count: Self.readByteCount)
    switch bytes.withUnsafeMutableBytes({ direction.source.readAvailable($0) }) {
    case .moved(let count): bytes.removeLast(bytes.count - count)
    case .wouldBlock: return .goesOn
    case .end, .failed: return .ends
    }
    let faults = direction.faults
    if faults.delay > 0 { Thread.sleep(forTimeInterval: faults.delay) }
    if direction.isSilent { return .goesOn }
    note(bytes)
    let passing = faults.apply(to: &bytes, at: direction.count)
    direction.count += passing
    guard passing < bytes.count || faults.cutAfterByteCount == direction.count else {
      direction.backlog = bytes
      return .goesOn
    }
    // What passes before the end fits the socket's buffer, or is lost with it.
    _ = bytes.prefix(passing).withUnsafeBytes { direction.target.writeAvailable($0) }
    switch faults.ending {
    case .close: return .ends
    case .reset: return .resets
    case .silence:
      direction.isSilent = true
      return .goesOn
    }
  }
}
