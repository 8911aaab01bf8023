import Foundation
import Roost

/// Roost's JSON beside Foundation's, over one document of many small objects.
struct JSONSpeed {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  /// What is done with the document.
  enum Task: String, CaseIterable {
    /// Text to a tree, and a tree to text.
    case parse, write
    /// Text to structs, and structs to text.
    case decode, encode

    var title: String {
      switch self {
      case .parse: "text to a tree"
      case .write: "a tree to text"
      case .decode: "text to structs"
      case .encode: "structs to text"
      }
    }
  }

  func run() throws {
    print("JSON, MB a CPU second, \(options.rounds) rounds\n")
    var table = Table("", "Roost", "Foundation", "Roost / Foundation", "range of ratios")
    for task in Task.allCases {
      var (roost, foundation) = (Figures(), Figures())
      for round in 0..<options.rounds {
        for turn in round.isMultiple(of: 2) ? [0, 1] : [1, 0] {
          let words = ["json", task.rawValue, turn == 0 ? "roost" : "foundation"]
          guard let rate = try Child.numbers(words).first else { throw Failure("no figure") }
          if turn == 0 { roost.add(rate) } else { foundation.add(rate) }
        }
      }
      let ratios = roost.ratios(to: foundation)
      table.add(
        task.title, roost.median.text(digits: 0), foundation.median.text(digits: 0),
        ratios.median.text(digits: 1), ratios.range(digits: 1))
    }
    table.show()
  }

  private struct Entry: Codable {
    var id: Int
    var name: String
    var tags: [String]
    var score: Double
    var isPublic: Bool
    var note: String?
  }

  /// Prints MB a second.
  static func child(_ task: Task, isRoost: Bool) throws {
    let entries = (0..<20_000).map { number in
      Entry(
        id: number, name: "entry \(number) “é”", tags: ["one", "two\n", "three"],
        score: Double(number) + 0.25, isPublic: number.isMultiple(of: 2),
        note: number.isMultiple(of: 3) ? nil : "a note with a \\ and a \" in it")
    }
    let text = try JSON(encoding: entries).encoded()
    let data = Data(text)
    let tree = try JSON(parsing: text)
    let object = try JSONSerialization.jsonObject(with: data)
    // One thread that never waits: its CPU seconds are the steadier clock.
    let start = Machine.processorSeconds
    var (bytes, elapsed) = (0, 0.0)
    while elapsed < 1 {
      switch (task, isRoost) {
      case (.parse, true): _ = try JSON(parsing: text)
      case (.parse, false): _ = try JSONSerialization.jsonObject(with: data)
      case (.write, true): _ = tree.encoded()
      case (.write, false): _ = try JSONSerialization.data(withJSONObject: object)
      case (.decode, true): _ = try JSON(parsing: text).decode([Entry].self)
      case (.decode, false): _ = try JSONDecoder().decode([Entry].self, from: data)
      case (.encode, true): _ = try JSON(encoding: entries).encoded()
      case (.encode, false): _ = try JSONEncoder().encode(entries)
      }
      bytes += text.count
      elapsed = Machine.processorSeconds - start
    }
    print(Double(bytes) / elapsed / 1e6)
  }
}
