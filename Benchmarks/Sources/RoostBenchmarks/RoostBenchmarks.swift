import Foundation
import RoostBench

/// Measures Roost beside others and prints tables.
///
/// Each measurement is a child process, so that none inherits another's memory or warm caches in
/// the process. Contestants take turns within a round, and the first of a round changes.
@main
enum RoostBenchmarks {
  static func main() async {
    do {
      var words = Array(CommandLine.arguments.dropFirst())
      if words.first == Child.marker {
        words.removeFirst()
        try await Child.run(words)
      } else {
        try await measure(try Options(words))
      }
    } catch {
      FileHandle.standardError.write(Data("roost-benchmarks: \(error)\n".utf8))
      exit(1)
    }
  }

  private static func measure(_ options: Options) async throws {
    print("\(Machine.description)\n")
    switch options.only {
    case "moves": return try await Moves(options).run()
    case "outages": return try await Outages(options).run()
    default: break
    }
    var sections: [Results.Section] = []
    for group in Options.groups where options.measures(group) {
      for var section in try await run(group, options) {
        section.notes.append(note(options))
        print("## \(section.title)\n")
        if !section.comparisons.isEmpty { print("\(section.table)\n") }
        for curve in section.curves { print("\(curve.title), \(curve.vertical)\n\(curve.table)\n") }
        sections.append(section)
      }
      // A table may go into a file, and the next one takes its time.
      fflush(nil)
    }
    let results = try options.results.keep(sections, versions: options.versions)
    print("The results are in \(options.results.path): RESULTS.md, RESULTS.json and plots")
    if let older = try options.older.flatMap(ResultsFolder.read) {
      let slower = results.regressions(since: older)
      for line in slower { print("slower: \(line)") }
      if !slower.isEmpty { throw Failure("\(slower.count) figures are lower than before") }
      print("nothing is slower than before")
    }
  }

  private static func run(_ group: String, _ options: Options) async throws -> [Results.Section] {
    defer { options.progress.end() }
    return switch group {
    case "drivers": [try await Drivers(options).run()]
    case "backends": try await Backends(options).run()
    case "embedded": [try await Embedded(options).run()]
    default: [try await Steady(options).run()]
    }
  }

  /// How and of what the figures of a section are; a page may have sections of several days.
  private static func note(_ options: Options) -> String {
    let day = Date.now.formatted(.iso8601.year().month().day())
    let rounds = "\(options.rounds) rounds" + (options.isQuick ? ", quick" : "")
    return "Roost at \(Options.revision), \(day), \(rounds). Ratios are medians of those of a "
      + "round; intervals are 95% bootstrap intervals of the median."
  }
}

/// Foundation has another one.
typealias Measurement = RoostBench.Measurement
