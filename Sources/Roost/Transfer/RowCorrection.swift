import Synchronization

/// Compares a store's rows with those that are right, and makes them so, inside one transaction.
///
/// A row that is equal is never written: there are tables whose triggers refuse it.
struct RowCorrection: Sendable {
  let source: any RowSource
  let target: any StorageTransaction
  let order: TransferOrder
  /// Whether rows that the source has not are removed.
  let removesExtra: Bool
  let progress:
    @Sendable (TransferProgress.Phase, _ table: String, _ rows: Int) async throws ->
      Void

  /// How often the tables are gone through: triggers that a correction sets off, and rows that are
  /// in each other's way, may take several rounds.
  private static let roundLimit = 20

  private final class Round: Sendable {
    struct State {
      var written = 0
      /// Why a row could not be written yet; the last reason counts.
      var refusal: StoreError?
      /// The tables with rows that the source has not.
      var tablesWithExtra: Set<String> = []
    }

    let isDeferring: Bool
    let state = Mutex(State())

    init(_ isDeferring: Bool) {
      self.isDeferring = isDeferring
    }
  }

  /// Makes all rows right.
  /// - Parameter isDeferring: whether rows are right with NULL in the columns that come last.
  /// - Returns: how many rows were written or removed.
  /// - Throws: why rows cannot be made right; the transaction is then to be given up.
  func run(isDeferring: Bool = false) async throws -> Int {
    var corrected = 0
    for _ in 0..<Self.roundLimit {
      let round = Round(isDeferring)
      for table in order.tables { try await compare(table, in: round) { $0.row != nil } }
      let extra = round.state.withLock { $0.tablesWithExtra }
      for table in order.tables.reversed() where extra.contains(table.name) {
        try await compare(table, in: round) { $0.row == nil }
      }
      let end = round.state.withLock { $0 }
      corrected += end.written
      if let refusal = end.refusal {
        guard end.written > 0 else { throw refusal }
      } else if end.written == 0 {
        return corrected
      }
    }
    throw StoreError(
      .internal, "the rows cannot be made equal: triggers of the target keep changing them")
  }

  /// Goes through a table and corrects those rows that are wanted.
  private func compare(
    _ table: TableDefinition, in round: Round,
    where isWanted: @escaping @Sendable (RowDifference) -> Bool
  ) async throws {
    let comparison = try RangeComparison(table, with: target)
    let position = Mutex<[Value]?>(nil)
    @Sendable func correct(_ found: [RowDifference]) async throws(StoreError) {
      if removesExtra, found.contains(where: { $0.row == nil }) {
        _ = round.state.withLock { $0.tablesWithExtra.insert(table.name) }
      }
      try await write(found.filter(isWanted), of: table, in: round)
    }
    try await source.scan(table) { stored in
      let rows =
        round.isDeferring ? stored.map { order.deferring($0, of: table) } : stored
      guard let last = rows.last else { return }
      let range = KeyRange(
        after: position.withLock { $0 }, through: comparison.key(of: last))
      position.withLock { $0 = range.through }
      var digest = RangeDigest()
      try digest.add(rows, of: table)
      let other = try await target.digest(table, in: range, limit: rows.count + 1)
      if !digest.hasSameRows(as: other) {
        try await comparison.differences(rows, in: range, correct)
      }
      try await progress(.checking, table.name, rows.count)
    }
    guard removesExtra else { return }
    try await comparison.differences([], in: KeyRange(after: position.withLock { $0 }), correct)
  }

  private func write(
    _ found: [RowDifference], of table: TableDefinition, in round: Round
  ) async throws(StoreError) {
    guard !found.isEmpty else { return }
    do throws(StoreError) {
      try await apply(found, of: table)
      round.state.withLock { $0.written += found.count }
    } catch {
      guard error.code.isViolation, removesExtra else { throw error }
      guard found.count > 1 else {
        round.state.withLock { $0.refusal = error }
        return
      }
      // Those in whose way another row is have their turn when that is corrected.
      for one in found { try await write([one], of: table, in: round) }
    }
  }

  /// Writes or removes rows, all or none.
  private func apply(
    _ found: [RowDifference], of table: TableDefinition
  ) async throws(StoreError) {
    let names = table.columns.map(\.name)
    let rows = found.compactMap(\.row)
    let keys = Set(table.primaryKey.columns)
    // Equal keys may be written in two ways, as 1.0 and 1.00.
    let set = table.columns.filter { !keys.contains($0.name) || $0.type.hasSpellings }
    var mutations: [Mutation] = []
    if !rows.isEmpty {
      mutations.append(
        .insert(
          .init(
            table: table.name, columns: names, rows: rows,
            conflict: .update(
              target: table.primaryKey.columns, set: set.map(\.name), ifChanged: nil))))
    }
    for one in found where one.row == nil {
      mutations.append(
        .delete(.init(table: table.name, filter: try table.keyFilter(one.key))))
    }
    let changes = mutations
    do {
      try await target.savepoint { _ = try await target.apply(changes) }
    } catch {
      throw StoreError(transfer: error)
    }
  }
}

extension ColumnType {
  /// Whether two values can be equal in order and not in bytes.
  fileprivate var hasSpellings: Bool {
    switch self {
    case .real, .double, .numeric, .unlimitedNumeric: true
    default: false
    }
  }
}

extension StoreError.Code {
  /// Whether a constraint refused a row.
  fileprivate var isViolation: Bool {
    [.uniqueViolation, .foreignKeyViolation, .checkViolation, .notNullViolation].contains(self)
  }
}
