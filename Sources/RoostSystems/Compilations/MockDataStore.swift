public import Roost
public import RoostCore

/// The records that compiled APIs serve to try them out.
///
/// A resource's records are there from the first `getOrCreate` on; before it the other calls throw
/// `notFound`. Calls for one resource wait for each other, and none is lost.
public struct MockDataStore: Sendable {
  /// The store under it.
  public let store: Store
  /// The most bytes of JSON text that a resource's records may have together.
  public let maximumSize: Int
  private let fixtures: [String: MockFixture]

  /// Uses a store that was opened with the migrations of `compilations`.
  /// - Parameters:
  ///   - store: the store.
  ///   - fixtures: what predefined sources start with; of two with one source the later counts.
  ///   - maximumSize: the most bytes of JSON text that a resource's records may have, 16 MiB unless
  ///     said otherwise. Each change reads and writes them all.
  public init(_ store: Store, fixtures: [MockFixture] = [], maximumSize: Int = 16 << 20) {
    self.store = store
    self.maximumSize = maximumSize
    self.fixtures = Dictionary(fixtures.map { ($0.source, $0) }) { _, last in last }
  }

  /// A resource's records, made by the first call: a predefined source's from its fixture, a
  /// custom one's empty. Of several first calls at the same time one makes them, and all get them.
  /// - Parameters:
  ///   - resource: the resource.
  ///   - listSchema: what a list looks like; kept by the first call.
  ///   - idField: the member that identifies a record; kept by the first call.
  /// - Throws: `notFound` for a predefined source without a fixture; `uniqueViolation` when two
  ///   records of the fixture have one id; `limitExceeded`; `invalidValue` for a source whose name
  ///   does not fit; what a store throws.
  public func getOrCreate(
    _ resource: MockResource, listSchema: JSON? = nil, idField: String = "id"
  ) async throws(StoreError) -> MockData {
    let key = try resource.dataKey()
    while true {
      // By key, which is cut like what is inserted.
      let found = try await store.find(MockData.self, resource.accountID, key, resource.slug)
      if let found { return found }
      let new = MockData(
        accountID: resource.accountID, dataKey: key, resourceSlug: resource.slug,
        records: try seed(resource, idField: idField).all, listSchema: listSchema,
        idField: idField)
      // Empty when another call was first: its row is there then.
      if let created = try await store.insertOrIgnore([new]).first { return created }
    }
  }

  /// A resource's records in the order of their creation.
  /// - Throws: `notFound` before the first `getOrCreate`; what a store throws.
  public func records(of resource: MockResource) async throws(StoreError) -> [JSON] {
    try await require(try select(resource, in: store)).records
  }

  /// A record by its id, a JSON value: `1` and `"1"` differ.
  /// - Throws: `notFound`; what a store throws.
  public func record(
    _ id: JSON, of resource: MockResource
  ) async throws(StoreError) -> JSON {
    let data = try await require(try select(resource, in: store))
    return try MockRecords(data.records, idField: data.idField).record(id)
  }

  /// Adds a record. One without an id, or with null, gets one: the whole number behind the greatest
  /// as long as all ids are whole numbers, 1 for the first record, else a UUID in lower case.
  /// - Returns: the record with its id.
  /// - Throws: `uniqueViolation` when the id is taken; `invalidValue` when the record is no JSON
  ///   object or its id neither number nor text; `limitExceeded`; `notFound` before the first
  ///   `getOrCreate`; what a store throws.
  @discardableResult
  public func create(_ record: JSON, in resource: MockResource) async throws -> JSON {
    try await change(resource) { records in try records.add(record) }
  }

  /// Replaces a record, which keeps its id and its place; the new one may leave the id out.
  /// - Returns: the record as it is now.
  /// - Throws: `notFound`; `invalidValue` when the new one has another id or is no JSON object;
  ///   `limitExceeded`; what a store throws.
  @discardableResult
  public func update(
    _ id: JSON, of resource: MockResource, to record: JSON
  ) async throws -> JSON {
    try await update(id, of: resource) { _ in record }
  }

  /// As `update` to a record, which is made from the stored one while nobody else changes it.
  /// - Parameter change: runs in the transaction, perhaps more than once.
  /// - Throws: as `update` to a record, and what `change` throws.
  @discardableResult
  public func update(
    _ id: JSON, of resource: MockResource, _ change: @Sendable (_ record: JSON) throws -> JSON
  ) async throws -> JSON {
    try await self.change(resource) { records in try records.change(id, change) }
  }

  /// Removes a record.
  /// - Throws: `notFound`; what a store throws.
  public func delete(_ id: JSON, of resource: MockResource) async throws {
    try await change(resource) { records in try records.remove(id) }
  }

  /// Removes all records of a compilation's own. What compilations share is never removed.
  /// - Returns: how many resources had records.
  /// - Throws: `invalidValue` when the id is no compilation's; what a store throws.
  @discardableResult
  public func clear(compilation id: String, account: String) async throws(StoreError) -> Int {
    try await store.deleteMockData(ofCompilation: id, account: account)
  }
}

extension MockDataStore {
  private func select(
    _ resource: MockResource, in session: some RecordSession
  ) throws(StoreError) -> Selection<MockData> {
    let key = try resource.dataKey()
    return session.select(MockData.self).where {
      $0.accountID == resource.accountID && $0.dataKey == key && $0.resourceSlug == resource.slug
    }
  }

  private func require(_ selection: Selection<MockData>) async throws(StoreError) -> MockData {
    guard let data = try await selection.first() else {
      throw StoreError(
        .notFound, "there is no mock data of the resource yet", table: MockData.table)
    }
    return data
  }

  /// Changes the records under a lock on their row, so that nothing is lost or has to run again.
  private func change<Result: Sendable>(
    _ resource: MockResource, _ body: @Sendable (inout MockRecords) throws -> Result
  ) async throws -> Result {
    let options = TransactionOptions(isolation: .readCommitted)
    return try await store.transaction(options) { transaction in
      let selection = try select(resource, in: transaction)
      let data = try await require(selection.locked(.forUpdate))
      var records = MockRecords(data.records, idField: data.idField)
      let result = try body(&records)
      try requireSize(records)
      let changed = JSON.array(records.all)
      try await selection.update { [$0.records.set(to: changed)] }
      return result
    }
  }

  private func seed(
    _ resource: MockResource, idField: String
  ) throws(StoreError) -> MockRecords {
    var records = MockRecords(idField: idField)
    guard case .predefined(let name) = resource.source else { return records }
    guard let fixture = fixtures[name] else {
      throw StoreError(
        .notFound, "there is no fixture for the data source \"\(name)\"", table: MockData.table)
    }
    for record in fixture.records[resource.slug] ?? [] { _ = try records.add(record) }
    try requireSize(records)
    return records
  }

  private func requireSize(_ records: MockRecords) throws(StoreError) {
    var size = DocumentSize()
    size.add(MockData.columns.records, .array(records.all))
    try size.require(atMost: maximumSize, table: MockData.table)
  }
}

extension RecordSession {
  /// Removes a compilation's own mock data.
  /// - Throws: `invalidValue` when the id is no compilation's; what a store throws.
  @discardableResult
  func deleteMockData(
    ofCompilation id: String, account: String
  ) async throws(StoreError) -> Int {
    let resource = MockResource(accountID: account, source: .custom(compilation: id), slug: "")
    let key = try resource.dataKey()
    return try await select(MockData.self)
      .where { $0.accountID == account && $0.dataKey == key }.delete()
  }
}
