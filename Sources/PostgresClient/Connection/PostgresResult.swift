public import PostgresWire

/// What the server says that a statement did, such as `INSERT 0 5`.
public struct PostgresCommandTag: Sendable, Hashable, CustomStringConvertible {
  /// The tag as the server wrote it; empty when there was no statement.
  public let description: String

  /// Wraps a tag.
  public init(_ text: String) {
    description = text
  }

  /// The number of rows that were inserted, updated, deleted, merged, selected, moved or copied;
  /// nil for statements that are not about rows.
  public var rowCount: Int? {
    // Byte by byte: each statement of a pipeline has a tag, and a part of a text is slow to read.
    var number: Int?
    var isNumber = false
    for byte in description.utf8 {
      if byte == UInt8(ascii: " ") {
        (number, isNumber) = (nil, true)
      } else if isNumber, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
        let (tens, isTooBig) = (number ?? 0).multipliedReportingOverflow(by: 10)
        let (sum, isTooBigStill) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
        isNumber = !isTooBig && !isTooBigStill
        number = isNumber ? sum : nil
      } else {
        (number, isNumber) = (nil, false)
      }
    }
    return number
  }
}

/// The whole result of one statement.
public struct PostgresResult: Sendable {
  /// The columns; none when the statement returns no rows.
  public private(set) var columns: PostgresColumns
  /// What the statement did.
  public internal(set) var tag = PostgresCommandTag("")

  // All rows' bytes are in one run; a row is a stretch of it.
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  init(columns: PostgresColumns) {
    self.columns = columns
  }

  /// The number of rows.
  public var count: Int { ends.count }

  mutating func append(_ body: UnsafeRawBufferPointer) {
    bytes.append(contentsOf: body)
    ends.append(bytes.count)
  }

  /// Takes what has become known of the columns' types.
  mutating func know(_ catalogue: PostgresTypeCatalogue) {
    if catalogue !== columns.catalogue { columns = columns.knowing(catalogue) }
  }

  /// Hands each row to the closure, in order.
  public func forEach(_ body: (borrowing PostgresRow) throws -> Void) throws {
    var row = PostgresRow(columns: columns)
    try bytes.withUnsafeBytes { bytes in
      var start = 0
      for end in ends {
        try ConnectionCore.load(&row, UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        try body(row)
        start = end
      }
    }
  }

  /// All rows as tuples; one that does not fit throws `decoding`.
  public func decode<each T: PostgresDecodable>(
    as type: (repeat each T).Type = (repeat each T).self
  ) throws(PostgresError) -> [(repeat each T)] {
    var rows: [(repeat each T)] = []
    try rethrowingPostgresError {
      try forEach { row in rows.append(try row.decode(as: type)) }
    }
    return rows
  }
}

extension PostgresResult {
  /// All rows as structs, by the columns' names; one that does not fit throws `decoding`.
  @_disfavoredOverload
  public func decode<T: Decodable>(structures type: T.Type) throws(PostgresError) -> [T] {
    var rows: [T] = []
    try rethrowingPostgresError {
      try forEach { row in rows.append(try row.decode(structure: type)) }
    }
    return rows
  }

  /// All rows as structs that read themselves; one that does not fit throws `decoding`.
  public func decode<T: PostgresRowDecodable>(structures type: T.Type) throws(PostgresError) -> [T]
  {
    var rows: [T] = []
    try rethrowingPostgresError {
      try forEach { row in rows.append(try T(row: row)) }
    }
    return rows
  }

  /// All rows as readable texts by the columns' names, nil for NULL, for tools that know no types;
  /// of columns with one name the last.
  public func texts() throws(PostgresError) -> [[String: String?]] {
    var rows: [[String: String?]] = []
    try rethrowingPostgresError { try forEach { row in rows.append(try row.texts()) } }
    return rows
  }
}

/// Runs a closure whose only errors are this driver's.
@usableFromInline
func rethrowingPostgresError<T>(_ body: () throws -> T) throws(PostgresError) -> T {
  do {
    return try body()
  } catch {
    throw PostgresError(anyError: error)
  }
}

extension PostgresError {
  /// The driver's form of an error that came through a closure.
  @usableFromInline
  init(anyError error: any Error) {
    switch error {
    case let error as PostgresError: self = error
    case let error as PostgresDecodingError: self.init(error)
    case let error as PostgresEncodingError: self.init(error)
    case is CancellationError: self.init(.cancelled, "cancelled")
    default: self.init(.decoding, "\(error)")
    }
  }
}
