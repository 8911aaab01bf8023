import Foundation
import RoostTesting

/// Roost's driver beside others: each workload is a process of its own for each driver and round.
struct Drivers {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  /// A driver and how its program is called, before the workload's name, the URL and the count.
  private struct Driver {
    let name: String
    let command: [String]
    var rates = Figures()
    var processorMicroseconds = Figures()
  }

  func run() async throws {
    let server = try await ThrowawayPostgres.start(
      .scramSHA256, isDurable: true)
    defer { server.stop() }
    let rounds = options.rounds
    print("Drivers over TCP with SCRAM, \(rounds) rounds; times are medians of ratios of a round\n")
    var table = Table(
      "workload", "driver", "a second", "CPU us each", "rate / Roost's", "CPU / Roost's")
    for workload in DriverWorkload.allCases {
      let count = workload.count(isQuick: options.isQuick)
      var drivers = try Self.drivers()
      var sum: Double?
      for round in 0..<rounds {
        for turn in drivers.indices {
          let index = (turn + round) % drivers.count
          let words = drivers[index].command + [workload.rawValue, server.url(), "\(count)"]
          let numbers = try Child.output(of: words).split(whereSeparator: \.isWhitespace)
            .compactMap { Double($0) }
          guard numbers.count == 4 else { throw Failure("\(words[0]) printed other figures") }
          guard sum == nil || sum == numbers[3] else {
            throw Failure("\(drivers[index].name) read something else: \(numbers[3])")
          }
          sum = numbers[3]
          drivers[index].rates.add(numbers[2] / numbers[0])
          drivers[index].processorMicroseconds.add(numbers[1] / numbers[2] * 1e6)
        }
      }
      for driver in drivers {
        table.add(
          driver.name == "Roost" ? "\(count) \(workload.unit): \(workload.rawValue)" : "",
          driver.name, driver.rates.median.text(digits: 0),
          driver.processorMicroseconds.median.text(digits: 3),
          driver.rates.ratios(to: drivers[0].rates).median.text(digits: 2),
          driver.processorMicroseconds.ratios(to: drivers[0].processorMicroseconds).median
            .text(digits: 2))
      }
    }
    table.show()
  }

  /// Roost first, then the peers whose programs are there.
  private static func drivers() throws -> [Driver] {
    let own = Bundle.main.executablePath ?? CommandLine.arguments[0]
    var drivers = [Driver(name: "Roost", command: [own, Child.marker, "driver"])]
    guard let folder = ProcessInfo.processInfo.environment["ROOST_PEERS"] else { return drivers }
    let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let peers = [
      Driver(name: "libpq", command: ["\(folder)/libpq"]),
      Driver(
        name: "asyncpg",
        command: ["\(folder)/python/bin/python", "\(source.path)/Peers/asyncpg_peer.py"]),
    ]
    drivers += peers.filter { FileManager.default.isExecutableFile(atPath: $0.command[0]) }
    return drivers
  }
}
