import Roost
public import RoostCore

extension ItemStore {
  /// How new data meets the data that an item has.
  public enum Enrichment: Sendable {
    /// New members are added, members with a key that is there get the new value; one level deep.
    case merge
    /// The new data takes the place of the old.
    case replace
  }

  /// Gives an active item more data.
  /// - Throws: `notFound`; `invalidTransition` when the item is not active; `invalidValue` when the
  ///   data is no JSON object; what a store throws.
  @discardableResult
  public func enrich(
    _ dfid: String, with data: JSON, _ enrichment: Enrichment = .merge
  ) async throws -> Item {
    try await store.transaction(.locking) { transaction in
      try Self.requireObject(data)
      var item = try await Self.lockActive(dfid, to: "enriched", in: transaction)
      item.enrichedData = enrichment == .merge ? item.enrichedData.merged(with: data) : data
      return try await Self.save(item, in: transaction)
    }
  }

  /// Gives an active item more identifiers, all or none; those that it has already are passed over.
  /// - Throws: `notFound`; `invalidTransition` when the item is not active; `uniqueViolation`
  ///   when a canonical identifier is another item's, or the item has the name as another kind;
  ///   what a store throws.
  @discardableResult
  public func identify(_ dfid: String, by identifiers: [Identifier]) async throws -> Item {
    try await store.transaction(.locking) { transaction in
      let item = try await Self.lockActive(dfid, to: "identified", in: transaction)
      let known = try await Self.identifiers(of: dfid, in: transaction)
      let new = identifiers.filter { identifier in
        !known.contains { $0.name == identifier.name && $0.kind == identifier.kind }
      }
      try await transaction.insert(new.map { EnhancedIdentifier($0, of: dfid) })
      return try await Self.save(item, in: transaction)
    }
  }

  /// Takes an item out of use, or up again. Merging and splitting have methods of their own.
  /// - Throws: `notFound`; `invalidTransition` unless the item goes from active to deprecated or
  ///   back; what a store throws.
  @discardableResult
  public func setStatus(_ dfid: String, to status: ItemStatus) async throws -> Item {
    try await store.transaction(.locking) { transaction in
      var item = try await transaction.get(Item.self, dfid, lock: .forUpdate)
      switch (item.status, status) {
      case (.active, .deprecated), (.deprecated, .active): break
      default:
        throw StoreError.invalidTransition(
          "item \(dfid)", from: item.status.rawValue, to: status.rawValue, table: Item.table)
      }
      item.status = status
      item.updatedAt = nil
      return try await transaction.update(item)
    }
  }

  /// Takes two items for one: the source's identifiers move to the target, and so do those members
  /// of its data whose keys the target has not. The source stays, as merged into the target.
  /// - Returns: the target.
  /// - Throws: `notFound`; `invalidTransition` when one of them is not active; `invalidValue` when
  ///   both are the same; what a store throws.
  @discardableResult
  public func merge(_ source: String, into target: String) async throws -> Item {
    try await store.transaction(.locking) { transaction in
      guard !TextOrder.areEqual(source, target) else {
        throw StoreError(
          .invalidValue, "item \(source) cannot be merged into itself", table: Item.table)
      }
      // Always in the same order, so that of two merges only one waits for the other.
      let isInOrder = TextOrder.isLess(source, target)
      let first = try await Self.lockActive(
        isInOrder ? source : target, to: "merged", in: transaction)
      let second = try await Self.lockActive(
        isInOrder ? target : source, to: "merged", in: transaction)
      var (old, item) = isInOrder ? (first, second) : (second, first)
      try await Self.moveIdentifiers(of: source, to: target, in: transaction)
      old.status = .merged
      old.mergedInto = target
      item.enrichedData = old.enrichedData.merged(with: item.enrichedData)
      _ = try await Self.save(old, in: transaction)
      return try await Self.save(item, in: transaction)
    }
  }

  /// Divides an item into new ones. The item stays, as split, and keeps its identifiers.
  /// - Returns: the parts, in the order given.
  /// - Throws: `notFound`; `invalidTransition` when the item is not active; `invalidValue` when
  ///   there are fewer than two parts; `uniqueViolation` as `create`; what a store throws.
  @discardableResult
  public func split(_ dfid: String, into parts: [ItemDraft]) async throws -> [Item] {
    try await store.transaction(.locking) { transaction in
      guard parts.count >= 2 else {
        throw StoreError(
          .invalidValue, "an item is split into two parts or more", table: Item.table)
      }
      var item = try await Self.lockActive(dfid, to: "split", in: transaction)
      var items: [Item] = []
      for part in parts {
        items.append(try await Self.insert(part, splitFrom: dfid, in: transaction))
      }
      item.status = .split
      item.updatedAt = nil
      try await transaction.update(item)
      return items
    }
  }

  /// A name that both have stays once, and canonical if it was that on one of them.
  private static func moveIdentifiers(
    of source: String, to target: String, in transaction: Transaction
  ) async throws(StoreError) {
    let all = transaction.select(EnhancedIdentifier.self)
    let known = try await all.where { $0.dfid == target }.fetch()
    for moving in try await all.where({ $0.dfid == source }).fetch() {
      guard let id = moving.id else { continue }
      let twin = known.first { $0.identifier.name == moving.identifier.name }
      guard var twin else {
        try await all.where { $0.id == id }.update { [$0.dfid.set(to: target)] }
        continue
      }
      try await transaction.delete(EnhancedIdentifier.self, id)
      if moving.idType == .canonical {
        twin.idType = .canonical
        try await transaction.update(twin)
      }
    }
  }

  private static func lockActive(
    _ dfid: String, to change: String, in transaction: Transaction
  ) async throws(StoreError) -> Item {
    let item = try await transaction.get(Item.self, dfid, lock: .forUpdate)
    guard item.status == .active else {
      throw StoreError.invalidTransition(
        "item \(dfid)", from: item.status.rawValue, to: change, table: Item.table)
    }
    return item
  }

  /// Writes an item with the hash of what it holds now.
  private static func save(
    _ item: Item, in transaction: Transaction
  ) async throws(StoreError) -> Item {
    var item = item
    let identifiers = try await Self.identifiers(of: item.dfid, in: transaction)
    item.itemHash = Item.hash(of: identifiers, data: item.enrichedData)
    item.updatedAt = nil
    return try await transaction.update(item)
  }
}

extension JSON {
  /// This object with the members of another; the other's win.
  fileprivate func merged(with other: JSON) -> JSON {
    guard let own = object, let others = other.object else { return other }
    return .object(Object(members: Array(own) + Array(others)))
  }
}
