package import Roost

extension DatabaseState {
  /// The rows that keep all constraints, put together anew, for rows that came past the statements
  /// that check them. Triggers do not fire; sequences go on behind the greatest number there is.
  /// - Parameter refused: is told of each row that is left out, and why.
  package func validated(
    refused: (_ table: String, _ row: [Value], _ reason: StoreError) -> Void
  ) throws(StoreError) -> DatabaseState {
    var workspace = Workspace(self, isRecording: false)
    for (place, table) in tables.enumerated() {
      var empty = TableState(indexCount: table.indexes.count)
      empty.sequences = table.sequences
      workspace.state.tables[place] = empty
    }
    for (place, table) in tables.enumerated() {
      let name = catalog.tables[place].definition.name
      for (_, row) in table.rows.ascending() {
        do throws(StoreError) {
          try workspace.check(row, in: place)
          try workspace.checkUnique(row, in: place)
          try workspace.put(row, in: place)
          workspace.state.noteSerials(of: row, in: place)
        } catch {
          refused(name, row, error)
        }
      }
    }
    // A row that is left out may be what others refer to.
    var isComplete = false
    while !isComplete {
      isComplete = true
      for (place, table) in workspace.state.tables.enumerated() {
        let name = catalog.tables[place].definition.name
        for (_, row) in table.rows.ascending() {
          do throws(StoreError) {
            try workspace.checkReferences([(nil, row)], in: place)
          } catch {
            try workspace.remove(row, from: place)
            refused(name, row, error)
            isComplete = false
          }
        }
      }
    }
    return workspace.state
  }

  /// Moves the sequences of serial columns to the numbers that a row has.
  private mutating func noteSerials(of row: [Value], in table: Int) {
    let columns = catalog.tables[table].definition.columns
    for (position, column) in columns.enumerated() where column.isSerial {
      guard case .int(let number) = row[position] else { continue }
      if number > tables[table].sequences[column.name] ?? 0 {
        tables[table].sequences[column.name] = number
      }
    }
  }
}
