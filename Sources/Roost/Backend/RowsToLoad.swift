import RoostCore

/// Rows to insert into a table, in batches that are made when they are asked for: however many they
/// are, only a few stand in memory beside the records that they come from.
///
/// A batch is made anew for each who asks, so that what differs each time, as a random UUID, may
/// differ. Who looks at rows before handing them on does so with its `inserts`.
public struct RowsToLoad: Sendable {
  /// The table.
  public let table: String
  /// How many batches there are.
  public let batchCount: Int
  private let make: @Sendable (Int) -> Result<[Mutation.Insert], StoreError>

  /// How many rows a batch has that records are turned into, and a statement of Postgres takes.
  package static var batchLength: Int { 10_000 }

  /// Rows that are there, each with a value for each of these columns.
  public init(_ table: String, columns: [String], rows: [[Value]]) {
    self.init(table, [Mutation.Insert(table: table, columns: columns, rows: rows)])
  }

  /// Rows that are there, each insert a batch.
  public init(_ table: String, _ inserts: [Mutation.Insert]) {
    self.init(table, batchCount: inserts.count) { .success([inserts[$0]]) }
  }

  init(
    _ table: String, batchCount: Int,
    make: @escaping @Sendable (Int) -> Result<[Mutation.Insert], StoreError>
  ) {
    (self.table, self.batchCount, self.make) = (table, batchCount, make)
  }

  /// The rows of a batch, as inserts of which each has other columns than the one before.
  /// - Throws: what a value that does not fit its column is refused with.
  public func batch(_ index: Int) throws(StoreError) -> [Mutation.Insert] {
    try make(index).get()
  }

  /// Calls a body with all inserts in order, while other processors make those of the next batches.
  /// - Throws: as `batch`, and what the body throws.
  public func forEach(
    _ body: (Mutation.Insert) throws(StoreError) -> Void
  ) throws(StoreError) {
    try OrderedWork.run(batchCount, make) { batch throws(StoreError) in
      for insert in try batch.get() { try body(insert) }
      return true
    }
  }

  /// All inserts, in order.
  /// - Throws: as `batch`.
  public func inserts() throws(StoreError) -> [Mutation.Insert] {
    var inserts: [Mutation.Insert] = []
    for index in 0..<batchCount { inserts += try batch(index) }
    return inserts
  }
}
