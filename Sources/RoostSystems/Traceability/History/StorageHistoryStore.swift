public import Foundation
public import Roost
public import RoostCore

/// One storing of an item's content.
public struct StorageRecord: Record, Equatable {
  /// The key, which grows with time; nil until the store gives one.
  public var id: Int?
  /// The item.
  public var dfid: String
  /// The content's own id, such as an IPFS CID or a hash.
  public var contentID: String
  /// What kind of place it was stored in.
  public var adapterType: AdapterType
  /// Where it is: a path, a URL or a ledger's transaction.
  public var location: String
  /// Who stored it.
  public var storedBy: UUID
  /// When it was stored; nil takes the present, after that never nil.
  public var storedAt: Timestamp?

  /// The table.
  public static let table = "storage_history"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `storage_history`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<Int>("id")
    /// The item.
    public let dfid = Column<String>("dfid")
    /// The content's own id.
    public let contentID = Column<String>("content_id")
    /// What kind of place it was stored in.
    public let adapterType = Column<AdapterType>("adapter_type")
    /// Where it is.
    public let location = Column<String>("location")
    /// Who stored it.
    public let storedBy = Column<UUID>("stored_by")
    /// When it was stored.
    public let storedAt = Column<Timestamp>("stored_at")
  }
}

/// The audit trail of where items' content was stored. It only grows: there is no way here to
/// change or remove a record.
public struct StorageHistoryStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [StorageRecord.table]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Notes that content was stored.
  /// - Parameter date: when; nil for now.
  /// - Throws: `checkViolation` for a blank content id or location; what a store throws.
  @discardableResult
  public func append(
    dfid: String, contentID: String, adapter: AdapterType, location: String, by user: UUID,
    at date: Timestamp? = nil
  ) async throws(StoreError) -> StorageRecord {
    try await store.insert(
      StorageRecord(
        dfid: dfid, contentID: contentID, adapterType: adapter, location: location,
        storedBy: user, storedAt: date))
  }

  /// The last storing of an item's content, nil when there is none.
  /// - Throws: what a store throws.
  public func latest(_ dfid: String) async throws(StoreError) -> StorageRecord? {
    try await store.select(StorageRecord.self).where { $0.dfid == dfid }
      .order { $0.storedAt.descending }.order { $0.id.descending }.first()
  }

  /// All storings of an item's content, oldest first.
  /// - Parameters:
  ///   - size: the most records of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func history(
    of dfid: String, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<StorageRecord> {
    try await oldestFirst { $0.dfid == dfid }.page(size: size, after: position)
  }

  /// All storings of one content, oldest first.
  /// - Throws: what a store throws.
  public func records(contentID: String) async throws(StoreError) -> [StorageRecord] {
    try await oldestFirst { $0.contentID == contentID }.fetch()
  }

  /// All storings within a time, oldest first.
  /// - Parameters:
  ///   - time: from the first moment to before the last.
  ///   - size: the most records of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func records(
    in time: Range<Timestamp>, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<StorageRecord> {
    try await oldestFirst { $0.storedAt >= time.lowerBound && $0.storedAt < time.upperBound }
      .page(size: size, after: position)
  }

  private func oldestFirst(
    _ filter: (StorageRecord.Columns) -> Filter
  ) -> Selection<StorageRecord> {
    store.select(StorageRecord.self).where(filter)
      .order { $0.storedAt.ascending }.order { $0.id.ascending }
  }
}
