import Roost

/// A row that a statement has written; `old` is nil when the row is new.
typealias WrittenRow = (old: [Value]?, new: [Value])

// Foreign keys are checked when a statement has done its rows, as Postgres's constraint triggers
// do, so that rows of one statement may refer to each other.

extension Workspace {
  /// Checks what written rows refer to, and that nothing refers to keys that they gave up.
  func checkReferences(
    _ written: [WrittenRow], in table: Int
  ) throws(StoreError) {
    let (outgoing, incoming) = (state.catalog.outgoing[table], state.catalog.incoming[table])
    if outgoing.isEmpty && incoming.isEmpty { return }
    for (old, new) in written {
      for foreignKey in outgoing {
        if let old, foreignKey.positions.allSatisfy({ old[$0] == new[$0] }) { continue }
        let key = RowKey(new, at: foreignKey.keyPositions)
        if key.hasNull || isReferenceable(key, foreignKey) { continue }
        let (name, tableName) = (foreignKey.definition.name, foreignKey.tableName)
        throw StoreError(
          .foreignKeyViolation,
          "insert or update on table \"\(tableName)\" violates foreign key constraint \"\(name)\"",
          table: tableName, constraint: name)
      }
    }
    for foreignKey in incoming {
      for (old, new) in written {
        guard let old else { continue }
        let values = foreignKey.referencedPositions.map { old[$0] }
        if values == foreignKey.referencedPositions.map({ new[$0] }) { continue }
        try refuseOrphans(of: values, foreignKey)
      }
    }
  }

  /// Removes rows and does what the foreign keys that refer to them say, row by row and key by
  /// key, in the order of declaration, which is the order of Postgres's triggers: NO ACTION finds
  /// what keys declared before it have removed, and not what those behind it would.
  /// - Parameter changes: gets what triggers are to know of, in the order in which it happened.
  mutating func removeWithReferences(
    _ rows: [[Value]], from table: Int, noting changes: inout [(table: Int, change: RowChange)]
  ) throws(StoreError) {
    for row in rows { try remove(row, from: table) }
    if !state.catalog.tables[table].triggers.isEmpty {
      changes += rows.map { (table, RowChange(old: $0, new: nil)) }
    }
    let incoming = state.catalog.incoming[table]
    if incoming.isEmpty { return }
    for row in rows {
      for foreignKey in incoming {
        let values = foreignKey.referencedPositions.map { row[$0] }
        if values.contains(where: \.isNull) { continue }
        switch foreignKey.definition.onDelete {
        case .noAction, .restrict: try refuseOrphans(of: values, foreignKey)
        case .cascade:
          let referencing = try referencingRows(values, foreignKey)
          try removeWithReferences(referencing, from: foreignKey.table, noting: &changes)
        case .setNull: try setNull(values, foreignKey, noting: &changes)
        }
      }
    }
  }

  private mutating func setNull(
    _ values: [Value], _ foreignKey: ForeignKeyPlan,
    noting changes: inout [(table: Int, change: RowChange)]
  ) throws(StoreError) {
    var written: [WrittenRow] = []
    for old in try referencingRows(values, foreignKey) {
      var row = old
      for position in foreignKey.positions { row[position] = .null }
      try check(row, in: foreignKey.table)
      try put(row, in: foreignKey.table, replacing: old)
      written.append((old, row))
    }
    try checkReferences(written, in: foreignKey.table)
    if !state.catalog.tables[foreignKey.table].triggers.isEmpty {
      changes += written.map { (foreignKey.table, RowChange(old: $0.old, new: $0.new)) }
    }
  }

  private func refuseOrphans(
    of values: [Value], _ foreignKey: ForeignKeyPlan
  ) throws(StoreError) {
    if values.contains(where: \.isNull) { return }
    if isReferenceable(RowKey(values, at: foreignKey.permutation), foreignKey) { return }
    guard try !referencingRows(values, foreignKey, limit: 1).isEmpty else { return }
    let name = foreignKey.definition.name
    throw StoreError(
      .foreignKeyViolation,
      "update or delete on table \"\(foreignKey.definition.referencedTable)\" violates foreign "
        + "key constraint \"\(name)\" on table \"\(foreignKey.tableName)\"",
      table: foreignKey.tableName, constraint: name)
  }

  /// Whether there is a row with this key, whose values are in the referenced key's order.
  private func isReferenceable(_ key: RowKey, _ foreignKey: ForeignKeyPlan) -> Bool {
    guard let index = foreignKey.referencedIndex else {
      return state.tables[foreignKey.referencedTable].rows[key] != nil
    }
    return state.tables[foreignKey.referencedTable].conflict(
      in: index, with: key, except: nil) != nil
  }

  private func referencingRows(
    _ values: [Value], _ foreignKey: ForeignKeyPlan, limit: Int? = nil
  ) throws(StoreError) -> [[Value]] {
    let terms = zip(foreignKey.definition.columns, values).map { column, value in
      Expression.comparison(.equal, .column(column), .literal(value))
    }
    return try state.rows(
      of: Query(table: foreignKey.tableName, filter: .and(terms), limit: limit))
  }
}
