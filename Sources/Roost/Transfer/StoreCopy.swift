import Synchronization

/// Carries all rows of a store into another, whatever backends they are in.
///
/// The rows are those of one moment. The target's constraints check them, its triggers fire, and
/// what triggers change is put right at the end. All of it is one transaction of the target: when
/// the copy fails or its process is killed, the target is as it was. Before that is committed
/// every table has been compared with its source, and is exactly equal.
///
/// Serial columns go on behind the greatest number copied.
public struct StoreCopy: Sendable {
  private let from: Store
  private let to: Store
  private let intoNonEmpty: Bool

  /// Copies from one store to another.
  /// - Parameters:
  ///   - from: the store that is read; it is not changed.
  ///   - to: the store that is filled. Its migrations must declare the same tables.
  ///   - intoNonEmpty: whether the target may have rows. Those that are exactly as the source's
  ///     are kept, those that the source has not are left alone, and a key whose row is another is
  ///     an error.
  public init(from: Store, to: Store, intoNonEmpty: Bool = false) {
    self.from = from
    self.to = to
    self.intoNonEmpty = intoNonEmpty
  }

  /// Copies.
  /// - Parameters:
  ///   - shouldStop: is asked between batches; the copy then ends with `cancelled`.
  ///   - progress: is told how far it is.
  /// - Throws: `invalidConfiguration` when both are the same store or the target has rows;
  ///   `schemaDrift` when their tables differ; `uniqueViolation` for a key that has another row;
  ///   the violations and failures that writing meets. Nothing is changed then.
  public func run(
    shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws(StoreError) -> TransferReport {
    if let identity = try await from.backend.identity(),
      identity == (try await to.backend.identity())
    {
      throw StoreError(
        .invalidConfiguration,
        "\(from.opening.location) and \(to.opening.location) are the same store")
    }
    return try await from.backend.transferring(.snapshot) { session in
      let source = SnapshotSource(
        schema: from.schema, location: from.opening.location, session: session)
      let loader = TableLoader(
        source, into: to, intoNonEmpty: intoNonEmpty, shouldStop, progress)
      return try await loader.run()
    }
  }

  /// Makes the second store's rows those of the first as they are now, in one transaction: writes
  /// what is missing or different, and removes what is extra.
  /// - Returns: how many rows were written or removed.
  /// - Throws: as `run`; the violation that stays in the way when all rows cannot be made equal.
  public func repair(
    shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws(StoreError) -> Int {
    try from.schema.requireSameTables(
      as: to.schema, from: from.opening.location, to: to.opening.location)
    return try await from.backend.transferring(.snapshot) { session in
      let source = SnapshotSource(
        schema: from.schema, location: from.opening.location, session: session)
      let order = try TransferOrder(from.schema)
      let counter = TransferCounter(shouldStop, progress)
      try await counter.begin(source, order.tables)
      return try await to.backend.transferring(.transfer) { target in
        try await RowCorrection(
          source: source, target: target, order: order, removesExtra: true,
          progress: { try counter.add($0, $1, $2) }
        ).run()
      }
    }
  }
}

/// Fills a store from a source of rows.
struct TableLoader: Sendable {
  private let source: any RowSource
  private let store: Store
  private let intoNonEmpty: Bool
  private let counter: TransferCounter

  init(
    _ source: any RowSource, into store: Store, intoNonEmpty: Bool,
    _ shouldStop: @escaping @Sendable () -> Bool,
    _ progress: @escaping @Sendable (TransferProgress) -> Void
  ) {
    self.source = source
    self.store = store
    self.intoNonEmpty = intoNonEmpty
    counter = TransferCounter(shouldStop, progress)
  }

  /// What is known of a table while its rows go by.
  private struct Part {
    var digest = RangeDigest()
    var kept = 0
  }

  func run() async throws(StoreError) -> TransferReport {
    try source.schema.requireSameTables(
      as: store.schema, from: source.location, to: store.opening.location)
    let order = try TransferOrder(source.schema)
    try await counter.begin(source, order.tables)
    return try await store.backend.transferring(.transfer) { target in
      if !intoNonEmpty { try await requireEmpty(target) }
      var report = TransferReport(
        from: source.location, to: store.opening.location, tables: [], corrected: 0)
      for table in order.tables {
        let part = try await load(table, into: target, order)
        report.tables.append(
          .init(
            name: table.name, rows: part.digest.count, kept: part.kept, digest: part.digest.text))
      }
      let correction = RowCorrection(
        source: source, target: target, order: order, removesExtra: !intoNonEmpty,
        progress: { try counter.add($0, $1, $2) })
      if order.isDeferring, !intoNonEmpty {
        report.corrected = try await correction.run(isDeferring: true)
      }
      report.corrected += try await correction.run()
      return report
    }
  }

  private func requireEmpty(_ target: any StorageTransaction) async throws(StoreError) {
    for table in source.schema.tables.values.sorted(by: { $0.name < $1.name }) {
      guard try await target.query(KeyRange().query(table, limit: 1)).isEmpty else {
        throw StoreError(
          .invalidConfiguration,
          "\(store.opening.location) is not empty: \"\(table.name)\" has rows", table: table.name)
      }
    }
  }

  private func load(
    _ table: TableDefinition, into target: any StorageTransaction, _ order: TransferOrder
  ) async throws -> Part {
    let part = Mutex(Part())
    let references = try SelfReferences(table, order)
    let comparison = try RangeComparison(table, with: target)
    @Sendable func write(_ all: [[Value]]) async throws {
      var rows = all
      if intoNonEmpty, !all.isEmpty {
        rows = try await missing(all, in: target, comparison)
        let kept = all.count - rows.count
        part.withLock { $0.kept += kept }
      }
      guard !rows.isEmpty else { return }
      for place in rows.indices { rows[place] = try order.first(rows[place], of: table) }
      _ = try await target.load(
        RowsToLoad(table.name, columns: table.columns.map(\.name), rows: rows))
    }
    try await source.scan(table) { rows in
      try part.withLock { try $0.digest.add(rows, of: table) }
      try await write(references?.ready(rows) ?? rows)
      try counter.add(.copying, table.name, rows.count)
    }
    if let references { try await write(references.rest()) }
    return part.withLock { $0 }
  }

  /// Those rows whose keys the target has not.
  /// - Throws: `uniqueViolation` when it has another row with the key.
  private func missing(
    _ rows: [[Value]], in target: any StorageTransaction, _ comparison: RangeComparison
  ) async throws(StoreError) -> [[Value]] {
    let table = comparison.table
    let places = try store.schema.table(table.name)
      .requirePositions(of: table.columns.map(\.name))
    let found = try await target.get(
      table.name, keys: rows.map { comparison.key(of: $0) }, lock: nil)
    var missing: [[Value]] = []
    for (row, other) in zip(rows, found) {
      guard let other else {
        missing.append(row)
        continue
      }
      guard comparison.areEqual(row, places.map { other[$0] }) else {
        let key = comparison.key(of: row).map(\.description).joined(separator: ", ")
        throw StoreError(
          .uniqueViolation,
          "\(store.opening.location) has another row with the key (\(key)) in \"\(table.name)\"",
          table: table.name, constraint: table.primaryKey.name)
      }
    }
    return missing
  }
}

/// Adds up what is done and tells it, and stops the work when it is asked to.
final class TransferCounter: Sendable {
  private struct State {
    var phase = TransferProgress.Phase.copying
    var done = 0
    var total = 0
  }

  private let state = Mutex(State())
  private let shouldStop: @Sendable () -> Bool
  private let progress: @Sendable (TransferProgress) -> Void

  init(
    _ shouldStop: @escaping @Sendable () -> Bool,
    _ progress: @escaping @Sendable (TransferProgress) -> Void
  ) {
    self.shouldStop = shouldStop
    self.progress = progress
  }

  /// Counts the rows that there are to do.
  func begin(_ source: any RowSource, _ tables: [TableDefinition]) async throws(StoreError) {
    var total = 0
    for table in tables { total += try await source.count(table) }
    state.withLock { $0.total = total }
  }

  /// - Throws: `cancelled` when the work is to stop.
  func add(
    _ phase: TransferProgress.Phase, _ table: String, _ rows: Int
  ) throws(StoreError) {
    if Task.isCancelled || shouldStop() {
      throw StoreError(.cancelled, "stopped; nothing was changed")
    }
    let now = state.withLock { state in
      if state.phase != phase {
        state.phase = phase
        state.done = 0
      }
      // A second round of checking begins anew.
      if state.done + rows > state.total { state.done = 0 }
      state.done += rows
      return state
    }
    progress(
      TransferProgress(phase: phase, table: table, done: now.done, total: now.total))
  }
}
