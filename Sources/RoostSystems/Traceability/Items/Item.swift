public import Roost
public import RoostCore

/// What an item is to the system.
public enum ItemStatus: String, Codable, ColumnValue, CaseIterable {
  /// In use.
  case active
  /// No longer in use; it can be taken up again.
  case deprecated
  /// It turned out to be the same as another, which `mergedInto` names. Final.
  case merged
  /// It was divided into others, whose `splitFrom` names it. Final.
  case split
}

/// A piece of farm produce under its permanent id.
public struct Item: Record, Equatable {
  /// The key.
  public var dfid: String
  /// The SHA-256 of identifiers and data, in hexadecimal; it moves with them.
  public var itemHash: String
  /// What the item is to the system.
  public var status: ItemStatus
  /// What is known about it: a JSON object.
  public var enrichedData: JSON
  /// The item that this one turned out to be; nil unless it was merged.
  public var mergedInto: String?
  /// The item that this one is a part of; nil unless it came from a split.
  public var splitFrom: String?
  /// When it was first stored; nil until then.
  public var createdAt: Timestamp?
  /// When its row last changed; nil until it is stored.
  public var updatedAt: Timestamp?

  /// The table.
  public static let table = "items"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `items`.
  public struct Columns: Sendable {
    /// The key.
    public let dfid = Column<String>("dfid")
    /// The SHA-256 of identifiers and data.
    public let itemHash = Column<String>("item_hash")
    /// The status.
    public let status = Column<ItemStatus>("status")
    /// What is known about it.
    public let enrichedData = Column<JSON>("enriched_data")
    /// The item that it was merged into.
    public let mergedInto = Column<String?>("merged_into")
    /// The item that it was split from.
    public let splitFrom = Column<String?>("split_from")
    /// When it was first stored.
    public let createdAt = Column<Timestamp>("created_at")
    /// When its row last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }

  /// The hash of an item with these identifiers, in any order, and this data.
  public static func hash(of identifiers: [Identifier], data: JSON) -> String {
    let names = identifiers.map { identifier in
      JSON.array(
        [identifier.kind.rawValue, identifier.namespace, identifier.key, identifier.value]
          .map { .string($0) }
      ).encoded()
    }
    let sorted = names.sorted { $0.lexicographicallyPrecedes($1) }
    return Digest.hexadecimal(Array(sorted.joined(separator: [10])) + [10] + data.encoded())
  }
}

/// An item that is not stored yet.
public struct ItemDraft: Sendable {
  /// The id that the item will have.
  public var dfid: String
  /// What the world calls it.
  public var identifiers: [Identifier]
  /// What is known about it: a JSON object.
  public var data: JSON

  /// Describes an item; without an id it gets a new one.
  public init(
    dfid: String = DFID.make(), identifiers: [Identifier] = [], data: JSON = .object([:])
  ) {
    self.dfid = dfid
    self.identifiers = identifiers
    self.data = data
  }
}
