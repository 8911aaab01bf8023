public import PostgresWire

extension PostgresConnection {
  /// Runs a statement and reads its rows as structs: a property is read from the column of its
  /// name, or of its name in snake_case.
  @_disfavoredOverload
  public func query<T: Decodable>(
    _ query: PostgresQuery, decoding type: T.Type
  ) async throws(PostgresError) -> [T] {
    try await rows(of: query, limit: .max) { row in try row.decode(structure: type) }
  }

  /// Runs a statement and reads its rows as structs that read themselves.
  public func query<T: PostgresRowDecodable>(
    _ query: PostgresQuery, decoding _: T.Type
  ) async throws(PostgresError) -> [T] {
    try await rows(of: query, limit: .max) { row in try T(row: row) }
  }

  /// Runs a statement and reads its only row as a struct, by names, nil when there is none. Throws
  /// `unexpectedRowCount` when there is more than one.
  @_disfavoredOverload
  public func queryOptional<T: Decodable>(
    _ query: PostgresQuery, decoding type: T.Type
  ) async throws(PostgresError) -> T? {
    try await rows(of: query, limit: 1) { row in try row.decode(structure: type) }.first
  }

  /// Runs a statement and reads its only row as a struct that reads itself, nil when there is none.
  /// Throws `unexpectedRowCount` when there is more than one.
  public func queryOptional<T: PostgresRowDecodable>(
    _ query: PostgresQuery, decoding _: T.Type
  ) async throws(PostgresError) -> T? {
    try await rows(of: query, limit: 1) { row in try T(row: row) }.first
  }

  /// Runs a statement and reads its only row as a struct, by names. Throws `unexpectedRowCount`
  /// when there is none or more than one.
  @_disfavoredOverload
  public func queryOne<T: Decodable>(
    _ query: PostgresQuery, decoding type: T.Type
  ) async throws(PostgresError) -> T {
    guard let row = try await queryOptional(query, decoding: type) else {
      throw unexpectedRowCount("the result has no row")
    }
    return row
  }

  /// Runs a statement and reads its only row as a struct that reads itself. Throws
  /// `unexpectedRowCount` when there is none or more than one.
  public func queryOne<T: PostgresRowDecodable>(
    _ query: PostgresQuery, decoding type: T.Type
  ) async throws(PostgresError) -> T {
    guard let row = try await queryOptional(query, decoding: type) else {
      throw unexpectedRowCount("the result has no row")
    }
    return row
  }

  private nonisolated(nonsending) func rows<T>(
    of query: PostgresQuery, limit: Int, _ read: (borrowing PostgresRow) throws -> T
  ) async throws(PostgresError) -> [T] {
    var rows: [T] = []
    try await rethrowingPostgresErrors {
      try await readRows(query) { row in
        guard rows.count < limit else {
          throw unexpectedRowCount("the result has more than one row")
        }
        rows.append(try read(row))
      }
    }
    return rows
  }
}
