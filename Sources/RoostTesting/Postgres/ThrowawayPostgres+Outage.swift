import Foundation
import PostgresClient
import RoostCore

// What can happen to a server.

extension ThrowawayPostgres {
  /// Ends the server as a crash would: all sessions are lost, and nothing is written any more.
  public func crash() throws { try signal(SIGQUIT) }

  /// Ends the server as its owner would: sessions are cut off, and what was committed is kept.
  /// Returns when it is gone.
  public func halt() async throws {
    try signal(SIGINT)
    try await wait("end") { try Self.processes(under: try processID()).isEmpty }
  }

  /// Starts the server again after `halt` or `crash`, on the same port. Returns when it answers.
  public func restart() async throws {
    try await wait("end") { (try? Self.processes(under: try processID()).isEmpty) ?? true }
    try lifeline.write("start\n")
    let configuration = try PostgresConfiguration(url(tcp: false), environment: [:])
    try await wait("start") {
      guard let connection = try? await PostgresConnection.connect(configuration) else {
        return false
      }
      await connection.close()
      return true
    }
  }

  /// Stops the server's processes where they are; it falls silent, and its sessions stay.
  public func pause() throws {
    for process in try Self.processes(under: try processID()) { kill(process, SIGSTOP) }
  }

  /// Lets the server go on after `pause`.
  public func resume() throws {
    for process in try Self.processes(under: try processID()) { kill(process, SIGCONT) }
  }

  private func wait(_ what: String, _ isSo: () async throws -> Bool) async throws {
    for _ in 0..<3_000 {
      if try await isSo() { return }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw ThrowawayPostgresError(message: "the server did not \(what) in time")
  }

  private func signal(_ signal: Int32) throws {
    // An immediate or a fast shutdown. Source: PostgreSQL manual, "Shutting Down the Server".
    guard kill(try processID(), signal) == 0 else {
      throw ThrowawayPostgresError(message: "cannot end the server: errno \(errno)")
    }
  }

  private func processID() throws -> Int32 {
    let path = "\(folder)/data/postmaster.pid"
    guard let file = try? String(contentsOfFile: path, encoding: .utf8) else { return 0 }
    guard let line = file.split(separator: "\n").first, let process = Int32(line) else {
      throw ThrowawayPostgresError(message: "the server's process is not known")
    }
    return process
  }

  /// The server's process and those that it has started, which are in no group of its own. Needs
  /// Linux's /proc.
  private static func processes(under server: Int32) throws -> [Int32] {
    guard server > 0 else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { name in
      guard let process = Int32(name),
        let stat = try? String(contentsOfFile: "/proc/\(name)/stat", encoding: .utf8)
      else { return nil }
      // Behind the name, which may hold anything: state and parent.
      let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
      let parent = fields.count > 2 ? Int32(fields[2]) : nil
      return process == server || parent == server ? process : nil
    }
  }
}
