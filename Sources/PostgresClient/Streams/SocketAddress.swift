import Foundation
import RoostCore
import Synchronization

/// Where a socket can be connected to.
struct SocketAddress: Sendable {
  let family: Int32
  /// The system's form, `sockaddr_in`, `sockaddr_in6` or `sockaddr_un`.
  let bytes: [UInt8]

  /// The address of a Unix socket. Nil when the path is longer than the system's form holds.
  init?(path: String) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let path = Array(path.utf8)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
      // One byte is for the NUL.
      guard path.count < room.count, !path.contains(0) else { return false }
      room.copyBytes(from: path)
      return true
    }
    guard fits else { return nil }
    family = AF_UNIX
    bytes = withUnsafeBytes(of: address) { Array($0) }
  }

  private init(family: Int32, bytes: [UInt8]) {
    self.family = family
    self.bytes = bytes
  }

  /// Whether a host is an address in digits, and no name.
  static func isAddress(_ host: String) -> Bool {
    var room = in6_addr()
    return inet_pton(AF_INET, host, &room) == 1 || inet_pton(AF_INET6, host, &room) == 1
  }

  /// What a lookup found.
  enum Lookup: Sendable {
    case found([SocketAddress])
    /// The reason, in the system's words.
    case failed(String)
  }

  /// The addresses of a host, in the order in which the system wants them tried. Blocks, possibly
  /// for long, unless only an address in digits is to be read.
  static func lookUp(host: String, port: Int, digitsOnly: Bool) -> Lookup {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = streamSocketType
    hints.ai_flags = AI_NUMERICSERV | (digitsOnly ? AI_NUMERICHOST : 0)
    var list: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(host, String(port), &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard result == 0 else { return .failed(String(cString: gai_strerror(result))) }
    var addresses: [SocketAddress] = []
    var next = list
    while let entry = next {
      if let address = entry.pointee.ai_addr {
        let bytes = UnsafeRawBufferPointer(start: address, count: Int(entry.pointee.ai_addrlen))
        addresses.append(SocketAddress(family: entry.pointee.ai_family, bytes: Array(bytes)))
      }
      next = entry.pointee.ai_next
    }
    return addresses.isEmpty ? .failed("it has no address") : .found(addresses)
  }

  /// Makes a socket of the address's kind and begins to connect it. Nil when the system has no
  /// descriptor left, with the error number.
  func beginConnecting() -> (socket: Socket?, errorNumber: Int32) {
    let descriptor = socket(family, streamSocketType, 0)
    guard descriptor >= 0 else { return (nil, errno) }
    let socket = Socket(descriptor)
    guard SocketPlatform.prepare(descriptor) else { return (nil, errno) }
    if family != AF_UNIX {
      var on: Int32 = 1
      let size = socklen_t(MemoryLayout<Int32>.size)
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
      setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, size)
    }
    let result = bytes.withUnsafeBytes { raw -> Int32 in
      guard let address = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
        return -1
      }
      return connect(descriptor, address, socklen_t(raw.count))
    }
    return (socket, result == 0 ? 0 : errno)
  }
}
