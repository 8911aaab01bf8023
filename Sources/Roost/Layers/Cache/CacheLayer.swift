import Synchronization

/// Keeps rows that were read by primary key, and the knowledge that there is none, so that the next
/// one who asks needs no backend. It serves `find` and `get` without a lock and outside of
/// transactions; all else is asked below.
///
/// Promise: who has written through the store, and has heard that it is written, never gets what
/// was there before, whatever came of it. Who reads a row by its key again and again never gets an
/// older one than before. A change that another process makes through a store with a cache is seen
/// as soon as its announcement arrives, which on Postgres is a notification of the transaction that
/// makes it; then nothing is kept while the store cannot hear them. Whatever else makes it, such as
/// `psql`, raw SQL outside of a transaction, or a process without the layer: after `age`. So is all
/// that is not heard because a connection is lost in silence, or because a pooler hands a
/// connection to each transaction.
///
/// Where changes are announced, each is a transaction with one more statement, and commits take
/// turns for a moment: it is for rows that are read much more often than they change.
///
/// The rows of one call may be of different moments; who needs one moment reads in a transaction.
/// A query or transaction may show a row newer than the one that is kept. Above read replicas, a
/// row may be as old as a replica may be, and `age` beside that.
///
/// What a change touches is told by its keys where it says them; else the table is forgotten, and
/// those that a deletion cascades to; all tables where a trigger runs. Tables whose primary key has
/// a `numeric`, `real`, `double precision`, `jsonb` or array in it are not kept.
public final class CacheLayer: StorageLayer {
  /// The most rows that are kept.
  public let rows: Int
  /// About the most bytes that they take.
  public let bytes: Int
  /// How long a row is kept at most.
  public let age: Duration
  /// The tables whose rows are kept; nil for all.
  public let tables: Set<String>?

  private let isUsed = Atomic(false)
  let state: Mutex<CacheState>

  /// An empty cache, for one store.
  /// - Parameters:
  ///   - rows: the most rows that are kept.
  ///   - bytes: about the most bytes that they take.
  ///   - age: how long a row is kept at most: what bounds how late a change is seen that nobody
  ///     announces.
  ///   - tables: the tables whose rows are kept; nil for all.
  public init(
    rows: Int = 10_000, bytes: Int = 64 << 20, age: Duration = .seconds(5),
    tables: Set<String>? = nil
  ) {
    self.rows = max(rows, 0)
    self.bytes = max(bytes, 0)
    self.age = age
    self.tables = tables
    state = Mutex(CacheState(rows: max(rows, 0), bytes: max(bytes, 0), age: age))
  }

  /// `cache`.
  public var place: LayerPlace { .cache }

  /// How the cache does.
  public var figures: CacheFigures { state.withLock { $0.figures } }

  /// The backend with the cache before it.
  /// - Throws: `invalidConfiguration` when the layer is another store's; `undefinedTable` for a
  ///   table that is not there.
  public func around(
    _ backend: any StorageBackend, _ context: LayerContext
  ) async throws(StoreError) -> any StorageBackend {
    for table in tables ?? [] { _ = try context.schema.table(table) }
    guard !isUsed.exchange(true, ordering: .acquiringAndReleasing) else {
      throw StoreError(.invalidConfiguration, "one CacheLayer is for one store")
    }
    return CachedBackend(backend, self, context)
  }
}

extension Store {
  /// How the store's cache does; nil when it has none.
  public var cache: CacheFigures? { layer(CachedBackend.self)?.layer.figures }
}
