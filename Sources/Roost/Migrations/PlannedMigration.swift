/// A migration, or the script that undoes it, read and checked against the schema before it.
public struct PlannedMigration: Sendable {
  /// Which way a migration goes.
  public enum Direction: String, Sendable {
    /// It is applied.
    case up
    /// It is undone.
    case down
  }

  /// The migration.
  public var migration: Migration
  /// Whether it is applied or undone.
  public var direction: Direction
  /// The note that applying it leaves, or that undoing it removes.
  public var record: AppliedMigration
  /// The statements that Postgres executes, in order.
  public var statements: [SQLStatement]
  /// What the statements mean to embedded backends, in order.
  public var changes: [SchemaChange]
  /// The place in `statements` of the statement that each change comes from.
  public var changeStatements: [Int]
  /// The schema after it.
  public var schema: Schema
  /// Whether the statements run in one transaction with the note; false for
  /// `-- roost: no-transaction`.
  public var isTransactional: Bool
  /// What embedded backends pass over, for people: file, line and statement.
  public var passedOver: [String]
  /// What embedded backends run in the place of the statement marked `-- roost: step`.
  public var step: (any MigrationStep)?

  /// The file that its statements stand in.
  public var file: String { direction == .up ? migration.file : migration.downFile }
}

extension PlannedMigration {
  /// Reads a migration onto the schema before it.
  /// - Throws: `invalidMigration`, naming file, line and column.
  package init(
    _ migration: Migration, _ record: AppliedMigration, step: (any MigrationStep)? = nil,
    onto schema: Schema
  ) throws(StoreError) {
    let script = try MigrationScript(reading: migration.text, file: migration.file, onto: schema)
    self.init(migration, .up, record, script, step)
  }

  /// Reads a migration that a store kept, onto the schema before it.
  /// - Throws: `invalidMigration` when the text cannot be read by this program.
  package init(_ record: AppliedMigration, text: String, onto schema: Schema) throws(StoreError) {
    try self.init(Migration(record, text: text), record, onto: schema)
  }

  /// Reads the script that undoes a migration. Where it leaves columns or constraints in another
  /// order than before the migration, embedded backends put them back in order.
  /// - Parameters:
  ///   - schema: the schema with the migration.
  ///   - expected: the schema as it would be without the migration.
  /// - Throws: `invalidMigration` when there is no script, when it cannot be read, or when it
  ///   leaves another schema than the one expected.
  package init(
    undoing migration: Migration, _ record: AppliedMigration, onto schema: Schema,
    leaving expected: Schema
  ) throws(StoreError) {
    guard let text = migration.down else {
      throw StoreError(
        .invalidMigration, "\(migration.file) cannot be undone: there is no \(migration.downFile)")
    }
    let script = try MigrationScript(reading: text, file: migration.downFile, onto: schema)
    if let step = script.statements.first(where: \.isStep) {
      throw StoreError(
        .invalidMigration,
        "\(step.file):\(step.line):\(step.column): a step has no meaning on the way down; write "
          + "\"-- roost: only postgres\"")
    }
    guard let ordering = script.schema.reordering(to: expected) else {
      let drift = SchemaComparison.drifts(expected: expected, found: script.schema).first
      throw StoreError(
        .invalidMigration,
        "\(migration.downFile) does not undo \(migration.file): "
          + (drift.map { "\($0)" } ?? "a table or type is left over"))
    }
    self.init(migration, .down, record, script, nil)
    changes += ordering
    changeStatements += ordering.map { _ in max(0, statements.count - 1) }
    self.schema = expected
  }

  private init(
    _ migration: Migration, _ direction: Direction, _ record: AppliedMigration,
    _ script: MigrationScript, _ step: (any MigrationStep)?
  ) {
    self.init(
      migration: migration, direction: direction, record: record, statements: script.statements,
      changes: script.changes, changeStatements: script.changeStatements, schema: script.schema,
      isTransactional: script.isTransactional, passedOver: script.passedOver, step: step)
  }
}

extension Migration {
  /// A migration as a store kept it.
  package init(_ record: AppliedMigration, text: String, down: String? = nil) {
    let digits = String(record.version)
    let number = String(repeating: "0", count: max(0, 3 - digits.count)) + digits
    self.init(
      system: record.system, version: record.version, name: record.name,
      file: "\(record.system)/V\(number)__\(record.name).sql", text: text, down: down)
  }
}
