import Foundation
import PostgresWire
import RoostCore
import Synchronization

/// A statement that the server has parsed, and what it returns.
final class PreparedStatement {
  /// The name under which the server has it; empty when it is parsed anew for each use.
  let name: String
  /// What it is known by.
  let key: StatementCache.Key
  /// What it returns.
  var columns: PostgresColumns
  /// Whether types of its columns have to be looked up before it is run alone: in a pipeline there
  /// was no time for that.
  var lacksTypes = false
  /// Whether running it changes the session in a way that its command tag does not show.
  let showsChange: Bool

  /// What a statement costs beside its texts, in bytes: a guess.
  private static let fixedByteCount = 256

  init(name: String, sql: String, types: [PostgresType], columns: PostgresColumns) {
    self.name = name
    key = StatementCache.Key(sql: sql, types: types)
    self.columns = columns
    showsChange = SessionChanges.showsChange(sql)
  }

  /// About how many bytes it takes.
  fileprivate var byteCount: Int {
    columns.reduce(Self.fixedByteCount + key.sql.utf8.count + 4 * key.types.count) {
      $0 + $1.name.utf8.count + 64
    }
  }
}

/// Whether the connections of a pool may give names to prepared statements: not behind a pooler
/// that gives each transaction another server connection, which does not know them.
final class StatementNaming: Sendable {
  private let stopped = Atomic(false)

  /// Whether names are no good.
  @inline(__always)
  var isStopped: Bool { stopped.load(ordering: .relaxed) }

  /// Notes that names are no good; true the first time.
  func stop() -> Bool { !stopped.exchange(true, ordering: .relaxed) }
}

/// The prepared statements of one session, bounded by number and by bytes; the one that was not
/// used for longest goes.
///
/// Without names it remembers no more than what statements return.
struct StatementCache {
  /// The same text with other parameter types is another statement.
  struct Key: Hashable {
    let sql: String
    let types: [PostgresType]
  }

  /// A place in the order of use, by the indices of its neighbours.
  private struct Slot {
    var statement: PreparedStatement?
    var byteCount = 0
    var newer: Int?
    var older: Int?
  }

  private let limit: Int
  private let byteLimit: Int
  private var slots: [Slot] = []
  private var free: [Int] = []
  private var places: [Key: Int] = [:]
  private var newest: Int?
  private var oldest: Int?
  /// The statement of `newest`.
  private var latest: PreparedStatement?
  private(set) var byteCount = 0

  /// Whether statements have names.
  private(set) var givesNames: Bool
  /// What the names of this session begin with. Behind a pooler a name of another session could be
  /// there, and be another statement.
  private let prefix: String
  private var names: UInt64 = 0

  /// Names of statements that left the cache and that the server still has.
  private(set) var evicted: [String] = []

  init(limit: Int, byteLimit: Int) {
    givesNames = limit > 0
    self.limit = limit > 0 ? limit : PostgresConfiguration.defaultStatementCacheLimit
    self.byteLimit = max(byteLimit, 0)
    // Eight characters: with a number of five digits the name is a string without an allocation.
    prefix = "s" + Data(Secrets.randomBytes(6)).base64EncodedString()
  }

  /// The number of statements.
  var count: Int { places.count }

  /// Whether a statement of this text is one to be kept.
  func keeps(_ sql: String) -> Bool { sql.utf8.count <= byteLimit / 8 }

  /// A name that no statement of the session has had; the empty one, which each Parse replaces,
  /// when the statement is not one for the server to keep.
  mutating func makeName(for sql: String) -> String {
    guard givesNames, keeps(sql) else { return "" }
    names &+= 1
    return "\(prefix)_\(names)"
  }

  /// The statement with this text and these types, nil when it must be parsed.
  mutating func find(_ sql: String, _ types: [PostgresType]) -> PreparedStatement? {
    // The same statement again is so common that hashing its text is worth avoiding.
    if let latest, latest.key.sql == sql, latest.key.types == types { return latest }
    guard let place = places[Key(sql: sql, types: types)] else { return nil }
    unlink(place)
    linkAsNewest(place)
    return latest
  }

  /// Keeps a statement; others may have to go.
  mutating func insert(_ statement: PreparedStatement) {
    guard keeps(statement.key.sql) else { return forget(name: statement.name) }
    if let place = places[statement.key] { take(place) }
    let place: Int
    if let last = free.popLast() {
      place = last
    } else {
      place = slots.count
      slots.append(Slot())
    }
    let size = statement.byteCount
    slots[place] = Slot(statement: statement, byteCount: size)
    byteCount += size
    places[statement.key] = place
    linkAsNewest(place)
    while places.count > limit || byteCount > byteLimit, let oldest { take(oldest) }
  }

  /// Forgets a statement, which the server then has to be told.
  mutating func remove(_ key: Key) {
    if let place = places[key] { take(place) }
  }

  /// Forgets all statements, which the server then has to be told.
  mutating func removeAll() {
    while let oldest { take(oldest) }
  }

  /// Forgets all statements, which the server has done already.
  mutating func forgetAll() {
    let before = evicted.count
    removeAll()
    evicted.removeLast(evicted.count - before)
  }

  /// Forgets all statements and gives no more names: the server connections that have the
  /// statements cannot be told.
  mutating func stopNaming() {
    givesNames = false
    forgetAll()
    evicted.removeAll()
  }

  /// Notes a name that the server may have and that nobody will use.
  mutating func forget(name: String) {
    if givesNames, !name.isEmpty { evicted.append(name) }
  }

  /// Notes that the server has been told of the names that left the cache.
  mutating func clearEvicted() {
    evicted.removeAll()
  }

  // MARK: The order of use

  private mutating func linkAsNewest(_ place: Int) {
    slots[place].older = newest
    slots[place].newer = nil
    if let newest { slots[newest].newer = place }
    newest = place
    if oldest == nil { oldest = place }
    latest = slots[place].statement
  }

  private mutating func unlink(_ place: Int) {
    let (newer, older) = (slots[place].newer, slots[place].older)
    if let newer { slots[newer].older = older } else { newest = older }
    if let older { slots[older].newer = newer } else { oldest = newer }
    latest = newest.flatMap { slots[$0].statement }
  }

  /// Takes a statement out.
  private mutating func take(_ place: Int) {
    unlink(place)
    guard let statement = slots[place].statement else { return }
    byteCount -= slots[place].byteCount
    places[statement.key] = nil
    slots[place] = Slot()
    free.append(place)
    if !statement.name.isEmpty { evicted.append(statement.name) }
  }
}
