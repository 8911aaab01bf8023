import PostgresClient
import Roost
import RoostCore

/// The table that notes which migrations a database has.
enum MigrationTable {
  static let name = "roost_migrations"

  private static let create: PostgresQuery = """
    CREATE TABLE IF NOT EXISTS roost_migrations (
      system text COLLATE "C" NOT NULL, version integer NOT NULL, name text NOT NULL,
      checksum text NOT NULL, applied_at timestamptz NOT NULL, PRIMARY KEY (system, version))
    """

  static func create(_ connection: PostgresConnection) async throws(StoreError) {
    try await storeErrors { () throws(PostgresError) in
      // Asked first: IF NOT EXISTS wants the right to create even where nothing is to do.
      guard try await !exists(connection) else { return }
      _ = try await connection.execute(create)
    }
  }

  private static func exists(_ connection: PostgresConnection) async throws(PostgresError) -> Bool {
    try await connection.queryOne(
      "SELECT to_regclass('roost_migrations') IS NOT NULL", as: Bool.self)
  }

  static func read(_ connection: PostgresConnection) async throws(StoreError) -> [AppliedMigration]
  {
    try await storeErrors { () throws(PostgresError) in
      guard try await exists(connection) else { return [] }
      let rows = try await connection.query(
        """
        SELECT system, version, name, checksum, applied_at FROM roost_migrations
        ORDER BY applied_at, system, version
        """, as: (String, Int, String, String, Timestamp).self)
      return rows.map { row in
        AppliedMigration(
          system: row.0, version: row.1, name: row.2, checksum: row.3, appliedAt: row.4)
      }
    }
  }

  /// Notes a migration, or writes its note anew.
  static func note(
    _ record: AppliedMigration, _ connection: PostgresConnection
  ) async throws(StoreError) {
    try await storeErrors { () throws(PostgresError) in
      try await connection.execute(
        """
        INSERT INTO roost_migrations (system, version, name, checksum, applied_at)
        VALUES (\(record.system), \(record.version), \(record.name), \(record.checksum),
          \(record.appliedAt))
        ON CONFLICT (system, version)
          DO UPDATE SET name = excluded.name, checksum = excluded.checksum
        """)
    }
  }

  static func forget(
    _ record: AppliedMigration, _ connection: PostgresConnection
  ) async throws(StoreError) {
    try await storeErrors { () throws(PostgresError) in
      try await connection.execute(
        """
        DELETE FROM roost_migrations
        WHERE system = \(record.system) AND version = \(record.version)
        """)
    }
  }
}

/// Applies migrations on a connection of its own, which holds the lock as long as it lives.
struct PostgresMigrationSession: MigrationSession {
  /// The advisory lock's key: "roost" in ASCII.
  private static let lockKey = 0x72_6F6F_7374
  /// How long to wait for another process that migrates.
  private static let lockTimeout = Duration.seconds(300)
  private static let lockPause = Duration.milliseconds(100)
  /// How long one statement may take: an index over a great table takes hours.
  private static let statementTimeout = Duration.seconds(86_400)
  /// How soon the server notices that a migrating process was killed, and gives its lock back.
  private static let deathCheckMilliseconds = "1000"

  private let connection: PostgresConnection
  private let extensions: Set<String>

