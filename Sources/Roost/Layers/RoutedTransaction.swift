import Synchronization

/// A transaction that belongs to the place of the first table it touches, and is opened there then.
final class RoutedTransaction: StorageTransaction {
  private struct State {
    var inner: InnerTransaction?
    /// The table that chose the place.
    var table = ""
    /// Why no call succeeds any more, until a savepoint is rolled back.
    var failure: StoreError?
    var isOver = false

    func check() throws(StoreError) {
      if isOver { throw StoreError(.transactionAborted, "the transaction is over") }
      guard let failure else { return }
      if failure.code == .deadlineExceeded || failure.isRetryable { throw failure }
      throw StoreError(.transactionAborted, "the transaction is aborted: \(failure.message)")
    }

    /// What happened in a savepoint is undone.
    mutating func recover() {
      if failure?.code != .deadlineExceeded { failure = nil }
    }
  }

  private let tables: RoutedTables
  private let backends: [any StorageBackend]
  private let options: TransactionOptions
  private let end: ContinuousClock.Instant
  private let state = Mutex(State())

  init(
    _ tables: RoutedTables, _ backends: [any StorageBackend], _ options: TransactionOptions
  ) {
    self.tables = tables
    self.backends = backends
    self.options = options
    end = .now + options.deadline
  }

  /// Runs a call where its table is; its error dooms the transaction.
  private func perform<Result>(
    on table: String, and others: [String] = [],
    _ call: (any StorageTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    do throws(StoreError) {
      let inner = try state.withLock { state throws(StoreError) in
        try claim(table, and: others, &state)
      }
      return try await call(try await inner.session())
    } catch {
      state.withLock { $0.failure = $0.failure ?? error }
      throw error
    }
  }

  /// The inner transaction that a table belongs to, begun if this is the first touch.
  private func claim(
    _ table: String, and others: [String], _ state: inout State
  ) throws(StoreError) -> InnerTransaction {
    try state.check()
    if let inner = state.inner {
      for name in [table] + others {
        try tables.require(name, in: inner.place, as: state.table)
      }
      return inner
    }
    let place = try tables.place(of: table, and: others)
    var options = options
    options.deadline = try remaining()
    let inner = InnerTransaction(backends[place], place: place, options)
    state.inner = inner
    state.table = table
    return inner
  }

  private func remaining() throws(StoreError) -> Duration {
    let remaining = end - .now
    guard remaining > .zero else { throw TransactionOptions.expired }
    return remaining
  }

  /// Commits what was opened.
  /// - Throws: `transactionAborted` after an error; what the backend's commit throws.
  func commit() async throws {
    let inner = try state.withLock { state throws(StoreError) in
      try state.check()
      if state.inner == nil { _ = try remaining() }
      state.isOver = true
      return state.inner
    }
    try await inner?.commit()
  }

  /// Rolls back what was opened, unless it has been committed.
  func rollBack() async {
    let inner = state.withLock { state in
      state.isOver = true
      return state.inner
    }
    await inner?.rollBack()
  }
}

extension RoutedTransaction {
  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    try await perform(on: table) { session throws(StoreError) in
      try await session.get(table, keys: keys, lock: lock)
    }
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    try await perform(on: query.table) { session throws(StoreError) in
      try await session.query(query)
    }
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try await perform(on: query.table) { session throws(StoreError) in
      try await session.aggregate(query)
    }
  }

  func digest(
    _ table: TableDefinition, in range: KeyRange, limit: Int
  ) async throws(StoreError) -> RangeDigest {
    try await perform(on: table.name) { session throws(StoreError) in
      try await session.digest(table, in: range, limit: limit)
    }
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    try await perform(on: query.table) { session throws(StoreError) in
      try await session.explain(query)
    }
  }

  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    guard let first = mutations.first else { return [] }
    return try await perform(
      on: first.table, and: mutations.dropFirst().map(\.table)
    ) { session throws(StoreError) in
      try await session.apply(mutations)
    }
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    try await perform(on: rows.table) { session throws(StoreError) in
      try await session.load(rows)
    }
  }

  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    let session = try await perform(on: query.table) { session throws(StoreError) in session }
    try await session.scan(query, batchSize: batchSize, body)
  }

  func savepoint<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    let inner = try state.withLock { state throws(StoreError) in
      try state.check()
      return state.inner
    }
    guard let inner else { return try await openSavepoint(body) }
    let session = try await inner.session()
    do {
      return try await session.savepoint {
        let result = try await body()
        try check()
        return result
      }
    } catch {
      state.withLock { $0.recover() }
      throw error
    }
  }

  /// A savepoint before any table was touched: what is opened in it is its own, and when it is
  /// rolled back the next table is the first again.
  private func openSavepoint<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    do {
      let result = try await body()
      try check()
      return result
    } catch {
      let inner = state.withLock { state in
        defer { state.inner = nil }
        return state.inner
      }
      await inner?.rollBack()
      state.withLock { $0.recover() }
      throw error
    }
  }

  private func check() throws(StoreError) {
    try state.withLock { state throws(StoreError) in try state.check() }
  }
}
