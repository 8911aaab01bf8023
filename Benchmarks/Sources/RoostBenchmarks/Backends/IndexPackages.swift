import Foundation
import RoostBench
import RoostTesting

/// A package list with its edges, read and stored into an empty store, on each backend.
struct IndexPackages {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run() async throws -> Results.Section {
    let server = try await ThrowawayPostgres.start(.scramSHA256, isDurable: true)
    defer { server.stop() }
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    var databases: [String] = []
    for _ in 0..<options.rounds { databases.append(try await server.createDatabase()) }

    let contestants = ["memory", "file", "Postgres"].map {
      SideBySide.Contestant.roost("index", as: $0)
    }
    options.progress.begin("backends", of: contestants.count * options.rounds)
    let comparison = try SideBySide(contestants, options).compare(
      "backends/index", title: "index of a package list", unit: "rows"
    ) { index, round in
      switch index {
      case 0: ["memory:", options.file]
      case 1: ["file:\(scratch.path)/\(round)", options.file]
      default: [server.url(database: databases[round]), options.file]
      }
    }
    return Results.Section(
      "backends", title: "Backends side by side",
      notes: ["The clock runs from opening the list to closing the store."],
      comparisons: [comparison])
  }
}
