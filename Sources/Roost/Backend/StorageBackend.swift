/// What a store asks of a backend, in and out of a transaction.
///
/// Names, types, limits and batches are checked before a call arrives here. Rows hold a value for
/// each column of the table, in its order, unless a query names columns.
public protocol StorageSession: Sendable {
  /// The rows with these primary keys, each key in the key's column order; nil where there is none.
  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?]

  /// The rows that a query asks for.
  func query(_ query: Query) async throws(StoreError) -> [[Value]]

  /// The figures that a query asks for.
  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]]

  /// Makes changes, in order, all or none.
  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult]

  /// Calls the body with batches of a query's rows, from one snapshot, holding one batch at a time.
  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws

  /// Inserts many rows by the fastest way there is, all or none; conflicts fail.
  /// - Returns: how many were inserted.
  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int

  /// Says how a query would be answered: which index, which order.
  func explain(_ query: Query) async throws(StoreError) -> String

  /// What the first rows of a range come to, to compare stores without moving their rows.
  /// - Parameters:
  ///   - table: the table, with the columns that count, in their order; they may be in another
  ///     order in the store.
  ///   - range: the part of the table.
  ///   - limit: how many rows count at most, in the order of their keys; 1 or more.
  func digest(
    _ table: TableDefinition, in range: KeyRange, limit: Int
  ) async throws(StoreError) -> RangeDigest

  /// The session under all layers, for what only one backend offers. Itself unless implemented.
  var innermost: any StorageSession { get }
}

extension StorageSession {
  /// Itself.
  public var innermost: any StorageSession { self }
}

/// A session inside a transaction.
public protocol StorageTransaction: StorageSession {
  /// Runs the body so that its changes, but not those before it, vanish when it throws.
  func savepoint<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async throws -> Result
}

/// A place where rows are kept: one target that conforms to this and one factory in a registry
/// are a new backend. `RoostTesting` has the suite that proves it.
public protocol StorageBackend: StorageSession {
  /// What the backend is, for people: its kind and place, never a password.
  var location: String { get }

  /// What tells the place from all others, however its URL is spelled: two backends with the same
  /// are one store. Nil when it cannot be told, and unless implemented. Not for people.
  func identity() async throws(StoreError) -> String?

  /// What the backend offers beyond the common ground.
  var capabilities: Set<Capability> { get }

  /// Runs the body in a transaction, which commits when the body returns and leaves nothing when
  /// it throws. The body's own error is thrown on unchanged.
  func transaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result

  /// Takes the lock that only one migrating process holds, then runs the body. One that waits is
  /// in nobody's way.
  func migrate<Result: Sendable>(
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result

  /// The migrations applied so far, in the order of their application; needs no right to change
  /// anything.
  func appliedMigrations() async throws(StoreError) -> [AppliedMigration]

  /// In what the store is not as the migrations that it has say.
  /// - Parameters:
  ///   - applied: these migrations in the order of their application.
  ///   - schema: the schema that they declare together.
  /// - Throws: `unsupported` where the backend cannot tell; `accessDenied`, naming the right that
  ///   is missing.
  func drifts(
    from applied: [PlannedMigration], _ schema: Schema
  ) async throws(StoreError) -> [SchemaDrift]

  /// The indexes that a failed CREATE INDEX CONCURRENTLY has left.
  func invalidIndexes() async throws(StoreError) -> [SchemaDrift]

  /// Takes the schema that the applied migrations declare; called before any row is touched.
  /// - Throws: `schemaDrift` when what is stored does not fit it.
  func adopt(_ schema: Schema) async throws(StoreError)

  /// Whether the backend answers and can be written.
  func health() async -> Health

  /// What the backend counts and measures of itself. None unless implemented.
  ///
  /// It may be asked often, and nobody waits for it longer than two seconds.
  func figures() async -> [Figure]

  /// What else can be said of how the backend is, beside `health()`: its pool, its disk, its
  /// copies. None unless implemented.
  func healthChecks() async -> [HealthCheck]

  /// Finishes what runs and lets go of files and connections. Later calls throw `closed`.
  func close() async
}

extension StorageBackend {
  /// Nil.
  public func identity() async throws(StoreError) -> String? { nil }

