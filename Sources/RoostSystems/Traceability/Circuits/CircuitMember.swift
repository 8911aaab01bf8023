public import Foundation
public import Roost
public import RoostCore

/// What a member is in a circuit.
public enum CircuitRole: String, Codable, ColumnValue, CaseIterable {
  /// The one who may give the circuit away; has every permission. There is exactly one.
  case owner
  /// Has every permission.
  case admin
  /// May push and pull.
  case member
  /// May look on.
  case viewer

  /// What the role may do without further permissions.
  public var permissions: [CircuitPermission] {
    switch self {
    case .owner, .admin: CircuitPermission.allCases
    case .member: [.push, .pull]
    case .viewer: []
    }
  }
}

/// Something that a member may do.
public enum CircuitPermission: String, Codable, ColumnValue, CaseIterable {
  /// Ask to bring an item in.
  case push
  /// Ask to take an item.
  case pull
  /// Approve and reject what others ask.
  case approve
  /// Add members and viewers.
  case invite
  /// Change the circuit, its members and its items.
  case manage
}

/// A user in a circuit.
public struct CircuitMember: Record, Equatable {
  /// The circuit.
  public var circuitID: UUID
  /// The user.
  public var userID: UUID
  /// What the user is in the circuit.
  public var role: CircuitRole
  /// What the user may do beyond the role.
  public var permissions: [CircuitPermission]
  /// When the user joined; nil until stored.
  public var joinedAt: Timestamp?

  /// Whether the member may do something, by role or beyond it.
  public func may(_ permission: CircuitPermission) -> Bool {
    role.permissions.contains(permission) || permissions.contains(permission)
  }

  /// The table.
  public static let table = "circuit_members"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `circuit_members`.
  public struct Columns: Sendable {
    /// The circuit.
    public let circuitID = Column<UUID>("circuit_id")
    /// The user.
    public let userID = Column<UUID>("user_id")
    /// What the user is in the circuit.
    public let role = Column<CircuitRole>("role")
    /// What the user may do beyond the role.
    public let permissions = Column<[CircuitPermission]>("permissions")
    /// When the user joined.
    public let joinedAt = Column<Timestamp>("joined_at")
  }
}
