public import Roost
import RoostCore

/// Items and the identifiers that they are known by.
public struct ItemStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [Item.table, EnhancedIdentifier.table]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Stores a new item with its identifiers, all or nothing.
  /// - Throws: `uniqueViolation` by `items_pkey` when the id is taken, and by
  ///   `enhanced_identifiers_canonical_key` when a canonical identifier is another item's;
  ///   `invalidValue` when the data is no JSON object; what a store throws.
  @discardableResult
  public func create(_ draft: ItemDraft) async throws -> Item {
    try await store.transaction { transaction in
      try await Self.insert(draft, splitFrom: nil, in: transaction)
    }
  }

  /// The item with an id, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ dfid: String) async throws(StoreError) -> Item? {
    try await store.find(Item.self, dfid)
  }

  /// The item with an id.
  /// - Throws: `notFound`; what a store throws.
  public func get(_ dfid: String) async throws(StoreError) -> Item {
    try await store.get(Item.self, dfid)
  }

  /// The item that an id leads to today: the item itself, or the one that it was merged into, and
  /// so on.
  /// - Throws: `notFound`; what a store throws.
  public func resolve(_ dfid: String) async throws(StoreError) -> Item {
    // Only active items are merged into, and a merged one is never active again: no circle.
    var item = try await get(dfid)
    while let target = item.mergedInto { item = try await get(target) }
    return item
  }

  /// The one item that a canonical identifier belongs to, nil when there is none.
  /// - Throws: what a store throws.
  public func find(
    canonical namespace: String, _ key: String, _ value: String
  ) async throws(StoreError) -> Item? {
    let identifier = Identifier.canonical(namespace, key, value)
    let found = try await named(identifier).first()
    guard let found else { return nil }
    return try await store.find(Item.self, found.dfid)
  }

  /// The items that share a contextual identifier, in the order in which they got it.
  /// - Parameter limit: the most items wanted; nil for all.
  /// - Throws: what a store throws.
  public func items(
    contextual namespace: String, _ key: String, _ value: String, limit: Int? = nil
  ) async throws(StoreError) -> [Item] {
    var selection = named(.contextual(namespace, key, value)).order { $0.id.ascending }
    if let limit { selection = selection.limit(limit) }
    let dfids = try await selection.values { $0.dfid }
    return try await store.find(Item.self, keys: dfids.map { [.text($0)] }).compactMap { $0 }
  }

  /// The items with a hash, by id.
  /// - Throws: what a store throws.
  public func items(hash: String) async throws(StoreError) -> [Item] {
    try await store.select(Item.self).where { $0.itemHash == hash }.fetch()
  }

  /// The items of a status, newest first.
  /// - Parameters:
  ///   - size: the most items of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func items(
    status: ItemStatus, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<Item> {
    try await store.select(Item.self).where { $0.status == status }
      .order { $0.createdAt.descending }.order { $0.dfid.descending }
      .page(size: size, after: position)
  }

  /// The parts that an item was split into, by id.
  /// - Throws: what a store throws.
  public func parts(of dfid: String) async throws(StoreError) -> [Item] {
    try await store.select(Item.self).where { $0.splitFrom == dfid }.fetch()
  }

  /// The identifiers of an item, in the order in which it got them.
  /// - Throws: what a store throws.
  public func identifiers(of dfid: String) async throws(StoreError) -> [Identifier] {
    try await Self.identifiers(of: dfid, in: store)
  }

  /// Removes an item with its identifiers. Prefer to deprecate one that others have seen.
  /// - Returns: whether there was one.
  /// - Throws: `foreignKeyViolation` when others were merged into it or split from it.
  @discardableResult
  public func delete(_ dfid: String) async throws(StoreError) -> Bool {
    try await store.delete(Item.self, dfid)
  }

  private func named(_ identifier: Identifier) -> Selection<EnhancedIdentifier> {
    store.select(EnhancedIdentifier.self).where {
      $0.namespace == identifier.namespace && $0.key == identifier.key
        && $0.value == identifier.value && $0.idType == identifier.kind
    }
  }

  static func identifiers(
    of dfid: String, in session: some RecordSession
  ) async throws(StoreError) -> [Identifier] {
    try await session.select(EnhancedIdentifier.self).where { $0.dfid == dfid }
      .order { $0.id.ascending }.fetch().map(\.identifier)
  }

  static func insert(
    _ draft: ItemDraft, splitFrom: String?, in transaction: Transaction
  ) async throws(StoreError) -> Item {
    try requireObject(draft.data)
    let item = try await transaction.insert(
      Item(
        dfid: draft.dfid, itemHash: Item.hash(of: draft.identifiers, data: draft.data),
        status: .active, enrichedData: draft.data, splitFrom: splitFrom))
    try await transaction.insert(
      draft.identifiers.map { EnhancedIdentifier($0, of: draft.dfid) })
    return item
  }

  static func requireObject(_ data: JSON) throws(StoreError) {
    guard data.object != nil else {
      throw StoreError(
        .invalidValue, "the data of an item is a JSON object", table: Item.table,
        column: Item.columns.enrichedData.name)
    }
  }
}
