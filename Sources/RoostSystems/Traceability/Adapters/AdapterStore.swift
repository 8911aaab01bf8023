public import Foundation
public import Roost
public import RoostCore

/// The configured storage adapters, one of which may be the default.
public struct AdapterStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [StorageAdapter.table]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Configures an adapter, which is in use and not the default.
  /// - Throws: `uniqueViolation` by `adapters_name_key`; `checkViolation` for a blank name; what a
  ///   store throws.
  @discardableResult
  public func add(
    name: String, type: AdapterType, settings: JSON = .object([:])
  ) async throws(StoreError) -> StorageAdapter {
    try await store.insert(
      StorageAdapter(
        configID: UUID(), name: name, adapterType: type, settings: settings, isDefault: false,
        isActive: true))
  }

  /// The adapter with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ adapter: UUID) async throws(StoreError) -> StorageAdapter? {
    try await store.find(StorageAdapter.self, adapter)
  }

  /// All adapters by name.
  /// - Parameter type: only those of a kind; nil for all.
  /// - Throws: what a store throws.
  public func adapters(_ type: AdapterType? = nil) async throws(StoreError) -> [StorageAdapter] {
    var selection = store.select(StorageAdapter.self).order { $0.name.ascending }
    if let type { selection = selection.where { $0.adapterType == type } }
    return try await selection.fetch()
  }

  /// The adapter that content goes to when nobody says where; nil when there is none.
  /// - Throws: what a store throws.
  public func defaultAdapter() async throws(StoreError) -> StorageAdapter? {
    try await store.select(StorageAdapter.self).where { $0.isDefault == true }.first()
  }

  /// Makes an adapter the default instead of the one so far, in one step.
  /// - Throws: `notFound`; `checkViolation` by `adapters_default_is_active` when it is not in use;
  ///   what a store throws.
  @discardableResult
  public func setDefault(_ adapter: UUID) async throws -> StorageAdapter {
    try await store.transaction(.locking) { transaction in
      // All of them, so that of two who change the default one waits for the other.
      let adapters = try await transaction.select(StorageAdapter.self).locked(.forUpdate).fetch()
      guard var chosen = adapters.first(where: { $0.configID == adapter }) else {
        throw StoreError(
          .notFound, "there is no such adapter", table: StorageAdapter.table)
      }
      if chosen.isDefault { return chosen }
      for var former in adapters where former.isDefault {
        former.isDefault = false
        former.updatedAt = nil
        try await transaction.update(former)
      }
      chosen.isDefault = true
      chosen.updatedAt = nil
      return try await transaction.update(chosen)
    }
  }

  /// Takes an adapter out of use, or into it again.
  /// - Throws: `notFound`; `checkViolation` by `adapters_default_is_active` for the default; what a
  ///   store throws.
  @discardableResult
  public func setActive(_ adapter: UUID, _ isActive: Bool) async throws -> StorageAdapter {
    try await change(adapter) { $0.isActive = isActive }
  }

  /// Gives an adapter other settings.
  /// - Throws: `notFound`; what a store throws.
  @discardableResult
  public func configure(_ adapter: UUID, settings: JSON) async throws -> StorageAdapter {
    try await change(adapter) { $0.settings = settings }
  }

  /// Removes an adapter, the default too.
  /// - Returns: whether there was one.
  /// - Throws: what a store throws.
  @discardableResult
  public func remove(_ adapter: UUID) async throws(StoreError) -> Bool {
    try await store.delete(StorageAdapter.self, adapter)
  }

  private func change(
    _ adapter: UUID, _ change: @Sendable (inout StorageAdapter) -> Void
  ) async throws -> StorageAdapter {
    try await store.transaction(.locking) { transaction in
      var stored = try await transaction.get(StorageAdapter.self, adapter, lock: .forUpdate)
      change(&stored)
      stored.updatedAt = nil
      return try await transaction.update(stored)
    }
  }
}
