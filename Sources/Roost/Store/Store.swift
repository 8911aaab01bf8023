import Foundation

/// Where a program's records are kept: in memory, in a JSON file or in Postgres, as a URL says.
///
/// A store is a cheap value to pass around; all copies are the same store. Calls may come from any
/// task.
public struct Store: RecordSession {
  /// Where calls go.
  public let core: SessionCore
  /// Why the store came up as it did, for people: place and migrations, no secrets.
  public let opening: OpeningReport

  /// What opening did.
  public struct OpeningReport: Sendable {
    /// The backend and its place, without a password.
    public var location: String
    /// The migrations that were applied, as `system/V001__name.sql`.
    public var migrated: [String]
    /// Why memory was in the place of the backend when the store was opened; nil when it was not.
    public var degradation: String?
    /// What the embedded reader passed over in the migrations, since it has no meaning there.
    public var passedOver: [String]
  }

  init(context: StoreContext, opening: OpeningReport) {
    core = SessionCore(context: context, session: context.backend, transaction: nil)
    self.opening = opening
  }

  /// The schema that the migrations declare.
  public var schema: Schema { core.context.schema }

  /// The backend under the store.
  public var backend: any StorageBackend { core.context.backend }

  /// Whether the backend answers and can be written, and is the one that was asked for.
  public func health() async -> Health { await backend.health() }

  /// Finishes what runs and lets go of files and connections. Later calls throw `closed`.
  public func close() async {
    core.context.watch.close()
    await backend.close()
  }

  /// The migrations that the store has, by system and version.
  /// - Throws: `unavailable` and what else the backend meets.
  public func appliedMigrations() async throws(StoreError) -> [AppliedMigration] {
    try await backend.appliedMigrations()
  }

  /// Checks that records fit the schema, so that a mistake shows at start-up.
  /// - Throws: `undefinedTable` or `invalidConfiguration`.
  public func check(_ records: [any Record.Type]) throws(StoreError) {
    for record in records { try core.context.checkLayout(record) }
  }
}

extension StoreContext {
  fileprivate func checkLayout<R: Record>(_ type: R.Type) throws(StoreError) {
    _ = try layout(type)
  }
}

// Transactions.

extension Store {
  /// Runs the body in a transaction, which commits when the body returns and leaves nothing when
  /// it throws.
  ///
  /// When the transaction conflicts with another, the body runs again from its start, so it must
  /// have no effect beyond the transaction. The body's own error is thrown on unchanged.
  /// - Throws: `transactionAborted` when the body returned although a call in it had failed,
  ///   `serializationFailure` after the last attempt, `nestedTransaction` inside another
  ///   transaction of this store, `deadlineExceeded`, `outcomeUnknown`.
  @discardableResult
  public func transaction<Result: Sendable>(
    _ options: TransactionOptions = TransactionOptions(),
    _ body: @Sendable (Transaction) async throws -> Result
  ) async throws -> Result {
    let context = core.context
    let identity = ObjectIdentifier(context)
    guard !StoreContext.transactions.contains(identity) else {
      throw StoreError(
        .nestedTransaction, "a transaction of this store is open already: use savepoint")
    }
    let start = ContinuousClock.now
    var attempt = 1
    while true {
      var remaining = options
      remaining.deadline = options.deadline - (ContinuousClock.now - start)
      do {
        return try await StoreContext.$transactions.withValue(
          StoreContext.transactions.union([identity])
        ) {
          try await context.backend.transaction(remaining) { session in
            let state = TransactionState(now: context.generators.now())
            let transaction = Transaction(context, session, state)
            let result = try await body(transaction)
            try state.check()
            return result
          }
        }
      } catch let error as StoreError where error.code == .serializationFailure {
        guard attempt < options.attempts else { throw error }
        // Full jitter: two conflicting transactions must not meet again in step.
        let pause = Duration.milliseconds(Int.random(in: 0...(1 << min(attempt, 6))))
        guard ContinuousClock.now - start + pause < options.deadline else { throw error }
        try await Task.sleep(for: pause)
        attempt += 1
      }
    }
  }
}

/// A transaction of a store. Use it only inside the body that it was given to.
public struct Transaction: RecordSession {
  /// Where calls go.
  public let core: SessionCore

  init(_ context: StoreContext, _ session: any StorageTransaction, _ state: TransactionState) {
    core = SessionCore(context: context, session: session, transaction: state)
  }

  /// Runs the body so that its changes, but not those before it, vanish when it throws; the
  /// transaction goes on.
  /// - Throws: the body's own error; `transactionAborted` when the body returned although a call
  ///   in it had failed.
  @discardableResult
  public func savepoint<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result {
    guard let state = core.transaction, let session = core.session as? any StorageTransaction
    else { throw StoreError(.internal, "a savepoint outside a transaction") }
    try state.check()
    do {
      return try await session.savepoint {
        let result = try await body()
        try state.check()
        return result
      }
    } catch {
      state.recover()
      throw error
    }
  }
}
