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

  func run() async throws -> Results.Section {
    let server = try await ThrowawayPostgres.start(.scramSHA256, isDurable: true)
    defer { server.stop() }
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    let folder = scratch.path
    let urls = [
      ("file", "file:\(folder)/store"),
      ("Postgres", server.url(database: try await server.createDatabase()) + "?migrate=auto"),
    ]
    options.progress.begin("steady", of: urls.count)
    var section = Results.Section("steady", title: "A steady load")
    section.notes = [
      "1000 operations a second for \(options.steadySeconds) s; times are from when each was due."
    ]
    var comparison = Comparison(
      "steady/1000", title: "1000 a second", unit: "operations", of: urls.map(\.0))
    for (index, (name, url)) in urls.enumerated() {
      options.progress.next("1000 a second", name)
      let text = try Child.output(
        of: [Child.program, Child.marker, "steady", url, "\(options.steadySeconds)"])
      let lines = text.split(separator: "\n")
      guard lines.count == 2, let run = Measurement(lines[0]) else {
        throw Failure("the child printed other figures: \(text)")
      }
      comparison.add(run, of: index)
      section.notes.append("\(name): \(lines[1])")
    }
    section.comparisons = [comparison]
    return section
  }

  /// Prints the figures of one backend.
  static func child(url: String, seconds: Int) async throws {
    let store = try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: [.bench],
      environment: [:])
    var load = SteadyLoad()
    load.seconds = seconds
    let processor = Machine.processorSeconds
    let report = try await load.run(on: store)
    let used = Machine.processorSeconds - processor
    await store.close()
    let failures = report.failures.values.reduce(0, +)
    print(
      Measurement(
        seconds: Double(seconds), processorSeconds: used, count: Double(report.operations),
        sum: nil, peakKibibytes: Double(Machine.peakKibibytes),
        latencies: report.latencies.percentiles))
    print(
      "worst \((report.worst / .milliseconds(1)).text(digits: 1)) ms, \(failures) failures,",
      "\(report.kibibytes.early / 1_024) MiB early and \(report.kibibytes.late / 1_024) late,",
      "\(report.descriptors.early) files early and \(report.descriptors.late) late.")
  }
}
