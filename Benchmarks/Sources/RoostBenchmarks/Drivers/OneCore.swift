import Foundation
import RoostTesting

/// Server and clients on one core: nobody waits for another core to wake up, and latencies are
/// stable.
struct OneCore {
  /// What stands before a client's command line.
  let prefix: [String]
  private let taskset: String
  private let postmaster: String

  /// Nil where there is no `taskset`.
  init?(_ server: ThrowawayPostgres) throws {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let programs = folders.map { "\($0)/taskset" }
    guard let taskset = programs.first(where: FileManager.default.isExecutableFile) else {
      return nil
    }
    let text = try String(contentsOfFile: server.folder + "/data/postmaster.pid", encoding: .utf8)
    postmaster = String(text.prefix { $0 != "\n" })
    self.taskset = taskset
    prefix = [taskset, "-c", "0"]
  }

  /// Runs something while the server's processes that start are on the core.
  func run<T>(_ body: () throws -> T) throws -> T {
    _ = try Child.output(of: [taskset, "-c", "-p", "0", postmaster])
    let last = max(0, ProcessInfo.processInfo.processorCount - 1)
    // The server ends soon; one that cannot be let go again does no harm.
    defer { _ = try? Child.output(of: [taskset, "-c", "-p", "0-\(last)", postmaster]) }
    return try body()
  }
}
