public import Foundation
public import Roost
public import RoostCore

/// The verification queue: entries go from pending to processing, and from there to verified or
/// failed.
public struct DataLakeStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [DataLakeEntry.table]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Puts data at the end of the queue.
  /// - Throws: what a store throws.
  @discardableResult
  public func submit(_ payload: JSON, from user: UUID) async throws(StoreError) -> DataLakeEntry {
    try await store.insert(
      DataLakeEntry(
        entryID: UUID(), dataHash: Digest.hexadecimal(payload.encoded()), payload: payload,
        submittedBy: user, status: .pending, attempts: 0))
  }

  /// The entry with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ entry: UUID) async throws(StoreError) -> DataLakeEntry? {
    try await store.find(DataLakeEntry.self, entry)
  }

  /// The entries of the same data, by key.
  /// - Throws: what a store throws.
  public func entries(of payload: JSON) async throws(StoreError) -> [DataLakeEntry] {
    let hash = Digest.hexadecimal(payload.encoded())
    return try await store.select(DataLakeEntry.self).where { $0.dataHash == hash }.fetch()
  }

  /// The entries of a status, in the order of the queue.
  /// - Parameters:
  ///   - size: the most entries of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func entries(
    status: VerificationStatus, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<DataLakeEntry> {
    try await store.select(DataLakeEntry.self).where { $0.status == status }
      .order { $0.submittedAt.ascending }
      .page(size: size, after: position)
  }

  /// Takes the entry that has waited longest. However many workers ask at once, none gets an entry
  /// that another has, and none waits for another.
  /// - Parameter worker: the worker's name, by which it gives the entry back.
  /// - Returns: the entry, which is the worker's now; nil when none waits.
  /// - Throws: what a store throws.
  public func claimNext(worker: String) async throws -> DataLakeEntry? {
    try await store.transaction(.locking) { transaction in
      let waiting = transaction.select(DataLakeEntry.self).where { $0.status == .pending }
        .order { $0.submittedAt.ascending }
        .limit(1).locked(.forUpdateSkippingLocked)
      guard var entry = try await waiting.first() else { return nil }
      entry.status = .processing
      entry.worker = worker
      entry.claimedAt = .now()
      entry.attempts += 1
      return try await transaction.update(entry)
    }
  }

  /// Notes that an entry is what it says.
  /// - Parameter dfid: the item that it is about; nil when that is not known.
  /// - Throws: `notFound`; `invalidTransition` when the entry is not being processed; `forbidden`
  ///   when another worker has it; what a store throws.
  @discardableResult
  public func verify(
    _ entry: UUID, worker: String, dfid: String? = nil
  ) async throws -> DataLakeEntry {
    try await finish(entry, .verified, worker) { $0.dfid = dfid }
  }

  /// Notes that an entry is not what it says, and why.
  /// - Throws: as `verify`.
  @discardableResult
  public func fail(_ entry: UUID, worker: String, reason: String) async throws -> DataLakeEntry {
    try await finish(entry, .failed, worker) { $0.failure = reason }
  }

  /// Puts a failed entry back into the queue, at its old place.
  /// - Throws: `notFound`; `invalidTransition` when it has not failed; what a store throws.
  @discardableResult
  public func retry(_ entry: UUID) async throws -> DataLakeEntry {
    try await move(entry, from: .failed, to: .pending) { entry throws(StoreError) in
      entry.worker = nil
      entry.claimedAt = nil
      entry.finishedAt = nil
      entry.failure = nil
    }
  }

  /// Puts those entries back into the queue whose workers took them before a moment and have not
  /// come back.
  /// - Returns: how many there were.
  /// - Throws: what a store throws.
  @discardableResult
  public func release(claimedBefore date: Timestamp) async throws(StoreError) -> Int {
    try await store.select(DataLakeEntry.self)
      .where { $0.status == .processing && $0.claimedAt < date }
      .update {
        [$0.status.set(to: .pending), $0.worker.set(to: nil), $0.claimedAt.set(to: nil)]
      }
  }

  private func finish(
    _ entry: UUID, _ status: VerificationStatus, _ worker: String,
    _ change: @Sendable (inout DataLakeEntry) -> Void
  ) async throws -> DataLakeEntry {
    try await move(entry, from: .processing, to: status) { entry throws(StoreError) in
      guard entry.worker == worker else {
        throw StoreError(.forbidden, "another worker has the entry", table: DataLakeEntry.table)
      }
      entry.finishedAt = .now()
      change(&entry)
    }
  }

  private func move(
    _ entry: UUID, from: VerificationStatus, to: VerificationStatus,
    _ change: @Sendable (inout DataLakeEntry) throws(StoreError) -> Void
  ) async throws -> DataLakeEntry {
    try await store.transaction(.locking) { transaction in
      var stored = try await transaction.get(DataLakeEntry.self, entry, lock: .forUpdate)
      guard stored.status == from else {
        throw StoreError.invalidTransition(
          "entry \(entry.uuidString.lowercased())", from: stored.status.rawValue,
          to: to.rawValue, table: DataLakeEntry.table)
      }
      try change(&stored)
      stored.status = to
      return try await transaction.update(stored)
    }
  }
}
