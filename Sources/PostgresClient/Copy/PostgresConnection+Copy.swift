public import PostgresWire

extension PostgresConnection {
  /// Copies rows into a table by COPY in the binary format, which is made for many rows.
  ///
  ///     try await connection.copyIn(into: "person", columns: ["id", "name"]) { copy in
  ///       try await copy.write(each: people) { person in (person.id, person.name) }
  ///       for try await late in latecomers { try await copy.write(late.id, late.name) }
  ///     }
  ///
  /// Each value must be of its column's type: nothing is converted but integers and floating-point
  /// numbers to their column's width. All rows are copied, or none: what the closure throws makes
  /// the COPY fail in the server, too, and the connection stays as good as it was.
  /// - Parameters:
  ///   - table: the table's name, which is quoted.
  ///   - schema: its schema; nil to find it by the search path.
  ///   - columns: the columns' names, in the order in which values are written.
  ///   - timeout: how long the server may take for a part; nil for the configuration's.
  ///   - body: writes the rows, no faster than the server takes them.
  /// - Returns: how many rows were copied.
  /// - Throws: `PostgresError`: what the server says (its `context` names the line); what the
  ///   closure throws, unchanged.
  @discardableResult
  public func copyIn(
    into table: String, schema: String? = nil, columns: [String], timeout: Duration? = nil,
    _ body: (inout PostgresCopyWriter) async throws -> Void
  ) async throws -> Int {
    try await copyRows(into: table, schema: schema, columns: columns, timeout: timeout, body)
  }

  private nonisolated(nonsending) func copyRows(
    into table: String, schema: String?, columns: [String], timeout: Duration?,
    _ body: nonisolated(nonsending) (inout PostgresCopyWriter) async throws -> Void
  ) async throws -> Int {
    let place = ((schema.map { [$0] } ?? []) + [table]).map {
      PostgresQuery.quote(identifier: $0)
    }.joined(separator: ".")
    let list = columns.map { PostgresQuery.quote(identifier: $0) }.joined(separator: ", ")
    return try await onLoop {
      let described = try await core.describe("SELECT \(list) FROM \(place)", timeout: timeout)
      let sql = "COPY \(place) (\(list)) FROM STDIN (FORMAT binary)"
      return try await core.copyIn(sql, on: self, timeout: timeout) { copy throws in
        let encoder = PostgresCopyEncoder(columns: described.map { ($0.name, $0.type) })
        var writer = PostgresCopyWriter(encoder, copy)
        try await body(&writer)
        try await writer.finish()
      }.rowCount ?? 0
    }
  }

  /// Runs a COPY FROM STDIN of any format with data that is already in it.
  ///
  ///     try await connection.copyIn(
  ///       "COPY person FROM STDIN (FORMAT csv, HEADER)", data: [Array(csv.utf8)])
  ///
  /// - Parameters:
  ///   - statement: the whole statement, without parameters.
  ///   - data: its data, cut in any way.
  /// - Returns: how many rows were copied.
  /// - Throws: `PostgresError`: `unsupported` for another statement (which was run), `encoding` for
  ///   one with parameters, what the server says.
  @discardableResult
  public func copyIn(
    _ statement: PostgresQuery, data: some Sequence<[UInt8]>
  ) async throws(PostgresError) -> Int {
    try requireNoParameters(statement)
    return try await rethrowingPostgresErrors {
      try await onLoop {
        try await core.copyIn(statement.sql, on: self, timeout: statement.timeout) { copy throws in
          for bytes in data { try await copy.send(bytes) }
        }
      }.rowCount ?? 0
    }
  }

  /// Runs a COPY FROM STDIN of any format with data as it comes.
  /// - Throws: what the data throws, unchanged, as the error of the COPY; else as above.
  @discardableResult
  public func copyIn<Data: AsyncSequence>(
    _ statement: PostgresQuery, data: Data
  ) async throws -> Int where Data.Element == [UInt8] {
    try requireNoParameters(statement)
    return try await onLoop {
      try await core.copyIn(statement.sql, on: self, timeout: statement.timeout) { copy throws in
        for try await bytes in data { try await copy.send(bytes) }
      }
    }.rowCount ?? 0
  }

