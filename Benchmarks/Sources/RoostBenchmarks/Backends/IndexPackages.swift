import Foundation
import RoostTesting

/// A package list with its edges, read and stored into an empty store, on each backend.
struct IndexPackages {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  private struct Contestant {
    var name: String
    var seconds = Figures()
    var mebibytes = Figures()
  }

  func run() async throws {
    let server = try await ThrowawayPostgres.start(.scramSHA256, isDurable: true)
    defer { server.stop() }
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    let folder = scratch.path

    var contestants = ["memory", "file", "Postgres"].map { Contestant(name: $0) }
    var stored: [Double]?
    for round in 0..<options.rounds {
      for turn in contestants.indices {
        let index = (turn + round) % contestants.count
        let url =
          switch index {
          case 0: "memory:"
          case 1: "file:\(folder)/\(round)"
          default: server.url(database: try await server.createDatabase())
          }
        let numbers = try Child.numbers(["index", url, options.file])
        guard numbers.count == 5 else { throw Failure("the child printed other figures") }
        // A backend that stores something else is not faster but wrong.
        guard stored == nil || stored == Array(numbers[1...3]) else {
          throw Failure("\(contestants[index].name) stored other rows: \(numbers)")
        }
        stored = Array(numbers[1...3])
        contestants[index].seconds.add(numbers[0])
        contestants[index].mebibytes.add(numbers[4] / 1_024)
        if index == 1 { try FileManager.default.removeItem(atPath: "\(folder)/\(round)") }
      }
    }
    show(contestants, stored ?? [0, 0, 0])
  }

  private func show(_ contestants: [Contestant], _ stored: [Double]) {
    print(
      "Index of \(Int(stored[1])) packages with \(Int(stored[2])) edges into an empty store, "
        + "median of \(options.rounds) rounds\n")
    var table = Table("backend", "seconds", "range", "rows/s", "peak MiB", "times memory's")
    for contestant in contestants {
      table.add(
        contestant.name, contestant.seconds.median.text(digits: 2),
        contestant.seconds.range(digits: 2),
        (stored[0] / contestant.seconds.median).text(digits: 0),
        contestant.mebibytes.median.text(digits: 0),
        contestant.seconds.ratios(to: contestants[0].seconds).median.text(digits: 2))
    }
    table.show()
    print("\nSeconds are from opening the list to closing the store. Peak MiB is the client's.")
  }
}
