public import PostgresWire
import RoostCore

/// The rows of a query, fetched batch by batch: the server makes no more than are asked for.
///
/// It is good inside of the closure that it is given to, and is used by one task at a time. As an
/// `AsyncSequence` it gives row by row, and fetches the next batch when one is used up.
public final class PostgresCursor<each T: PostgresDecodable>: AsyncSequence {
  /// A row as a tuple.
  public typealias Element = (repeat each T)

  private let connection: PostgresConnection
  private let portal: Portal

  init(_ connection: PostgresConnection, _ portal: Portal) {
    self.connection = connection
    self.portal = portal
  }

  /// The next rows, at most a batch of them; nil when there are no more.
  /// - Throws: `PostgresError`: what the server says, `decoding`, the connection's errors; `closed`
  ///   after the end of the closure that the cursor was given to.
  public func next() async throws(PostgresError) -> [(repeat each T)]? {
    var rows: [(repeat each T)] = []
    let portal = portal
    try await rethrowingPostgresErrors {
      try await connection.onLoop {
        let core = connection.core
        try await core.watching(
          .cursor, portal.query.sql, portal.query.parameters, rowCount: { rows.count }
        ) { watch in
          try await core.fetch(portal, watch: watch) { row in
            rows.append(try row.decode(as: (repeat each T).self))
          }
        }
      }
    }
    return rows.isEmpty ? nil : rows
  }

  /// The rows one by one, from where the cursor is.
  public func makeAsyncIterator() -> Iterator { Iterator(cursor: self) }

  /// Gives a cursor's rows one by one.
  public struct Iterator: AsyncIteratorProtocol {
    /// A row as a tuple.
    public typealias Element = (repeat each T)

    let cursor: PostgresCursor<repeat each T>
    private var rows: [Element] = []
    private var index = 0

    init(cursor: PostgresCursor<repeat each T>) {
      self.cursor = cursor
    }

    /// The next row; nil when there are no more.
    public mutating func next() async throws -> Element? {
      if index == rows.count {
        guard let more = try await cursor.next() else { return nil }
        rows = more
        index = 0
      }
      let row: Element = rows[index]
      index += 1
      return row
    }
  }
}

extension PostgresConnection {
  /// The most rows of a batch unless something else is said.
  public static var defaultCursorBatchSize: Int { 1_000 }

  /// Runs a query and lets the closure fetch its rows batch by batch.
  ///
  ///     let query: PostgresQuery = "SELECT id, name FROM person"
  ///     try await connection.cursor(query, as: (Int, String).self) { people in
  ///       for try await (id, name) in people { print(id, name) }
  ///     }
  ///
  /// A cursor lives in a transaction: the one that the session is in, else one of its own, which
  /// may only read and ends with the closure. The portal is closed when the closure returns or
  /// throws; what it throws is rethrown unchanged.
  /// - Parameters:
  ///   - query: the statement; its `timeout` is for each batch.
  ///   - type: the rows as tuples.
  ///   - batchSize: how many rows are fetched at a time, 1 to 2,147,483,647.
  public func cursor<each T: PostgresDecodable, R>(
    _ query: PostgresQuery, as type: (repeat each T).Type,
    batchSize: Int = PostgresConnection.defaultCursorBatchSize,
    _ body: (PostgresCursor<repeat each T>) async throws -> R
  ) async throws -> R {
    if let error = query.encodingError { throw PostgresError(error) }
    // Before a transaction is begun for it.
    guard !query.sql.utf8.contains(0) else {
      throw PostgresError(WireError.nulInString(field: "SQL text"))
    }
    guard let rowLimit = Int32(exactly: batchSize), rowLimit > 0 else {
      throw PostgresError(.encoding, "batchSize is \(batchSize), not 1 to \(Int32.max)")
    }
    return try await onLoop {
      let isOwn = transactionStatus == .idle
      if isOwn { try await begin(PostgresTransactionOptions(readOnly: true)) }
      let portal = Portal(query, rowLimit: rowLimit)
      do {
        let result = try await body(PostgresCursor(self, portal))
        try await close(portal, endingTransaction: isOwn)
        return result
      } catch {
        // The first error is the one that counts.
        try? await close(portal, endingTransaction: isOwn)
        throw error
      }
    }
  }

  private func close(
    _ portal: Portal, endingTransaction: Bool
  ) async throws(PostgresError) {
    let wasOpen = portal.isOpen
    portal.state = .over
    guard !isClosed else { return }
    if endingTransaction {
      await leaveTransaction()
    } else if wasOpen, transactionStatus == .inTransaction {
      guard Task.isCancelled else { return try await core.close(portal: portal.name) }
      // A task of its own, for one that is cancelled could send nothing.
      let name = portal.name
      try await Task { () -> Result<Void, PostgresError> in
        do throws(PostgresError) {
          return .success(
            try await self.onLoop { () throws(PostgresError) in
              try await self.core.close(portal: name)
            })
        } catch {
          return .failure(error)
        }
      }.value.get()
    }
  }
}
