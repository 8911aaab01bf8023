/// Rows to be carried into a store: a store's snapshot, or a backup.
protocol RowSource: Sendable {
  /// The tables, with the columns in the order of the rows' values.
  var schema: Schema { get }
  /// What it is, for people; no secrets.
  var location: String { get }

  /// How many rows a table has.
  func count(_ table: TableDefinition) async throws(StoreError) -> Int

  /// Calls the body with a table's rows in the order of their keys, some at a time. Every scan
  /// sees the same rows.
  func scan(
    _ table: TableDefinition, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws
}

/// A store's rows at one moment.
struct SnapshotSource: RowSource {
  let schema: Schema
  let location: String
  let session: any StorageTransaction

  func count(_ table: TableDefinition) async throws(StoreError) -> Int {
    let answer = try await session.aggregate(AggregateQuery(table: table.name, figures: [.count]))
    guard let count = answer.first?.first.flatMap({ Int(value: $0) }) else {
      throw StoreError(.internal, "a count has no answer", table: table.name)
    }
    return count
  }

  func scan(
    _ table: TableDefinition, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    let order = table.primaryKey.columns.map { OrderTerm(.column($0)) }
    let query = Query(table: table.name, order: order, columns: table.columns.map(\.name))
    try await session.scan(query, batchSize: TransferLimits.batch, body)
  }
}

/// How much is held at a time.
enum TransferLimits {
  /// The rows that are read and written in one piece.
  static let batch = 2_000
  /// How long a copy, a backup or a restore may take.
  static let deadline = Duration.seconds(7 * 86_400)
}

/// How far a long piece of work is.
public struct TransferProgress: Sendable, Equatable {
  /// What is being done.
  public enum Phase: String, Sendable {
    /// Rows are read, and written where they go.
    case copying
    /// Rows are compared.
    case checking
  }

  /// What is being done.
  public var phase: Phase
  /// The table.
  public var table: String
  /// How many rows are done, of all tables.
  public var done: Int
  /// How many rows there were when the phase began, of all tables.
  public var total: Int

  /// Makes a report of progress.
  public init(phase: Phase, table: String, done: Int, total: Int) {
    self.phase = phase
    self.table = table
    self.done = done
    self.total = total
  }
}

/// What a copy, a backup or a restore carried.
public struct TransferReport: Sendable, Codable, Equatable {
  /// A table's part.
  public struct Table: Sendable, Codable, Equatable {
    /// The table.
    public var name: String
    /// How many rows it has where they come from.
    public var rows: Int
    /// How many of them were there already, exactly equal.
    public var kept: Int
    /// What its rows come to: equal texts and counts, equal rows.
    public var digest: String
  }

  /// Where the rows are from; no secrets.
  public var from: String
  /// Where they are now; no secrets.
  public var to: String
  /// The tables, those that others refer to first.
  public var tables: [Table]
  /// How many rows were written once more at the end: triggers had changed them, or they refer to
  /// rows that came later.
  public var corrected: Int

  /// How many rows there are in all tables.
  public var rows: Int { tables.reduce(0) { $0 + $1.rows } }
}

extension StorageBackend {
  /// Runs a body in a transaction, with the store's errors.
  func transferring<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws(StoreError) -> Result {
    do {
      return try await transaction(options, body)
    } catch {
      throw StoreError(transfer: error)
    }
  }
}

extension StoreError {
  /// The store's error for whatever a piece of work met.
  init(transfer error: any Error) {
    switch error {
    case let error as StoreError: self = error
    case is CancellationError: self = StoreError(.cancelled, "the task was cancelled")
    default: self = StoreError(.internal, "\(error)")
    }
  }
}

extension TransactionOptions {
  /// One moment of a whole store.
  static let snapshot = TransactionOptions(
    isolation: .repeatableRead, isReadOnly: true, attempts: 1, deadline: TransferLimits.deadline)
  /// All of a copy's changes, or none.
  static let transfer = TransactionOptions(
    isolation: .readCommitted, attempts: 1, deadline: TransferLimits.deadline)
}
