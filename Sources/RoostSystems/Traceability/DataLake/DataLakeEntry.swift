public import Foundation
public import Roost
public import RoostCore

/// How far the verification of an entry is.
public enum VerificationStatus: String, Codable, ColumnValue, CaseIterable {
  /// It waits for a worker.
  case pending
  /// A worker has it.
  case processing
  /// It is what it says. Final.
  case verified
  /// It is not; it may be tried again.
  case failed
}

/// Raw data that waits for verification, or has been through it.
public struct DataLakeEntry: Record, Equatable {
  /// The key.
  public var entryID: UUID
  /// The SHA-256 of the payload, in hexadecimal.
  public var dataHash: String
  /// The data.
  public var payload: JSON
  /// Who sent it.
  public var submittedBy: UUID
  /// How far its verification is.
  public var status: VerificationStatus
  /// How often a worker has taken it.
  public var attempts: Int
  /// The worker that has or had it; nil while it waits.
  public var worker: String?
  /// When the worker took it; nil while it waits.
  public var claimedAt: Timestamp?
  /// When it was verified or failed; nil until then.
  public var finishedAt: Timestamp?
  /// The item that it turned out to be about; nil when that is not known.
  public var dfid: String?
  /// Why it failed; nil unless it did.
  public var failure: String?
  /// When it was sent; nil until stored.
  public var submittedAt: Timestamp?

  /// The table.
  public static let table = "data_lake_entries"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `data_lake_entries`.
  public struct Columns: Sendable {
    /// The key.
    public let entryID = Column<UUID>("entry_id")
    /// The SHA-256 of the payload.
    public let dataHash = Column<String>("data_hash")
    /// The data.
    public let payload = Column<JSON>("payload")
    /// Who sent it.
    public let submittedBy = Column<UUID>("submitted_by")
    /// How far its verification is.
    public let status = Column<VerificationStatus>("status")
    /// How often a worker has taken it.
    public let attempts = Column<Int>("attempts")
    /// The worker that has or had it.
    public let worker = Column<String?>("worker")
    /// When the worker took it.
    public let claimedAt = Column<Timestamp?>("claimed_at")
    /// When it was verified or failed.
    public let finishedAt = Column<Timestamp?>("finished_at")
    /// The item that it is about.
    public let dfid = Column<String?>("dfid")
    /// Why it failed.
    public let failure = Column<String?>("failure")
    /// When it was sent.
    public let submittedAt = Column<Timestamp>("submitted_at")
  }
}
