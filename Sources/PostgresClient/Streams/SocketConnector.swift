import Foundation
import RoostCore
import Synchronization

/// Connects a socket from a job on a loop, without ever blocking it.
struct SocketConnector {
  let loop: ConnectionLoop
  let deadline: Deadline

  /// Where a server listens.
  enum Endpoint: Sendable, Hashable {
    case tcp(host: String, port: Int)
    case unix(path: String)
  }

  /// A connected socket; every address of the host is tried in turn.
  func connect(to endpoint: Endpoint) async throws(PostgresError) -> Socket {
    var failure = PostgresError(.unknownHost, "\(endpoint) has no address")
    for address in try await addresses(of: endpoint) {
      do throws(PostgresError) {
        return try await connect(to: address, of: endpoint)
      } catch {
        failure = error
        if error.code == .connectTimeout || error.code == .cancelled { break }
      }
    }
    throw failure
  }

  private func addresses(
    of endpoint: Endpoint
  ) async throws(PostgresError) -> [SocketAddress] {
    switch endpoint {
    case .unix(let path):
      guard let address = SocketAddress(path: path) else {
        throw PostgresError(
          .invalidConfiguration, "the Unix socket's path \(path) is too long or has a NUL")
      }
      return [address]
    case .tcp(let host, let port):
      if case .found(let addresses) = SocketAddress.lookUp(
        host: host, port: port, digitsOnly: true)
      {
        return addresses
      }
      switch try await lookUp(host, port) {
      case .found(let addresses): return addresses
      case .failed(let reason):
        throw PostgresError(.unknownHost, "the host \(host) cannot be found: \(reason)")
      }
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

  private func connect(
    to address: SocketAddress, of endpoint: Endpoint
  ) async throws(PostgresError) -> Socket {
    let (socket, errorNumber) = address.beginConnecting()
    guard let socket else { throw failure(errorNumber, endpoint) }
    if errorNumber == 0 { return socket }
    guard errorNumber == EINPROGRESS || errorNumber == EINTR else {
      throw failure(errorNumber, endpoint)
    }
    let outcome = await loop.wait(
      loop.makeWaitID(), descriptor: socket.descriptor, events: Int16(POLLOUT),
      deadline: deadline)
    switch outcome {
    case .ready: break
    case .deadline: throw timeout("connecting to \(endpoint)")
    case .cancelled: throw PostgresError(.cancelled, "cancelled while connecting")
    }
    var result: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(socket.descriptor, SOL_SOCKET, SO_ERROR, &result, &size)
    guard result == 0 else { throw failure(result, endpoint) }
    return socket
  }

  private func timeout(_ what: String) -> PostgresError {
    PostgresError(.connectTimeout, "the connect deadline passed while \(what)")
  }

  private func failure(_ errorNumber: Int32, _ endpoint: Endpoint) -> PostgresError {
    let reason = String(cString: strerror(errorNumber))
    let code: PostgresError.Code =
      switch errorNumber {
      case ECONNREFUSED, ENOENT, EAGAIN: .connectionRefused
      case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN, EADDRNOTAVAIL: .hostUnreachable
      case ETIMEDOUT: .connectTimeout
      default: .closed
      }
    return PostgresError(code, "cannot connect to \(endpoint): \(reason)")
  }
}

extension SocketConnector.Endpoint: CustomStringConvertible {
  /// As people write it.
  var description: String {
    switch self {
    case .tcp(let host, let port):
      host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }
}
