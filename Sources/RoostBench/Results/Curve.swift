/// How a figure changes with another one, such as the cost of a call as a table grows.
public struct Curve: Codable, Sendable, Hashable {
  /// What tells it from others of a document; the name of its plot's file, too.
  public let name: String
  /// What it shows, for people.
  public let title: String
  /// What is along the horizontal axis, with its unit.
  public let horizontal: String
  /// What is along the vertical axis, with its unit.
  public let vertical: String
  /// A line for each contestant.
  public private(set) var lines: [Line]

  /// One contestant's points.
  public struct Line: Codable, Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its points, from left to right; both numbers are greater than 0.
    public var points: [Point]
  }

  /// One point.
  public struct Point: Codable, Sendable, Hashable {
    /// Along the horizontal axis.
    public let x: Double
    /// Along the vertical axis.
    public let y: Double
  }

  /// A plot without lines.
  public init(_ name: String, title: String, horizontal: String, vertical: String) {
    self.name = name
    self.title = title
    self.horizontal = horizontal
    self.vertical = vertical
    lines = []
  }

  /// Adds a point to a line; one that is not above 0 has no place on logarithmic axes and is left
  /// out.
  public mutating func add(x: Double, y: Double, to line: String) {
    guard x > 0, y > 0, x.isFinite, y.isFinite else { return }
    let point = Point(x: x, y: y)
    if let place = lines.firstIndex(where: { $0.name == line }) {
      lines[place].points.append(point)
    } else {
      lines.append(Line(name: line, points: [point]))
    }
  }

  /// The points as a table: a row for each x, a column for each line.
  public var table: Table {
    var table = Table([horizontal] + lines.map(\.name))
    for x in Set(lines.flatMap { $0.points.map(\.x) }).sorted() {
      table.add(
        [x == x.rounded() && x < 100 ? x.text(digits: 0) : x.short]
          + lines.map { line in line.points.first { $0.x == x }?.y.short ?? "" })
    }
    return table
  }
}
