/// Lines of names and values for a terminal.
struct MonitorPage {
  /// How a value is meant.
  enum Tone {
    case plain, good, bad
  }

  private static let nameWidth = 13
  private static let steps = Array("▁▂▃▄▅▆▇█")

  let width: Int
  let isColored: Bool
  private(set) var lines: [String] = []

  init(width: Int, isColored: Bool) {
    self.width = width
    self.isColored = isColored
  }

  /// Adds the first line, with something at its right end where there is room.
  mutating func add(title: String, end: String) {
    let gap = width - title.count - end.count
    let text = gap >= 2 ? title + String(repeating: " ", count: gap) + end : title
    lines.append(paint(cut(text, to: width), "1"))
  }

  /// Adds a name and a value, with a sparkline behind it where there is room.
  mutating func add(_ name: String, _ value: String, _ tone: Tone = .plain, history: [Double] = [])
  {
    let name = Readable.pad(name, Self.nameWidth)
    let value = cut(value, to: max(width - name.count, 0))
    let code: String? =
      switch tone {
      case .plain: nil
      case .good: "32"
      case .bad: "31"
      }
    var line = paint(cut(name, to: width), "2") + (code.map { paint(value, $0) } ?? value)
    // All sparklines begin in one column, unless a value is too long for it.
    let used = name.count + value.count
    let start = max(used + 2, 50)
    if history.count > 1, start + 8 <= width {
      line += String(repeating: " ", count: start - used)
      line += paint(Self.sparkline(history, width: min(width - start, 30)), "36")
    }
    lines.append(line)
  }

  private func cut(_ text: String, to width: Int) -> String {
    // What a server says may hold what a terminal would obey.
    let clean = String(
      text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : Character($0) })
    guard clean.count > width else { return clean }
    return width < 2 ? String(clean.prefix(max(width, 0))) : clean.prefix(width - 1) + "…"
  }

  private func paint(_ text: String, _ code: String) -> String {
    isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }

  /// The last values as bars, from zero to the greatest of them.
  static func sparkline(_ values: [Double], width: Int) -> String {
    let shown = values.suffix(max(width, 0))
    let greatest = shown.max() ?? 0
    return String(
      shown.map { value in
        guard greatest > 0, value > 0 else { return steps[0] }
        return steps[min(Int(value / greatest * Double(steps.count)), steps.count - 1)]
      })
  }
}
