import Foundation

/// Measurements of one contestant.
struct Figures {
  private(set) var values: [Double] = []

  mutating func add(_ value: Double) {
    values.append(value)
  }

  /// The middle value, or the mean of the two in the middle.
  var median: Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  /// The values over another contestant's of the same rounds.
  func ratios(to other: Figures) -> Figures {
    var ratios = Figures()
    for (value, reference) in zip(values, other.values) { ratios.add(value / reference) }
    return ratios
  }

  /// The least and the greatest value.
  func range(digits: Int) -> String {
    let low = values.min() ?? .nan
    let high = values.max() ?? .nan
    return "\(low.text(digits: digits)) to \(high.text(digits: digits))"
  }
}

extension Double {
  func text(digits: Int) -> String { String(format: "%.\(digits)f", self) }
}

/// A Markdown table.
struct Table {
  private var rows: [[String]]

  init(_ header: String...) {
    rows = [header]
  }

  mutating func add(_ cells: String...) {
    rows.append(cells)
  }

  /// Prints the table with its columns aligned: the first to the left, the others to the right.
  func show() {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    for (number, row) in rows.enumerated() {
      let cells = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }
      print("| \(cells.joined(separator: " | ")) |")
      guard number == 0 else { continue }
      let rules = widths.enumerated().map { column, width in
        String(repeating: "-", count: column == 0 ? width : width - 1) + (column == 0 ? "" : ":")
      }
      print("| \(rules.joined(separator: " | ")) |")
    }
  }
}
