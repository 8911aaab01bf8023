/// The bytes of a host's or network's address and how many of its bits name the network.
///
/// Source: `network_send` and `inet_net_ntop` of the server.
private enum NetworkAddress {
  // The families' numbers on the wire. Source: `PGSQL_AF_INET` and `PGSQL_AF_INET6`.
  static let family4: UInt8 = 2
  static let family6: UInt8 = 3

  /// The longest text, in bytes. Source: `inet6` of 45 and the prefix's `/128`.
  private static let textByteCount = 49

  static func isValid(_ bytes: [UInt8], _ prefixLength: UInt8) -> Bool {
    (bytes.count == 4 || bytes.count == 16) && Int(prefixLength) <= bytes.count * 8
  }

  static func read(
    _ reader: inout PostgresValueReader
  ) throws(PostgresDecodingError) -> (bytes: [UInt8], prefixLength: UInt8) {
    let family: UInt8 = try reader.integer()
    let prefixLength: UInt8 = try reader.integer()
    _ = try reader.integer(UInt8.self)
    let count: UInt8 = try reader.integer()
    guard (family == family4 && count == 4) || (family == family6 && count == 16) else {
      throw reader.malformed("its family is \(family), with \(count) bytes")
    }
    let bytes = Array(try reader.bytes(Int(count)))
    guard isValid(bytes, prefixLength) else {
      throw reader.malformed("its network has \(prefixLength) bits")
    }
    return (bytes, prefixLength)
  }

  static func write(
    _ bytes: [UInt8], _ prefixLength: UInt8, isNetwork: Bool,
    into writer: inout PostgresValueWriter
  ) {
    writer.write(bytes.count == 4 ? family4 : family6)
    writer.write(prefixLength)
    writer.write(UInt8(isNetwork ? 1 : 0))
    writer.write(UInt8(bytes.count))
    writer.write(bytes: bytes)
  }

  /// Dotted quads, or groups with the longest run of zeros left out.
  static func text(_ bytes: [UInt8]) -> String {
    if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
    let groups = stride(from: 0, to: 16, by: 2).map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
    var best = 0..<0
    var start = 0
    while start < 8 {
      guard groups[start] == 0 else {
        start += 1
        continue
      }
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > best.count { best = start..<end }
      start = end
    }
    if best.count < 2 { best = 0..<0 }
    func hexadecimal(_ range: Range<Int>) -> String {
      groups[range].map { String($0, radix: 16) }.joined(separator: ":")
    }
    if best.lowerBound == 0,
      best.count == 6 || (best.count == 7 && groups[7] != 1)
        || (best.count == 5 && groups[5] == 0xffff)
    {
      let middle = best.count == 5 ? "ffff:" : ""
      return "::" + middle + text(Array(bytes[12...]))
    }
    if best.isEmpty { return hexadecimal(0..<8) }
    return hexadecimal(0..<best.lowerBound) + "::" + hexadecimal(best.upperBound..<8)
  }

  /// Reads an address with an optional `/length`.
  static func parse(_ text: String) -> (bytes: [UInt8], prefixLength: UInt8)? {
    guard text.utf8.count <= textByteCount else { return nil }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2 else { return nil }
    guard let bytes = parts[0].contains(":") ? parse6(parts[0]) : parse4(parts[0]) else {
      return nil
    }
    guard parts.count == 2 else { return (bytes, UInt8(bytes.count * 8)) }
    guard let length = UInt8(parts[1]), isValid(bytes, length) else { return nil }
    return (bytes, length)
  }

  private static func parse4(_ text: Substring) -> [UInt8]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { UInt8($0) }
    return parts.count == 4 && bytes.count == 4 ? bytes : nil
  }

  private static func parse6(_ text: Substring) -> [UInt8]? {
    func groups(_ text: Substring) -> [UInt8]? {
      if text.isEmpty { return [] }
      var bytes: [UInt8] = []
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      for (index, part) in parts.enumerated() {
        if index == parts.count - 1, part.contains(".") {
          guard let quad = parse4(part) else { return nil }
          bytes += quad
        } else {
          guard part.count <= 4, let group = UInt16(part, radix: 16) else { return nil }
          bytes += [UInt8(group >> 8), UInt8(group & 0xff)]
        }
      }
      return bytes
    }
    guard let gap = text.firstRange(of: "::") else {
      return groups(text).flatMap { $0.count == 16 ? $0 : nil }
    }
    guard let head = groups(text[..<gap.lowerBound]), let tail = groups(text[gap.upperBound...]),
      head.count + tail.count <= 14
    else { return nil }
    return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
  }
}

