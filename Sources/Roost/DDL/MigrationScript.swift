/// A migration's text as statements and as what they mean to a schema.
package struct MigrationScript: Sendable {
  /// The statements in order, as Postgres executes them.
  package let statements: [SQLStatement]
  /// What the statements mean to embedded backends, in order.
  package let changes: [SchemaChange]
  /// The schema after the script.
  package let schema: Schema
  /// What embedded backends pass over, for people: file, line and statement.
  package let passedOver: [String]
  /// False when the script says `-- roost: no-transaction`.
  package let isTransactional: Bool

  /// Reads a script that is applied onto a schema.
  /// - Throws: `invalidMigration` with file, line and column.
  package init(
    reading text: String, file: String, onto schema: Schema
  ) throws(StoreError) {
    throw StoreError(.unsupported, "\(file): the DDL reader is not written yet")
  }
}
