import Foundation
import RoostBench

/// Contestants that do the same work, each in a process of its own for each round, and take turns:
/// the first of a round changes, so that what drifts hits all.
struct SideBySide {
  /// One of them and how its program is called, before the words that say what is to be done.
  struct Contestant {
    let name: String
    let command: [String]

    init(_ name: String, _ command: [String]) {
      self.name = name
      self.command = command
    }

    /// This program, as a child that runs one kind of workload.
    static func roost(_ kind: String, as name: String = "Roost") -> Contestant {
      Contestant(name, [Child.program, Child.marker, kind])
    }
  }

  let contestants: [Contestant]
  private let options: Options

  init(_ contestants: [Contestant], _ options: Options) {
    self.contestants = contestants
    self.options = options
  }

  /// Runs all rounds. A contestant prints a `Measurement`.
  /// - Parameters:
  ///   - name: what tells the comparison from others, such as `drivers/rows`.
  ///   - title: what is done, for people.
  ///   - unit: what is counted.
  ///   - words: what follows a contestant's command, by its place and the round.
  /// - Throws: a `Failure` when two contestants counted or saw something else: who skips work is
  ///   not faster.
  func compare(
    _ name: String, title: String, unit: String,
    _ words: (_ contestant: Int, _ round: Int) throws -> [String]
  ) throws -> Comparison {
    var comparison = Comparison(name, title: title, unit: unit, of: contestants.map(\.name))
    var (count, sum): (Double?, Double?)
    for round in 0..<options.rounds {
      for turn in contestants.indices {
        let index = (turn + round) % contestants.count
        let contestant = contestants[index]
        options.progress.next(title, contestant.name)
        let text = try Child.output(of: contestant.command + words(index, round))
        guard let run = Measurement(text) else {
          throw Failure("\(name): \(contestant.name) printed something else: \(text)")
        }
        guard count ?? run.count == run.count else {
          throw Failure("\(name): \(contestant.name) did it \(run.count) times, not \(count ?? 0)")
        }
        guard sum == nil || run.sum == nil || sum == run.sum else {
          throw Failure("\(name): \(contestant.name) saw something else: \(text)")
        }
        (count, sum) = (run.count, sum ?? run.sum)
        comparison.add(run, of: index)
      }
    }
    return comparison
  }
}
