public import Foundation
public import Roost
public import RoostCore

/// Someone who contributes.
public struct Contributor: Record, Equatable {
  /// The key; nil until the store gives one.
  public var id: UUID?
  /// The name.
  public var name: String
  /// The e-mail address; nil when unknown.
  public var email: String?
  /// The name at GitHub; nil when unknown.
  public var githubUsername: String?
  /// Where payouts go; nil when unknown.
  public var walletAddress: String?
  /// Whatever else there is to say; an empty object when nil is stored.
  public var metadata: JSON?
  /// When it was first stored; nil until then.
  public var createdAt: Timestamp?
  /// When it was last changed; nil until it is stored.
  public var updatedAt: Timestamp?

  /// Describes a contributor.
  public init(
    name: String, email: String? = nil, githubUsername: String? = nil,
    walletAddress: String? = nil, metadata: JSON? = nil
  ) {
    self.name = name
    self.email = email
    self.githubUsername = githubUsername
    self.walletAddress = walletAddress
    self.metadata = metadata
  }

  /// The table.
  public static let table = "contributors"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `contributors`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<UUID>("id")
    /// The name.
    public let name = Column<String>("name")
    /// The e-mail address.
    public let email = Column<String?>("email")
    /// The name at GitHub.
    public let githubUsername = Column<String?>("github_username")
    /// Where payouts go.
    public let walletAddress = Column<String?>("wallet_address")
    /// Whatever else there is to say.
    public let metadata = Column<JSON>("metadata")
    /// When it was first stored.
    public let createdAt = Column<Timestamp>("created_at")
    /// When it was last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }
}
