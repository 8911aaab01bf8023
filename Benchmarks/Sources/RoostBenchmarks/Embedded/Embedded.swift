import Foundation
import RoostBench

/// The stores that need no server, beside SQLite and beside what the disk itself can do.
struct Embedded {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run() async throws -> Results.Section {
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    let folder = scratch.path
    let all = EmbeddedWorkload.allCases.map { ($0, places($0)) }
    let runs = all.flatMap(\.1).map(\.count).reduce(0, +) + 2 * JSONSpeed.Task.allCases.count
    options.progress.begin("embedded", of: runs * options.rounds + 1)
    var section = Results.Section("embedded", title: "Embedded stores side by side")
    for (workload, groups) in all {
      let count = workload.count(isQuick: options.isQuick)
      for places in groups {
        let contest = SideBySide(places.map(\.contestant), options)
        section.comparisons.append(
          try contest.compare(
            "embedded/\(workload.rawValue)-\(places[0].contestant.name)",
            title: "\(count) \(workload.title)", unit: "rows"
          ) { index, round in
            let path = "\(folder)/\(workload.rawValue)-\(index)-\(round)"
            // The last one's files are not in anybody's way.
            let old = try FileManager.default.contentsOfDirectory(atPath: folder)
            for name in old { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
            return [workload.rawValue, places[index].url(path), "\(count)"]
          })
      }
    }
    section.comparisons += try JSONSpeed(options).run()
    section.comparisons.append(try CompactionPause(options).run(folder))
    section.notes = [
      "SQLite: WAL with synchronous=FULL, prepared statements; one transaction a row where rows "
        + "are committed. A bare append is one write and one fdatasync of as many bytes.",
      "JSON: MB a CPU second, one thread.",
    ]
    return section
  }

  private struct Place {
    let contestant: SideBySide.Contestant
    /// How it is told where to keep its rows.
    let url: (_ path: String) -> String

    init?(_ contestant: SideBySide.Contestant?, _ url: @escaping (_ path: String) -> String) {
      guard let contestant else { return nil }
      self.contestant = contestant
      self.url = url
    }
  }

  /// Who takes part, in groups that are measured by their first.
  private func places(_ workload: EmbeddedWorkload) -> [[Place]] {
    let file = Place(.roost("embedded", as: "file")) { "file:\($0)" }
    let memory = Place(.roost("embedded", as: "memory")) { _ in "memory:" }
    let sqlite = Place(options.peer("SQLite", "sqlite")) { $0 }
    let sqliteInMemory = Place(options.peer("SQLite in memory", "sqlite")) { _ in ":memory:" }
    let append = Place(options.peer("bare append", "append")) { $0 }
    let groups: [[Place?]] =
      switch workload {
      case .commit: [[file, sqlite, append], [memory, sqliteInMemory]]
      case .commit64: [[file, sqlite]]
      case .open: [[file]]
      case .load, .find, .findCached, .findInTransaction:
        [[file, sqlite], [memory, sqliteInMemory]]
      }
    return groups.map { $0.compactMap { $0 } }
  }
}
