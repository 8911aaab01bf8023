import RoostCore

extension PostgresConfiguration {
  /// One server of the list.
  public struct Host: Sendable, Hashable {
    /// A host's name or address, or the folder of a Unix socket when it begins with `/` (or with
    /// `@`, for a name in Linux's abstract namespace). libpq: `host`.
    public var name: String
    /// The address to connect to instead of looking `name` up, nil to look it up. libpq:
    /// `hostaddr`.
    public var address: String?
    /// The TCP port, which also names the Unix socket. libpq: `port`.
    public var port: Int

    /// A server by its parts.
    public init(_ name: String, address: String? = nil, port: Int = defaultPort) {
      self.name = name
      self.address = address
      self.port = port
    }
  }

  /// What a server must be to be connected to, by libpq's names.
  public enum TargetSession: String, Sendable, Hashable, CaseIterable {
    /// Anything.
    case any
    /// Sessions may write unless they say otherwise: no standby, and no
    /// `default_transaction_read_only`.
    case readWrite = "read-write"
    /// Sessions may not write unless they say otherwise.
    case readOnly = "read-only"
    /// No standby.
    case primary
    /// A standby in hot standby mode.
    case standby
    /// A standby if one of the hosts is one that can be used, else any.
    case preferStandby = "prefer-standby"

    /// What is wanted of the hosts, list after list.
    var passes: [TargetSession] { self == .preferStandby ? [.standby, .any] : [self] }
  }

  /// In which order hosts are tried, by libpq's names.
  public enum LoadBalancing: String, Sendable, Hashable, CaseIterable {
    /// As they are given.
    case disable
    /// At random, for each connection anew; the addresses of a host, too.
    case random
  }

  /// The first host's name, address or folder.
  public var host: String {
    get { first.name }
    set { first.name = newValue }
  }

  /// The address to connect to instead of looking the first host up, nil to look it up.
  public var hostAddress: String? {
    get { first.address }
    set { first.address = newValue }
  }

  /// The first host's port.
  public var port: Int {
    get { first.port }
    set { first.port = newValue }
  }

  private var first: Host {
    get { hosts.first ?? Host("") }
    set {
      if hosts.isEmpty { hosts = [newValue] } else { hosts[0] = newValue }
    }
  }
}

extension PostgresConfiguration.Host: CustomStringConvertible {
  /// Name and port, as a URI has them.
  public var description: String {
    let place = name.isEmpty ? address ?? "" : name
    return place.contains(":") ? "[\(place)]:\(port)" : "\(place):\(port)"
  }

  /// libpq's folder for Unix sockets: Debian's where it exists, else the original one.
  static let defaultFolder =
    access("/var/run/postgresql", X_OK) == 0 ? "/var/run/postgresql" : "/tmp"

  /// Whether the host is the folder of a Unix socket.
  var usesUnixSocket: Bool {
    let first = name.utf8.first
    return address == nil && (first == UInt8(ascii: "/") || first == UInt8(ascii: "@"))
  }

  /// The Unix socket's path. Source: `UNIXSOCK_PATH` in the server's `src/include/libpq/pqcomm.h`.
  var path: String { "\(name)/.s.PGSQL.\(port)" }

  /// Where a connection goes, as people write it.
  var endpoint: String {
    if usesUnixSocket { return path }
    guard let address, name.isEmpty else { return description }
    return PostgresConfiguration.Host(address, port: port).description
  }

  /// Throws for what nobody can be reached with.
  func validate() throws(PostgresError) {
    guard !name.isEmpty || address != nil else {
      throw PostgresError(.invalidConfiguration, "a host has neither a name nor an address")
    }
    guard (1...65_535).contains(port) else {
      throw PostgresError(.invalidConfiguration, "the port \(port) is not within 1 to 65535")
    }
    if name.utf8.contains(0) || address?.utf8.contains(0) == true {
      throw PostgresError(.invalidConfiguration, "a host has a NUL character")
    }
  }

  /// Reads the lists of `host`, `hostaddr` and `port`, which must be of one length; one port serves
  /// all hosts.
  ///
  /// Source: `connectOptions2` in libpq's `fe-connect.c`.
  static func list(
    _ parameters: ConnectionParameters
  ) throws(PostgresError) -> [PostgresConfiguration.Host] {
    let names = items(parameters.text("host"))
    let addresses = items(parameters.text("hostaddr"))
    let ports = items(parameters.text("port"))
    let count = max(addresses.count, names.count, 1)
    if !names.isEmpty, !addresses.isEmpty, names.count != addresses.count {
      throw PostgresError(
        .invalidConfiguration,
        "host names \(names.count) hosts, but hostaddr \(addresses.count) addresses")
    }
    guard ports.count <= 1 || ports.count == count else {
      throw PostgresError(
        .invalidConfiguration,
        "port gives \(ports.count) ports for \(count) host\(count == 1 ? "" : "s"): give one for "
          + "all, or one for each")
    }
    var hosts: [PostgresConfiguration.Host] = []
    for index in 0..<count {
      let name = names.isEmpty ? "" : names[index]
      let address = addresses.isEmpty || addresses[index].isEmpty ? nil : addresses[index]
      let port = ports.isEmpty ? "" : ports[ports.count == 1 ? 0 : index]
      hosts.append(
        PostgresConfiguration.Host(
          name.isEmpty && address == nil ? defaultFolder : name, address: address,
          port: try number(ofPort: port)))
    }
    return hosts
  }

  private static func items(_ list: String?) -> [String] {
    guard let list else { return [] }
    let items = list.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    return items.map { String(decoding: Array($0), as: UTF8.self) }
  }

  private static func number(ofPort text: String) throws(PostgresError) -> Int {
    if text.isEmpty { return PostgresConfiguration.defaultPort }
    let number = try? ConnectionParameters.number(text, "port")
    guard let number, (1...65_535).contains(number) else {
      // Its text is not shown: where a password in a URI has a `/` in it, it is a part of that.
      throw PostgresError(
        .invalidConfiguration, "port has an item that is no number from 1 to 65535")
    }
    return number
  }
}
