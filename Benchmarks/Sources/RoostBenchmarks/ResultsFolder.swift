import Foundation
import RoostBench
import RoostCore

/// Where results are kept: a page, the same as a document, and the plots.
struct ResultsFolder {
  let path: String

  /// What a document holds; nil when there is none.
  static func read(_ file: String) throws -> Results? {
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    return try JSONDecoder().decode(Results.self, from: data)
  }

  /// Puts sections in the place of those of the same names, and leaves the others as they are.
  /// - Returns: the sections alone.
  func keep(_ sections: [Results.Section], versions: [String: String]) throws -> Results {
    let today = Date.now.formatted(.iso8601.year().month().day())
    var new = Results(date: today, versions: versions)
    sections.forEach { new.set($0) }
    var all = try Self.read("\(path)/RESULTS.json") ?? new
    all.machine = new.machine
    all.date = new.date
    all.versions.merge(versions) { $1 }
    sections.forEach { all.set($0) }
    let plots = "\(path)/plots"
    try FileManager.default.createDirectory(atPath: plots, withIntermediateDirectories: true)
    for section in sections {
      for comparison in section.comparisons {
        try write(Plot(comparison).svg, to: "plots/\(comparison.plotName).svg")
      }
      for curve in section.curves { try write(Plot(curve).svg, to: "plots/\(curve.name).svg") }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let document = try encoder.encode(all)
    try write(String(decoding: document, as: UTF8.self) + "\n", to: "RESULTS.json")
    try write(all.markdown(plots: "plots"), to: "RESULTS.md")
    return new
  }

  private func write(_ text: String, to name: String) throws {
    try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
  }
}
