import Foundation

/// A Markdown table.
public struct Table: Sendable, CustomStringConvertible {
  private var rows: [[String]]

  /// A table without rows.
  public init(_ header: [String]) {
    rows = [header]
  }

  /// Adds a row; cells that are missing at its end are empty.
  public mutating func add(_ cells: [String]) {
    rows.append(cells)
  }

  /// The table with its columns aligned: the first to the left, the others to the right.
  public var description: String {
    let widths = rows[0].indices.map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    var lines: [String] = []
    for (number, row) in rows.enumerated() {
      let cells = widths.enumerated().map { column, width in
        let cell = column < row.count ? row[column] : ""
        let space = String(repeating: " ", count: width - cell.count)
        return column == 0 ? cell + space : space + cell
      }
      lines.append("| \(cells.joined(separator: " | ")) |")
      guard number == 0 else { continue }
      let rules = widths.enumerated().map { column, width in
        String(repeating: "-", count: max(column == 0 ? width : width - 1, 1))
          + (column == 0 ? "" : ":")
      }
      lines.append("| \(rules.joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n")
  }
}

extension Double {
  /// The number with so many digits after its point.
  public func text(digits: Int) -> String { String(format: "%.\(digits)f", self) }

  /// The number with about three digits that say something: `0.0123`, `1.23`, `1,234,567`.
  public var short: String {
    guard isFinite else { return "-" }
    let size = magnitude
    if size >= 100 {
      let digits = String(Int(min(size, 1e18).rounded()))
      let groups = stride(from: digits.count, to: 0, by: -3).map { end in
        digits.dropLast(digits.count - end).suffix(min(3, end))
      }
      return (self < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
    }
    return text(digits: size >= 10 ? 1 : size >= 1 || size == 0 ? 2 : size >= 0.1 ? 3 : 4)
  }
}
