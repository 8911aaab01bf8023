import PostgresClient
import Roost
import RoostCore

extension ConnectionSession {
  /// What rows come to, summed up by the server; rows travel only where a column has a type whose
  /// exact bytes SQL cannot give.
  func digest(
    _ table: TableDefinition, in range: KeyRange, limit: Int
  ) async throws(StoreError) -> RangeDigest {
    let columns = table.columns.map(\.sqlBytes)
    guard columns.allSatisfy({ $0 != nil }) else {
      var digest = RangeDigest()
      try digest.add(try await query(range.query(table, limit: limit)), of: table)
      return digest
    }
    let keys = try table.requirePositions(of: table.primaryKey.columns)
      .map { table.columns[$0].type }
    let statement = try Statements.digest(
      columns.compactMap { $0 }, range.query(table, limit: limit), table)
    let answer = try await rows(
      statement, RowReader(types: [.bigint, .unlimitedNumeric, .unlimitedNumeric] + keys))
    guard let row = answer.first, let count = Int(value: row[0]),
      let first = row[1].moduloWord, let second = row[2].moduloWord
    else { throw StoreError(.internal, "the server gave no digest", table: table.name) }
    return RangeDigest(
      count: count, first: first, second: second, last: count == 0 ? nil : Array(row[3...]))
  }

  /// The server's start, to the microsecond, and what is the database and the schema there: the
  /// same by whatever address it is reached.
  func identity() async throws(StoreError) -> String? {
    let answer = try await rows(
      """
      SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), oid,
        quote_ident(current_schema())) FROM pg_database WHERE datname = current_database()
      """, .init(), RowReader(types: [.text]))
    return answer.first.flatMap { String(value: $0[0]) }
  }
}

extension Statements {
  /// Sums up the hashes of the rows that a query is for.
  /// - Parameter columns: the columns' values in SQL, as a row's bytes have them.
  fileprivate static func digest(
    _ columns: [String], _ query: Query, _ table: TableDefinition
  ) throws(StoreError) -> SQLWriter {
    var sql = SQLWriter(table)
    let keys = table.primaryKey.columns.map { PostgresQuery.quote(identifier: $0) }
      .joined(separator: ", ")
    sql.add("WITH hashed AS (SELECT \(keys), sha256(record_send(ROW(")
    sql.add(columns.joined(separator: ", "))
    sql.add("))) AS \"the row's hash\" FROM ")
    sql.add(identifier: table.name)
    try sql.addFilter(query.filter)
    try sql.addOrder(query.order)
    sql.add(" LIMIT ")
    try sql.add(.int(Int64(query.limit ?? Int.max)), as: .bigint)
    sql.add("), last AS (SELECT \(keys) FROM hashed")
    try sql.addOrder(query.order.map { OrderTerm($0.expression, isDescending: true) })
    sql.add(" LIMIT 1), sums AS (SELECT count(*) AS \"the row count\"")
    for start in [1, 9] {
      sql.add(
        ", coalesce(sum(('x' || encode(substr(\"the row's hash\", \(start), 8), 'hex'))"
          + "::bit(64)::bigint), 0) AS \"the sum from \(start)\"")
    }
    sql.add(" FROM hashed) SELECT sums.*, last.* FROM sums LEFT JOIN last ON true")
    return sql
  }
}

extension ColumnDefinition {
  /// The column as an SQL expression with the type and the bytes that `RowBytes` gives its values;
  /// nil where SQL cannot give them.
  fileprivate var sqlBytes: String? {
    let name = PostgresQuery.quote(identifier: name)
    switch type {
    case .real, .double:
      // A NaN may have other bits in each place it comes from.
      return "CASE WHEN \(name) = 'NaN' THEN decode('7ff8000000000000', 'hex') "
        + "ELSE float8send(\(name)::double precision) END"
    case .array(.real), .array(.double), .array(.array): return nil
    case .array(let element): return element.cast(name, suffix: "[]")
    default: return type.cast(name, suffix: "")
    }
  }
}

extension ColumnType {
  /// A cast to the type that stands for this one in a row's bytes.
  fileprivate func cast(_ name: String, suffix: String) -> String {
    switch self {
    case .smallint, .integer, .bigint: "\(name)::bigint\(suffix)"
    case .numeric, .unlimitedNumeric, .text, .varchar, .json, .enumeration:
      "\(name)::text\(suffix)"
    default: name
    }
  }
}

extension Value {
  /// A whole number modulo 2^64; nil when this is none.
  fileprivate var moduloWord: UInt64? {
    guard case .numeric(let number) = self, let whole = Int128(number.description) else {
      return nil
    }
    return UInt64(truncatingIfNeeded: whole)
  }
}
