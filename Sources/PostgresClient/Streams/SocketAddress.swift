import Foundation
import RoostCore
import Synchronization

/// Where a socket can be connected to.
struct SocketAddress: Sendable, Hashable {
  let family: Int32
  /// The system's form, `sockaddr_in`, `sockaddr_in6` or `sockaddr_un`.
  let bytes: [UInt8]

  /// The address of a Unix socket; a path that begins with `@` is a name in Linux's abstract
  /// namespace. Nil when the path is longer than the system's form holds.
  ///
  /// Source: unix(7), "Address format".
  init?(path: String) {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let isAbstract = path.utf8.first == UInt8(ascii: "@")
    let name = (isAbstract ? [0] : []) + Array(path.utf8.dropFirst(isAbstract ? 1 : 0))
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
      // One byte is for the NUL.
      guard name.count < room.count, !path.utf8.contains(0) else { return false }
      room.copyBytes(from: name)
      return true
    }
    guard fits else { return nil }
    family = AF_UNIX
    let bytes = withUnsafeBytes(of: address) { Array($0) }
    // An abstract name is as long as the address says; zeros at its end would be a part of it.
    let offset = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 0
    self.bytes = isAbstract ? Array(bytes.prefix(offset + name.count)) : bytes
  }

  private init(family: Int32, bytes: [UInt8]) {
    self.family = family
    self.bytes = bytes
  }

  /// The address in digits, without the port; nil for a Unix socket's.
  var numericHost: String? {
    guard family != AF_UNIX else { return nil }
    // Room for an IPv6 address with a scope (NI_MAXHOST would do for names as well).
    var text = [CChar](repeating: 0, count: 64 + Int(IF_NAMESIZE))
    let result = bytes.withUnsafeBytes { raw -> Int32 in
      guard let address = raw.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
        return -1
      }
      return getnameinfo(
        address, socklen_t(raw.count), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
    }
    guard result == 0 else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
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
  func beginConnecting(
    _ options: SocketOptions
  ) throws(PostgresError) -> (socket: Socket?, errorNumber: Int32) {
    let descriptor = socket(family, streamSocketType, 0)
    guard descriptor >= 0 else { return (nil, errno) }
    let socket = Socket(descriptor)
    guard SocketPlatform.prepare(descriptor) else { return (nil, errno) }
    if family != AF_UNIX {
      var on: Int32 = 1
      let size = socklen_t(MemoryLayout<Int32>.size)
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
      try options.apply(to: descriptor)
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
