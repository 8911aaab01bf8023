import Foundation
import RoostCore

/// A PgBouncer of the tests' own in front of a throw-away cluster, on a free TCP port of the
/// loopback; it ends with the process, also when that crashes.
///
/// Whoever comes is let in as the user that it names. Run as root, it runs as the cluster does.
public struct ThrowawayPgBouncer: Sendable {
  /// For how long a client has a server connection.
  public enum PoolMode: String, Sendable, CaseIterable {
    /// Until it disconnects.
    case session
    /// Until its transaction ends: the next one may be on another server connection.
    case transaction
  }

  /// The TCP port on 127.0.0.1.
  public let port: Int
  private let lifeline: Lifeline
  private let user: String

  /// Where the program is; nil when it is not installed.
  private static var program: String? {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = ["/usr/sbin", "/opt/homebrew/bin", "/usr/local/bin"]
    return (folders + path.split(separator: ":").map(String.init))
      .map { "\($0)/pgbouncer" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// Whether there is a PgBouncer here; `Tests/run` installs it where it can.
  public static var isInstalled: Bool { program != nil }

  /// Starts one with so many server connections for each database; `stop` ends it.
  ///
  /// The cluster must let everybody in (`ThrowawayPostgres.Authentication.trust`). Throws
  /// `ThrowawayPostgresError` when there is no PgBouncer, or it does not start.
  public static func start(
    before cluster: ThrowawayPostgres, _ mode: PoolMode, serverConnections: Int = 2
  ) async throws -> ThrowawayPgBouncer {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result { try ThrowawayPgBouncer(cluster, mode, serverConnections) })
      }
    }
  }

  /// Ends it; at once for the caller, within seconds for the process.
  public func stop() {
    lifeline.cut()
  }

  /// A connection URI with the name of the cluster's superuser.
  public func url(database: String = "postgres") -> String {
    "postgres://\(user)@127.0.0.1:\(port)/\(database)"
  }

  private init(_ cluster: ThrowawayPostgres, _ mode: PoolMode, _ serverConnections: Int) throws {
    guard let program = Self.program else {
      throw ThrowawayPostgresError(
        message: "no PgBouncer found; install it, for example with `apt-get install pgbouncer`")
    }
    var failure = ""
    // A free port may be taken by another process before PgBouncer binds it: try again.
    for _ in 0..<3 {
      let folder = try ThrowawayPostgres.makeFolder()
      let port = try ThrowawayPostgres.freePort()
      let settings = """
        [databases]
        * = host=\(cluster.folder) port=\(cluster.port)
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = \(port)
        unix_socket_dir = \(folder)
        auth_type = trust
        auth_file = \(folder)/users
        pool_mode = \(mode.rawValue)
        default_pool_size = \(serverConnections)
        max_client_conn = 300
        logfile = \(folder)/log
        pidfile = \(folder)/pid

        """
      let files = (settings: folder + "/settings", users: folder + "/users")
      try Data(settings.utf8).write(to: URL(fileURLWithPath: files.settings))
      try Data("\"\(cluster.user)\" \"\"\n".utf8).write(to: URL(fileURLWithPath: files.users))
      let user = try ThrowawayPostgres.serverUser(owning: [folder, files.settings, files.users])
      let (lifeline, answer) = try Lifeline.spawn(Self.supervisorScript, [folder, program, user])
      if answer == "ready" {
        self.port = port
        self.lifeline = lifeline
        self.user = cluster.user
        return
      }
      failure = answer
    }
    throw ThrowawayPostgresError(message: failure)
  }

  /// The shell that owns it, as that of `ThrowawayPostgres`.
  ///
  /// Arguments: folder, program, user (empty: stay who we are).
  private static let supervisorScript =
    asUserScript + #"""
      trap '' INT TERM HUP
      folder=$1 program=$2 user=$3
      cd "$folder" || exit 1
      if as_user "$program" -d "$folder/settings" >"$folder/output" 2>&1 </dev/null; then
        # The process that goes on writes it.
        tries=0
        while [ ! -s "$folder/pid" ] && [ $tries -lt 100 ]; do
          tries=$((tries + 1))
          sleep 0.1
        done
        echo ready
      else
        said=$(cat "$folder/output" "$folder/log" | tail -n 5 | tr '\n' ' ')
        echo "PgBouncer did not start: $said"
      fi
      exec >/dev/null 2>&1
      [ -s "$folder/pid" ] && cat >/dev/null
      pid=$(cat "$folder/pid") && kill -TERM "$pid"
      cd /
      rm -rf "$folder"
      """#
}
