import PostgresWire
import RoostCore

extension ConnectionCore {
  private var database: TypeCache.Database {
    TypeCache.Database(
      host: server?.host ?? PostgresConfiguration.Host(""), name: configuration.database)
  }

  /// What has to be known to read these columns; asks the server for what is not, and for what that
  /// is made of, once for each level.
  ///
  /// It is called where a statement is parsed, never between rows.
  func catalogue(
    for columns: some Sequence<PostgresColumns>, until deadline: Deadline
  ) async throws(PostgresError) -> PostgresTypeCatalogue {
    var missing: Set<PostgresType> = []
    for columns in columns { missing.formUnion(columns.unknownTypes(.builtIn)) }
    if missing.isEmpty { return .builtIn }
    let known = configuration.types.catalogue(of: database)
    missing = known.missing(missing)
    if missing.isEmpty { return known }
    var found: [PostgresType: PostgresTypeInfo] = [:]
    // A chain of more types than that is not read anyway, and need not have an end.
    for _ in 0..<PostgresTypeCatalogue.depth where !missing.isEmpty {
      let more = try await lookUp(missing, until: deadline)
      found.merge(more) { $1 }
      missing = known.missing(more.values.lazy.flatMap(\.parts)).subtracting(found.keys)
    }
    return configuration.types.add(found, to: database)
  }

  /// What is known of the types of these columns without asking, and whether that is all.
  func knownCatalogue(
    for columns: PostgresColumns
  ) -> (catalogue: PostgresTypeCatalogue, isComplete: Bool) {
    if columns.unknownTypes(.builtIn).isEmpty { return (.builtIn, true) }
    let known = configuration.types.catalogue(of: database)
    return (known, columns.unknownTypes(known).isEmpty)
  }

  /// Forgets what is known of the database's types, and the statements whose columns knew it.
  func forgetTypes() {
    configuration.types.forget(database)
    statements.removeAll()
  }

  /// The statement is closed with the exchange; its name is free even where one before was cut off.
  private static let statementName = "roost_types"

  /// The types asked for. Source: the manual's chapters on `pg_type`, `pg_attribute` and
  /// `pg_range`.
  ///
  /// What they are made of is asked for next. One query that follows the parts by itself looks so
  /// dear to a server with JIT that it compiles it first, for a tenth of a second.
  ///
  /// `to_jsonb` is there because servers before 14 do not have the column.
  private static let sql = """
    SELECT t.oid, pg_catalog.format_type(t.oid, NULL),
      CASE
        WHEN t.typinput = 'pg_catalog.array_in'::regproc THEN 'array'
        WHEN t.typtype = 'd' THEN 'domain'
        WHEN t.typtype = 'e' THEN 'enumeration'
        WHEN t.typtype = 'c' THEN 'composite'
        WHEN t.typtype = 'r' THEN 'range'
        WHEN t.typtype = 'm' THEN 'multirange'
        WHEN t.typname = 'citext' AND t.typcategory = 'S' THEN 'citext'
        WHEN t.typname = 'hstore' AND EXISTS (
          SELECT FROM pg_catalog.pg_proc p WHERE p.oid = t.typsend AND p.proname = 'hstore_send'
        ) THEN 'hstore'
        ELSE 'unknown'
      END,
      CASE
        WHEN t.typinput = 'pg_catalog.array_in'::regproc THEN t.typelem
        WHEN t.typtype = 'd' THEN t.typbasetype
        ELSE coalesce(
          (SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid),
          (SELECT r.rngtypid FROM pg_catalog.pg_range r
            WHERE (to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid),
          0::oid)
      END,
      t.typdelim,
      ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c'
        AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum),
      ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE t.typtype = 'c'
        AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
    FROM pg_catalog.pg_type t WHERE t.oid = ANY ($1::oid[])
    """

  private static let columns = PostgresColumns([
    PostgresColumn(name: "oid", type: .oid), PostgresColumn(name: "name", type: .text),
    PostgresColumn(name: "kind", type: .text), PostgresColumn(name: "part", type: .oid),
    PostgresColumn(name: "delimiter", type: .char),
    PostgresColumn(name: "fields", type: PostgresType(1009)),
    PostgresColumn(name: "types", type: PostgresType(1028)),
  ])

  private func lookUp(
    _ wanted: Set<PostgresType>, until deadline: Deadline
  ) async throws(PostgresError) -> [PostgresType: PostgresTypeInfo] {
    var parameters = PostgresParameters()
    do throws(PostgresEncodingError) {
      try parameters.append(wanted.map(\.rawValue))
    } catch {
      throw PostgresError(error)
    }
    let name = Self.statementName
    try wire.write { (session, output) throws(WireError) in
      try session.close(statement: name, output: &output)
      try session.parse(name: name, sql: Self.sql, types: parameters.types, output: &output)
      try session.bind(
        statement: name, parameters: parameters, columns: Self.columns, output: &output)
      try session.execute(output: &output)
      try session.close(statement: name, output: &output)
      try session.sync(output: &output)
    }
    let wasIdle = transactionStatus == .idle
    var found: [PostgresType: PostgresTypeInfo] = [:]
    var failure: PostgresServerMessage?
    var row = PostgresRow(columns: Self.columns)
    try await exchange(until: deadline) { body throws(PostgresError) in
      try Self.load(&row, body)
      do throws(PostgresDecodingError) {
        let (type, info) = try Self.info(row)
        found[type] = info
      } catch {
        throw PostgresError(error)
      }
    } _: { event in
      switch event {
      case .failed(let message):
        failure = message
        return message.endsSession
      case .ready: return true
      default: return false
      }
    }
    // A server that is no Postgres may not have the catalogues: its types then come as text. Within
    // a transaction, which has failed with it, the reason is worth more.
    if let failure, failure.endsSession || !wasIdle { throw refused(failure) }
    for type in wanted where found[type] == nil {
      found[type] = PostgresTypeInfo(name: type.description, kind: .unknown)
    }
    return found
  }

  private static func info(
    _ row: borrowing PostgresRow
  ) throws(PostgresDecodingError) -> (PostgresType, PostgresTypeInfo) {
    let (oid, name, kindName, partOID, delimiter, fields, types) = try row.decode(
      as: (UInt32, String, String, UInt32, PostgresChar, [String], [UInt32]).self)
    let part = PostgresType(partOID)
    let kind: PostgresTypeInfo.Kind =
      switch kindName {
      case "array": .array(part, delimiter: delimiter.byte)
      case "domain": .domain(part)
      case "enumeration": .enumeration
      case "composite":
        .composite(
          zip(fields, types).map { PostgresTypeInfo.Field(name: $0, type: PostgresType($1)) })
      case "range": .range(part)
      case "multirange": .multirange(part)
      case "citext": .citext
      case "hstore": .hstore
      default: .unknown
      }
    return (PostgresType(oid), PostgresTypeInfo(name: name, kind: kind))
  }
}