/// An address of a host, with the length of its network's prefix: SQL's `inet`.
public struct PostgresInet: PostgresScalar {
  /// Four bytes for IPv4, sixteen for IPv6.
  public let bytes: [UInt8]
  /// How many bits name the network; all of them for a host alone.
  public let prefixLength: UInt8

  /// An address of four or sixteen bytes; nil when it has another length, or the prefix is longer
  /// than the address.
  public init?(bytes: [UInt8], prefixLength: UInt8? = nil) {
    let length = prefixLength ?? UInt8(clamping: bytes.count * 8)
    guard NetworkAddress.isValid(bytes, length) else { return nil }
    self.bytes = bytes
    self.prefixLength = length
  }

  /// Reads `192.168.0.1`, `192.168.0.1/24` or `2001:db8::1/64`; nil when the text has another form.
  public init?(_ text: String) {
    guard let (bytes, prefixLength) = NetworkAddress.parse(text) else { return nil }
    self.bytes = bytes
    self.prefixLength = prefixLength
  }

  /// The address, with the prefix's length unless it is all of the address.
  public var description: String {
    NetworkAddress.text(bytes) + (Int(prefixLength) < bytes.count * 8 ? "/\(prefixLength)" : "")
  }

  /// `inet`.
  public static var postgresParameterType: PostgresType { .inet }

  /// `cidr`.
  public static var postgresOtherTypes: [PostgresType] { [.cidr] }

  /// Family, prefix, kind, length and the bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    (bytes, prefixLength) = try NetworkAddress.read(&reader)
  }

  /// Four bytes and the address.
  public func encode(into writer: inout PostgresValueWriter) {
    NetworkAddress.write(bytes, prefixLength, isNetwork: false, into: &writer)
  }
}

/// A network, whose bits behind the prefix are zero: SQL's `cidr`.
public struct PostgresCIDR: PostgresScalar {
  /// Four bytes for IPv4, sixteen for IPv6.
  public let bytes: [UInt8]
  /// How many bits name the network.
  public let prefixLength: UInt8

  /// A network of four or sixteen bytes; nil when it has another length, or bits behind the prefix.
  public init?(bytes: [UInt8], prefixLength: UInt8) {
    guard NetworkAddress.isValid(bytes, prefixLength),
      bytes.indices.allSatisfy({ index in
        let kept = max(0, min(8, Int(prefixLength) - index * 8))
        return UInt16(bytes[index]) << kept & 0xff == 0
      })
    else { return nil }
    self.bytes = bytes
    self.prefixLength = prefixLength
  }

  /// Reads `192.168.0.0/24` or `2001:db8::/32`; nil when the text has another form.
  public init?(_ text: String) {
    guard let (bytes, prefixLength) = NetworkAddress.parse(text) else { return nil }
    self.init(bytes: bytes, prefixLength: prefixLength)
  }

  /// The address and the prefix's length.
  public var description: String { "\(NetworkAddress.text(bytes))/\(prefixLength)" }

  /// `cidr`.
  public static var postgresParameterType: PostgresType { .cidr }

  /// Family, prefix, kind, length and the bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    let (bytes, prefixLength) = try NetworkAddress.read(&reader)
    guard let value = PostgresCIDR(bytes: bytes, prefixLength: prefixLength) else {
      throw reader.malformed("it has bits behind its prefix")
    }
    self = value
  }

  /// Four bytes and the address.
  public func encode(into writer: inout PostgresValueWriter) {
    NetworkAddress.write(bytes, prefixLength, isNetwork: true, into: &writer)
  }
}
