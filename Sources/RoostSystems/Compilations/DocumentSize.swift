import Roost
import RoostCore

/// How many bytes a row's documents take as JSON text without spaces.
struct DocumentSize {
  private var columns: [(name: String, bytes: Int)] = []

  /// All documents together, in bytes.
  var total: Int { columns.reduce(0) { $0 + $1.bytes } }

  /// The largest document.
  var largest: (name: String, bytes: Int) { columns.max { $0.bytes < $1.bytes } ?? ("", 0) }

  /// Adds a document; nil takes nothing.
  mutating func add(_ column: some NamedColumn, _ document: JSON?) {
    if let document { columns.append((column.name, document.encoded().count)) }
  }

  /// - Throws: `limitExceeded`, naming the largest document's column, its size and the limit.
  func require(atMost limit: Int, table: String) throws(StoreError) {
    guard total > limit else { return }
    let rest = columns.count > 1 ? ", \(total) with the other documents" : ""
    throw StoreError(
      .limitExceeded,
      "\"\(largest.name)\" has \(largest.bytes) bytes\(rest); the limit is \(limit) bytes",
      table: table, column: largest.name)
  }
}

extension DocumentSize {
  /// The size of a compilation's documents.
  init(_ compilation: Compilation) {
    let columns = Compilation.columns
    add(columns.specs, compilation.specs)
    add(columns.apiIR, compilation.apiIR)
    add(columns.resourceNames, compilation.resourceNames)
    add(columns.resourceSlugs, compilation.resourceSlugs)
    add(columns.diffFromPrevious, compilation.diffFromPrevious)
    add(columns.errors, compilation.errors)
  }
}
