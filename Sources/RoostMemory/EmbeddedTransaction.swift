import Roost
import Synchronization

/// A transaction of an embedded engine: a workspace that nobody else sees.
final class EmbeddedTransaction: StorageTransaction, ImmediateSession, ImmediateReads {
  private struct State {
    var workspace: Workspace
    /// Why no call succeeds any more, until a savepoint is rolled back.
    var failure: StoreError?
    var isReadOnly: Bool
    /// When the transaction is over, whatever the timer that watches it is up to.
    let end: ContinuousClock.Instant

    func requireWriting() throws(StoreError) {
      guard !isReadOnly else {
        throw StoreError(.invalidQuery, "a read-only transaction cannot change rows")
      }
    }
  }

  private let state: Mutex<State>

  init(_ workspace: Workspace, isReadOnly: Bool, deadline: Duration) {
    state = Mutex(State(workspace: workspace, isReadOnly: isReadOnly, end: .now + deadline))
  }

  /// The workspace to commit.
  /// - Throws: `transactionAborted` or `deadlineExceeded` when there is nothing to commit.
  func finished() throws(StoreError) -> Workspace {
    try run { state throws(StoreError) in state.workspace }
  }

  /// Ends the transaction from outside; later calls throw the error.
  func expire() {
    state.withLock { $0.failure = TransactionOptions.expired }
  }

  /// Runs a step; its error dooms the transaction.
  private func run<Result: Sendable>(
    _ step: (inout State) throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    try state.withLock { state throws(StoreError) in
      if let failure = state.failure {
        guard failure.code != .deadlineExceeded else { throw failure }
        throw StoreError(.transactionAborted, "the transaction is aborted: \(failure.message)")
      }
      do throws(StoreError) {
        if ContinuousClock.now >= state.end { throw TransactionOptions.expired }
        if Task.isCancelled { throw StoreError(.cancelled, "the task was cancelled") }
        return try step(&state)
      } catch {
        state.failure = error
        throw error
      }
    }
  }

  var immediateReads: (any ImmediateReads)? { self }

  func row(_ table: String, key first: Value, _ rest: [Value]) throws(StoreError) -> [Value]? {
    try run { state throws(StoreError) in try state.workspace.state.row(table, key: first, rest) }
  }

  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    try run { state throws(StoreError) in try state.workspace.state.get(table, keys: keys) }
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    try run { state throws(StoreError) in try state.workspace.state.answer(query) }
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try run { state throws(StoreError) in try state.workspace.state.aggregate(query) }
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    try run { state throws(StoreError) in try state.workspace.state.explain(query) }
  }

  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    try run { state throws(StoreError) in
      try state.requireWriting()
      var results: [MutationResult] = []
      for mutation in mutations { results.append(try state.workspace.apply(mutation)) }
      return results
    }
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    try run { state throws(StoreError) in
      try state.requireWriting()
      return try state.workspace.load(rows)
    }
  }

  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    let snapshot = try run { state throws(StoreError) in state.workspace.state }
    try await snapshot.scan(query, batchSize: batchSize, body)
  }

  func savepoint<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    let before = try run { state throws(StoreError) in state.workspace }
    do {
      let result = try await body()
      try run { state throws(StoreError) in () }
      return result
    } catch {
      try state.withLock { state throws(StoreError) in
        if let failure = state.failure, failure.code == .deadlineExceeded { throw failure }
        state.workspace = before
        state.failure = nil
      }
      throw error
    }
  }
}

extension DatabaseState {
  /// Calls the body with batches of a query's rows.
  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    // The rows are references into the snapshot, so the list costs a word a row.
    var rows = try answer(query)[...]
    while !rows.isEmpty {
      try Task.checkCancellation()
      try await body(Array(rows.prefix(max(1, batchSize))))
      rows = rows.dropFirst(max(1, batchSize))
    }
  }
}
