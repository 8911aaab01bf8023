public import Foundation
public import Roost
public import RoostCore

/// A key with which a program acts for a user. The secret is not part of it, and the hash of the
/// secret is in none of its descriptions, mirrors and JSON.
public struct APIKey: Record, Equatable {
  /// The key of the row.
  public var keyID: UUID
  /// The user that the program acts for.
  public var userID: UUID
  /// What the user calls it.
  public var name: String
  /// The part before the dot, by which the key is found and may be shown.
  public var prefix: String
  /// The SHA-256 of the part behind the dot, in hexadecimal.
  var secretHash: MaskedText
  /// What the program may do, in the application's own words; none when empty.
  public var scopes: [String]
  /// When it was made; nil until stored.
  public var createdAt: Timestamp?
  /// When it ends; nil for never.
  public var expiresAt: Timestamp?
  /// When it was last used; nil until then.
  public var lastUsedAt: Timestamp?
  /// When it was revoked; nil unless it was.
  public var revokedAt: Timestamp?

  /// The table.
  public static let table = "api_keys"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `api_keys`.
  public struct Columns: Sendable {
    /// The key of the row.
    public let keyID = Column<UUID>("key_id")
    /// The user.
    public let userID = Column<UUID>("user_id")
    /// What the user calls it.
    public let name = Column<String>("name")
    /// The part before the dot.
    public let prefix = Column<String>("prefix")
    let secretHash = Column<MaskedText>("secret_hash")
    /// What the program may do.
    public let scopes = Column<[String]>("scopes")
    /// When it was made.
    public let createdAt = Column<Timestamp>("created_at")
    /// When it ends.
    public let expiresAt = Column<Timestamp?>("expires_at")
    /// When it was last used.
    public let lastUsedAt = Column<Timestamp?>("last_used_at")
    /// When it was revoked.
    public let revokedAt = Column<Timestamp?>("revoked_at")
  }
}

/// A whole key, `prefix.secret`, as only its maker ever sees it. No description, mirror or
/// interpolation shows it.
public struct APIKeySecret: Sendable, CustomStringConvertible, CustomReflectable {
  private let prefix: String
  private let secret: String

  init(prefix: String, secret: String) {
    self.prefix = prefix
    self.secret = secret
  }

  /// The text to hand to the user, once.
  public func reveal() -> String { "\(prefix).\(secret)" }

  /// The prefix and a mask.
  public var description: String { "\(prefix).***" }
  /// Shows the description only.
  public var customMirror: Mirror { Mirror(self, children: ["key": description]) }
}

/// A key that was just made.
public struct IssuedAPIKey: Sendable {
  /// The key as stored.
  public var key: APIKey
  /// What the user needs; it cannot be had again.
  public var secret: APIKeySecret
}
