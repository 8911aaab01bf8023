import PostgresWire

/// A statement that the server has parsed, and what it returns.
final class PreparedStatement {
  let name: String
  fileprivate let key: StatementCache.Key
  /// What it returns.
  var columns: PostgresColumns
  /// Whether types of its columns have to be looked up before it is run alone: in a pipeline there
  /// was no time for that.
  var lacksTypes = false
  /// Whether running it changes the session in a way that its command tag does not show.
  let showsChange: Bool
  fileprivate(set) var lastUse: UInt64 = 0

  init(name: String, sql: String, types: [PostgresType], columns: PostgresColumns) {
    self.name = name
    key = StatementCache.Key(sql: sql, types: types)
    self.columns = columns
    showsChange = SessionChanges.showsChange(sql)
  }
}

/// The prepared statements of one session, bounded; the one that was not used for longest goes.
struct StatementCache {
  /// The same text with other parameter types is another statement.
  struct Key: Hashable {
    let sql: String
    let types: [PostgresType]
  }

  private let limit: Int
  private var statements: [Key: PreparedStatement] = [:]
  private var latest: PreparedStatement?
  private var uses: UInt64 = 0
  private var names: UInt64 = 0

  /// Names of statements that left the cache and that the server still has.
  private(set) var evicted: [String] = []

  init(limit: Int) {
    self.limit = max(limit, 0)
  }

  /// A name that no statement of the session has. The empty name, which the next Parse replaces,
  /// when nothing is to be kept.
  mutating func makeName() -> String {
    if limit == 0 { return "" }
    names &+= 1
    return "s\(names)"
  }

  /// The statement with this text and these types, nil when it must be parsed.
  mutating func find(_ sql: String, _ types: [PostgresType]) -> PreparedStatement? {
    uses &+= 1
    // The same statement again is so common that hashing its text is worth avoiding.
    if let latest, latest.key.sql == sql, latest.key.types == types {
      latest.lastUse = uses
      return latest
    }
    guard let found = statements[Key(sql: sql, types: types)] else { return nil }
    found.lastUse = uses
    latest = found
    return found
  }

  /// Keeps a statement; another may have to go.
  mutating func insert(_ statement: PreparedStatement) {
    guard limit > 0 else { return }
    if statements.count >= limit,
      let oldest = statements.values.min(by: { $0.lastUse < $1.lastUse })
    {
      remove(oldest)
    }
    uses &+= 1
    statement.lastUse = uses
    statements[statement.key] = statement
    latest = statement
  }

  /// Forgets a statement, which the server then has to be told.
  mutating func remove(_ statement: PreparedStatement) {
    guard statements.removeValue(forKey: statement.key) != nil else { return }
    if latest === statement { latest = nil }
    evicted.append(statement.name)
  }

  /// Forgets all statements.
  mutating func removeAll() {
    for statement in Array(statements.values) { remove(statement) }
  }

  /// Notes a name that the server may have and that nobody will use.
  mutating func forget(name: String) {
    if !name.isEmpty { evicted.append(name) }
  }

  /// Takes the names that the server is to be told of.
  mutating func takeEvicted() -> [String] {
    defer { evicted.removeAll() }
    return evicted
  }
}
