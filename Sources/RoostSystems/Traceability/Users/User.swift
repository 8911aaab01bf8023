public import Foundation
public import Roost
public import RoostCore

/// What a user has subscribed to.
public enum UserTier: String, Codable, ColumnValue, CaseIterable {
  /// Without payment.
  case basic
  /// For one who works with it.
  case professional
  /// For a company.
  case enterprise
  /// For those who run the system.
  case admin
}

/// Somebody who uses the system. The hash of the password is in the record, but in none of its
/// descriptions, mirrors and JSON.
public struct User: Record, Equatable {
  /// The key.
  public var userID: UUID
  /// The name to sign in with, unique whatever the case of its ASCII letters.
  public var username: String
  /// The address, unique whatever the case of its ASCII letters.
  public var email: String
  /// How the password is kept.
  var passwordHash: MaskedText
  /// What the user has subscribed to.
  public var tier: UserTier
  /// Where the user works; nil takes a new one, after that never nil.
  public var workspaceID: UUID?
  /// When the user came; nil until stored.
  public var createdAt: Timestamp?
  /// When the row last changed; nil until stored.
  public var updatedAt: Timestamp?

  /// The table.
  public static let table = "users"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `users`.
  public struct Columns: Sendable {
    /// The key.
    public let userID = Column<UUID>("user_id")
    /// The name to sign in with.
    public let username = Column<String>("username")
    /// The address.
    public let email = Column<String>("email")
    let passwordHash = Column<MaskedText>("password_hash")
    /// What the user has subscribed to.
    public let tier = Column<UserTier>("tier")
    /// Where the user works.
    public let workspaceID = Column<UUID>("workspace_id")
    /// When the user came.
    public let createdAt = Column<Timestamp>("created_at")
    /// When the row last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }
}
