public import Roost
public import RoostCore

/// The compilations of an API compiler's accounts.
///
/// In a store with routes `compilations` and `mock_data` stay together, since one goes with the
/// other.
public struct CompilationStore: Sendable {
  /// How large the documents of one compilation may be together, in bytes of JSON text.
  public struct Limits: Sendable, Equatable {
    /// More than this is refused. Postgres takes 255 MB in a document at most.
    public var maximum: Int
    /// More than this is worth a log line.
    public var warning: Int

    /// Sets the limits: 64 MiB at most, a warning above 8 MiB.
    public init(maximum: Int = 64 << 20, warning: Int = 8 << 20) {
      self.maximum = maximum
      self.warning = warning
    }
  }

  /// The store under it.
  public let store: Store
  /// How large documents may be.
  public let limits: Limits
  private let log: @Sendable (LogLine) -> Void

  /// Uses a store that was opened with the migrations of `compilations`.
  /// - Parameters:
  ///   - store: the store.
  ///   - limits: how large documents may be.
  ///   - log: told of compilations that are larger than `limits.warning`.
  public init(
    _ store: Store, limits: Limits = Limits(),
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) {
    self.store = store
    self.limits = limits
    self.log = log
  }

  /// Stores a compilation, in the place of the account's one with the same id if there is one,
  /// which keeps its `createdAt`. `updatedAt` is the time of the call.
  /// - Returns: the compilation as stored.
  /// - Throws: `forbidden` when the id is another account's; `limitExceeded`; `invalidValue` for an
  ///   id of another form, `checkViolation` for such a hash; what a store throws.
  @discardableResult
  public func put(_ compilation: Compilation) async throws -> Compilation {
    try await replace(compilation, nil)
  }

  /// As `put` of a compilation alone, and notes what it changed.
  /// - Parameters:
  ///   - compilation: what to store; its own `diffFromPrevious` is not asked.
  ///   - diff: gives the difference from the stored compilation, nil when there is nothing to note;
  ///     it runs in the transaction that replaces that one, perhaps more than once. Not called for
  ///     a first compilation.
  /// - Throws: as `put` of a compilation alone, and what `diff` throws.
  @discardableResult
  public func put(
    _ compilation: Compilation,
    diff: @escaping @Sendable (_ previous: Compilation) throws -> JSON?
  ) async throws -> Compilation {
    var compilation = compilation
    compilation.diffFromPrevious = nil
    return try await replace(compilation, diff)
  }

  private func replace(
    _ compilation: Compilation, _ diff: (@Sendable (Compilation) throws -> JSON?)?
  ) async throws -> Compilation {
    // A store cuts spaces that are too many: what is stored must be what is asked for.
    guard Compilation.isID(compilation.id) else {
      throw StoreError(
        .invalidValue, "\"\(compilation.id)\" is no compilation's id", table: Compilation.table)
    }
    let size = DocumentSize(compilation)
    try size.require(atMost: limits.maximum, table: Compilation.table)
    let (stored, storedSize) = try await store.transaction(Self.lockingRows) { transaction in
      var compilation = compilation
      compilation.updatedAt = nil
      while true {
        guard let previous = try await Self.locked(compilation.id, in: transaction) else {
          let new = try await transaction.insertOrIgnore([compilation])
          // Another writer may have been first: then there is a row to lock now.
          guard let stored = new.first else { continue }
          return (stored, size)
        }
        try Self.require(previous, ownedBy: compilation.accountID)
        compilation.createdAt = previous.createdAt
        var size = size
        if let diff {
          let whole = try await transaction.get(Compilation.self, compilation.id)
          compilation.diffFromPrevious = try diff(whole)
          size.add(Compilation.columns.diffFromPrevious, compilation.diffFromPrevious)
          try size.require(atMost: limits.maximum, table: Compilation.table)
        }
        return (try await transaction.update(compilation), size)
      }
    }
    if storedSize.total > limits.warning {
      let largest = storedSize.largest
      log(
        LogLine(
          .warning,
          "the documents of compilation \(stored.id) have \(storedSize.total) bytes, "
            + "of which \"\(largest.name)\" has \(largest.bytes)"))
    }
    return stored
  }

  /// The compilation with an id, nil when there is none; of whatever account.
  /// - Throws: what a store throws.
  public func get(_ id: String) async throws(StoreError) -> Compilation? {
    try await store.select(Compilation.self).where { $0.id == id }.first()
  }

  /// An account's compilation.
  /// - Throws: `notFound`; `forbidden` when it is another account's; what a store throws.
  public func get(_ id: String, account: String) async throws(StoreError) -> Compilation {
    // Both in one condition: a document of another account's is not even read.
    let own = store.select(Compilation.self).where { $0.id == id && $0.accountID == account }
    if let compilation = try await own.first() { return compilation }
    throw try await has(id) ? Self.forbidden(id) : Self.notFound(id)
  }

  /// Whether there is a compilation with an id, of whatever account.
  /// - Throws: what a store throws.
  public func has(_ id: String) async throws(StoreError) -> Bool {
    try await !store.select(Compilation.self).where { $0.id == id }.values { $0.id }.isEmpty
  }

  /// A page of an account's compilations without their documents, the last updated first; of two
  /// with the same time the one with the greater id. Empty for an account that has none.
  /// - Parameters:
  ///   - account: the account.
  ///   - size: the most summaries wanted, at least 1.
  ///   - position: where the page starts; nil for the first.
  /// - Throws: `invalidQuery` when the position belongs to another order; what a store throws.
  public func list(
    account: String, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<CompilationSummary> {
    try await store.selectSummaries()
      .where { $0.accountID == account }
      .order { $0.updatedAt.descending }
      .order { $0.id.descending }
      .page(size: size, after: position)
  }

  /// Removes an account's compilation with the mock data that is its own; what it shares with
  /// other compilations stays.
  /// - Throws: `notFound`; `forbidden` when it is another account's; what a store throws.
  public func delete(_ id: String, account: String) async throws {
    try await store.transaction(Self.lockingRows) { transaction in
      guard let summary = try await Self.locked(id, in: transaction) else {
        throw Self.notFound(id)
      }
      try Self.require(summary, ownedBy: account)
      try await transaction.delete(Compilation.self, id)
      try await transaction.deleteMockData(ofCompilation: id, account: account)
    }
  }

  /// Each change locks the one row that it is about, so that nothing has to run again.
  private static let lockingRows = TransactionOptions(isolation: .readCommitted)

  private static func locked(
    _ id: String, in transaction: Transaction
  ) async throws(StoreError) -> CompilationSummary? {
    try await transaction.selectSummaries().where { $0.id == id }.locked(.forUpdate).first()
  }

  private static func require(
    _ summary: CompilationSummary, ownedBy account: String
  ) throws(StoreError) {
    guard summary.accountID == account else { throw forbidden(summary.id) }
  }

  private static func forbidden(_ id: String) -> StoreError {
    StoreError(
      .forbidden, "compilation \(id) is another account's", table: Compilation.table)
  }

  private static func notFound(_ id: String) -> StoreError {
    StoreError(.notFound, "there is no compilation \(id)", table: Compilation.table)
  }
}
