/// A row that two stores do not have alike.
struct RowDifference: Sendable {
  /// The row's primary key.
  var key: [Value]
  /// The row where it is right; nil when it is not there.
  var row: [Value]?
  /// Whether the other store has a row with the key.
  var isInOther: Bool

  var kind: VerificationReport.Kind { row == nil ? .extra : isInOther ? .different : .missing }
}

/// Compares a table's rows, which come in the order of their keys, with those of a session.
struct RangeComparison: Sendable {
  let table: TableDefinition
  let other: any StorageSession
  private let form: RowBytes
  private let keys: [Int]

  /// - Throws: `undefinedColumn` when the table lacks a column of its key.
  init(_ table: TableDefinition, with other: any StorageSession) throws(StoreError) {
    self.table = table
    self.other = other
    form = RowBytes(table.columns)
    keys = try table.requirePositions(of: table.primaryKey.columns)
  }

  /// A row's primary key.
  func key(of row: [Value]) -> [Value] { keys.map { row[$0] } }

  /// Whether two rows, each nil where it is not there, are exactly equal.
  func areEqual(_ left: [Value]?, _ right: [Value]?) -> Bool {
    switch (left, right) {
    case (nil, nil): true
    case (let left?, let right?): form.areEqual(left, right)
    default: false
    }
  }

  /// The rows of a range in which the other store is not as these, which are all of the range.
  /// The body gets them in pieces, in the order of their keys.
  func differences(
    _ rows: [[Value]], in range: KeyRange,
    _ body: @Sendable ([RowDifference]) async throws(StoreError) -> Void
  ) async throws(StoreError) {
    var rest = rows[...]
    var range = range
    while true {
      let page = try await other.query(range.query(table, limit: TransferLimits.batch))
      var found: [RowDifference] = []
      for row in page { match(row, &rest, &found) }
      let isLast = page.count < TransferLimits.batch
      if isLast {
        found += rest.map { RowDifference(key: key(of: $0), row: $0, isInOther: false) }
      }
      if !found.isEmpty { try await body(found) }
      guard !isLast, let last = page.last else { return }
      range.after = key(of: last)
    }
  }

  /// Takes those rows that come up to one of the other store.
  private func match(
    _ other: [Value], _ rest: inout ArraySlice<[Value]>, _ found: inout [RowDifference]
  ) {
    let otherKey = key(of: other)
    while let row = rest.first {
      let key = key(of: row)
      let order = Self.order(key, otherKey)
      if order == .after { break }
      rest.removeFirst()
      guard order == .same else {
        found.append(RowDifference(key: key, row: row, isInOther: false))
        continue
      }
      if !form.areEqual(row, other) {
        found.append(RowDifference(key: key, row: row, isInOther: true))
      }
      return
    }
    found.append(RowDifference(key: otherKey, row: nil, isInOther: true))
  }

  /// The order of two primary keys.
  private static func order(_ left: [Value], _ right: [Value]) -> ValueOrdering {
    for (left, right) in zip(left, right) {
      let order = Value.order(left, right)
      if order != .same { return order }
    }
    return .same
  }
}
