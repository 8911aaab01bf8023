import RoostCore

/// A part of a table by its primary keys; without bounds the whole table.
public struct KeyRange: Sendable, Equatable {
  /// Rows have keys behind this one, which are its values in the key's column order; nil from the
  /// first row on.
  public var after: [Value]?
  /// Rows have keys up to this one, itself included; nil to the last row.
  public var through: [Value]?

  /// Makes a range.
  public init(after: [Value]? = nil, through: [Value]? = nil) {
    self.after = after
    self.through = through
  }

  /// Asks for the rows of the range in the order of their keys.
  /// - Parameters:
  ///   - table: the table; its columns are wanted, in its order.
  ///   - limit: the most rows wanted.
  public func query(_ table: TableDefinition, limit: Int) -> Query {
    let keys = table.primaryKey.columns
    var bounds: [Expression] = []
    if let after { bounds.append(Self.bound(keys, after, .greater, .greaterOrEqual)) }
    if let through { bounds.append(Self.bound(keys, through, .less, .lessOrEqual)) }
    return Query(
      table: table.name, filter: bounds.isEmpty ? nil : .and(bounds),
      order: keys.map { OrderTerm(.column($0)) }, limit: limit,
      columns: table.columns.map(\.name))
  }

  /// The condition that a key is beyond another: by its first column, or that is equal and by the
  /// second, and so on. A bound that includes its key has the last column equal, too.
  private static func bound(
    _ columns: [String], _ key: [Value], _ beyond: Expression.Comparison,
    _ atLeast: Expression.Comparison
  ) -> Expression {
    var alternatives: [Expression] = []
    var equal: [Expression] = []
    for (place, (column, value)) in zip(columns, key).enumerated() {
      let includes = beyond == .less && place == columns.count - 1
      alternatives.append(
        .and(
          equal + [.comparison(includes ? atLeast : beyond, .column(column), .literal(value))]))
      equal.append(.comparison(.equal, .column(column), .literal(value)))
    }
    guard columns.count > 1, let column = columns.first, let value = key.first else {
      return alternatives.first ?? .and([])
    }
    // Implied by the rest, and what lets an index start at the key instead of the beginning.
    return .and([.comparison(atLeast, .column(column), .literal(value)), .or(alternatives)])
  }
}

/// What some rows come to: stores that have exactly the same rows give the same digest, and others
/// give another one but for one case in 2^128.
///
/// It is a sum over the rows, so that the digest of a table is the sum of those of its parts.
public struct RangeDigest: Sendable {
  /// How many rows there are.
  public private(set) var count = 0
  /// The sums modulo 2^64 of the first and the second eight bytes of the rows' SHA-256.
  private var sums: (first: UInt64, second: UInt64) = (0, 0)
  /// The greatest primary key; nil when there is no row.
  public private(set) var last: [Value]?

  /// No rows.
  public init() {}

  /// What a backend has summed up by itself.
  /// - Parameters:
  ///   - count: how many rows there are.
  ///   - first: the sum modulo 2^64 of the first eight bytes, big-endian, of each row's SHA-256.
  ///   - second: the same of the next eight.
  ///   - last: the greatest primary key; nil when there is no row.
  public init(count: Int, first: UInt64, second: UInt64, last: [Value]?) {
    self.count = count
    sums = (first, second)
    self.last = last
  }

  /// Adds rows, which come in the order of their keys.
  /// - Parameters:
  ///   - rows: the rows, with a value for each column.
  ///   - table: the table, whose columns are those of the rows.
  /// - Throws: `undefinedColumn` when the table lacks a column of its key.
  public mutating func add(
    _ rows: some Sequence<[Value]>, of table: TableDefinition
  ) throws(StoreError) {
    let form = RowBytes(table.columns)
    let keys = try table.requirePositions(of: table.primaryKey.columns)
    var bytes: [UInt8] = []
    for row in rows {
      bytes.removeAll(keepingCapacity: true)
      form.append(row, to: &bytes)
      let hash = SHA256.hash(bytes)
      sums.first &+= Self.number(hash[0..<8])
      sums.second &+= Self.number(hash[8..<16])
      count += 1
      last = keys.map { row[$0] }
    }
  }

  /// Adds the rows of the part that comes behind this one.
  public mutating func add(_ next: RangeDigest) {
    count += next.count
    sums.first &+= next.sums.first
    sums.second &+= next.sums.second
    last = next.last ?? last
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Whether both are of exactly the same rows.
  public func hasSameRows(as other: RangeDigest) -> Bool {
    count == other.count && sums == other.sums
  }

  /// The sums in hexadecimal, 32 digits; the count is not in them.
  public var text: String { Self.hexadecimal(sums.first) + Self.hexadecimal(sums.second) }

  private static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension StorageSession {
  /// Reads the rows and sums them up. A backend that can do without moving rows has its own.
  public func digest(
    _ table: TableDefinition, in range: KeyRange, limit: Int
  ) async throws(StoreError) -> RangeDigest {
    var digest = RangeDigest()
    try digest.add(try await query(range.query(table, limit: limit)), of: table)
    return digest
  }
}
