public import Foundation
public import Roost
public import RoostCore

/// What a circuit asks of its operations.
public struct CircuitRules: Sendable, Equatable, Codable {
  /// Whether a push waits for an approval.
  public var pushNeedsApproval: Bool
  /// Whether a pull waits for an approval.
  public var pullNeedsApproval: Bool

  /// Makes rules; everything needs an approval unless said otherwise.
  public init(pushNeedsApproval: Bool = true, pullNeedsApproval: Bool = true) {
    self.pushNeedsApproval = pushNeedsApproval
    self.pullNeedsApproval = pullNeedsApproval
  }

  /// Reads rules; one that is missing means that an approval is needed.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    pushNeedsApproval =
      try container.decodeIfPresent(Bool.self, forKey: .pushNeedsApproval) ?? true
    pullNeedsApproval =
      try container.decodeIfPresent(Bool.self, forKey: .pullNeedsApproval) ?? true
  }

  func needApproval(_ kind: CircuitOperationKind) -> Bool {
    switch kind {
    case .push: pushNeedsApproval
    case .pull: pullNeedsApproval
    }
  }
}

/// A group of partners that share items.
public struct Circuit: Record, Equatable {
  /// The key.
  public var circuitID: UUID
  /// The name.
  public var name: String
  /// What it is for; nil when nobody has said.
  public var description: String?
  /// The user who owns it, who is also its one member with that role.
  public var ownerID: UUID
  /// What it asks of its operations.
  public var permissions: CircuitRules
  /// When it was founded; nil until it is stored.
  public var createdAt: Timestamp?
  /// When its row last changed; nil until it is stored.
  public var updatedAt: Timestamp?

  /// The table.
  public static let table = "circuits"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `circuits`.
  public struct Columns: Sendable {
    /// The key.
    public let circuitID = Column<UUID>("circuit_id")
    /// The name.
    public let name = Column<String>("name")
    /// What it is for.
    public let description = Column<String?>("description")
    /// The owner.
    public let ownerID = Column<UUID>("owner_id")
    /// What it asks of its operations, as JSON.
    public let permissions = Column<JSON>("permissions")
    /// When it was founded.
    public let createdAt = Column<Timestamp>("created_at")
    /// When its row last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }
}

/// An item that a circuit shares.
public struct CircuitItem: Record, Equatable {
  /// The circuit.
  public var circuitID: UUID
  /// The item.
  public var dfid: String
  /// What members may do with it.
  public var permissions: [CircuitItemPermission]
  /// Who brought it in.
  public var sharedBy: UUID
  /// When it was brought in; nil until it is stored.
  public var sharedAt: Timestamp?

  /// The table.
  public static let table = "circuit_items"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `circuit_items`.
  public struct Columns: Sendable {
    /// The circuit.
    public let circuitID = Column<UUID>("circuit_id")
    /// The item.
    public let dfid = Column<String>("dfid")
    /// What members may do with it.
    public let permissions = Column<[CircuitItemPermission]>("permissions")
    /// Who brought it in.
    public let sharedBy = Column<UUID>("shared_by")
    /// When it was brought in.
    public let sharedAt = Column<Timestamp>("shared_at")
  }
}

/// What members may do with an item of a circuit.
public enum CircuitItemPermission: String, Codable, ColumnValue, CaseIterable {
  /// See it.
  case view
  /// Ask to take it.
  case pull
}
