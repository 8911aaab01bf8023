public import Foundation
public import Roost
public import RoostCore

/// The item that a workspace's own id stands for.
public struct LocalIDMapping: Record, Equatable {
  /// The workspace.
  public var workspaceID: UUID
  /// The workspace's own id.
  public var localID: String
  /// The item.
  public var dfid: String
  /// When the id was first mapped; nil until stored.
  public var createdAt: Timestamp?
  /// When the mapping last changed; nil until stored.
  public var updatedAt: Timestamp?

  /// The table.
  public static let table = "lid_dfid_mappings"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `lid_dfid_mappings`.
  public struct Columns: Sendable {
    /// The workspace.
    public let workspaceID = Column<UUID>("workspace_id")
    /// The workspace's own id.
    public let localID = Column<String>("local_id")
    /// The item.
    public let dfid = Column<String>("dfid")
    /// When the id was first mapped.
    public let createdAt = Column<Timestamp>("created_at")
    /// When the mapping last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }
}

/// The local ids under which items arrive, and their DFIDs, workspace by workspace.
public struct MappingStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [LocalIDMapping.table]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// The mapping of a local id; when there is none, one to the DFID given. Of several who ask at
  /// once one makes it, and all get the same.
  /// - Parameter dfid: the DFID for an id that is not mapped; a new one unless told otherwise.
  /// - Throws: `checkViolation` for a blank id or a DFID of another form; what a store throws.
  public func getOrCreate(
    _ localID: String, in workspace: UUID, dfid: String = DFID.make()
  ) async throws(StoreError) -> LocalIDMapping {
    let mapping = LocalIDMapping(workspaceID: workspace, localID: localID, dfid: dfid)
    while true {
      if let stored = try await find(localID, in: workspace) { return stored }
      if let stored = try await store.insertOrIgnore([mapping]).first { return stored }
      // Somebody else was first, and the next look finds it unless it is removed by then.
    }
  }

  /// The mapping of a local id, nil when there is none.
  /// - Throws: what a store throws.
  public func find(
    _ localID: String, in workspace: UUID
  ) async throws(StoreError) -> LocalIDMapping? {
    try await store.find(LocalIDMapping.self, workspace, localID)
  }

  /// The local ids of an item, by workspace and id.
  /// - Parameter workspace: only those of a workspace; nil for all.
  /// - Throws: what a store throws.
  public func mappings(
    of dfid: String, in workspace: UUID? = nil
  ) async throws(StoreError) -> [LocalIDMapping] {
    var selection = store.select(LocalIDMapping.self).where { $0.dfid == dfid }
    if let workspace { selection = selection.where { $0.workspaceID == workspace } }
    return try await selection.fetch()
  }

  /// The mappings of a workspace, by local id.
  /// - Parameters:
  ///   - size: the most mappings of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func mappings(
    in workspace: UUID, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<LocalIDMapping> {
    try await store.select(LocalIDMapping.self).where { $0.workspaceID == workspace }
      .page(size: size, after: position)
  }

  /// Lets a local id stand for another item, if it stands for the one that the caller knows.
  /// - Throws: `notFound`; `invalidTransition` when the id stands for another item by now; what a
  ///   store throws.
  @discardableResult
  public func change(
    _ localID: String, in workspace: UUID, from old: String, to new: String
  ) async throws -> LocalIDMapping {
    try await store.transaction(.locking) { transaction in
      var mapping = try await transaction.get(
        LocalIDMapping.self, workspace, localID, lock: .forUpdate)
      guard TextOrder.areEqual(mapping.dfid, old) else {
        throw StoreError.invalidTransition(
          "the mapping of \(localID)", from: mapping.dfid, to: new, table: LocalIDMapping.table)
      }
      mapping.dfid = new
      mapping.updatedAt = nil
      return try await transaction.update(mapping)
    }
  }

  /// Forgets a local id.
  /// - Returns: whether it was mapped.
  /// - Throws: what a store throws.
  @discardableResult
  public func remove(_ localID: String, in workspace: UUID) async throws(StoreError) -> Bool {
    try await store.delete(LocalIDMapping.self, workspace, localID)
  }
}
