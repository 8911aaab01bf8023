package import Roost

/// How what makes an embedded engine durable is. Nothing can be said of memory.
package struct EmbeddedCondition: Sendable {
  package var figures: [Figure] = []
  package var checks: [HealthCheck] = []

  package init() {}
}

extension DatabaseState {
  /// How many rows of a table are looked at to guess what it takes.
  private static let sampleSize = 64

  /// How many rows each table has, and about how many bytes they take: what the first of them take,
  /// for all.
  func figures() -> [Figure] {
    var figures: [Figure] = []
    for (table, plan) in zip(tables, catalog.tables) {
      let labels = ["table": plan.definition.name]
      figures.append(
        Figure(
          "roost_table_rows", Double(table.rows.count), labels: labels,
          help: "How many rows a table has."))
      var (sampled, bytes) = (0, 0)
      for (_, row) in table.rows.ascending() {
        bytes += row.reduce(Self.rowOverhead) { $0 + $1.byteCount }
        sampled += 1
        if sampled == Self.sampleSize { break }
      }
      let guess = sampled == 0 ? 0 : Double(bytes) / Double(sampled) * Double(table.rows.count)
      figures.append(
        Figure(
          "roost_table_estimated_bytes", guess.rounded(), labels: labels,
          help: "About how many bytes of memory a table's rows take, without indexes."))
    }
    return figures
  }

  /// The array of a row, and its place in the tree.
  private static let rowOverhead = 64
}

extension Value {
  /// About how many bytes the value takes in a row.
  fileprivate var byteCount: Int {
    // A text of up to 15 bytes lies in the value itself.
    let fixed = MemoryLayout<Value>.stride
    switch self {
    case .text(let text): return fixed + (text.utf8.count > 15 ? text.utf8.count + 32 : 0)
    case .bytes(let bytes): return fixed + bytes.count + 32
    case .array(let values): return values.reduce(fixed + 32) { $0 + $1.byteCount }
    case .json(let json): return fixed + json.description.utf8.count
    default: return fixed
    }
  }
}