  static func run<Result: Sendable>(
    _ configuration: PostgresConfiguration, schemaName: String?,
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result {
    try await withConnection(configuration) { connection in
      try await body(try await begin(connection, schemaName))
    }
  }

  /// Runs a body with a connection of its own, whose statements may take long.
  static func withConnection<Result: Sendable>(
    _ configuration: PostgresConfiguration,
    _ body: @Sendable (PostgresConnection) async throws -> Result
  ) async throws -> Result {
    var configuration = configuration
    configuration.queryTimeout = statementTimeout
    // Times and strings in the files mean what they mean to embedded backends, whatever the role,
    // the database or the environment is set to.
    configuration.runtimeParameters["TimeZone"] = "UTC"
    configuration.runtimeParameters["standard_conforming_strings"] = "on"
    let connection = try await storeErrors { [configuration] () throws(PostgresError) in
      try await PostgresConnection.connect(configuration)
    }
    do {
      let result = try await body(connection)
      await connection.close()
      return result
    } catch {
      await connection.close()
      throw error
    }
  }

  /// Takes the lock by asking again and again: one that waits inside the server would deadlock
  /// with CREATE INDEX CONCURRENTLY, which waits for all older transactions.
  private static func begin(
    _ connection: PostgresConnection, _ schemaName: String?
  ) async throws(StoreError) -> PostgresMigrationSession {
    await watchForDeath(connection)
    let start = ContinuousClock.now
    while try await !storeErrors({ () throws(PostgresError) in
      try await connection.queryOne("SELECT pg_try_advisory_lock(\(lockKey))", as: Bool.self)
    }) {
      guard ContinuousClock.now - start < lockTimeout else {
        throw StoreError(.deadlineExceeded, "another process has been migrating for too long")
      }
      do {
        try await Task.sleep(for: lockPause)
      } catch {
        throw StoreError(.cancelled, "the task was cancelled")
      }
    }
    if let schemaName {
      try await storeErrors { () throws(PostgresError) in
        try await connection.execute("CREATE SCHEMA IF NOT EXISTS \(identifier: schemaName)")
      }
    }
    try await MigrationTable.create(connection)
    if let schemaName {
      try await setPath(to: schemaName, connection)
    }
    return PostgresMigrationSession(
      connection: connection, extensions: try await availableExtensions(connection))
  }

  /// A server that works for a killed client holds the lock until its statement ends, unless it
  /// looks after the client meanwhile. Servers before 14 and on some systems cannot.
  private static func watchForDeath(_ connection: PostgresConnection) async {
    _ = try? await connection.query(
      """
      SELECT set_config(name, \(deathCheckMilliseconds), false) FROM pg_settings
      WHERE name = 'client_connection_check_interval'
      """)
  }

  static func availableExtensions(
    _ connection: PostgresConnection
  ) async throws(StoreError) -> Set<String> {
    let names = try await storeErrors { () throws(PostgresError) in
      try await connection.query(
        "SELECT name::text FROM pg_available_extensions", as: String.self)
    }
    return Set(names)
  }

  /// Makes a schema the one in which tables are made, and lets migrations into it use extensions
  /// that are installed in another, such as operator classes. After the bookkeeping table is there,
  /// so that one of another schema is not taken for it.
  static func setPath(
    to schemaName: String, isLocal: Bool = false, _ connection: PostgresConnection
  ) async throws(StoreError) {
    try await storeErrors { () throws(PostgresError) in
      let others = try await connection.query(
        """
        SELECT DISTINCT nspname::text FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
        WHERE nspname NOT IN ('pg_catalog', \(schemaName)) ORDER BY 1
        """, as: String.self)
      try await connection.execute(
        """
        SET \(unsafeSQL: isLocal ? "LOCAL" : "SESSION") search_path
        TO \(identifiers: [schemaName] + others)
        """)
    }
  }

  func applied() async throws(StoreError) -> [AppliedMigration] {
    try await MigrationTable.read(connection)
  }

  func apply(_ migration: PlannedMigration) async throws(StoreError) {
    guard migration.isTransactional else {
      try await applyOneByOne(migration)
      return
    }
    try await transaction(migration.file) { () throws(StoreError) in
      for statement in migration.statements where isWanted(statement) {
        try await Self.execute(statement, statement.text, connection)
      }
      try await note(migration)
    }
  }

  func note(
    _ migrations: [PlannedMigration], forgetting: [AppliedMigration]
  ) async throws(StoreError) {
    try await transaction(MigrationTable.name) { () throws(StoreError) in
      for record in forgetting { try await MigrationTable.forget(record, connection) }
      for migration in migrations { try await MigrationTable.note(migration.record, connection) }
    }
  }

  private func note(_ migration: PlannedMigration) async throws(StoreError) {
    switch migration.direction {
    case .up: try await MigrationTable.note(migration.record, connection)
    case .down: try await MigrationTable.forget(migration.record, connection)
    }
  }

  /// Whether the server has the extension that a statement requires.
  private func isWanted(_ statement: SQLStatement) -> Bool {
    statement.requiredExtension.map { extensions.contains($0) } ?? true
  }

  private func transaction(
    _ what: String, _ body: () async throws(StoreError) -> Void
  ) async throws(StoreError) {
    try await storeErrors { () throws(PostgresError) in try await connection.begin() }
    do {
      try await body()
    } catch {
      if !connection.isClosed {
        try await storeErrors { () throws(PostgresError) in try await connection.rollback() }
      }
      throw error
    }
    do {
      try await storeErrors { () throws(PostgresError) in try await connection.commit() }
    } catch {
      var error = error
      error.message = "\(what): \(error.message)"
      throw error
    }
  }

  /// Runs the statements of a `-- roost: no-transaction` script, which cannot be taken back. Says
  /// what stays when one fails, and what indexes it leaves that no query uses.
  private func applyOneByOne(_ migration: PlannedMigration) async throws(StoreError) {
    let before = Set(try await InvalidIndexes.read(connection).map(\.object))
    var done = 0
    do {
      for statement in migration.statements where isWanted(statement) {
        try await Self.execute(statement, statement.text, connection)
        done += 1
      }
    } catch {
      var error = error
      if done > 0 {
        error.message += "; \(done) statements before it have run and stay, since the file is "
        error.message += "no-transaction"
      }
      if !connection.isClosed {
        for index in try await InvalidIndexes.read(connection) where !before.contains(index.object)
        {
          error.message += "; \(index)"
        }
      }
      throw error
    }
    // IF NOT EXISTS is content with an index that an earlier run has left invalid.
    var named: Set<String> = []
    for statement in migration.statements where isWanted(statement) {
      if let name = try statement.concurrentIndex() { named.insert(name) }
    }
    for index in try await InvalidIndexes.read(connection)
    where !before.contains(index.object) || named.contains(index.object) {
      throw StoreError(.schemaDrift, "\(migration.file): \(index)", table: index.table)
    }
    try await note(migration)
  }

  /// Runs one statement; its error has file, line, column and what the server says.
  static func execute(
    _ statement: SQLStatement, _ text: String, _ connection: PostgresConnection
  ) async throws(StoreError) {
    do {
      try await connection.simple(text)
    } catch {
      var failure = StoreError(error)
      let (line, column) = statement.place(of: error.server?.position ?? 1)
      failure.message = "\(statement.file):\(line):\(column): \(failure.message)"
      if let hint = error.server?.hint { failure.message += " (\(hint))" }
      throw failure
    }
  }
}

extension SQLStatement {
  /// The line and column of a character, which the server counts from 1 in Unicode scalars.
  fileprivate func place(of position: Int) -> (line: Int, column: Int) {
    var (line, column) = (self.line, self.column)
    for scalar in text.unicodeScalars.prefix(max(0, position - 1)) {
      if scalar == "\n" { (line, column) = (line + 1, 1) } else { column += 1 }
    }
    return (line, column)
  }
}
