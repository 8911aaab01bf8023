import Foundation
import Roost
import RoostBench

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

  func run() throws -> [Comparison] {
    try Task.allCases.map { task in
      let libraries = ["Roost", "Foundation"].map { SideBySide.Contestant.roost("json", as: $0) }
      return try SideBySide(libraries, options).compare(
        "embedded/json-\(task.rawValue)", title: "JSON, \(task.title)", unit: "MB"
      ) { index, _ in [task.rawValue, libraries[index].name, options.isQuick ? "6" : "30"] }
    }
  }

  private struct Entry: Codable {
    var id: Int
    var name: String
    var tags: [String]
    var score: Double
    var isPublic: Bool
    var note: String?
  }

  /// Prints MB and CPU seconds.
  static func child(_ task: Task, isRoost: Bool, megabytes: Int) throws {
    let entries = (0..<20_000).map { number in
      Entry(
        id: number, name: "entry \(number) “é”", tags: ["one", "two\n", "three"],
        score: Double(number) + 0.25, isPublic: number.isMultiple(of: 2),
        note: number.isMultiple(of: 3) ? nil : "a note with a \\ and a \" in it")
    }
    let text = try JSON.encode(entries)
    let data = Data(text)
    // Nothing is in memory that the task does not need.
    let tree = task == .write && isRoost ? try JSON(parsing: text) : .null
    let object = task == .write && !isRoost ? try JSONSerialization.jsonObject(with: data) : []
    func pass() throws {
      switch (task, isRoost) {
      case (.parse, true): _ = try JSON(parsing: text)
      case (.parse, false): _ = try JSONSerialization.jsonObject(with: data)
      case (.write, true): _ = tree.encoded()
      case (.write, false): _ = try JSONSerialization.data(withJSONObject: object)
      case (.decode, true): _ = try JSON.decode([Entry].self, from: text)
      case (.decode, false): _ = try JSONDecoder().decode([Entry].self, from: data)
      case (.encode, true): _ = try JSON.encode(entries)
      case (.encode, false): _ = try JSONEncoder().encode(entries)
      }
    }
    // The first pass takes memory from the system, and looks types up.
    try pass()
    // One thread that never waits: its CPU seconds are the steadier clock.
    let passes = max(1, megabytes * 1_000_000 / text.count)
    let start = Machine.processorSeconds
    for _ in 0..<passes { try pass() }
    let seconds = Machine.processorSeconds - start
    print(
      Measurement(
        seconds: seconds, processorSeconds: seconds, count: Double(passes * text.count) / 1e6,
        sum: nil, peakKibibytes: Double(Machine.peakKibibytes)))
  }
}
