import Foundation

/// The stores that need no server, beside SQLite and beside what the disk itself can do.
struct Embedded {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run() async throws {
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    let folder = scratch.path
    print("Embedded stores, \(options.rounds) rounds; ratios are medians of those of a round\n")
    var table = SideBySide.table
    for workload in EmbeddedWorkload.allCases {
      let count = workload.count(isQuick: options.isQuick)
      for places in Self.places(workload) {
        var contest = SideBySide(places.map(\.contestant), rounds: options.rounds)
        try contest.run { index, round in
          let path = "\(folder)/\(workload.rawValue)-\(index)-\(round)"
          // The last one's files are not in anybody's way.
          let old = try FileManager.default.contentsOfDirectory(atPath: folder)
          for name in old { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
          return [workload.rawValue, places[index].url(path), "\(count)"]
        }
        contest.add(to: &table, as: "\(count) \(workload.title)")
      }
    }
    table.show()
    print("\nSQLite: WAL with synchronous=FULL, prepared statements; one transaction a row where")
    print("rows are committed. A bare append is one write and one fdatasync of as many bytes.\n")
    try JSONSpeed(options).run()
    print("")
    try CompactionPause(options).run(folder)
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
  private static func places(_ workload: EmbeddedWorkload) -> [[Place]] {
    let file = Place(.roost("embedded", as: "file")) { "file:\($0)" }
    let memory = Place(.roost("embedded", as: "memory")) { _ in "memory:" }
    let sqlite = Place(.peer("SQLite", "sqlite")) { $0 }
    let sqliteInMemory = Place(.peer("SQLite in memory", "sqlite")) { _ in ":memory:" }
    let append = Place(.peer("bare append", "append")) { $0 }
    let groups: [[Place?]] =
      switch workload {
      case .commit: [[file, sqlite, append], [memory, sqliteInMemory]]
      case .commit64: [[file, sqlite]]
      case .open: [[file]]
      case .load, .find, .findInTransaction: [[file, sqlite], [memory, sqliteInMemory]]
      }
    return groups.map { $0.compactMap { $0 } }
  }
}