  /// Runs a query as COPY in the binary format and hands each row to the closure where it was
  /// received; the socket holds the server back when the closure is slow.
  ///
  /// It costs about what the query's own rows do. What the closure throws ends the COPY and is
  /// rethrown unchanged.
  /// - Parameter query: what is copied, without parameters, which COPY does not have.
  /// - Returns: how many rows were copied.
  /// - Throws: `PostgresError`: `encoding` for a query with parameters, what the server says.
  @discardableResult
  public func copyOut(
    rowsOf query: PostgresQuery, _ body: (borrowing PostgresRow) throws -> Void
  ) async throws -> Int {
    try requireNoParameters(query)
    return try await onLoop {
      let columns = try await core.describe(query.sql, timeout: query.timeout)
      var row = PostgresRow(columns: columns.inBinary)
      var reader = CopyBinaryReader()
      let sql = "COPY (\(query.sql)) TO STDOUT (FORMAT binary)"
      let tag = try await core.copyOut(sql, timeout: query.timeout) { data in
        var failure: (any Error)?
        do throws(WireError) {
          try reader.read(data) { bytes throws(WireError) in
            guard failure == nil else { return }
            try row.load(bytes)
            do { try body(row) } catch { failure = error }
          }
        } catch {
          throw core.abandon(PostgresError(error))
        }
        if let failure { throw failure }
      }
      guard reader.hasEnded else {
        throw core.abandon(PostgresError(.protocolViolation, "COPY data has no end"))
      }
      return tag.rowCount ?? 0
    }
  }

  /// Runs a COPY TO STDOUT of any format and hands its data to the closure as it was received.
  ///
  ///     try await connection.copyOut("COPY person TO STDOUT (FORMAT csv)") { file.write($0) }
  ///
  /// - Returns: how many rows were copied.
  /// - Throws: `PostgresError`: `unsupported` for another statement (which was run), `encoding` for
  ///   one with parameters, what the server says; what the closure throws, unchanged.
  @discardableResult
  public func copyOut(
    _ statement: PostgresQuery, data body: (UnsafeRawBufferPointer) throws -> Void
  ) async throws -> Int {
    try requireNoParameters(statement)
    return try await onLoop {
      try await core.copyOut(statement.sql, timeout: statement.timeout, data: body)
    }.rowCount ?? 0
  }

  private func requireNoParameters(_ query: PostgresQuery) throws(PostgresError) {
    if let error = query.encodingError { throw PostgresError(error) }
    guard query.parameters.count == 0 else {
      throw PostgresError(
        .encoding, "COPY takes no parameters; \\(identifier:) and \\(unsafeSQL:) write its text")
    }
  }
}

/// Takes the rows of a COPY, in the closure that `copyIn` is given.
public struct PostgresCopyWriter: Sendable {
  @usableFromInline var encoder: PostgresCopyEncoder
  private let copy: CopyInput

  init(_ encoder: PostgresCopyEncoder, _ copy: CopyInput) {
    self.encoder = encoder
    self.copy = copy
  }

  /// How many rows have been written.
  public var rowCount: Int { encoder.rowCount }

  /// Writes a row; waits when the server has not taken the ones before.
  /// - Throws: `PostgresError`: `encoding` with row and column for a value that does not fit;
  ///   `cancelled`, `deadlineExceeded`, `closed`. When the server has refused a row, later ones are
  ///   passed over, and `copyIn` throws what it said.
  @inlinable
  @inline(__always)
  public nonisolated(nonsending) mutating func write<each V: PostgresEncodable>(
    _ row: repeat each V
  ) async throws {
    // Where the caller is: a hop a row would cost more than the row.
    do throws(PostgresEncodingError) {
      try encoder.append(repeat each row)
    } catch {
      throw refusal(error)
    }
    if encoder.isFull { try await send() }
  }

  /// Writes a row for each of many values, whose tuples of columns the closure makes: less work a
  /// row than a call for each, since it only waits now and then.
  ///
  ///     try await copy.write(each: people) { person in (person.id, person.name) }
  ///
  /// - Throws: as the other `write`; what the closure throws, unchanged.
  @inlinable
  public nonisolated(nonsending) mutating func write<Values: Sequence, each V: PostgresEncodable>(
    each values: Values, row: (Values.Element) throws -> (repeat each V)
  ) async throws {
    var values = values.makeIterator()
    try await write { encoder in
      while let value = values.next() {
        let row = try row(value)
        try encoder.append(repeat each row)
        if encoder.isFull { return true }
      }
      return false
    }
  }

  /// Writes what the closure encodes, until it returns false.
  @usableFromInline
  nonisolated(nonsending) mutating func write(
    _ encode: (inout PostgresCopyEncoder) throws -> Bool
  ) async throws {
    var hasMore = true
    while hasMore {
      do {
        hasMore = try encode(&encoder)
      } catch {
        throw (error as? PostgresEncodingError).map(refusal) ?? error
      }
      if hasMore { try await send() }
    }
  }

  @inline(never)
  @usableFromInline
  func refusal(_ error: PostgresEncodingError) -> PostgresError { PostgresError(error) }

  @usableFromInline
  nonisolated(nonsending) mutating func send() async throws {
    try await copy.send(encoder.bytes)
    encoder.removeAll()
  }

  nonisolated(nonsending) mutating func finish() async throws {
    encoder.finish()
    try await send()
  }
}
