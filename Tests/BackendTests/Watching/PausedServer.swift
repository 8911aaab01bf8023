import Foundation
import RoostTesting

extension ThrowawayPostgres {
  /// The server's processes: the first, and those that it has started.
  private func processes() throws -> [Int32] {
    let file = try String(contentsOfFile: "\(folder)/data/postmaster.pid", encoding: .utf8)
    guard let first = file.split(separator: "\n").first.flatMap({ Int32($0) }) else { return [] }
    let children = try String(
      contentsOfFile: "/proc/\(first)/task/\(first)/children", encoding: .utf8)
    return [first] + children.split(separator: " ").compactMap { Int32($0) }
  }

  /// Stops all of the server with SIGSTOP while the body runs: its sockets take what comes, and
  /// nothing is answered.
  func whilePaused<Result>(_ body: () async throws -> Result) async throws -> Result {
    let stopped = try processes()
    for process in stopped { kill(process, SIGSTOP) }
    defer { for process in stopped.reversed() { kill(process, SIGCONT) } }
    return try await body()
  }
}
