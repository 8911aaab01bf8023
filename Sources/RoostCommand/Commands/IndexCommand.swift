import Roost
import RoostCore
import RoostSystems

extension Command {
  static let index = Command(
    name: "index", usage: "[FILE...]",
    summary: "store a Debian package list: FILEs (.gz, .xz, .lz4 too), - for standard input, or "
      + "this machine's packages",
    operands: 0...Int.max
  ) { arguments in
    try await arguments.withStore(isReading: false) { store in
      let watch = Stopwatch()
      let outcome = try await IndexCommand.index(arguments.operands, into: store)
      IndexCommand.show(outcome, watch, store, asJSON: arguments.wantsJSON)
      return outcome.report.wasStopped ? .interrupted : .success
    }
  }
}

/// What `roost index` and `--from` share.
enum IndexCommand {
  struct Outcome: Sendable {
    var report: IndexReport
    var source: String
  }

  /// Reads package lists whole, so that a broken one changes nothing, and stores them.
  static func index(_ files: [String], into store: Store) async throws -> Outcome {
    let (packages, source) = try PackageFiles.read(files)
    let interruption = Interruption()
    let display = ProgressDisplay("indexing")
    let report = try await ProjectStore(store).index(
      packages, ecosystem: "debian", shouldStop: { interruption.isAsked },
      progress: { display.show($0.done, of: $0.total) })
    return Outcome(report: report, source: source)
  }

  static func show(_ outcome: Outcome, _ watch: Stopwatch, _ store: Store, asJSON: Bool) {
    let report = outcome.report
    let rows = report.inserted + report.changed + report.edgesAdded + report.edgesRemoved
    let seconds = (watch.seconds * 1000).rounded() / 1000
    guard !asJSON else {
      var json = JSONWriter()
      json.beginObject()
      json.key("backend")
      json.string(store.opening.location)
      json.key("source")
      json.string(outcome.source)
      let figures = [
        ("projects", report.listed), ("inserted", report.inserted), ("changed", report.changed),
        ("unchanged", report.unchanged), ("duplicates", report.duplicates),
        ("edges", report.edges), ("edgesAdded", report.edgesAdded),
        ("edgesRemoved", report.edgesRemoved), ("unknownNames", report.unknownNames),
        ("rowsPerSecond", watch.rate(rows)),
      ]
      for (name, figure) in figures {
        json.key(name)
        json.integer(Int64(figure))
      }
      json.key("seconds")
      json.raw("\(seconds)")
      json.key("stopped")
      json.bool(report.wasStopped)
      json.endObject()
      Terminal.print(json.text)
      return
    }
    Terminal.print(
      """
      \(report.wasStopped ? "stopped; stored so far" : "indexed") from \(outcome.source)
      projects  \(report.listed): \(report.inserted) new, \(report.changed) changed, \
      \(report.unchanged) unchanged
      edges     \(report.edges): \(report.edgesAdded) new, \(report.edgesRemoved) removed
      unknown   \(report.unknownNames) names that no package has
      seconds   \(seconds), \(watch.rate(rows)) rows/s written
      backend   \(store.opening.location)
      """)
  }
}
