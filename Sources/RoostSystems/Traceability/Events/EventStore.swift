public import Roost
public import RoostCore

/// What happened to an item.
public enum ItemEventKind: String, Codable, ColumnValue, CaseIterable {
  /// It came into the system.
  case created
  /// More is known about it.
  case enriched
  /// It turned out to be another.
  case merged
  /// It was divided.
  case split
  /// It is out of use.
  case deprecated
  /// Its content was stored.
  case stored
  /// A circuit shares it.
  case shared
  /// It has another holder.
  case transferred
  /// It was worked on.
  case processed
  /// Somebody looked at it.
  case inspected
  /// Somebody vouches for it.
  case certified
}

/// An event of an item's life.
public struct ItemEvent: Record, Equatable {
  /// The key, which grows with time; nil until the store gives one.
  public var id: Int?
  /// The item.
  public var dfid: String
  /// What happened.
  public var kind: ItemEventKind
  /// Who or what says so.
  public var source: String
  /// What else there is to say: a JSON object.
  public var payload: JSON
  /// When it happened; nil takes the present, after that never nil.
  public var occurredAt: Timestamp?
  /// When it was told; nil until stored.
  public var recordedAt: Timestamp?

  /// The table.
  public static let table = "events"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `events`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<Int>("id")
    /// The item.
    public let dfid = Column<String>("dfid")
    /// What happened.
    public let kind = Column<ItemEventKind>("kind")
    /// Who or what says so.
    public let source = Column<String>("source")
    /// What else there is to say.
    public let payload = Column<JSON>("payload")
    /// When it happened.
    public let occurredAt = Column<Timestamp>("occurred_at")
    /// When it was told.
    public let recordedAt = Column<Timestamp>("recorded_at")
  }
}

/// The events of items' lives.
public struct EventStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [ItemEvent.table]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Notes that something happened to an item.
  /// - Parameter date: when it happened; nil for now.
  /// - Throws: `checkViolation` for a blank source or a DFID of another form; what a store throws.
  @discardableResult
  public func record(
    _ kind: ItemEventKind, of dfid: String, source: String, payload: JSON = .object([:]),
    at date: Timestamp? = nil
  ) async throws(StoreError) -> ItemEvent {
    try await store.insert(
      ItemEvent(dfid: dfid, kind: kind, source: source, payload: payload, occurredAt: date))
  }

  /// The life of an item, oldest first.
  /// - Parameters:
  ///   - size: the most events of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func events(
    of dfid: String, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<ItemEvent> {
    try await oldestFirst { $0.dfid == dfid }.page(size: size, after: position)
  }

  /// What happened within a time, oldest first.
  /// - Parameters:
  ///   - time: from the first moment to before the last.
  ///   - kind: only events of a kind; nil for all.
  ///   - size: the most events of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func events(
    in time: Range<Timestamp>, kind: ItemEventKind? = nil, size: Int = 100,
    after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<ItemEvent> {
    var selection = oldestFirst {
      $0.occurredAt >= time.lowerBound && $0.occurredAt < time.upperBound
    }
    if let kind { selection = selection.where { $0.kind == kind } }
    return try await selection.page(size: size, after: position)
  }

  /// The last event of an item, nil when there is none.
  /// - Parameter kind: only events of a kind; nil for all.
  /// - Throws: what a store throws.
  public func latest(
    of dfid: String, kind: ItemEventKind? = nil
  ) async throws(StoreError) -> ItemEvent? {
    var selection = store.select(ItemEvent.self).where { $0.dfid == dfid }
    if let kind { selection = selection.where { $0.kind == kind } }
    return try await selection.order { $0.occurredAt.descending }.order { $0.id.descending }
      .first()
  }

  private func oldestFirst(_ filter: (ItemEvent.Columns) -> Filter) -> Selection<ItemEvent> {
    store.select(ItemEvent.self).where(filter)
      .order { $0.occurredAt.ascending }.order { $0.id.ascending }
  }
}
