public import Roost
public import RoostCore

/// Whether an identifier tells items apart.
public enum IdentifierKind: String, Codable, ColumnValue, CaseIterable {
  /// It belongs to one item only, as an ear tag's number does.
  case canonical
  /// It may stand on many items, as a lot or a season does.
  case contextual
}

/// A name that the world has for an item.
public struct Identifier: Sendable, Equatable {
  /// Whether it belongs to one item only.
  public var kind: IdentifierKind
  /// Who gives such names, in lower case, for example `bovine`.
  public var namespace: String
  /// What kind of name it is, in lower case, for example `ear_tag`.
  public var key: String
  /// The name itself.
  public var value: String

  /// Names an item.
  public init(_ kind: IdentifierKind, namespace: String, key: String, value: String) {
    self.kind = kind
    self.namespace = namespace
    self.key = key
    self.value = value
  }

  /// A name that belongs to one item only.
  public static func canonical(_ namespace: String, _ key: String, _ value: String) -> Identifier {
    Identifier(.canonical, namespace: namespace, key: key, value: value)
  }

  /// A name that many items may have.
  public static func contextual(_ namespace: String, _ key: String, _ value: String) -> Identifier {
    Identifier(.contextual, namespace: namespace, key: key, value: value)
  }

  /// The name without its kind, compared by bytes: an item has it once.
  var name: [Value] { [.text(namespace), .text(key), .text(value)] }
}

/// An identifier of a stored item.
public struct EnhancedIdentifier: Record, Equatable {
  /// The key; nil until the store gives one.
  public var id: Int?
  /// The item.
  public var dfid: String
  /// Who gives such names.
  public var namespace: String
  /// What kind of name it is.
  public var key: String
  /// The name itself.
  public var value: String
  /// Whether it belongs to one item only.
  public var idType: IdentifierKind
  /// When it was stored; nil until then.
  public var createdAt: Timestamp?

  init(_ identifier: Identifier, of dfid: String) {
    self.dfid = dfid
    namespace = identifier.namespace
    key = identifier.key
    value = identifier.value
    idType = identifier.kind
  }

  /// The identifier without its item.
  public var identifier: Identifier {
    Identifier(idType, namespace: namespace, key: key, value: value)
  }

  /// The table.
  public static let table = "enhanced_identifiers"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `enhanced_identifiers`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<Int>("id")
    /// The item.
    public let dfid = Column<String>("dfid")
    /// Who gives such names.
    public let namespace = Column<String>("namespace")
    /// What kind of name it is.
    public let key = Column<String>("key")
    /// The name itself.
    public let value = Column<String>("value")
    /// Whether it belongs to one item only.
    public let idType = Column<IdentifierKind>("id_type")
    /// When it was stored.
    public let createdAt = Column<Timestamp>("created_at")
  }
}
