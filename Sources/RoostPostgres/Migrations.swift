import PostgresClient
import Roost
import RoostCore

/// The table that notes which migrations a database has.
enum MigrationTable {
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
        ORDER BY system, version
        """, as: (String, Int, String, String, Timestamp).self)
      return rows.map { row in
        AppliedMigration(
          system: row.0, version: row.1, name: row.2, checksum: row.3, appliedAt: row.4)
      }
    }
  }

  static func note(
    _ record: AppliedMigration, _ connection: PostgresConnection
  ) async throws(StoreError) {
    try await storeErrors { () throws(PostgresError) in
      try await connection.execute(
        """
        INSERT INTO roost_migrations (system, version, name, checksum, applied_at)
        VALUES (\(record.system), \(record.version), \(record.name), \(record.checksum),
          \(record.appliedAt))
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

  private let connection: PostgresConnection
  private let extensions: Set<String>

  static func run<Result: Sendable>(
    _ configuration: PostgresConfiguration, schemaName: String?,
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result {
    let connection = try await storeErrors { () throws(PostgresError) in
      try await PostgresConnection.connect(configuration)
    }
    do {
      let session = try await begin(connection, schemaName)
      let result = try await body(session)
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
    if let schemaName { try await addExtensionSchemas(behind: schemaName, connection) }
    let names = try await storeErrors { () throws(PostgresError) in
      try await connection.query(
        "SELECT name::text FROM pg_available_extensions", as: String.self)
    }
    return PostgresMigrationSession(connection: connection, extensions: Set(names))
  }

  /// Lets a migration into a schema of its own use extensions that are installed in another, such
  /// as operator classes. After the bookkeeping table is there, so that one of another schema is
  /// not taken for it.
  private static func addExtensionSchemas(
    behind schemaName: String, _ connection: PostgresConnection
  ) async throws(StoreError) {
    try await storeErrors { () throws(PostgresError) in
      let others = try await connection.query(
        """
        SELECT DISTINCT nspname::text FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
        WHERE nspname NOT IN ('pg_catalog', \(schemaName)) ORDER BY 1
        """, as: String.self)
      try await connection.execute("SET search_path TO \(identifiers: [schemaName] + others)")
    }
  }

  func applied() async throws(StoreError) -> [AppliedMigration] {
    try await MigrationTable.read(connection)
  }

  func apply(_ migration: PlannedMigration) async throws(StoreError) {
    if migration.isTransactional {
      try await storeErrors { () throws(PostgresError) in try await connection.begin() }
    }
    do {
      for statement in migration.statements {
        if let name = statement.requiredExtension, !extensions.contains(name) { continue }
        try await execute(statement)
      }
      try await MigrationTable.note(migration.record, connection)
    } catch {
      if migration.isTransactional, !connection.isClosed {
        try await storeErrors { () throws(PostgresError) in try await connection.rollback() }
      }
      throw error
    }
    if migration.isTransactional {
      try await storeErrors { () throws(PostgresError) in try await connection.commit() }
    }
  }

  private func execute(_ statement: SQLStatement) async throws(StoreError) {
    do {
      try await connection.simple(statement.text)
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
