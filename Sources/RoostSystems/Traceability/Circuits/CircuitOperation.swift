public import Foundation
public import Roost
public import RoostCore

/// Which way an item is to go.
public enum CircuitOperationKind: String, Codable, ColumnValue, CaseIterable {
  /// Into the circuit.
  case push
  /// From the circuit to the one who asks.
  case pull

  var permission: CircuitPermission {
    switch self {
    case .push: .push
    case .pull: .pull
    }
  }
}

/// How far an operation is.
public enum CircuitOperationStatus: String, Codable, ColumnValue, CaseIterable {
  /// It waits for an approval.
  case pending
  /// It may be completed.
  case approved
  /// It was refused. Final.
  case rejected
  /// It has happened. Final.
  case completed

  /// Whether the other status may come next.
  public func mayBecome(_ next: CircuitOperationStatus) -> Bool {
    switch (self, next) {
    case (.pending, .approved), (.pending, .rejected), (.approved, .completed): true
    default: false
    }
  }
}

/// A request to bring an item into a circuit or to take one from it.
public struct CircuitOperation: Record, Equatable {
  /// The key.
  public var operationID: UUID
  /// The circuit.
  public var circuitID: UUID
  /// The item.
  public var dfid: String
  /// Which way the item is to go.
  public var kind: CircuitOperationKind
  /// How far it is.
  public var status: CircuitOperationStatus
  /// Who asked.
  public var requestedBy: UUID
  /// When it was asked; nil until stored.
  public var requestedAt: Timestamp?
  /// Who approved or rejected it; nil while pending, and when the circuit's rules approved it.
  public var decidedBy: UUID?
  /// When it was approved or rejected; nil while pending.
  public var decidedAt: Timestamp?
  /// When it happened; nil until then.
  public var completedAt: Timestamp?
  /// Why it was asked, or why it was rejected; nil when nobody has said.
  public var reason: String?

  /// The table.
  public static let table = "circuit_operations"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `circuit_operations`.
  public struct Columns: Sendable {
    /// The key.
    public let operationID = Column<UUID>("operation_id")
    /// The circuit.
    public let circuitID = Column<UUID>("circuit_id")
    /// The item.
    public let dfid = Column<String>("dfid")
    /// Which way the item is to go.
    public let kind = Column<CircuitOperationKind>("kind")
    /// How far it is.
    public let status = Column<CircuitOperationStatus>("status")
    /// Who asked.
    public let requestedBy = Column<UUID>("requested_by")
    /// When it was asked.
    public let requestedAt = Column<Timestamp>("requested_at")
    /// Who approved or rejected it.
    public let decidedBy = Column<UUID?>("decided_by")
    /// When it was approved or rejected.
    public let decidedAt = Column<Timestamp?>("decided_at")
    /// When it happened.
    public let completedAt = Column<Timestamp?>("completed_at")
    /// Why it was asked or rejected.
    public let reason = Column<String?>("reason")
  }
}
