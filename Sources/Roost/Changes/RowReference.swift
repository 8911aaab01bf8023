import RoostCore

/// Which row of which table, whatever it holds.
package struct RowReference: Sendable, Hashable {
  /// The table.
  package var table: String
  /// The values of the primary key's columns, in their order.
  package var key: [Value]

  /// Makes a reference.
  package init(_ table: String, _ key: [Value]) {
    self.table = table
    self.key = key
  }

  /// The key as a JSON object, as the change journal keeps it.
  func keyText(_ node: TableLinks.Node) -> String {
    var json = JSONWriter()
    node.json.write(key: key, into: &json)
    return json.text
  }

  /// Reads what `keyText` wrote.
  /// - Throws: `corrupted`.
  init(_ table: TableDefinition, keyText: String) throws(StoreError) {
    let bytes = Array(keyText.utf8)
    do throws(JSONError) {
      key = try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
        var json = JSONScanner(buffer)
        let key = try RowJSONReader(table).key(&json)
        try json.end()
        return key
      }
    } catch {
      throw StoreError(
        .corrupted, "the change journal names no row of \"\(table.name)\": \(error)",
        table: table.name)
    }
    self.table = table.name
  }
}

extension StorageSession {
  /// The rows that references name, as far as they are there.
  func rows(
    _ references: some Collection<RowReference>
  ) async throws(StoreError) -> [RowReference: [Value]] {
    var found: [RowReference: [Value]] = [:]
    for (table, group) in Dictionary(grouping: references, by: \.table) {
      for part in group.parts(of: TableLinks.batch) {
        let rows = try await get(table, keys: part.map(\.key), lock: nil)
        for (reference, row) in zip(part, rows) {
          if let row { found[reference] = row }
        }
      }
    }
    return found
  }
}

extension RandomAccessCollection where Index == Int {
  /// The elements in parts of so many, the last one smaller.
  func parts(of count: Int) -> [SubSequence] {
    stride(from: startIndex, to: endIndex, by: count).map {
      self[$0..<Swift.min($0 + count, endIndex)]
    }
  }
}
