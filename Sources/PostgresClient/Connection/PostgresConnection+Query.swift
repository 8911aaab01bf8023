public import PostgresWire

extension PostgresConnection {
  /// Runs a statement and hands each row to the closure where it was received, without holding the
  /// result; the socket holds the server back when the closure is slow.
  ///
  /// What the closure throws ends the query and is rethrown unchanged; else `PostgresError`.
  @discardableResult
  public func forEachRow(
    _ query: PostgresQuery, _ body: (borrowing PostgresRow) throws -> Void
  ) async throws -> PostgresCommandTag {
    try await readRows(query, body)
  }

  /// `forEachRow`, for callers that are where they are to be.
  @usableFromInline
  nonisolated(nonsending) func readRows(
    _ query: PostgresQuery, _ body: (borrowing PostgresRow) throws -> Void
  ) async throws -> PostgresCommandTag {
    if let error = query.encodingError { throw PostgresError(error) }
    return try await onLoop {
      try await core.watching(
        .statement, query.sql, query.parameters, rowCount: { $0.rowCount }
      ) { watch in
        try await core.run(
          query.sql, query.parameters, timeout: query.timeout, watch: watch, columns: { _ in },
          row: body)
      }
    }
  }

  /// Runs a statement of any text with encoded parameters: first its columns, then each row.
  ///
  /// What the closures throw ends the query and is rethrown unchanged; else `PostgresError`.
  @discardableResult
  public func read(
    _ sql: String, _ parameters: PostgresParameters = PostgresParameters(),
    timeout: Duration? = nil, columns: (PostgresColumns) -> Void = { _ in },
    row: (borrowing PostgresRow) throws -> Void
  ) async throws -> PostgresCommandTag {
    try await onLoop {
      try await core.watching(.statement, sql, parameters, rowCount: { $0.rowCount }) { watch in
        try await core.run(
          sql, parameters, timeout: timeout, watch: watch, columns: columns, row: row)
      }
    }
  }

  /// Runs a statement whose rows, if it has any, do not matter.
  @discardableResult
  public func execute(_ query: PostgresQuery) async throws(PostgresError) -> PostgresCommandTag {
    try await rethrowingPostgresErrors { try await readRows(query) { _ in } }
  }

  /// Runs a statement and keeps its whole result.
  public func query(_ query: PostgresQuery) async throws(PostgresError) -> PostgresResult {
    var result = PostgresResult(columns: .none)
    if let error = query.encodingError { throw PostgresError(error) }
    let tag = try await rethrowingPostgresErrors {
      try await read(
        query.sql, query.parameters, timeout: query.timeout,
        columns: { result = PostgresResult(columns: $0) }, row: { result.append($0.message) })
    }
    result.tag = tag
    return result
  }

  /// Runs a statement and reads its rows as tuples.
  ///
  ///     let people = try await connection.query(
  ///       "SELECT id, name FROM person", as: (Int, String).self)
  @inlinable
  public func query<each T: PostgresDecodable>(
    _ query: PostgresQuery, as type: (repeat each T).Type
  ) async throws(PostgresError) -> [(repeat each T)] {
    var rows: [(repeat each T)] = []
    try await rethrowingPostgresErrors {
      try await readRows(query) { row in rows.append(try row.decode(as: type)) }
    }
    return rows
  }

  /// Runs a statement and reads its only row as a tuple. Throws `unexpectedRowCount` when there is
  /// none or more than one.
  @inlinable
  public func queryOne<each T: PostgresDecodable>(
    _ query: PostgresQuery, as type: (repeat each T).Type = (repeat each T).self
  ) async throws(PostgresError) -> (repeat each T) {
    guard let row = try await atMostOne(query, as: type) else {
      throw unexpectedRowCount("the result has no row")
    }
    return row
  }

  /// Runs a statement and reads its only row as a tuple, nil when there is none. Throws
  /// `unexpectedRowCount` when there is more than one.
  @inlinable
  public func queryOptional<each T: PostgresDecodable>(
    _ query: PostgresQuery, as type: (repeat each T).Type = (repeat each T).self
  ) async throws(PostgresError) -> (repeat each T)? {
    try await atMostOne(query, as: type)
  }

  @inlinable
  nonisolated(nonsending) func atMostOne<each T: PostgresDecodable>(
    _ query: PostgresQuery, as type: (repeat each T).Type
  ) async throws(PostgresError) -> (repeat each T)? {
    var rows: [(repeat each T)] = []
    try await rethrowingPostgresErrors {
      try await readRows(query) { row in
        guard rows.isEmpty else { throw unexpectedRowCount("the result has more than one row") }
        rows.append(try row.decode(as: type))
      }
    }
    return rows.first
  }

  /// Runs a script of any number of statements, separated by semicolons, and returns a result for
  /// each; their values are in the text format.
  ///
  /// The statements are one transaction unless the script says otherwise. The error of a statement
  /// ends the script.
  @discardableResult
  public func simple(
    _ script: String, timeout: Duration? = nil
  ) async throws(PostgresError) -> [PostgresResult] {
    try await onLoop { () throws(PostgresError) in
      try await core.watching(.script, script, rowCount: Self.rowCount) {
        watch throws(PostgresError) in
        try await core.simple(script, timeout: timeout, watch: watch)
      }
    }
  }

  /// The rows of all statements of a script; nil when none is about rows.
  private static func rowCount(_ results: [PostgresResult]) -> Int? {
    let counts = results.compactMap(\.tag.rowCount)
    return counts.isEmpty ? nil : counts.reduce(0, +)
  }

  @usableFromInline
  func unexpectedRowCount(_ what: String) -> PostgresError {
    PostgresError(.unexpectedRowCount, what)
  }
}

/// Runs a closure whose only errors are this driver's.
@inlinable
@discardableResult
nonisolated(nonsending) func rethrowingPostgresErrors<T>(
  _ body: nonisolated(nonsending) () async throws -> T
) async throws(PostgresError) -> T {
  do {
    return try await body()
  } catch {
    throw PostgresError(anyError: error)
  }
}
