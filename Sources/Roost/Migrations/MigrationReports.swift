public import RoostCore

/// One migration as the program and the store know it.
public struct MigrationStatus: Sendable, Equatable {
  /// How a migration stands.
  public enum State: String, Sendable, CaseIterable {
    /// The store has it in the program's text.
    case applied
    /// The store has it not.
    case pending
    /// The store has it in another text.
    case edited
    /// The store has it, and the program does not know it.
    case missing
    /// The store has it not, though it has a greater version.
    case outOfOrder
  }

  /// The system.
  public var system: String
  /// The version.
  public var version: Int
  /// The words of its name.
  public var name: String
  /// Its file behind the system's name; made up from version and name for one that is missing.
  public var file: String
  /// How it stands.
  public var state: State
  /// When it was applied; nil when the store has it not.
  public var appliedAt: Timestamp?
  /// Whether there is a script that undoes it.
  public var canUndo: Bool

  init(_ migration: Migration, _ state: State, appliedAt: Timestamp?, canUndo: Bool) {
    system = migration.system
    version = migration.version
    name = migration.name
    file = migration.file
    self.state = state
    self.appliedAt = appliedAt
    self.canUndo = canUndo
  }
}

/// How a store and its migrations stand.
public struct MigrationOverview: Sendable {
  /// The migrations of the systems asked for, system by system, by version.
  public var migrations: [MigrationStatus]
  /// The indexes that a failed CREATE INDEX CONCURRENTLY has left.
  public var invalidIndexes: [SchemaDrift]
  /// What embedded backends pass over in the migrations, for people: file, line and statement.
  /// Empty on Postgres.
  public var passedOver: [String]
}

/// A migration that ran, or would run.
public struct MigrationRun: Sendable {
  /// The file: a migration's, or that of the script which undoes it.
  public var file: String
  /// Whether it was applied or undone.
  public var direction: PlannedMigration.Direction
  /// The statements in order, as Postgres runs them.
  public var statements: [SQLStatement]
  /// What embedded backends pass over in it. Empty on Postgres.
  public var passedOver: [String]

  init(_ planned: PlannedMigration, isEmbedded: Bool) {
    file = planned.file
    direction = planned.direction
    statements = planned.statements
    passedOver = isEmbedded ? planned.passedOver : []
  }

  /// The statements as a script, each with its directives.
  public var sql: String {
    statements.map { statement in
      var lines: [String] = []
      if statement.isOnlyPostgres { lines.append("-- roost: only postgres") }
      if let name = statement.requiredExtension { lines.append("-- roost: requires \(name)") }
      if statement.isStep { lines.append("-- roost: step") }
      return (lines + [statement.text + ";"]).joined(separator: "\n")
    }.joined(separator: "\n")
  }
}

/// What a comparison of a store with its migrations found.
public struct MigrationVerification: Sendable {
  /// The migrations that the store has not, or not in the program's text.
  public var migrations: [MigrationStatus]
  /// In what the store is not as the migrations say.
  public var drifts: [SchemaDrift]
  /// What works today and may surprise, for people: text that Postgres would order by a locale.
  public var warnings: [String]

  /// Whether the store is as all the migrations say.
  public var isClean: Bool { migrations.isEmpty && drifts.isEmpty }
}

/// What a repair changed in the notes of a store.
public struct MigrationRepair: Sendable, Equatable {
  /// The files whose present text is noted now.
  public var accepted: [String]
  /// The migrations that are not noted any more.
  public var forgotten: [String]

  /// Makes a report.
  public init(accepted: [String], forgotten: [String]) {
    self.accepted = accepted
    self.forgotten = forgotten
  }
}
