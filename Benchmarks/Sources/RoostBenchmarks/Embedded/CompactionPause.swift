import Foundation
import Roost
import RoostBench
import RoostFile

/// How long a commit takes while a snapshot is written beside it, and while none is.
struct CompactionPause {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run(_ folder: String) throws -> Comparison {
    // A quick one says less of the slowest.
    let (rows, commits) = options.isQuick ? (50_000, 100) : (300_000, 2_000)
    let names = ["no snapshot is written", "a snapshot is written"]
    var comparison = Comparison(
      "embedded/compaction", title: "commits to a file store of \(rows) rows", unit: "commits",
      of: names)
    options.progress.next("commits while a snapshot is written", "file")
    let words = [
      Child.program, Child.marker, "compaction", "\(folder)/compaction", "\(rows)", "\(commits)",
    ]
    let lines = try Child.output(of: words).split(separator: "\n").compactMap { Measurement($0) }
    guard lines.count == names.count else { throw Failure("the child printed other figures") }
    for (index, run) in lines.enumerated() { comparison.add(run, of: index) }
    return comparison
  }

  /// Prints the commits without and with a snapshot in the making, a line each.
  static func child(path: String, rows: Int, commits: Int) async throws {
    let store = try await Store.open(
      "file:\(path)", backends: [.file], migrations: [Sample.migrations], environment: [:])
    _ = try await store.load((1...rows).map { Sample($0) })
    var runs = [(Latencies(), Measurement.none), (Latencies(), Measurement.none)]
    var number = 0
    // Each commit rewrites rows, so that the journal outgrows the snapshot again and again.
    while runs.contains(where: { $0.1.count < Double(commits) }) {
      let before = FileManager.default.fileExists(atPath: "\(path)/snapshot.json.tmp")
      let processor = Machine.processorSeconds
      let start = ContinuousClock.now
      try await store.upsert((0..<8).map { Sample((number * 8 + $0) % rows + 1) })
      let time = ContinuousClock.now - start
      let after = FileManager.default.fileExists(atPath: "\(path)/snapshot.json.tmp")
      let place = before || after ? 1 : 0
      runs[place].0.note(time)
      runs[place].1.seconds += time / .seconds(1)
      runs[place].1.processorSeconds += Machine.processorSeconds - processor
      runs[place].1.count += 1
      number += 1
    }
    await store.close()
    for (latencies, var run) in runs {
      run.latencies = latencies.percentiles
      print(run)
    }
  }
}

extension Measurement {
  /// Nothing done yet.
  fileprivate static var none: Measurement {
    Measurement(seconds: 0, processorSeconds: 0, count: 0, sum: nil)
  }
}
