public import Foundation
public import Roost
import RoostCore

/// What is contributed to.
public struct AssetStore: Sendable {
  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `coherence`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Stores a new asset, whose total cost is 0.
  /// - Returns: the asset as stored.
  /// - Throws: `uniqueViolation` when the key is taken; what a store throws.
  @discardableResult
  public func create(_ asset: Asset) async throws(StoreError) -> Asset {
    try await store.insert(asset.withoutTotalCost)
  }

  /// The asset with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ id: UUID) async throws(StoreError) -> Asset? {
    try await store.find(Asset.self, id)
  }

  /// A page of the assets, the newest first.
  /// - Parameter type: the kind wanted; nil for all.
  /// - Throws: what a store throws.
  public func list(
    type: String? = nil, size: Int = 50, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<Asset> {
    var selection = store.select(Asset.self)
    if let type { selection = selection.where { $0.assetType == type } }
    return try await selection.order { $0.createdAt.descending }.page(size: size, after: position)
  }

  /// The assets with the greatest total cost, the most costly first.
  /// - Throws: what a store throws.
  public func mostCostly(_ count: Int) async throws(StoreError) -> [Asset] {
    try await store.select(Asset.self).order { $0.totalCost.descending }.limit(count).fetch()
  }

  /// Gives a stored asset the values of this one but for its total cost, and moves its
  /// `updatedAt`.
  /// - Returns: the asset as stored.
  /// - Throws: `notFound`; what a store throws.
  @discardableResult
  public func update(_ asset: Asset) async throws(StoreError) -> Asset {
    let now = store.now
    let stored = try await store.select(Asset.self).where {
      $0.id.isIn(asset.id.map { [$0] } ?? [])
    }
    .updateReturning { columns in
      [
        columns.name.set(to: asset.name), columns.description.set(to: asset.description),
        columns.assetType.set(to: asset.assetType),
        columns.metadata.set(to: asset.metadata ?? [:]),
        columns.updatedAt.set(to: now),
      ]
    }
    guard let first = stored.first else {
      throw StoreError(.notFound, "there is no such asset", table: Asset.table)
    }
    return first
  }

  /// Removes an asset with all contributions to it.
  /// - Returns: whether there was one.
  /// - Throws: what a store throws.
  @discardableResult
  public func remove(_ id: UUID) async throws(StoreError) -> Bool {
    try await store.delete(Asset.self, id)
  }
}
