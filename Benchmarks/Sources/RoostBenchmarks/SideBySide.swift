import Foundation

/// Contestants that do the same work, each in a process of its own for each round, and take turns.
struct SideBySide {
  /// One of them and how its program is called, before the words that say what is to be done.
  struct Contestant {
    let name: String
    let command: [String]
    var rates = Figures()
    var processorMicroseconds = Figures()

    init(_ name: String, _ command: [String]) {
      self.name = name
      self.command = command
    }

    /// This program, as a child that runs one kind of workload.
    static func roost(_ kind: String, as name: String = "Roost") -> Contestant {
      Contestant(
        name, [Bundle.main.executablePath ?? CommandLine.arguments[0], Child.marker, kind])
    }

    /// A peer's program, nil when it could not be built.
    static func peer(_ name: String, _ program: String, _ words: [String] = []) -> Contestant? {
      guard let folder = ProcessInfo.processInfo.environment["ROOST_PEERS"],
        FileManager.default.isExecutableFile(atPath: "\(folder)/\(program)")
      else { return nil }
      return Contestant(name, ["\(folder)/\(program)"] + words)
    }
  }

  let rounds: Int
  private(set) var contestants: [Contestant]

  init(_ contestants: [Contestant], rounds: Int) {
    self.contestants = contestants
    self.rounds = rounds
  }

  /// Runs all rounds. A contestant prints seconds, its CPU seconds, how often it did the work, and
  /// a sum over what it saw.
  /// - Parameter words: what follows a contestant's command, by its place and the round.
  /// - Throws: a `Failure` when two contestants saw different sums: who skips work is not faster.
  mutating func run(_ words: (_ contestant: Int, _ round: Int) throws -> [String]) throws {
    var sum: Double?
    for round in 0..<rounds {
      for turn in contestants.indices {
        let index = (turn + round) % contestants.count
        let name = contestants[index].name
        let numbers = try Child.output(of: contestants[index].command + words(index, round))
          .split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard numbers.count == 4 else { throw Failure("\(name) printed other figures") }
        guard sum == nil || sum == numbers[3] else {
          throw Failure("\(name) saw something else: \(numbers[3])")
        }
        sum = numbers[3]
        contestants[index].rates.add(numbers[2] / numbers[0])
        contestants[index].processorMicroseconds.add(numbers[1] / numbers[2] * 1e6)
      }
    }
  }

  /// Adds a row for each contestant; the first one is what the others are measured by.
  func add(to table: inout Table, as title: String) {
    for (index, contestant) in contestants.enumerated() {
      table.add(
        index == 0 ? title : "", contestant.name, contestant.rates.median.text(digits: 0),
        contestant.processorMicroseconds.median.text(digits: 3),
        contestant.rates.ratios(to: contestants[0].rates).median.text(digits: 2),
        contestant.processorMicroseconds.ratios(to: contestants[0].processorMicroseconds).median
          .text(digits: 2))
    }
  }

  /// The columns that `add` fills.
  static var table: Table {
    Table("workload", "contestant", "a second", "CPU us each", "rate / Roost's", "CPU / Roost's")
  }
}
