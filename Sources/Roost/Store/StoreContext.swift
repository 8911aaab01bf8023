public import Foundation
public import RoostCore
import Synchronization

/// What a store resolves by itself, once, so that all backends store the same.
public struct StoreGenerators: Sendable {
  /// The time, for `now()` defaults.
  public var now: @Sendable () -> Timestamp
  /// A new random UUID, for `gen_random_uuid()` defaults.
  public var uuid: @Sendable () -> UUID

  /// The system's clock and random numbers.
  public static let system = StoreGenerators(now: { .now() }, uuid: { UUID() })

  /// Makes generators, for example fixed ones for a test.
  public init(now: @escaping @Sendable () -> Timestamp, uuid: @escaping @Sendable () -> UUID) {
    self.now = now
    self.uuid = uuid
  }
}

/// What a store and its transactions share.
package final class StoreContext: Sendable {
  package let backend: any StorageBackend
  package let schema: Schema
  let generators: StoreGenerators
  /// The move that the store is in; nil when it is in none.
  let move: StoreMove?
  /// What goes on in memory while a place is away.
  let fallbacks: [MemoryFallback]
  let watch: StoreWatch
  private let layouts: [String: RowLayout]
  /// The layouts of the records that were checked, by their types.
  private let checked = Mutex<[(type: ObjectIdentifier, layout: RowLayout)]>([])

  /// The stores in whose transactions the current task is.
  @TaskLocal static var transactions: Set<ObjectIdentifier> = []

  init(
    backend: any StorageBackend, schema: Schema, generators: StoreGenerators,
    watch: StoreWatch? = nil, move: StoreMove? = nil, fallbacks: [MemoryFallback] = []
  ) {
    self.watch =
      watch
      ?? StoreWatch(
        SlowCallLog(WatchOptions(), now: generators.now, log: { _ in }), [], plan: nil,
        now: generators.now)
    self.move = move
    self.fallbacks = fallbacks
    self.backend = backend
    self.schema = schema
    self.generators = generators
    layouts = schema.tables.mapValues { RowLayout($0) }
  }

  /// The layout of a record's table; checks the record's columns the first time.
  /// - Throws: `undefinedTable`; `invalidConfiguration` when a declared column does not fit.
  func layout<R: Record>(_ type: R.Type) throws(StoreError) -> RowLayout {
    let identity = ObjectIdentifier(type)
    // They are few: a look at each is faster than a hash.
    if let known = checked.withLock({ $0.first { $0.type == identity }?.layout }) { return known }
    guard let layout = layouts[type.table] else {
      throw StoreError(
        .undefinedTable, "there is no table \"\(type.table)\" for \(type)", table: type.table)
    }
    try check(type, layout)
    checked.withLock { $0.append((identity, layout)) }
    return layout
  }

  private func check<R: Record>(_ type: R.Type, _ layout: RowLayout) throws(StoreError) {
    for child in Mirror(reflecting: type.columns).children {
      guard let column = child.value as? any NamedColumn else { continue }
      guard let position = layout.table.position(of: column.name) else {
        throw StoreError(
          .invalidConfiguration,
          "\(type) declares a column \"\(column.name)\" that table \"\(type.table)\" has not",
          table: type.table, column: column.name)
      }
      if layout.table.columns[position].isNullable && !Swift.type(of: column).isOptional {
        throw StoreError(
          .invalidConfiguration,
          "column \"\(column.name)\" of \"\(type.table)\" may be NULL, so \(type) must declare "
            + "it with an optional type", table: type.table, column: column.name)
      }
    }
  }
}

/// Where a session stands: a store's plain calls, or a transaction's. Opaque to programs.
public final class SessionCore: Sendable {
  let context: StoreContext
  package let session: any StorageSession
  /// The session's reads that need no waiting; nil when it has none.
  private let immediate: (any ImmediateReads)?
  /// The transaction's own state; nil outside.
  let transaction: TransactionState?

  /// The time that `now()` means: constant within a transaction.
  var now: Timestamp { transaction?.now ?? context.generators.now() }

  init(
    context: StoreContext, session: any StorageSession, transaction: TransactionState?
  ) {
    self.context = context
    self.session = session
    self.transaction = transaction
    immediate = (session as? any ImmediateSession)?.immediateReads
  }

  /// Runs a call. An error dooms the transaction that it happens in.
  package func perform<Result>(
    _ call: (any StorageSession) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try begin()
    do {
      return try await call(session)
    } catch {
      transaction?.doom(error)
      throw error
    }
  }

  /// Whether a row is found without waiting.
  @usableFromInline var hasImmediateReads: Bool { immediate != nil }

  /// The row with a primary key, where it is found without waiting; nil when there is none.
  /// - Parameter rest: the key's values behind its first.
  @usableFromInline
  func immediateRow<R: Record>(
    _ type: R.Type, key first: Value, _ rest: [Value]
  ) throws(StoreError) -> Row? {
    guard let immediate else { return nil }
    try begin()
    let layout = try context.layout(type)
    guard let values = try immediate.row(type.table, key: first, rest) else { return nil }
    return Row(values, layout)
  }

  /// An error dooms the transaction that it happens in.
  @usableFromInline
  func doom(_ error: StoreError) { transaction?.doom(error) }

  /// - Throws: `nestedTransaction`; what `TransactionState.check` throws.
  private func begin() throws(StoreError) {
    if let transaction { return try transaction.check() }
    guard !StoreContext.transactions.contains(ObjectIdentifier(context)) else {
      throw StoreError(
        .nestedTransaction,
        "the store was used inside its own transaction: use the transaction's value")
    }
  }
}

/// Whether a transaction may go on.
final class TransactionState: Sendable {
  let now: Timestamp
  private let doomed = Mutex<StoreError?>(nil)

  init(now: Timestamp) {
    self.now = now
  }

  /// - Throws: `transactionAborted` after an error.
  func check() throws(StoreError) {
    guard let cause = doomed.withLock({ $0 }) else { return }
    if cause.code == .deadlineExceeded || cause.isRetryable { throw cause }
    throw StoreError(
      .transactionAborted, "an earlier error aborted the transaction: \(cause.message)")
  }

  func doom(_ error: StoreError) {
    doomed.withLock { $0 = $0 ?? error }
  }

  /// A savepoint was rolled back: what happened in it is undone.
  func recover() {
    doomed.withLock { doomed in
      if doomed?.code != .deadlineExceeded && doomed?.isRetryable != true { doomed = nil }
    }
  }
}
