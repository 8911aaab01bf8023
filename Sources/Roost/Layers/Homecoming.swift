import RoostCore

/// Carries rows from memory to a backend that is back, and empties memory.
///
/// A row is only added: the backend may have been changed by others meanwhile, and what was written
/// in memory was written without a look at it.
struct Homecoming: Sendable {
  let links: TableLinks
  let memory: any StorageBackend
  let primary: any StorageBackend

  /// Carries all that is noted.
  /// - Parameter leave: gets each row that is not taken.
  /// - Returns: how many rows were taken, and how many were not.
  /// - Throws: `unavailable` and the like; what has been done by then is not done again.
  func run(
    _ leave: (LeftBehindRow) -> Void
  ) async throws(StoreError) -> (carried: Int, left: Int) {
    let journal = ChangeJournal(links: links)
    let entries = try await journal.next(Int.max, in: memory)
    var counts = (carried: 0, left: 0)
    let groups = Dictionary(grouping: entries, by: \.row.table)
    for node in links.parentsFirst {
      for part in (groups[node.name] ?? []).parts(of: TableLinks.batch) {
        let rows = try await memory.rows(part.map(\.row))
        let there = try await primary.rows(rows.keys)
        var new: [[Value]] = []
        for (reference, row) in rows {
          guard let other = there[reference] else {
            new.append(row)
            continue
          }
          if node.isSame(row, other) { continue }
          leave(Self.left(row, node, "it has another row with this key"))
          counts.left += 1
        }
        new = node.parentsFirst(new)
        if try await add(new, node) == nil {
          counts.carried += new.count
        } else {
          // One of them is not taken: the others must not suffer.
          for row in new {
            if let refusal = try await add([row], node) {
              leave(Self.left(row, node, refusal.message))
              counts.left += 1
            } else {
              counts.carried += 1
            }
          }
        }
        try await journal.remove(Array(part), from: memory)
      }
    }
    for node in links.parentsFirst.reversed() {
      let delete = Mutation.Delete(table: node.name, filter: nil)
      _ = try await memory.apply([.delete(delete)])
    }
    return counts
  }

  /// Adds rows, all or none.
  /// - Returns: why they are refused; nil when they are there.
  private func add(
    _ rows: [[Value]], _ node: TableLinks.Node
  ) async throws(StoreError) -> StoreError? {
    if rows.isEmpty { return nil }
    do throws(StoreError) {
      _ = try await primary.load(
        RowsToLoad(node.name, columns: node.columns, rows: rows))
      return nil
    } catch {
      // What the rows are to blame for; all else passes, and is tried again.
      guard
        error.sqlState?.classCode == "23" || error.code == .valueTooLong
          || error.code == .valueOutOfRange || error.code == .invalidValue
      else { throw error }
      return error
    }
  }

  private static func left(
    _ row: [Value], _ node: TableLinks.Node, _ reason: String
  ) -> LeftBehindRow {
    var json = JSONWriter()
    node.json.write(row, into: &json)
    return LeftBehindRow(table: node.name, row: json.text, reason: reason)
  }
}
