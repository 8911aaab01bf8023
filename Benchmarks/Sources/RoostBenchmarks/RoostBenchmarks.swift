import Foundation

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
    if options.measures("drivers") {
      try await SelectOne(options).run()
      print("")
      // A table may go into a file, and the next one takes its time.
      fflush(nil)
      try await Drivers(options).run()
      print("")
      fflush(nil)
    }
    if options.measures("embedded") {
      try await Embedded(options).run()
      print("")
      fflush(nil)
    }
    if options.measures("backends") { try await Backends(options).run() }
    // These take their time: only when they are asked for.
    switch options.only {
    case "steady": try await Steady(options).run()
    case "moves": try await Moves(options).run()
    case "outages": try await Outages(options).run()
    default: break
    }
  }
}

/// What the command line asks for.
struct Options {
  /// How often each contestant is measured.
  var rounds = 7
  /// Whether smaller counts are enough.
  var isQuick = false
  /// The only group that is measured; nil for all.
  var only: String?
  /// How long a measurement of queries takes.
  var seconds = 5
  /// How long the steady load takes.
  var steadySeconds = 600
  /// The package list to index.
  var file = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
    .appendingPathComponent("Sources/RoostCommand/Sample/packages.deb822").path

  init(_ words: [String]) throws {
    var words = words[...]
    while let word = words.popFirst() {
      switch word {
      case "--quick": (rounds, seconds, isQuick) = (3, 2, true)
      case "--only":
        let groups = ["drivers", "embedded", "backends", "steady", "moves", "outages"]
        guard let name = words.popFirst(), groups.contains(name) else {
          throw Failure("--only takes one of \(groups.joined(separator: ", "))")
        }
        only = name
      case "--seconds":
        guard let text = words.popFirst(), let number = Int(text), number > 0 else {
          throw Failure("--seconds takes a number of at least 1")
        }
        steadySeconds = number
      case "--rounds":
        guard let text = words.popFirst(), let number = Int(text), number > 0 else {
          throw Failure("--rounds takes a number of at least 1")
        }
        rounds = number
      case _ where word.hasPrefix("-"):
        throw Failure(
          "usage: Benchmarks/run [--quick] [--rounds N] [--only drivers|embedded|backends] [FILE]\n"
            + "       Benchmarks/run --only steady [--seconds N]\n"
            + "       Benchmarks/run --only moves [FILE]\n"
            + "       Benchmarks/run --only outages")
      default: file = word
      }
    }
    guard FileManager.default.isReadableFile(atPath: file) else {
      throw Failure("\(file) cannot be read")
    }
  }

  func measures(_ group: String) -> Bool { only == nil || only == group }
}

/// What stopped a measurement.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
