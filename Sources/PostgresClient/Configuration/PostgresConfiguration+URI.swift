/// The parts of a connection URI, still as text.
///
/// Source: PostgreSQL manual, "Connection URIs", and libpq's `conninfo_uri_parse_options`.
struct ConnectionURI {
  /// The parameters by libpq's names, the URI's own parts among them.
  private(set) var parameters: [(name: String, value: String)] = []

  private static let schemes = ["postgresql://", "postgres://"]

  /// Takes a URI apart. Errors do not repeat it, since it may hold a password.
  init(_ uri: String) throws(PostgresError) {
    guard let scheme = Self.schemes.first(where: { uri.lowercased().hasPrefix($0) }) else {
      throw Self.invalid("a connection URI begins with postgres:// or postgresql://")
    }
    var rest = uri.dropFirst(scheme.count)
    if let end = rest.firstIndex(where: { $0 == "@" || $0 == "/" }), rest[end] == "@" {
      let credentials = rest[..<end]
      rest = rest[rest.index(after: end)...]
      let parts = credentials.split(
        separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      if let user = parts.first, !user.isEmpty { try add("user", user) }
      if parts.count == 2, !parts[1].isEmpty { try add("password", parts[1]) }
    }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    rest = rest.dropFirst(authority.count)
    try parse(authority: authority)
    if rest.first == "/" {
      let path = rest.dropFirst().prefix { $0 != "?" }
      rest = rest.dropFirst(path.count + 1)
      if !path.isEmpty { try add("dbname", path) }
    }
    if rest.first == "?" { try parse(query: rest.dropFirst()) }
  }

  /// Reads hosts with commas between them, each with a port of its own; what is empty counts too,
  /// so that hosts and ports keep to each other.
  private mutating func parse(authority: Substring) throws(PostgresError) {
    var hosts: [Substring] = []
    var ports: [Substring] = []
    var rest = authority
    while true {
      let (host, port) = try Self.parseHost(&rest)
      hosts.append(host)
      ports.append(port)
      guard rest.first == "," else { break }
      rest.removeFirst()
    }
    let host = hosts.joined(separator: ",")
    let port = ports.joined(separator: ",")
    if !host.isEmpty { try add("host", host[...]) }
    if !port.isEmpty { try add("port", port[...]) }
  }

  private static func parseHost(
    _ rest: inout Substring
  ) throws(PostgresError) -> (host: Substring, port: Substring) {
    let host: Substring
    if rest.first == "[" {
      guard let end = rest.firstIndex(of: "]") else {
        throw invalid("the IPv6 address lacks its ]")
      }
      host = rest[rest.index(after: rest.startIndex)..<end]
      guard !host.isEmpty else { throw invalid("the IPv6 address is empty") }
      rest = rest[rest.index(after: end)...]
      guard rest.isEmpty || rest.first == ":" || rest.first == "," else {
        throw invalid("unexpected text after the IPv6 address")
      }
    } else {
      host = rest.prefix { $0 != ":" && $0 != "," }
      rest = rest.dropFirst(host.count)
    }
    guard rest.first == ":" else { return (host, "") }
    rest.removeFirst()
    let port = rest.prefix { $0 != "," }
    rest = rest.dropFirst(port.count)
    return (host, port)
  }

  private mutating func parse(query: Substring) throws(PostgresError) {
    if query.isEmpty { return }
    for item in query.split(separator: "&", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "=", omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty else {
        throw Self.invalid("a parameter of the connection URI is not name=value")
      }
      let name = try Self.decode(parts[0])
      let value = try Self.decode(parts[1])
      // libpq reads this JDBC parameter, and no other value of it.
      if name == "ssl", value == "true" {
        parameters.append(("sslmode", "require"))
      } else {
        parameters.append((name, value))
      }
    }
  }

  private mutating func add(_ name: String, _ value: Substring) throws(PostgresError) {
    parameters.append((name, try Self.decode(value)))
  }

  private static func decode(_ text: Substring) throws(PostgresError) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      let digits = rest.prefix(2)
      rest = rest.dropFirst(2)
      guard digits.count == 2, !digits.contains(UInt8(ascii: "+")),
        !digits.contains(UInt8(ascii: "-")),
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      else { throw invalid("a % in the connection URI is not followed by two hex digits") }
      guard value != 0 else { throw invalid("%00 is not allowed in a connection URI") }
      bytes.append(value)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else {
      throw invalid("the connection URI is not UTF-8")
    }
    return decoded
  }

  private static func invalid(_ what: String) -> PostgresError {
    PostgresError(.invalidConfiguration, what)
  }
}
