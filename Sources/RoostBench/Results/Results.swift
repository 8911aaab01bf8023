/// All that was measured in one run, as JSON and as a page.
public struct Results: Codable, Sendable, Hashable {
  /// Processor, memory and system.
  public var machine: String
  /// When it was measured, such as `2026-11-21`.
  public var date: String
  /// The versions of all who took part, by their names.
  public var versions: [String: String]
  /// Its parts, in the order of the page.
  public private(set) var sections: [Section]

  /// A part of the page.
  public struct Section: Codable, Sendable, Hashable {
    /// What tells it from others, such as `drivers`.
    public let name: String
    /// Its headline.
    public var title: String
    /// What one must know to read it: settings, what a contestant does not do.
    public var notes: [String]
    /// Contestants side by side.
    public var comparisons: [Comparison]
    /// What is plotted.
    public var curves: [Curve]

    /// A part of the page.
    public init(
      _ name: String, title: String, notes: [String] = [], comparisons: [Comparison] = [],
      curves: [Curve] = []
    ) {
      self.name = name
      self.title = title
      self.notes = notes
      self.comparisons = comparisons
      self.curves = curves
    }

    /// The comparisons as one table.
    public var table: Table {
      var table = Table(Comparison.header)
      for comparison in comparisons {
        for row in comparison.rows { table.add(row) }
      }
      return table
    }
  }

  /// A document without parts.
  public init(machine: String = Machine.description, date: String, versions: [String: String]) {
    self.machine = machine
    self.date = date
    self.versions = versions
    sections = []
  }

  /// Puts a part in the place of the one of the same name, or at the end.
  public mutating func set(_ section: Section) {
    if let place = sections.firstIndex(where: { $0.name == section.name }) {
      sections[place] = section
    } else {
      sections.append(section)
    }
  }

  /// The page. Plots are links to `FOLDER/NAME.svg`.
  /// - Parameter plots: the folder that has the plots, relative to the page's own.
  public func markdown(plots: String) -> String {
    var text = "# Results\n\nMeasured on \(date), on \(machine).\n"
    for section in sections {
      text += "\n## \(section.title)\n"
      if !section.notes.isEmpty {
        text += "\n" + section.notes.map { "- \($0)\n" }.joined()
      }
      if !section.comparisons.isEmpty { text += "\n\(section.table)\n" }
      for comparison in section.comparisons {
        text += "\n![\(comparison.title)](\(plots)/\(comparison.plotName).svg)\n"
      }
      for curve in section.curves {
        text += "\n![\(curve.title)](\(plots)/\(curve.name).svg)\n\n\(curve.table)\n"
      }
    }
    text += "\n## Who took part\n\n"
    for (name, version) in versions.sorted(by: { $0.key < $1.key }) {
      text += "- \(name): \(version)\n"
    }
    return text
  }

  /// What got slower since an older run, beyond noise, a line each.
  public func regressions(since old: Results) -> [String] {
    let before = old.sections.flatMap(\.comparisons)
    return sections.flatMap(\.comparisons).flatMap { comparison in
      before.first { $0.name == comparison.name }.map { comparison.regressions(since: $0) } ?? []
    }
  }
}
