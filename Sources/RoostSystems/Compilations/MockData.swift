public import Roost
public import RoostCore

/// Where a resource's mock records come from.
public enum MockDataSource: Sendable, Hashable {
  /// A spec that comes with the application, by the name of its data: all compilations of it that
  /// an account has share the records.
  case predefined(String)
  /// A spec of the account's own, by the compilation's id: the records are that compilation's.
  case custom(compilation: String)
}

/// What names the mock records of one resource.
public struct MockResource: Sendable, Hashable {
  /// The account.
  public var accountID: String
  /// Where the records come from.
  public var source: MockDataSource
  /// The resource's name as it stands in paths.
  public var slug: String

  /// Names a resource.
  public init(accountID: String, source: MockDataSource, slug: String) {
    self.accountID = accountID
    self.source = source
    self.slug = slug
  }

  /// What the source is called in the table.
  ///
  /// A shared name that could be a compilation's id would go when that compilation goes.
  /// - Throws: `invalidValue` when the source's name does not fit its kind.
  func dataKey() throws(StoreError) -> String {
    switch source {
    case .predefined(let name):
      guard !name.isEmpty, !Compilation.isID(name) else {
        throw StoreError(
          .invalidValue, "a shared data source cannot be named \"\(name)\"", table: MockData.table)
      }
      return name
    case .custom(let id):
      guard Compilation.isID(id) else {
        throw StoreError(
          .invalidValue, "\"\(id)\" is no compilation's id", table: MockData.table)
      }
      return id
    }
  }
}

/// The mock records of one resource: a row of `mock_data`.
public struct MockData: Record, Equatable {
  /// The account.
  public var accountID: String
  /// The name of the shared data, or the compilation's id.
  public var dataKey: String
  /// The resource's name as it stands in paths.
  public var resourceSlug: String
  /// The records in the order of their creation, each a JSON object.
  public var records: [JSON]
  /// What a list of them looks like; nil when unknown.
  public var listSchema: JSON?
  /// The member of a record that identifies it.
  public var idField: String

  /// Describes the records of a resource.
  public init(
    accountID: String, dataKey: String, resourceSlug: String, records: [JSON] = [],
    listSchema: JSON? = nil, idField: String = "id"
  ) {
    self.accountID = accountID
    self.dataKey = dataKey
    self.resourceSlug = resourceSlug
    self.records = records
    self.listSchema = listSchema
    self.idField = idField
  }

  /// The table.
  public static let table = "mock_data"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `mock_data`.
  public struct Columns: Sendable {
    /// The account.
    public let accountID = Column<String>("account_id")
    /// The name of the shared data, or the compilation's id.
    public let dataKey = Column<String>("data_key")
    /// The resource.
    public let resourceSlug = Column<String>("resource_slug")
    /// The records, a JSON array.
    public let records = Column<JSON>("records")
    /// What a list of them looks like.
    public let listSchema = Column<JSON?>("list_schema")
    /// The member of a record that identifies it.
    public let idField = Column<String>("id_field")
  }

  // By hand: the records are one JSON array, not an array of JSON.

  /// Reads a row.
  public init(row: Row) throws(StoreError) {
    let columns = Self.columns
    accountID = try row[columns.accountID]
    dataKey = try row[columns.dataKey]
    resourceSlug = try row[columns.resourceSlug]
    records = try row[columns.records].array ?? []
    listSchema = try row[columns.listSchema]
    idField = try row[columns.idField]
  }

  /// Writes a row.
  public func write(to row: inout RowWriter) throws(StoreError) {
    let columns = Self.columns
    try row.set(columns.accountID, accountID)
    try row.set(columns.dataKey, dataKey)
    try row.set(columns.resourceSlug, resourceSlug)
    try row.set(columns.records, .array(records))
    try row.set(columns.listSchema, listSchema)
    try row.set(columns.idField, idField)
  }
}

/// The records that a predefined spec starts with.
public struct MockFixture: Sendable {
  /// The name of the shared data, such as `golden_users`.
  public var source: String
  /// The records by the resource's name in paths.
  public var records: [String: [JSON]]

  /// Makes a fixture.
  public init(source: String, records: [String: [JSON]]) {
    self.source = source
    self.records = records
  }
}
