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
    let splitter = try SQLSplitter(text, file: file)
    var reader = DDLReader(schema, file: file)
    for statement in splitter.statements {
      try reader.read(statement, isTransactional: splitter.isTransactional)
    }
    statements = splitter.statements.map(\.statement)
    changes = reader.changes
    self.schema = reader.schema
    passedOver = reader.passedOver
    isTransactional = splitter.isTransactional
  }
}
