public import Foundation
public import Roost
public import RoostCore

/// What someone contributed to an asset: what it cost, and how well it fits.
public struct Contribution: Record, Equatable {
  /// The key; nil until the store gives one.
  public var id: UUID?
  /// Who contributed.
  public var contributorID: UUID
  /// What to.
  public var assetID: UUID
  /// What it cost, at least 0, to two decimal places.
  public var costAmount: Numeric
  /// How well it fits, from 0 to 1, to two decimal places.
  public var coherenceScore: Numeric
  /// Whatever else there is to say; an empty object when nil is stored.
  public var metadata: JSON?
  /// When it was made; when nil is stored, now.
  public var timestamp: Timestamp?

  /// Describes a contribution.
  public init(
    by contributor: UUID, to asset: UUID, cost: Numeric, coherence: Numeric, metadata: JSON? = nil,
    timestamp: Timestamp? = nil
  ) {
    contributorID = contributor
    assetID = asset
    costAmount = cost
    coherenceScore = coherence
    self.metadata = metadata
    self.timestamp = timestamp
  }

  /// The table.
  public static let table = "contributions"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `contributions`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<UUID>("id")
    /// Who contributed.
    public let contributorID = Column<UUID>("contributor_id")
    /// What to.
    public let assetID = Column<UUID>("asset_id")
    /// What it cost.
    public let costAmount = Column<Numeric>("cost_amount")
    /// How well it fits.
    public let coherenceScore = Column<Numeric>("coherence_score")
    /// Whatever else there is to say.
    public let metadata = Column<JSON>("metadata")
    /// When it was made.
    public let timestamp = Column<Timestamp>("timestamp")
  }
}
