/// A migration's text as statements and as what they mean to a schema.
package struct MigrationScript: Sendable {
  /// The statements in order, as Postgres executes them.
  package let statements: [SQLStatement]
  /// What the statements mean to embedded backends, in order.
  package let changes: [SchemaChange]
  /// The place in `statements` of the statement that each change comes from.
  package let changeStatements: [Int]
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
    var changeStatements: [Int] = []
    for (place, statement) in splitter.statements.enumerated() {
      try reader.read(statement, isTransactional: splitter.isTransactional)
      while changeStatements.count < reader.changes.count { changeStatements.append(place) }
    }
    self.changeStatements = changeStatements
    statements = splitter.statements.map(\.statement)
    changes = reader.changes
    self.schema = reader.schema
    passedOver = reader.passedOver
    isTransactional = splitter.isTransactional
  }
}
