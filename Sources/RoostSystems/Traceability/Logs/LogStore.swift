public import Roost
public import RoostCore

/// How much a log entry matters; later ones matter more.
public enum LogLevel: String, Codable, ColumnValue, CaseIterable {
  /// For those who look for a fault.
  case debug
  /// Part of normal life.
  case info
  /// Worth a look.
  case warning
  /// Something failed.
  case error
}

/// What an engine said about its work.
public struct LogEntry: Record, Equatable {
  /// The key, which grows with time; nil until the store gives one.
  public var id: Int?
  /// How much it matters.
  public var level: LogLevel
  /// Who says it, for example `circuits`.
  public var engine: String
  /// What it says.
  public var message: String
  /// What else there is to say: a JSON object.
  public var context: JSON
  /// When it was said; nil takes the present, after that never nil.
  public var loggedAt: Timestamp?

  /// The table.
  public static let table = "logs"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `logs`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<Int>("id")
    /// How much it matters.
    public let level = Column<LogLevel>("level")
    /// Who says it.
    public let engine = Column<String>("engine")
    /// What it says.
    public let message = Column<String>("message")
    /// What else there is to say.
    public let context = Column<JSON>("context")
    /// When it was said.
    public let loggedAt = Column<Timestamp>("logged_at")
  }
}

/// The engines' log.
public struct LogStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [LogEntry.table]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Writes an entry.
  /// - Parameter date: when it was said; nil for now.
  /// - Throws: `checkViolation` when engine or message are blank; what a store throws.
  @discardableResult
  public func append(
    _ level: LogLevel, _ message: String, engine: String, context: JSON = .object([:]),
    at date: Timestamp? = nil
  ) async throws(StoreError) -> LogEntry {
    try await store.insert(
      LogEntry(
        level: level, engine: engine, message: message, context: context, loggedAt: date))
  }

  /// The entries of a time, newest first.
  /// - Parameters:
  ///   - time: from the first moment to before the last.
  ///   - level: the least level wanted.
  ///   - engine: only those of an engine; nil for all.
  ///   - size: the most entries of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func entries(
    in time: Range<Timestamp>, atLeast level: LogLevel = .debug, engine: String? = nil,
    size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<LogEntry> {
    var selection = store.select(LogEntry.self).where {
      $0.loggedAt >= time.lowerBound && $0.loggedAt < time.upperBound
    }
    if level != .debug { selection = selection.where { $0.level >= level } }
    if let engine { selection = selection.where { $0.engine == engine } }
    return try await selection.order { $0.loggedAt.descending }.order { $0.id.descending }
      .page(size: size, after: position)
  }

  /// How many entries of each level a time has; a level without any is missing.
  /// - Parameter time: from the first moment to before the last.
  /// - Throws: what a store throws.
  public func counts(in time: Range<Timestamp>) async throws(StoreError) -> [LogLevel: Int] {
    let groups = try await store.select(LogEntry.self)
      .where { $0.loggedAt >= time.lowerBound && $0.loggedAt < time.upperBound }
      .aggregate(by: { [$0.level] }, [.count])
    var counts: [LogLevel: Int] = [:]
    for group in groups {
      if let level = LogLevel(value: group[0]) { counts[level] = Int(value: group[1]) }
    }
    return counts
  }

  /// Removes the entries before a moment.
  /// - Returns: how many there were.
  /// - Throws: what a store throws.
  @discardableResult
  public func prune(before date: Timestamp) async throws(StoreError) -> Int {
    try await store.select(LogEntry.self).where { $0.loggedAt < date }.delete()
  }
}
