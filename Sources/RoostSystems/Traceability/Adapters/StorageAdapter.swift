public import Foundation
public import Roost
public import RoostCore

/// Where content is kept.
public enum AdapterType: String, Codable, ColumnValue, CaseIterable {
  /// On the server's own disk.
  case local
  /// In the InterPlanetary File System.
  case ipfs
  /// In an object store with the S3 interface.
  case s3
  /// On a public ledger.
  case ledger
}

/// A configured place for the content of items.
public struct StorageAdapter: Record, Equatable {
  /// The key.
  public var configID: UUID
  /// The name, unique.
  public var name: String
  /// What kind of place it is.
  public var adapterType: AdapterType
  /// Endpoints and names, as a JSON object; secrets have no place here.
  public var settings: JSON
  /// Whether content goes here when nobody says where; at most one is.
  public var isDefault: Bool
  /// Whether it is in use.
  public var isActive: Bool
  /// When it was configured; nil until stored.
  public var createdAt: Timestamp?
  /// When its row last changed; nil until stored.
  public var updatedAt: Timestamp?

  /// The table.
  public static let table = "adapters"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `adapters`.
  public struct Columns: Sendable {
    /// The key.
    public let configID = Column<UUID>("config_id")
    /// The name.
    public let name = Column<String>("name")
    /// What kind of place it is.
    public let adapterType = Column<AdapterType>("adapter_type")
    /// Endpoints and names.
    public let settings = Column<JSON>("settings")
    /// Whether it is the default.
    public let isDefault = Column<Bool>("is_default")
    /// Whether it is in use.
    public let isActive = Column<Bool>("is_active")
    /// When it was configured.
    public let createdAt = Column<Timestamp>("created_at")
    /// When its row last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }
}
