import Foundation
import RoostTesting

/// One client that asks `SELECT 1`, prepared, over TCP, one after the other: Roost's driver against
/// `pgbench -n -M prepared -c 1`.
struct SelectOne {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run() async throws {
    let server = try await ThrowawayPostgres.start(.trust, isDurable: true)
    defer { server.stop() }
    let script = server.folder + "/select1.sql"
    try Data("SELECT 1;\n".utf8).write(to: URL(fileURLWithPath: script))
    let pgbench = "\(server.binaries)/pgbench"
    guard FileManager.default.isExecutableFile(atPath: pgbench) else {
      throw Failure("there is no pgbench in \(server.binaries)")
    }
    print(
      "`SELECT 1`, prepared, one connection over TCP: queries a second, median of "
        + "\(options.rounds) rounds of \(options.seconds) s\n")
    var table = Table("processor", "Roost", "pgbench", "Roost / pgbench", "range of ratios")
    for pinning in try Pinning.available(postmaster: server.folder) {
      try pinning.begin()
      defer { pinning.end() }
      var (roost, other) = (Figures(), Figures())
      for round in 0..<options.rounds {
        for contestant in round.isMultiple(of: 2) ? [0, 1] : [1, 0] {
          if contestant == 0 {
            let words = ["select-one", server.url(), "\(options.seconds)"]
            guard let rate = try Child.numbers(words, prefix: pinning.prefix).first else {
              throw Failure("no figure from the child")
            }
            roost.add(rate)
          } else {
            other.add(try rate(pgbench, script, server, pinning))
          }
        }
      }
      let ratios = roost.ratios(to: other)
      table.add(
        pinning.name, roost.median.text(digits: 0), other.median.text(digits: 0),
        ratios.median.text(digits: 3), ratios.range(digits: 3))
    }
    table.show()
  }

  private func rate(
    _ pgbench: String, _ script: String, _ server: ThrowawayPostgres, _ pinning: Pinning
  ) throws -> Double {
    let words = [
      pgbench, "-n", "-M", "prepared", "-c", "1", "-T", "\(options.seconds)", "-f", script,
      "-h", "127.0.0.1", "-p", "\(server.port)", "-U", server.user, "postgres",
    ]
    let text = try Child.output(of: pinning.prefix + words)
    let line = text.split(separator: "\n").first { $0.hasPrefix("tps = ") }
    guard let rate = line?.split(separator: " ").dropFirst(2).first.flatMap({ Double($0) }) else {
      throw Failure("pgbench printed no tps: \(text)")
    }
    return rate
  }
}

/// Whether the processes may run where they like, or all share one core.
private struct Pinning {
  let name: String
  /// What stands before a client's command line.
  let prefix: [String]
  private let taskset: String
  private let postmaster: String

  /// Both ways; only the free one where there is no `taskset`.
  static func available(postmaster folder: String) throws -> [Pinning] {
    let text = try String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)
    let process = String(text.prefix { $0 != "\n" })
    let free = Pinning(name: "free", prefix: [], taskset: "", postmaster: process)
    guard let taskset = Machine.program("taskset") else { return [free] }
    let pinned = Pinning(
      name: "client and server on one core", prefix: [taskset, "-c", "0"], taskset: taskset,
      postmaster: process)
    return [free, pinned]
  }

  /// The server's processes that start from now on run on the core.
  func begin() throws {
    guard !prefix.isEmpty else { return }
    _ = try Child.output(of: [taskset, "-c", "-p", "0", postmaster])
  }

  func end() {
    guard !prefix.isEmpty else { return }
    let last = max(0, ProcessInfo.processInfo.processorCount - 1)
    // The server ends soon; one that cannot be let go again does no harm.
    _ = try? Child.output(of: [taskset, "-c", "-p", "0-\(last)", postmaster])
  }
}
