import Foundation
import RoostCore
import Synchronization

/// Connects a socket from a job on a loop, without ever blocking it.
struct SocketConnector {
  let loop: ConnectionLoop
  let deadline: Deadline
  let options: SocketOptions

  /// The addresses of a host, looked up if need be.
  func addresses(
    of host: PostgresConfiguration.Host
  ) async throws(PostgresError) -> [SocketAddress] {
    if host.usesUnixSocket {
      guard let address = SocketAddress(path: host.path) else {
        throw PostgresError(
          .invalidConfiguration, "the Unix socket's path \(host.path) is too long or has a NUL")
      }
      return [address]
    }
    let name = host.address ?? host.name
    if case .found(let addresses) = SocketAddress.lookUp(
      host: name, port: host.port, digitsOnly: true)
    {
      return addresses
    }
    guard host.address == nil else {
      throw PostgresError(
        .invalidConfiguration, "hostaddr is \"\(name)\", but must be an address in digits")
    }
    switch try await lookUp(name, host.port) {
    case .found(let addresses): return addresses
    case .failed(let reason):
      throw PostgresError(.unknownHost, "the host \(name) cannot be found: \(reason)")
    }
  }

  /// Looks a name up on a thread of its own: the system's function can take long and cannot be
  /// interrupted. After the deadline the thread is left to end by itself.
  private func lookUp(
    _ host: String, _ port: Int
  ) async throws(PostgresError) -> SocketAddress.Lookup {
    let answer = Answer()
    let id = loop.makeWaitID()
    let loop = loop
    Thread.detachNewThread {
      let found = SocketAddress.lookUp(host: host, port: port, digitsOnly: false)
      answer.value.withLock { $0 = found }
      loop.signal(id, .ready)
    }
    switch await loop.wait(id, descriptor: -1, events: 0, deadline: deadline) {
    case .ready: break
    case .deadline: throw timeout("looking up \(host)")
    case .cancelled: throw PostgresError(.cancelled, "cancelled while looking up \(host)")
    }
    return answer.value.withLock { $0 } ?? .failed("no answer")
  }

  private final class Answer: Sendable {
    let value = Mutex<SocketAddress.Lookup?>(nil)
  }

  /// A socket that is connected to the server.
  func connect(to server: ServerAddress) async throws(PostgresError) -> Socket {
    guard let address = server.socket else {
      throw PostgresError(
        .unsupported, "the session's streams were handed in: nobody knows where they lead to")
    }
    let (socket, errorNumber) = try address.beginConnecting(options)
    guard let socket else { throw failure(errorNumber, server) }
    if errorNumber == 0 { return socket }
    guard errorNumber == EINPROGRESS || errorNumber == EINTR else {
      throw failure(errorNumber, server)
    }
    let outcome = await loop.wait(
      loop.makeWaitID(), descriptor: socket.descriptor, events: Int16(POLLOUT),
      deadline: deadline)
    switch outcome {
    case .ready: break
    case .deadline: throw timeout("connecting to \(server)")
    case .cancelled: throw PostgresError(.cancelled, "cancelled while connecting")
    }
    var result: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(socket.descriptor, SOL_SOCKET, SO_ERROR, &result, &size)
    guard result == 0 else { throw failure(result, server) }
    return socket
  }

  private func timeout(_ what: String) -> PostgresError {
    PostgresError(.connectTimeout, "the connect deadline passed while \(what)")
  }

  private func failure(_ errorNumber: Int32, _ server: ServerAddress) -> PostgresError {
    let reason = String(cString: strerror(errorNumber))
    let code: PostgresError.Code =
      switch errorNumber {
      case ECONNREFUSED, ENOENT, EAGAIN: .connectionRefused
      case ETIMEDOUT: .connectTimeout
      // Also what a firewall or the system's permissions answer with.
      default: .hostUnreachable
      }
    return PostgresError(code, "cannot connect to \(server): \(reason)")
  }
}
