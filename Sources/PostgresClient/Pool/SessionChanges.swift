import PostgresWire
import RoostCore

/// What is known of a session that the next user must not find.
struct SessionChanges: OptionSet, Sendable {
  let rawValue: UInt8

  /// Something that a reset undoes.
  static let changed = SessionChanges(rawValue: 1)
  /// PREPARE of SQL: only DISCARD ALL undoes it without knowing the name.
  static let prepared = SessionChanges(rawValue: 2)
  /// A statement was refused because the transaction, or the server, is read-only (25006).
  static let refusedToWrite = SessionChanges(rawValue: 4)

  /// The command tags, by their first words, of what leaves the session as it was, but for what
  /// ends with the transaction. Whatever is not here counts as a change.
  ///
  /// Source: `src/include/tcop/cmdtaglist.h` of PostgreSQL.
  private static let harmlessTags: Set<Substring> = [
    "ANALYZE", "BEGIN", "CHECKPOINT", "CLOSE", "CLUSTER", "COMMENT", "COMMIT", "COPY", "DELETE",
    "EXPLAIN", "FETCH", "GRANT", "INSERT", "LOCK", "MERGE", "MOVE", "NOTIFY", "REFRESH", "REINDEX",
    "RELEASE", "REVOKE", "ROLLBACK", "SAVEPOINT", "SELECT", "SHOW", "START", "TRUNCATE", "UPDATE",
    "VACUUM", "",
  ]

  /// Words of a statement that returns rows and still changes the session.
  private static let tellingWords = [
    "pg_advisory_lock", "pg_advisory_lock_shared", "pg_temp", "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared", "set_config", "temp", "temporary",
  ]

  /// Takes what the server says that a command did.
  @inline(__always)
  mutating func note(tag: String) {
    // Nearly all tags are of these four, told apart by a letter or two.
    var letters = tag.utf8.makeIterator()
    switch (letters.next(), letters.next(), letters.next()) {
    case (UInt8(ascii: "S"), UInt8(ascii: "E"), UInt8(ascii: "L")),
      (UInt8(ascii: "I"), UInt8(ascii: "N"), UInt8(ascii: "S")),
      (UInt8(ascii: "U"), UInt8(ascii: "P"), _),
      (UInt8(ascii: "D"), UInt8(ascii: "E"), UInt8(ascii: "L")):
      return
    default: noteOther(tag)
    }
  }

  @inline(never)
  private mutating func noteOther(_ tag: String) {
    if Self.harmlessTags.contains(tag.prefix { $0 != " " }) { return }
    insert(tag == "PREPARE" ? [.changed, .prepared] : .changed)
  }

  /// Whether a statement's text tells of a change that its command tag will not show.
  ///
  /// It looks for words, wherever they are: a comment may cost a reset too many, and no more.
  static func showsChange(_ sql: String) -> Bool {
    var rest = sql.utf8[...]
    while let start = rest.firstIndex(where: isPartOfWord) {
      let word = rest[start...].prefix(while: isPartOfWord)
      rest = rest[word.endIndex...]
      switch lowercased(sql.utf8[start]) {
      case UInt8(ascii: "p"), UInt8(ascii: "s"), UInt8(ascii: "t"):
        if tellingWords.contains(where: { $0.utf8.elementsEqual(word.lazy.map(lowercased)) }) {
          return true
        }
      default: break
      }
    }
    return false
  }

  private static func isPartOfWord(_ byte: UInt8) -> Bool {
    switch lowercased(byte) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }
}

extension PostgresConnection {
  /// DISCARD ALL but for the prepared statements, which are the driver's own, and their plans,
  /// which the server makes anew by itself where a changed parameter asks for it; and RESET ROLE,
  /// for a role that the configuration sets.
  ///
  /// Source: PostgreSQL manual, DISCARD.
  private static let resetScript = """
    CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL; UNLISTEN *; \
    SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD SEQUENCES; DISCARD TEMP
    """

  /// Has the pool reset the session when it comes back, for changes that do not show: by a function
  /// of one's own that sets a parameter or takes an advisory lock.
  public func resetAfterUse() async {
    await onLoop { _ = core.changes.insert(.changed) }
  }

  /// Undoes what users changed of the session, if that is wanted; false when there was nothing to
  /// do.
  func reset(
    _ wanted: PostgresPoolOptions.Reset, within timeout: Duration
  ) async throws(PostgresError) -> Bool {
    try await onLoop { () throws(PostgresError) in
      let changes = core.changes
      core.changes = []
      let isWanted =
        switch wanted {
        case .never: false
        case .whenChanged: changes.contains(.changed)
        case .always: true
        }
      guard isWanted else { return false }
      if changes.contains(.prepared) {
        try await simple("DISCARD ALL", timeout: timeout)
        core.statements.removeAll()
        try await simple("RESET ROLE", timeout: timeout)
      } else {
        try await simple(Self.resetScript, timeout: timeout)
      }
      // What the server said of its parameters meanwhile is how they are at the beginning.
      core.changes = []
      return true
    }
  }

  /// Runs a pool's hook; a transaction that it leaves open is rolled back. When the time is over,
  /// the connection is closed under it.
  func makeReady(by hook: PostgresPool.ConnectHook, within timeout: Duration) async throws {
    let timer = Task {
      try? await Task.sleep(for: timeout)
      if !Task.isCancelled { await close() }
    }
    defer { timer.cancel() }
    try await run(hook)
    await leaveTransaction()
    await onLoop { core.changes = [] }
    if isClosed { throw PostgresError.closed }
  }

  /// Whether the server takes writes: it is no standby, and not set to read-only.
  func takesWrites(within timeout: Duration) async throws(PostgresError) -> Bool {
    let query: PostgresQuery =
      "SELECT NOT (pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool)"
    return try await queryOne(query.timeout(timeout), as: Bool.self)
  }
}

extension PostgresConfiguration {
  /// Whether sessions are wanted only where writes are taken.
  var needsWrites: Bool { targetSession == .readWrite || targetSession == .primary }
}
