public import Foundation
public import Roost

extension CircuitStore {
  /// The items that a circuit shares, by id.
  /// - Parameters:
  ///   - size: the most items of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func items(
    of circuit: UUID, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<CircuitItem> {
    try await store.select(CircuitItem.self).where { $0.circuitID == circuit }
      .page(size: size, after: position)
  }

  /// The circuits that share an item, by key.
  /// - Throws: what a store throws.
  public func circuits(sharing dfid: String) async throws(StoreError) -> [Circuit] {
    let keys = try await store.select(CircuitItem.self).where { $0.dfid == dfid }
      .values { $0.circuitID }
    return try await store.find(Circuit.self, keys: keys.map { [.uuid($0)] }).compactMap { $0 }
  }

  /// Brings an item into a circuit at once, or gives one that is there other permissions. Those who
  /// may only push ask for an operation instead.
  /// - Throws: `notFound`; `forbidden` unless the actor may `manage`; what a store throws.
  @discardableResult
  public func share(
    _ dfid: String, in circuit: UUID,
    permissions: [CircuitItemPermission] = CircuitItemPermission.allCases, by actor: UUID
  ) async throws -> CircuitItem {
    try await changing(circuit, .manage, by: actor) { transaction, _, _ in
      try await transaction.insert(
        Activity(circuitID: circuit, kind: .itemShared, actorID: actor, dfid: dfid))
      let item = CircuitItem(
        circuitID: circuit, dfid: dfid, permissions: permissions, sharedBy: actor)
      let stored = try await transaction.upsert(
        [item], preserving: { [$0.sharedBy, $0.sharedAt] })
      return stored.first ?? item
    }
  }

  /// Takes an item out of a circuit.
  /// - Throws: `notFound` when there is no such circuit or it does not share the item; `forbidden`
  ///   unless the actor brought it in or may `manage`; what a store throws.
  public func unshare(_ dfid: String, from circuit: UUID, by actor: UUID) async throws {
    try await changing(circuit, nil, by: actor) { transaction, member, _ in
      let item = try await transaction.get(CircuitItem.self, circuit, dfid)
      guard item.sharedBy == actor || member.may(.manage) else {
        throw StoreError(
          .forbidden,
          "the actor has not brought the item in", table: CircuitItem.table)
      }
      try await transaction.insert(
        Activity(circuitID: circuit, kind: .itemRemoved, actorID: actor, dfid: dfid))
      try await transaction.delete(CircuitItem.self, circuit, dfid)
    }
  }
}
