public import Foundation
public import Roost
public import RoostCore

/// What was done in a circuit.
public enum ActivityKind: String, Codable, ColumnValue, CaseIterable {
  /// It was founded.
  case circuitCreated = "circuit_created"
  /// Its name, purpose or rules changed.
  case circuitChanged = "circuit_changed"
  /// A member came.
  case memberAdded = "member_added"
  /// A member's role or permissions changed.
  case memberChanged = "member_changed"
  /// A member left or was removed.
  case memberRemoved = "member_removed"
  /// It has another owner.
  case ownershipTransferred = "ownership_transferred"
  /// An item was brought in.
  case itemShared = "item_shared"
  /// An item was taken out.
  case itemRemoved = "item_removed"
  /// A push or a pull was asked for.
  case operationRequested = "operation_requested"
  /// One was approved.
  case operationApproved = "operation_approved"
  /// One was rejected.
  case operationRejected = "operation_rejected"
  /// One has happened.
  case operationCompleted = "operation_completed"
}

/// An entry of a circuit's audit trail, written with the change that it tells of or not at all.
public struct Activity: Record, Equatable {
  /// The key, which grows with time; nil until the store gives one.
  public var id: Int?
  /// The circuit.
  public var circuitID: UUID
  /// What was done.
  public var kind: ActivityKind
  /// Who did it.
  public var actorID: UUID
  /// The member that it was about; nil when it was about none.
  public var memberID: UUID?
  /// The item that it was about; nil when it was about none.
  public var dfid: String?
  /// The operation that it was about; nil when it was about none.
  public var operationID: UUID?
  /// What else there is to say: a JSON object.
  public var details: JSON = .object([:])
  /// When it was done; nil until stored.
  public var occurredAt: Timestamp?

  /// The table.
  public static let table = "activities"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `activities`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<Int>("id")
    /// The circuit.
    public let circuitID = Column<UUID>("circuit_id")
    /// What was done.
    public let kind = Column<ActivityKind>("kind")
    /// Who did it.
    public let actorID = Column<UUID>("actor_id")
    /// The member that it was about.
    public let memberID = Column<UUID?>("member_id")
    /// The item that it was about.
    public let dfid = Column<String?>("dfid")
    /// The operation that it was about.
    public let operationID = Column<UUID?>("operation_id")
    /// What else there is to say.
    public let details = Column<JSON>("details")
    /// When it was done.
    public let occurredAt = Column<Timestamp>("occurred_at")
  }
}
