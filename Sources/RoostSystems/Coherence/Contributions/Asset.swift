public import Foundation
public import Roost
public import RoostCore

/// Something that is contributed to.
public struct Asset: Record, Equatable {
  /// The key; nil until the store gives one.
  public var id: UUID?
  /// The name.
  public var name: String
  /// What it is; nil when unknown.
  public var description: String?
  /// Its kind in the application's words, for example `code` or `documentation`.
  public var assetType: String
  /// The sum of its contributions' costs, which the store keeps by itself; nil until it is stored.
  public private(set) var totalCost: Numeric?
  /// Whatever else there is to say; an empty object when nil is stored.
  public var metadata: JSON?
  /// When it was first stored; nil until then.
  public var createdAt: Timestamp?
  /// When it or its total was last changed; nil until it is stored.
  public var updatedAt: Timestamp?

  /// Describes an asset.
  public init(
    name: String, assetType: String, description: String? = nil, metadata: JSON? = nil
  ) {
    self.name = name
    self.assetType = assetType
    self.description = description
    self.metadata = metadata
  }

  /// The asset as one that nothing was contributed to yet.
  var withoutTotalCost: Asset {
    var copy = self
    copy.totalCost = nil
    return copy
  }

  /// The table.
  public static let table = "assets"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `assets`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<UUID>("id")
    /// The name.
    public let name = Column<String>("name")
    /// What it is.
    public let description = Column<String?>("description")
    /// Its kind.
    public let assetType = Column<String>("asset_type")
    /// The sum of its contributions' costs.
    public let totalCost = Column<Numeric>("total_cost")
    /// Whatever else there is to say.
    public let metadata = Column<JSON>("metadata")
    /// When it was first stored.
    public let createdAt = Column<Timestamp>("created_at")
    /// When it or its total was last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }
}
