public import Roost
public import RoostCore

/// A software package of an ecosystem.
public struct Project: Record, Equatable {
  /// The key; nil until the store gives one. Backends give different ones.
  public var id: Int?
  /// The ecosystem in lower case, for example `debian`.
  public var ecosystem: String
  /// The name in lower case, unique within the ecosystem.
  public var name: String
  /// What it is, in a line or more; nil when unknown.
  public var description: String?
  /// Its page; nil when unknown.
  public var homepageURL: String?
  /// Where its source is; nil when unknown.
  public var repositoryURL: String?
  /// How many projects it needs directly.
  public var dependencyCount: Int
  /// When it was first stored; nil until then.
  public var createdAt: Timestamp?
  /// When its row last changed; nil until it is stored.
  public var updatedAt: Timestamp?

  /// Describes a project.
  public init(
    ecosystem: String, name: String, description: String? = nil, homepageURL: String? = nil,
    repositoryURL: String? = nil, dependencyCount: Int = 0
  ) {
    self.ecosystem = ecosystem
    self.name = name
    self.description = description
    self.homepageURL = homepageURL
    self.repositoryURL = repositoryURL
    self.dependencyCount = dependencyCount
  }

  /// The table.
  public static let table = "projects"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `projects`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<Int>("id")
    /// The ecosystem.
    public let ecosystem = Column<String>("ecosystem")
    /// The name.
    public let name = Column<String>("name")
    /// The description.
    public let description = Column<String?>("description")
    /// The page.
    public let homepageURL = Column<String?>("homepage_url")
    /// The source.
    public let repositoryURL = Column<String?>("repository_url")
    /// How many projects it needs.
    public let dependencyCount = Column<Int>("dependency_count")
    /// When it was first stored.
    public let createdAt = Column<Timestamp>("created_at")
    /// When its row last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }

  // By hand, since a bulk index writes and reads many thousand of them.

  /// Reads a row.
  public init(row: Row) throws(StoreError) {
    let columns = Self.columns
    id = try row[columns.id]
    ecosystem = try row[columns.ecosystem]
    name = try row[columns.name]
    description = try row[columns.description]
    homepageURL = try row[columns.homepageURL]
    repositoryURL = try row[columns.repositoryURL]
    dependencyCount = try row[columns.dependencyCount]
    createdAt = try row[columns.createdAt]
    updatedAt = try row[columns.updatedAt]
  }

  /// Writes a row.
  public func write(to row: inout RowWriter) throws(StoreError) {
    let columns = Self.columns
    if let id { try row.set(columns.id, id) }
    try row.set(columns.ecosystem, ecosystem)
    try row.set(columns.name, name)
    try row.set(columns.description, description)
    try row.set(columns.homepageURL, homepageURL)
    try row.set(columns.repositoryURL, repositoryURL)
    try row.set(columns.dependencyCount, dependencyCount)
    if let createdAt { try row.set(columns.createdAt, createdAt) }
    if let updatedAt { try row.set(columns.updatedAt, updatedAt) }
  }
}

/// An edge of the package graph: one project needs another.
public struct ProjectDependency: Record, Equatable {
  /// The key; nil until the store gives one.
  public var id: Int?
  /// The project that needs the other.
  public var fromProjectID: Int
  /// The project that is needed.
  public var toProjectID: Int
  /// When the edge was stored; nil until then.
  public var createdAt: Timestamp?

  /// Describes an edge.
  public init(from: Int, to: Int) {
    fromProjectID = from
    toProjectID = to
  }

  /// The table.
  public static let table = "project_dependencies"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `project_dependencies`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<Int>("id")
    /// The project that needs the other.
    public let fromProjectID = Column<Int>("from_project_id")
    /// The project that is needed.
    public let toProjectID = Column<Int>("to_project_id")
    /// When the edge was stored.
    public let createdAt = Column<Timestamp>("created_at")
  }

  /// Reads a row.
  public init(row: Row) throws(StoreError) {
    let columns = Self.columns
    id = try row[columns.id]
    fromProjectID = try row[columns.fromProjectID]
    toProjectID = try row[columns.toProjectID]
    createdAt = try row[columns.createdAt]
  }

  /// Writes a row.
  public func write(to row: inout RowWriter) throws(StoreError) {
    let columns = Self.columns
    if let id { try row.set(columns.id, id) }
    try row.set(columns.fromProjectID, fromProjectID)
    try row.set(columns.toProjectID, toProjectID)
    if let createdAt { try row.set(columns.createdAt, createdAt) }
  }
}
