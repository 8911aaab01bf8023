public import Foundation
public import Roost
public import RoostCore

/// What an API compiler made of an account's specs.
public struct Compilation: Record, Equatable {
  /// How a compilation ended.
  public enum Status: String, Codable, Sendable, ColumnValue {
    /// There is an API.
    case success
    /// There are errors.
    case failed
  }

  /// The key: the first 12 characters of a UUID.
  public var id: String
  /// The account that it belongs to.
  public var accountID: String
  /// What people call it; nil when it has no name.
  public var name: String?
  /// How it ended.
  public var status: Status
  /// The specs that were compiled.
  public var specs: JSON
  /// The compiler's own form of the API.
  public var apiIR: JSON
  /// The SHA-256 of the API's canonical OpenAPI text: 64 lower-case hexadecimal digits.
  public var openAPICanonicalHash: String
  /// The names of the API's resources.
  public var resourceNames: JSON
  /// The resources' names as they stand in paths.
  public var resourceSlugs: JSON
  /// What the last update changed; nil for a first compilation.
  public var diffFromPrevious: JSON?
  /// What the compiler objected to; nil when nothing.
  public var errors: JSON?
  /// When it was first stored; nil until then.
  public var createdAt: Timestamp?
  /// When it was last stored; nil until it was.
  public var updatedAt: Timestamp?

  /// Describes a compilation; without an `id` it gets a new one.
  public init(
    id: String = Compilation.newID(), accountID: String, name: String? = nil,
    status: Status = .success, specs: JSON, apiIR: JSON, openAPICanonicalHash: String,
    resourceNames: JSON = [], resourceSlugs: JSON = [], diffFromPrevious: JSON? = nil,
    errors: JSON? = nil
  ) {
    self.id = id
    self.accountID = accountID
    self.name = name
    self.status = status
    self.specs = specs
    self.apiIR = apiIR
    self.openAPICanonicalHash = openAPICanonicalHash
    self.resourceNames = resourceNames
    self.resourceSlugs = resourceSlugs
    self.diffFromPrevious = diffFromPrevious
    self.errors = errors
  }

  /// A key: the first 12 characters of a UUID's text, in lower case.
  public static func newID(_ uuid: UUID = UUID()) -> String {
    String(uuid.uuidString.lowercased().prefix(12))
  }

  /// Whether a text has the form of a key, which the table's constraint asks for, too.
  static func isID(_ text: String) -> Bool {
    text.utf8.count == 12 && text.utf8.allSatisfy { "0123456789abcdefABCDEF-".utf8.contains($0) }
  }

  /// The table.
  public static let table = "compilations"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `compilations`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<String>("id")
    /// The account.
    public let accountID = Column<String>("account_id")
    /// The name.
    public let name = Column<String?>("name")
    /// How it ended; NULL, which other writers may leave, is read as success.
    public let status = Column<Status?>("status")
    /// The specs.
    public let specs = Column<JSON>("specs")
    /// The compiler's own form of the API.
    public let apiIR = Column<JSON>("api_ir")
    /// The hash of the canonical OpenAPI text.
    public let openAPICanonicalHash = Column<String>("openapi_canonical_hash")
    /// The resources' names.
    public let resourceNames = Column<JSON>("resource_names")
    /// The resources' names in paths.
    public let resourceSlugs = Column<JSON>("resource_slugs")
    /// What the last update changed.
    public let diffFromPrevious = Column<JSON?>("diff_from_previous")
    /// What the compiler objected to.
    public let errors = Column<JSON?>("errors")
    /// When it was first stored.
    public let createdAt = Column<Timestamp>("created_at")
    /// When it was last stored.
    public let updatedAt = Column<Timestamp>("updated_at")
  }

  // By hand: the column of the hash is in one word what Swift writes as two.

  /// Reads a row.
  public init(row: Row) throws(StoreError) {
    let columns = Self.columns
    id = try row[columns.id]
    accountID = try row[columns.accountID]
    name = try row[columns.name]
    status = try row[columns.status] ?? .success
    specs = try row[columns.specs]
    apiIR = try row[columns.apiIR]
    openAPICanonicalHash = try row[columns.openAPICanonicalHash]
    resourceNames = try row[columns.resourceNames]
    resourceSlugs = try row[columns.resourceSlugs]
    diffFromPrevious = try row[columns.diffFromPrevious]
    errors = try row[columns.errors]
    createdAt = try row[columns.createdAt]
    updatedAt = try row[columns.updatedAt]
  }

  /// Writes a row.
  public func write(to row: inout RowWriter) throws(StoreError) {
    let columns = Self.columns
    try row.set(columns.id, id)
    try row.set(columns.accountID, accountID)
    try row.set(columns.name, name)
    try row.set(columns.status, status)
    try row.set(columns.specs, specs)
    try row.set(columns.apiIR, apiIR)
    try row.set(columns.openAPICanonicalHash, openAPICanonicalHash)
    try row.set(columns.resourceNames, resourceNames)
    try row.set(columns.resourceSlugs, resourceSlugs)
    try row.set(columns.diffFromPrevious, diffFromPrevious)
    try row.set(columns.errors, errors)
    if let createdAt { try row.set(columns.createdAt, createdAt) }
    if let updatedAt { try row.set(columns.updatedAt, updatedAt) }
  }
}
