/// The one server that a session is with, or is to be with: a host of the configuration's list, and
/// the address that it was found at.
///
/// `ConnectionCore.server` has it from the first attempt to connect on. A second connection to the
/// very same server, as for a CancelRequest, is opened by
/// `TransportOpener(configuration: core.configuration, server: server, loop: loop, deadline: ...)`:
/// nothing is looked up again, and no other host of the list comes into it.
struct ServerAddress: Sendable, Hashable, CustomStringConvertible {
  /// The host as the configuration has it; TLS verifies its name.
  let host: PostgresConfiguration.Host
  /// The address; nil when the session is over streams that were handed in, so that nobody knows
  /// how to reach its server a second time.
  let socket: SocketAddress?

  /// Host and port, and the address where a name stands for it.
  var description: String {
    guard let address = socket?.numericHost, address != host.name, !host.name.isEmpty else {
      return host.endpoint
    }
    return "\(host.endpoint) (\(address))"
  }
}
