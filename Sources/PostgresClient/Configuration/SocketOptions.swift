import RoostCore

/// How a TCP connection finds out that nobody is there any more. A Unix socket needs none of it.
///
/// Source: PostgreSQL manual, "Parameter Key Words"; tcp(7).
public struct SocketOptions: Sendable, Hashable {
  /// Whether an idle connection is probed. libpq: `keepalives`.
  public var isProbed = true
  /// How long it is idle before the first probe, in whole seconds; nil for the system's default.
  /// libpq: `keepalives_idle`.
  public var probeAfter: Duration?
  /// How long after a probe without an answer the next one is sent, in whole seconds; nil for the
  /// system's default. libpq: `keepalives_interval`.
  public var probeInterval: Duration?
  /// How many probes may be lost before the connection counts as lost; nil for the system's
  /// default. libpq: `keepalives_count`.
  public var probeCount: Int?
  /// How long what is sent may stay without acknowledgement before the connection counts as lost,
  /// in whole milliseconds; nil for the system's default. Where the system has no such option, as
  /// on macOS, it is passed over. libpq: `tcp_user_timeout`.
  public var unacknowledgedTimeout: Duration?

  /// The system's defaults, with probes.
  public init() {}

  /// What parameters say; numbers of 0 and less leave it to the system.
  init(_ parameters: ConnectionParameters) throws(PostgresError) {
    isProbed = try parameters.number("keepalives").map { $0 != 0 } ?? true
    let positive = { (keyword: String) throws(PostgresError) -> Int? in
      try parameters.number(keyword).flatMap { $0 > 0 ? $0 : nil }
    }
    probeAfter = try positive("keepalives_idle").map { .seconds($0) }
    probeInterval = try positive("keepalives_interval").map { .seconds($0) }
    probeCount = try positive("keepalives_count")
    unacknowledgedTimeout = try positive("tcp_user_timeout").map { .milliseconds($0) }
  }

  /// Sets them on a TCP socket.
  ///
  /// Throws `invalidConfiguration`, naming libpq's keyword, when the system refuses a number.
  func apply(to descriptor: Int32) throws(PostgresError) {
    if isProbed {
      try set(descriptor, "keepalives", SOL_SOCKET, SO_KEEPALIVE, 1)
      try set(
        descriptor, "keepalives_idle", Int32(IPPROTO_TCP), SocketPlatform.keepaliveIdleOption,
        probeAfter?.wholeSeconds)
      try set(
        descriptor, "keepalives_interval", Int32(IPPROTO_TCP), TCP_KEEPINTVL,
        probeInterval?.wholeSeconds)
      try set(descriptor, "keepalives_count", Int32(IPPROTO_TCP), TCP_KEEPCNT, probeCount)
    }
    if let option = SocketPlatform.userTimeoutOption {
      try set(
        descriptor, "tcp_user_timeout", Int32(IPPROTO_TCP), option,
        unacknowledgedTimeout?.wholeMilliseconds)
    }
  }

  private func set(
    _ descriptor: Int32, _ keyword: String, _ level: Int32, _ option: Int32, _ number: Int?
  ) throws(PostgresError) {
    guard let number else { return }
    var value = Int32(clamping: number)
    let size = socklen_t(MemoryLayout<Int32>.size)
    guard setsockopt(descriptor, level, option, &value, size) == 0 else {
      throw PostgresError(
        .invalidConfiguration,
        "the system refuses \(keyword)=\(number): \(String(cString: strerror(errno)))")
    }
  }
}

extension Duration {
  /// Rounded up, so that what is short does not become nothing.
  var wholeSeconds: Int {
    let (seconds, rest) = components
    return Int(clamping: seconds) &+ (rest > 0 ? 1 : 0)
  }

  /// Rounded up, so that what is short does not become nothing; at most a 32-bit number.
  var wholeMilliseconds: Int {
    let (seconds, rest) = components
    guard seconds < Int64(Int32.max) / 1_000 else { return Int(Int32.max) }
    // A millisecond has 10^15 attoseconds.
    return Int(seconds) * 1_000 + Int((rest + 999_999_999_999_999) / 1_000_000_000_000_000)
  }
}
