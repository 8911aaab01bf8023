import PostgresWire
import RoostCore

extension ConnectionCore {
  /// Tries the hosts of the list, and all addresses of each, until one lets us in and is what
  /// `targetSession` wants; `end` bounds it all, besides the time that each address has.
  ///
  /// Source: `PQconnectPoll` in libpq's `fe-connect.c`.
  func openAny(until end: Deadline) async throws(PostgresError) {
    var failures = HostFailures()
    for target in configuration.targetSession.passes {
      for host in configuration.inOrder(configuration.hosts) {
        if try await open(host, target, until: end, noting: &failures) { return }
      }
    }
    throw failures.error
  }

  /// Tries the addresses of a host. False when another host is to be tried; throws when none is.
  private func open(
    _ host: PostgresConfiguration.Host, _ target: PostgresConfiguration.TargetSession,
    until end: Deadline, noting failures: inout HostFailures
  ) async throws(PostgresError) -> Bool {
    let addresses: [SocketAddress]
    do throws(PostgresError) {
      let connector = SocketConnector(
        loop: loop, deadline: min(end, .after(configuration.connectTimeout)),
        options: configuration.socketOptions)
      addresses = try await connector.addresses(of: host)
    } catch {
      failures.note(error, at: host.endpoint)
      guard error.nextServer(until: end) != .none else { throw failures.error }
      return false
    }
    for address in configuration.inOrder(addresses) {
      let server = ServerAddress(host: host, socket: address)
      do throws(PostgresError) {
        let deadline = min(end, .after(configuration.connectTimeout))
        try await open(to: server, over: nil, until: deadline)
        try await require(target, until: deadline)
        return true
      } catch {
        failures.note(error, at: server.description)
        switch error.nextServer(until: end) {
        case .address: reopen()
        case .host:
          reopen()
          return false
        case .none: throw failures.error
        }
      }
    }
    return false
  }

  // MARK: What the server is

  /// Closes the session and throws `unsuitableServer` if its server is not what is wanted.
  ///
  /// Servers from 14 on have said in the start-up what they are; others are asked.
  func require(
    _ target: PostgresConfiguration.TargetSession, until deadline: Deadline
  ) async throws(PostgresError) {
    let parameters = wire.session.parameters
    let standby = parameters["in_hot_standby"]
    let refusal: String?
    switch target {
    case .any: return
    case .readWrite, .readOnly:
      let isReadOnly: Bool
      if let standby, let mode = parameters["default_transaction_read_only"] {
        isReadOnly = standby == "on" || mode == "on"
      } else {
        isReadOnly = try await ask("SHOW transaction_read_only", until: deadline) == "on"
      }
      let fits = isReadOnly == (target == .readOnly)
      refusal = fits ? nil : isReadOnly ? "the session is read-only" : "the session may write"
    case .primary, .standby, .preferStandby:
      let isStandby: Bool
      if let standby {
        isStandby = standby == "on"
      } else {
        let sql = "SELECT pg_catalog.pg_is_in_recovery()"
        isStandby = try await ask(sql, until: deadline) == "t"
      }
      let fits = isStandby != (target == .primary)
      refusal = fits ? nil : isStandby ? "the server is a standby" : "the server is no standby"
    }
    guard let refusal else { return }
    close()
    throw PostgresError(
      .unsuitableServer, "\(refusal), and target_session_attrs=\(target.rawValue) is asked for")
  }

  /// The one value that a query returns, as text. A server that answers with an error, or with no
  /// value, is not what is wanted.
  private func ask(_ sql: String, until deadline: Deadline) async throws(PostgresError) -> String {
    var answer: String?
    var failure: PostgresServerMessage?
    try wire.write { (session, output) throws(WireError) in
      try session.query(sql, output: &output)
    }
    do throws(PostgresError) {
      try await exchange(
        until: deadline,
        row: { body throws(PostgresError) in answer = try PostgresError.firstText(of: body) }
      ) { event in
        switch event {
        case .failed(let message):
          failure = message
          return message.endsSession
        case .ready: return true
        default: return false
        }
      }
    } catch {
      guard error.code == .deadlineExceeded else { throw error }
      throw PostgresError(
        .connectTimeout, "the connect deadline passed before the server said what it is")
    }
    if failure == nil, let answer { return answer }
    close()
    throw PostgresError(
      .unsuitableServer,
      "the server does not say what it is: \(failure?.message ?? "\(sql) returned nothing")",
      server: failure)
  }
}

/// Which server is worth a try after a failure.
private enum NextServer {
  /// The host's next address, or the next host.
  case address
  /// The next host.
  case host
  /// None: it would end in the same way, or the caller no longer wants it.
  case none
}

extension PostgresError {
  /// What libpq tries next; seen with psql 15 against servers that fail in each of these ways.
  fileprivate func nextServer(until end: Deadline) -> NextServer {
    if code == .cancelled || end <= .now { return .none }
    if sqlState == .cannotConnectNow { return .host }
    return switch code {
    case .connectionRefused, .hostUnreachable, .connectTimeout: .address
    case .unknownHost, .unsuitableServer: .host
    default: .none
    }
  }

  /// A row's first value as text; nil when it is NULL.
  fileprivate static func firstText(
    of body: UnsafeRawBufferPointer
  ) throws(PostgresError) -> String? {
    do throws(WireError) {
      guard case .dataRow(let values) = try BackendMessage(tag: BackendTag.dataRow, body: body)
      else { return nil }
      return values.first?.map { String(decoding: $0, as: UTF8.self) }
    } catch {
      throw PostgresError(error)
    }
  }
}

/// What became of the servers that were tried.
private struct HostFailures {
  private var places: [String] = []
  private var last: PostgresError?

  mutating func note(_ error: PostgresError, at place: String) {
    let text = error.message.contains(place) ? error.message : "\(place): \(error.message)"
    // The second round of prefer-standby may fail in the same way.
    if !places.contains(text) { places.append(text) }
    last = error
  }

  /// The last failure, whose message tells of all if there are several.
  var error: PostgresError {
    guard let last else { return PostgresError(.invalidConfiguration, "there is no host") }
    guard places.count > 1 else { return last }
    return PostgresError(
      last.code, "no server could be connected to: \(places.joined(separator: "; "))",
      server: last.server, cause: last.cause)
  }
}

extension PostgresConfiguration {
  /// Hosts or addresses in the order in which they are tried.
  fileprivate func inOrder<Element>(_ elements: [Element]) -> [Element] {
    guard loadBalancing == .random, elements.count > 1 else { return elements }
    guard let loadBalancingSeed else { return elements.shuffled() }
    var generator = SeededGenerator(state: loadBalancingSeed)
    return elements.shuffled(using: &generator)
  }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same order for the same seed.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
