import RoostCore

/// Drawings as SVG, for a browser: readable on a light and on a dark page, without scripts and
/// without anything from elsewhere.
public struct Plot: Sendable {
  private static let width = 760.0
  private static let margin = (left: 84.0, right: 24.0, bottom: 56.0)
  // Okabe and Ito's colours, which the colour-blind can tell apart.
  private static let colours = [
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C",
  ]

  private var elements: [String] = []
  private let height: Double
  private let title: String

  /// The document's text.
  public var svg: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.text(Self.width)) \
    \(Self.text(height))" role="img" aria-label="\(Self.escaped(title))">
    <style>
    text { font: 13px system-ui, sans-serif; fill: #222 } .head { font-weight: 600 }
    .rule { stroke: #ddd } .page { fill: #fff } polyline { fill: none; stroke-width: 2 }
    @media (prefers-color-scheme: dark) {
      text { fill: #ddd } .rule { stroke: #444 } .page { fill: #181818 }
    }
    </style>
    <rect class="page" width="100%" height="100%"/>
    \(elements.joined(separator: "\n"))
    </svg>

    """
  }

  /// Lines over two logarithmic axes.
  public init(_ curve: Curve) {
    title = curve.title
    let rows = (curve.lines.count + 3) / 4
    let top = 44 + 20 * Double(rows)
    height = top + 300 + Self.margin.bottom
    let points = curve.lines.flatMap(\.points)
    let horizontal = Axis(
      points.map(\.x), from: Self.margin.left, to: Self.width - Self.margin.right)
    let vertical = Axis(points.map(\.y), from: height - Self.margin.bottom, to: top)
    add(curve.title, x: 16, y: 24, style: "class=\"head\"")
    for (place, line) in curve.lines.enumerated() {
      let (x, y) = (16 + 180 * Double(place % 4), 46 + 20 * Double(place / 4))
      let colour = Self.colours[place % Self.colours.count]
      elements.append("<circle cx=\"\(x + 5)\" cy=\"\(y - 4)\" r=\"5\" fill=\"\(colour)\"/>")
      add(line.name, x: x + 16, y: y)
    }
    for tick in horizontal.ticks {
      let x = horizontal.place(tick)
      rule(x, height - Self.margin.bottom, x, top)
      add(tick.label, x: x, y: height - 36, style: "text-anchor=\"middle\"")
    }
    for tick in vertical.ticks {
      let y = vertical.place(tick)
      rule(Self.margin.left, y, Self.width - Self.margin.right, y)
      add(tick.label, x: Self.margin.left - 8, y: y + 4, style: "text-anchor=\"end\"")
    }
    add(curve.horizontal, x: Self.width / 2, y: height - 12, style: "text-anchor=\"middle\"")
    let middle = (top + height - Self.margin.bottom) / 2
    add(
      curve.vertical, x: 18, y: middle,
      style: "text-anchor=\"middle\" transform=\"rotate(-90 18 \(Self.text(middle)))\"")
    for (place, line) in curve.lines.enumerated() {
      let colour = Self.colours[place % Self.colours.count]
      let places = line.points.map {
        (x: Self.text(horizontal.place($0.x)), y: Self.text(vertical.place($0.y)))
      }
      let all = places.map { "\($0.x),\($0.y)" }.joined(separator: " ")
      elements.append("<polyline points=\"\(all)\" stroke=\"\(colour)\"/>")
      for (point, at) in zip(line.points, places) {
        elements.append(
          "<circle cx=\"\(at.x)\" cy=\"\(at.y)\" r=\"3\" fill=\"\(colour)\">"
            + "<title>\(Self.escaped(line.name)): \(point.x.short), \(point.y.short)</title>"
            + "</circle>")
      }
    }
  }

  /// A bar for each contestant's rate, as a ratio to the first one's, with the interval of the
  /// ratios.
  public init(_ comparison: Comparison) {
    title = comparison.title
    let contestants = comparison.contestants
    height = 56 + 26 * Double(contestants.count) + 12
    add("\(comparison.title): \(comparison.unit) a second", x: 16, y: 24, style: "class=\"head\"")
    let ratios = contestants.map { $0.rates.ratios(to: contestants[0].rates) }
    let most = ratios.map { $0.interval.upperBound }.filter(\.isFinite).max() ?? 1
    let (left, right) = (190.0, Self.width - 190)
    let place = { (ratio: Double) in left + (right - left) * min(max(ratio, 0), most) / most }
    for (row, contestant) in contestants.enumerated() {
      let y = 44 + 26 * Double(row)
      let (median, interval) = (ratios[row].median, ratios[row].interval)
      add(contestant.name, x: left - 10, y: y + 14, style: "text-anchor=\"end\"")
      elements.append(
        "<rect x=\"\(Self.text(left))\" y=\"\(Self.text(y))\" "
          + "width=\"\(Self.text(place(median) - left))\" height=\"18\" "
          + "fill=\"\(row == 0 ? Self.colours[0] : Self.colours[6])\"/>")
      elements.append(
        "<line x1=\"\(Self.text(place(interval.lowerBound)))\" y1=\"\(Self.text(y + 9))\" "
          + "x2=\"\(Self.text(place(interval.upperBound)))\" y2=\"\(Self.text(y + 9))\" "
          + "stroke=\"\(Self.colours[4])\" stroke-width=\"3\"/>")
      add(
        "\(median.text(digits: 2))  (\(contestant.rates.median.short))", x: right + 10, y: y + 14)
    }
    rule(place(1), 38, place(1), height - 8)
  }

  /// A logarithmic axis.
  private struct Axis {
    let least: Double
    let greatest: Double
    let from: Double
    let to: Double

    init(_ values: [Double], from: Double, to: Double) {
      least = values.min() ?? 1
      let most = values.max() ?? 10
      greatest = most > least ? most : least * 10
      (self.from, self.to) = (from, to)
    }

    func place(_ value: Double) -> Double {
      from + (to - from) * log(value / least) / log(greatest / least)
    }

    /// Powers of ten; with few of them, also their double and five times.
    var ticks: [Double] {
      let steps: [Double] = greatest / least > 1_000 ? [1] : [1, 2, 5]
      var (power, ticks): (Double, [Double]) = (1e-9, [])
      while power <= greatest {
        ticks += steps.map { $0 * power }.filter { $0 >= least * 0.999 && $0 <= greatest * 1.001 }
        power *= 10
      }
      return ticks
    }
  }

  private mutating func add(_ text: String, x: Double, y: Double, style: String = "") {
    elements.append(
      "<text x=\"\(Self.text(x))\" y=\"\(Self.text(y))\" \(style)>\(Self.escaped(text))</text>")
  }

  private mutating func rule(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) {
    elements.append(
      "<line class=\"rule\" x1=\"\(Self.text(x1))\" y1=\"\(Self.text(y1))\" "
        + "x2=\"\(Self.text(x2))\" y2=\"\(Self.text(y2))\"/>")
  }

  private static func text(_ number: Double) -> String { number.text(digits: 1) }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
  }
}

extension Double {
  /// A tick's label: `0.5`, `20`, `5k`, `1M`.
  fileprivate var label: String {
    for (size, letter) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where self >= size * 0.999 {
      return "\((self / size).text(digits: 0))\(letter)"
    }
    return self >= 0.999 ? text(digits: 0) : short
  }
}
