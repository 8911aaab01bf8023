extension Selection {
  /// Reads these columns only, for a record that holds a part of its table's row: what stands in
  /// the others, such as large documents, is not fetched. The record finds NULL there.
  public func reading(_ columns: (R.Columns) -> [any NamedColumn]) -> Selection {
    var copy = self
    copy.query.columns = columns(R.columns).map(\.name)
    return copy
  }
}

extension RowLayout {
  /// A query's row with a value for each column of the table: NULL for those not read.
  /// - Throws: `undefinedColumn`.
  func row(_ values: [Value], of query: Query) throws(StoreError) -> Row {
    guard let columns = query.columns else { return Row(values, self) }
    var all = Array(repeating: Value.null, count: table.columns.count)
    for (position, value) in zip(try table.requirePositions(of: columns), values) {
      all[position] = value
    }
    return Row(all, self)
  }
}
