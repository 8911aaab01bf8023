import PostgresClient
import Roost
import RoostCore

/// Compares the server's columns with those that the migrations declare, so that drift shows when
/// a store is opened and not in the middle of its work.
enum CatalogCheck {
  /// - Throws: `schemaDrift`, naming the first table or column that differs. Columns that only the
  ///   server has are no drift.
  static func run(_ schema: Schema, _ connection: PostgresConnection) async throws(StoreError) {
    let names = schema.tables.keys.sorted()
    let rows = try await storeErrors { () throws(PostgresError) in
      try await connection.query(
        """
        SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
          a.attnotnull
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relname = ANY (\(names)) AND c.relkind IN ('r', 'p') AND a.attnum > 0
          AND NOT a.attisdropped AND pg_table_is_visible(c.oid)
        """, as: (String, String, String, Bool).self)
    }
    var found: [String: [String: (type: String, isNotNull: Bool)]] = [:]
    for (table, column, type, isNotNull) in rows {
      found[table, default: [:]][column] = (type, isNotNull)
    }
    for name in names {
      let table = try schema.table(name)
      guard let columns = found[name] else {
        throw drift("table \"\(name)\" is not there", name)
      }
      for column in table.columns {
        guard let live = columns[column.name] else {
          throw drift("column \"\(name)\".\"\(column.name)\" is not there", name, column.name)
        }
        let wanted = column.type.sql
        guard
          live.type == wanted || live.type.hasSuffix(".\(wanted)")
            || live.type == column.type.quotedSQL
        else {
          throw drift(
            "column \"\(name)\".\"\(column.name)\" is \(live.type), the migrations say \(wanted)",
            name, column.name)
        }
        guard live.isNotNull == !column.isNullable else {
          throw drift(
            "column \"\(name)\".\"\(column.name)\" is \(live.isNotNull ? "NOT NULL" : "nullable"), "
              + "the migrations say otherwise", name, column.name)
        }
      }
    }
  }

  private static func drift(_ what: String, _ table: String, _ column: String? = nil) -> StoreError
  {
    StoreError(
      .schemaDrift, "the database is not as the migrations say: \(what)", table: table,
      column: column)
  }
}
