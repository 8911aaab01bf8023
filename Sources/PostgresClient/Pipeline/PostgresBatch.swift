public import PostgresWire

/// Statements that are sent together, in one round trip, whatever their number.
///
///     var batch = PostgresBatch()
///     let adults = batch.query(
///       "SELECT id, name FROM person WHERE age > \(21)", as: (Int, String).self)
///     let birthday = batch.execute("UPDATE person SET age = age + 1 WHERE id = \(1)")
///     let results = try await connection.pipeline(batch)
///     for (id, name) in try results[adults] { print(id, name) }
///     print(try results[birthday].rowCount ?? 0)
///
/// Outside of a transaction the statements are one: all of them take effect, or none. A `barrier`
/// divides them: an error makes void what is on its side of the barriers, up to the ones before and
/// behind it, and nothing else. In a transaction of one's own an error makes the server refuse all
/// that follow, too.
public struct PostgresBatch: Sendable {
  /// Tells batches apart.
  final class Identity: Sendable {}

  struct Statement: Sendable {
    let query: PostgresQuery
    let keepsRows: Bool
  }

  /// The place of a statement's result.
  struct Place: Sendable {
    let batch: Identity
    let index: Int
  }

  /// The rows of a statement, as tuples.
  public struct Rows<each T: PostgresDecodable>: Sendable {
    let place: Place
  }

  /// The only row of a statement, as a tuple.
  public struct Row<each T: PostgresDecodable>: Sendable {
    let place: Place
  }

  /// The whole result of a statement.
  public struct Result: Sendable {
    let place: Place
  }

  /// What a statement did.
  public struct Command: Sendable {
    let place: Place
  }

  let identity = Identity()
  private(set) var statements: [Statement] = []
  /// Before which statements there is a barrier, in order.
  private(set) var barriers: [Int] = []

  /// How long all of it may take; nil for the configuration's `queryTimeout`.
  public var timeout: Duration?

  /// A batch without statements.
  public init(timeout: Duration? = nil) {
    self.timeout = timeout
  }

  /// The number of statements.
  public var count: Int { statements.count }

  /// Adds a statement whose rows are read as tuples.
  public mutating func query<each T: PostgresDecodable>(
    _ query: PostgresQuery, as _: (repeat each T).Type
  ) -> Rows<repeat each T> {
    Rows(place: add(query, keepsRows: true))
  }

  /// Adds a statement that returns one row, which is read as a tuple.
  public mutating func queryOne<each T: PostgresDecodable>(
    _ query: PostgresQuery, as _: (repeat each T).Type
  ) -> Row<repeat each T> {
    Row(place: add(query, keepsRows: true))
  }

  /// Adds a statement whose whole result is kept.
  public mutating func query(_ query: PostgresQuery) -> Result {
    Result(place: add(query, keepsRows: true))
  }

  /// Adds a statement whose rows, if it has any, do not matter.
  @discardableResult
  public mutating func execute(_ query: PostgresQuery) -> Command {
    Command(place: add(query, keepsRows: false))
  }

  /// Ends what an error makes void: what was added before, and what is added after, stand and fall
  /// by themselves. Outside of a transaction it commits.
  public mutating func barrier() {
    guard !statements.isEmpty, barriers.last != statements.count else { return }
    barriers.append(statements.count)
  }

  private mutating func add(_ query: PostgresQuery, keepsRows: Bool) -> Place {
    statements.append(Statement(query: query, keepsRows: keepsRows))
    return Place(batch: identity, index: statements.count - 1)
  }

  /// Throws for what can be seen to be wrong before a byte is sent.
  func validate() throws(PostgresError) {
    for (index, statement) in statements.enumerated() {
      let query = statement.query
      do throws(PostgresError) {
        if let error = query.encodingError { throw PostgresError(error) }
        try query.requirePipelined()
      } catch {
        throw PostgresError(error.code, "statement \(index): \(error.message)")
      }
    }
  }
}

extension PostgresQuery {
  /// Throws for what cannot be one of several statements on their way.
  func requirePipelined() throws(PostgresError) {
    guard !sql.utf8.contains(0) else {
      throw PostgresError(WireError.nulInString(field: "SQL text"))
    }
    guard parameters.count <= WireLimits.parameterCount else {
      throw PostgresError(WireError.tooManyParameters(parameters.count))
    }
    let byteCount = sql.utf8.count + parameters.encoded.byteCount + 8 * parameters.count
    guard byteCount < WireLimits.messageByteCount - WireLimits.columnCount * 2 - 1_024 else {
      throw PostgresError(.encoding, "a statement of \(byteCount) bytes is too long")
    }
    if verb == "copy" { throw ConnectionCore.copyInPipeline }
  }

  /// Whether it lets the server forget prepared statements.
  var dropsStatements: Bool {
    // Looking at one byte is enough for nearly all.
    guard let first = sql.utf8.first, first <= UInt8(ascii: " ") || first | 0x20 == 0x64 else {
      return false
    }
    return verb == "deallocate" || verb == "discard"
  }

  /// The first word in lower case; empty when it begins with something else.
  private var verb: String {
    let text = sql.utf8.drop { $0 <= UInt8(ascii: " ") }
    let word = text.prefix { $0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z") }
    return String(decoding: word.map { $0 | 0x20 }, as: UTF8.self)
  }
}
