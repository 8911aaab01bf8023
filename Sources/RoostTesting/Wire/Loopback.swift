import Foundation
import PostgresClient
import RoostCore

/// Sockets on 127.0.0.1.
enum Loopback {
  private static func withAddress<T>(
    port: Int, _ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> T
  ) -> (result: T, port: Int) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
    }
    return (result, Int(UInt16(bigEndian: address.sin_port)))
  }

  /// A socket that listens on a free port.
  static func listen() throws -> (Socket, port: Int) {
    let socket = Socket(RoostCore.socket(AF_INET, streamSocketType, 0))
    let (result, port) = withAddress(port: 0) { address, length in
      guard bind(socket.descriptor, address, length) == 0,
        RoostCore.listen(socket.descriptor, 16) == 0
      else { return Int32(-1) }
      return getsockname(socket.descriptor, address, &length)
    }
    guard result == 0 else { throw ThrowawayPostgresError(message: "cannot listen: \(errno)") }
    return (socket, port)
  }

  /// A connected socket, nil when nobody listens. The closure may set its options before.
  static func connect(to port: Int, _ prepare: (Int32) -> Void = { _ in }) -> Socket? {
    let socket = Socket(RoostCore.socket(AF_INET, streamSocketType, 0))
    prepare(socket.descriptor)
    let (result, _) = withAddress(port: port) { address, length in
      RoostCore.connect(socket.descriptor, address, length)
    }
    return result == 0 && SocketPlatform.prepare(socket.descriptor) ? socket : nil
  }
}
