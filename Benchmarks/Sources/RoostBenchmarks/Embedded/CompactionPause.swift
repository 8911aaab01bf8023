import Foundation
import Roost
import RoostFile

/// How long a commit takes while a snapshot is written beside it, and while none is.
struct CompactionPause {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run(_ folder: String) throws {
    let rows = options.isQuick ? 100_000 : 300_000
    print("Durable one-row commits to a file store of \(rows) rows\n")
    var table = Table("", "commits", "p50 ms", "p99 ms", "worst ms")
    let numbers = try Child.numbers(["compaction", "\(folder)/compaction", "\(rows)"])
    guard numbers.count == 8 else { throw Failure("the child printed other figures") }
    for (index, title) in ["no snapshot is written", "a snapshot is written"].enumerated() {
      let part = numbers[(index * 4)..<(index * 4 + 4)].map { $0 }
      table.add(
        title, part[0].text(digits: 0), part[1].text(digits: 2), part[2].text(digits: 2),
        part[3].text(digits: 2))
    }
    table.show()
  }

  /// Prints commits, p50, p99 and worst in milliseconds, without and with a snapshot in the making.
  static func child(path: String, rows: Int) async throws {
    let store = try await Store.open(
      "file:\(path)", backends: [.file], migrations: [Sample.migrations], environment: [:])
    _ = try await store.load((1...rows).map { Sample($0) })
    var times: [[Duration]] = [[], []]
    var number = 0
    // Each commit rewrites a row, so that the journal outgrows the snapshot again and again.
    while times[1].count < 2_000 || times[0].count < 2_000 {
      let before = FileManager.default.fileExists(atPath: "\(path)/snapshot.json.tmp")
      let start = ContinuousClock.now
      try await store.upsert((0..<8).map { Sample((number * 8 + $0) % rows + 1) })
      let time = ContinuousClock.now - start
      let after = FileManager.default.fileExists(atPath: "\(path)/snapshot.json.tmp")
      times[before || after ? 1 : 0].append(time)
      number += 1
    }
    await store.close()
    for var group in times {
      group.sort()
      let parts = [group.count / 2, group.count * 99 / 100, group.count - 1]
      print(group.count, parts.map { "\(group[$0] / .milliseconds(1))" }.joined(separator: " "))
    }
  }
}
