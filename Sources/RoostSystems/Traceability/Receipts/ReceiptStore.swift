public import Foundation
public import Roost
public import RoostCore

/// Proof that some data was received.
public struct Receipt: Record, Equatable {
  /// The key.
  public var receiptID: UUID
  /// The SHA-256 of the data, in hexadecimal.
  public var dataHash: String
  /// The size of the data, in bytes.
  public var dataSize: Int
  /// Who sent it.
  public var submittedBy: UUID
  /// The item that the data is about; nil until it is known.
  public var dfid: String?
  /// When it was received; nil until stored.
  public var receivedAt: Timestamp?

  /// Whether this is the receipt of these bytes.
  public func proves(_ data: [UInt8]) -> Bool {
    dataSize == data.count && dataHash == Digest.hexadecimal(data)
  }

  /// The table.
  public static let table = "receipts"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `receipts`.
  public struct Columns: Sendable {
    /// The key.
    public let receiptID = Column<UUID>("receipt_id")
    /// The SHA-256 of the data.
    public let dataHash = Column<String>("data_hash")
    /// The size of the data.
    public let dataSize = Column<Int>("data_size")
    /// Who sent it.
    public let submittedBy = Column<UUID>("submitted_by")
    /// The item that the data is about.
    public let dfid = Column<String?>("dfid")
    /// When it was received.
    public let receivedAt = Column<Timestamp>("received_at")
  }
}

/// Receipts of received data.
public struct ReceiptStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [Receipt.table]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Gives a receipt for data, of which only hash and size are kept.
  /// - Throws: `checkViolation` for a DFID of another form; what a store throws.
  @discardableResult
  public func issue(
    for data: [UInt8], from user: UUID, dfid: String? = nil
  ) async throws(StoreError) -> Receipt {
    try await store.insert(
      Receipt(
        receiptID: UUID(), dataHash: Digest.hexadecimal(data), dataSize: data.count,
        submittedBy: user, dfid: dfid))
  }

  /// The receipt with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ receipt: UUID) async throws(StoreError) -> Receipt? {
    try await store.find(Receipt.self, receipt)
  }

  /// The receipts of the same data, oldest first.
  /// - Throws: what a store throws.
  public func receipts(for data: [UInt8]) async throws(StoreError) -> [Receipt] {
    let hash = Digest.hexadecimal(data)
    return try await store.select(Receipt.self).where { $0.dataHash == hash }
      .order { $0.receivedAt.ascending }.fetch()
  }

  /// The receipts of data about an item, oldest first.
  /// - Throws: what a store throws.
  public func receipts(about dfid: String) async throws(StoreError) -> [Receipt] {
    try await store.select(Receipt.self).where { $0.dfid == dfid }
      .order { $0.receivedAt.ascending }.fetch()
  }

  /// The receipts of a sender, newest first.
  /// - Parameters:
  ///   - size: the most receipts of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func receipts(
    of user: UUID, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<Receipt> {
    try await store.select(Receipt.self).where { $0.submittedBy == user }
      .order { $0.receivedAt.descending }.order { $0.receiptID.descending }
      .page(size: size, after: position)
  }

  /// Says which item the data of a receipt is about, once.
  /// - Throws: `notFound`; `invalidTransition` when it is said to be another already; what a store
  ///   throws.
  @discardableResult
  public func attach(_ receipt: UUID, to dfid: String) async throws -> Receipt {
    try await store.transaction(.locking) { transaction in
      var stored = try await transaction.get(Receipt.self, receipt, lock: .forUpdate)
      if let known = stored.dfid, !TextOrder.areEqual(known, dfid) {
        throw StoreError.invalidTransition(
          "the item of a receipt", from: known, to: dfid, table: Receipt.table)
      }
      stored.dfid = dfid
      return try await transaction.update(stored)
    }
  }
}
