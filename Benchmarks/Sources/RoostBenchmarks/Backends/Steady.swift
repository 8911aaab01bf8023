import Foundation
import Roost
import RoostBench
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting

/// 1,000 operations a second for a while, on each backend that keeps what it is told: how long they
/// took, what failed, and whether memory or open files grew.
struct Steady {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run() async throws {
    let server = try await ThrowawayPostgres.start(.scramSHA256, isDurable: true)
    defer { server.stop() }
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    let folder = scratch.path
    print(
      "1000 operations a second for \(options.steadySeconds) s; times are from when each was due\n")
    var table = Table(
      "backend", "operations", "p50 ms", "p95 ms", "p99 ms", "worst ms", "failures",
      "MiB early, late", "files early, late")
    let urls = [
      ("file", "file:\(folder)/store"),
      ("Postgres", server.url(database: try await server.createDatabase()) + "?migrate=auto"),
    ]
    for (name, url) in urls {
      let numbers = try Child.numbers(["steady", url, "\(options.steadySeconds)"])
      guard numbers.count == 10 else { throw Failure("the child printed other figures") }
      table.add(
        name, numbers[0].text(digits: 0), numbers[1].text(digits: 2), numbers[2].text(digits: 2),
        numbers[3].text(digits: 2), numbers[4].text(digits: 1), numbers[5].text(digits: 0),
        "\((numbers[6] / 1_024).text(digits: 0)), \((numbers[7] / 1_024).text(digits: 0))",
        "\(numbers[8].text(digits: 0)), \(numbers[9].text(digits: 0))")
    }
    table.show()
  }

  /// Prints the figures of one backend.
  static func child(url: String, seconds: Int) async throws {
    let store = try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: [.bench],
      environment: [:])
    var load = SteadyLoad()
    load.seconds = seconds
    let report = try await load.run(on: store)
    await store.close()
    guard let times = report.latencies.percentiles else { throw Failure("nothing was done") }
    let failures = report.failures.values.reduce(0, +)
    let worst = report.worst / .milliseconds(1)
    print(
      report.operations, times.p50 / 1_000, times.p95 / 1_000, times.p99 / 1_000, worst, failures)
    print(report.kibibytes.early, report.kibibytes.late)
    print(report.descriptors.early, report.descriptors.late)
  }
}
