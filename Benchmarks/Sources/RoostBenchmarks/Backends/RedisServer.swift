import Foundation

/// A Redis of a measurement's own, on a Unix socket, durable with each write.
struct RedisServer {
  let socket: String
  private let process: Process

  /// Starts it; nil when it is not installed.
  static func start(in folder: String) throws -> RedisServer? {
    guard let program = Self.program("redis-server") else { return nil }
    let socket = "\(folder)/redis.sock"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = [
      "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "yes",
      "--appendfsync", "always", "--daemonize", "no", "--logfile", "redis.log",
    ]
    process.standardOutput = FileHandle.nullDevice
    try Child.withSignalsUnblocked { try process.run() }
    let server = RedisServer(socket: socket, process: process)
    for _ in 0..<500 where !FileManager.default.fileExists(atPath: socket) {
      guard process.isRunning else { throw Failure("Redis has ended") }
      Thread.sleep(forTimeInterval: 0.01)
    }
    return server
  }

  /// Removes all that a server holds.
  static func empty(_ socket: String) throws {
    guard let program = Self.program("redis-cli") else { throw Failure("there is no redis-cli") }
    _ = try Child.output(of: [program, "-s", socket, "FLUSHALL"])
  }

  /// A program in PATH; nil when it is not there.
  private static func program(_ name: String) -> String? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      .map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  func stop() {
    process.terminate()
    process.waitUntilExit()
  }
}