  /// Throws `unsupported`.
  public func drifts(
    from applied: [PlannedMigration], _ schema: Schema
  ) async throws(StoreError) -> [SchemaDrift] {
    throw StoreError(.unsupported, "\(location) cannot be compared with its migrations")
  }

  /// None.
  public func invalidIndexes() async throws(StoreError) -> [SchemaDrift] { [] }

  /// None.
  public func figures() async -> [Figure] { [] }

  /// None.
  public func healthChecks() async -> [HealthCheck] { [] }
}

/// A lock-holding session that applies migrations.
public protocol MigrationSession: Sendable {
  /// The migrations applied so far, in the order of their application.
  func applied() async throws(StoreError) -> [AppliedMigration]

  /// Applies one migration and notes it, or undoes one and removes its note; both or neither.
  func apply(_ migration: PlannedMigration) async throws(StoreError)

  /// Changes notes and runs nothing, all or none.
  /// - Parameters:
  ///   - migrations: those that are noted with their present names and texts.
  ///   - forgetting: those whose notes are removed.
  /// - Throws: `schemaDrift` when the backend reads its schema from these texts and they declare
  ///   another one; `unsupported`.
  func note(
    _ migrations: [PlannedMigration], forgetting: [AppliedMigration]
  ) async throws(StoreError)
}

extension MigrationSession {
  /// Throws `unsupported`.
  public func note(
    _ migrations: [PlannedMigration], forgetting: [AppliedMigration]
  ) async throws(StoreError) {
    throw StoreError(.unsupported, "this backend cannot change the notes of its migrations")
  }
}

/// Something that not every backend offers.
public enum Capability: String, Sendable, Hashable, CaseIterable {
  /// What is acknowledged outlives the process.
  case durable
  /// Several processes may use the store at once.
  case shared
  /// Raw SQL may be sent.
  case sql
}

/// How a transaction runs.
public struct TransactionOptions: Sendable, Equatable {
  /// What concurrent transactions may see of each other.
  public enum Isolation: Sendable, Equatable {
    /// As if transactions ran one after the other; conflicts are retried.
    case serializable
    /// All reads are of one snapshot.
    case repeatableRead
    /// Each statement sees what was committed before it.
    case readCommitted
  }

  /// What concurrent transactions may see of each other.
  public var isolation: Isolation
  /// Whether changes are refused; such a transaction waits for no writer.
  public var isReadOnly: Bool
  /// How often the body runs at most when transactions conflict.
  public var attempts: Int
  /// How long the transaction may take, in all its attempts.
  public var deadline: Duration
  /// Whether it stands for one call, so that no code of the caller's runs in it.
  package var isOneCall = false

  /// What one call has for itself.
  package static let oneCall = {
    var options = TransactionOptions(isolation: .readCommitted)
    options.isOneCall = true
    return options
  }()

  /// What a transaction meets that has outlived its deadline.
  package static let expired = StoreError(.deadlineExceeded, "the transaction took too long")

  /// Makes options: serializable, writing, five attempts, 60 seconds.
  public init(
    isolation: Isolation = .serializable, isReadOnly: Bool = false, attempts: Int = 5,
    deadline: Duration = .seconds(60)
  ) {
    self.isolation = isolation
    self.isReadOnly = isReadOnly
    self.attempts = attempts
    self.deadline = deadline
  }
}

/// How a backend is.
public enum Health: Sendable, Equatable {
  /// It answers and can be written.
  case ready
  /// It answers, but is not all that was asked for: another store, without a replica, or only to
  /// be read; the text says why.
  case degraded(String)
  /// It does not answer, or cannot be written; the text says why.
  case unavailable(String)
}
