import Foundation
import RoostTesting

/// Roost's driver beside others: each workload is a process of its own for each driver and round.
struct Drivers {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run() async throws {
    let server = try await ThrowawayPostgres.start(
      .scramSHA256, isDurable: true)
    defer { server.stop() }
    let rounds = options.rounds
    print("Drivers over TCP with SCRAM, \(rounds) rounds; times are medians of ratios of a round\n")
    var table = SideBySide.table
    for workload in DriverWorkload.allCases {
      let count = workload.count(isQuick: options.isQuick)
      var drivers = SideBySide(Self.drivers(), rounds: rounds)
      try drivers.run { _, _ in [workload.rawValue, server.url(), "\(count)"] }
      drivers.add(to: &table, as: "\(count) \(workload.unit): \(workload.rawValue)")
    }
    table.show()
  }

  /// Roost first, then the peers whose programs are there.
  private static func drivers() -> [SideBySide.Contestant] {
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let peers: [SideBySide.Contestant?] = [
      .peer("libpq", "libpq"),
      .peer("asyncpg", "python/bin/python", ["\(source.path)/Peers/asyncpg_peer.py"]),
    ]
    return [.roost("driver")] + peers.compactMap { $0 }
  }
}
