package import Roost

/// What makes an embedded engine's commits durable. The memory backend has none.
package protocol CommitLog: Sendable {
  /// Queues a commit and returns at once. Nothing comes of it before `flush`.
  ///
  /// `settled` is called exactly once for each commit, in the order of appending: with nil when
  /// the commit and all before it are durable, else with the error. When a commit fails, all that
  /// were queued behind it fail too, and so does whatever is appended later with the same epoch.
  func append(_ commit: Commit, settled: @escaping @Sendable (StoreError?) -> Void)

  /// Sees to it that what is queued is made durable, now or by another thread.
  func flush()

  /// Makes everything queued durable and lets go of the files.
  func close() async
}

/// One transaction's outcome.
package struct Commit: Sendable {
  /// The state that the transaction started from was promised in this epoch; it ends when a
  /// commit fails.
  package var epoch: Int
  /// What the transaction did, in order; empty for one that only read queued state.
  package var effects: [Effect]
  /// What the commit does to the store's migrations, nil when it does nothing to them.
  package var migration: MigrationChange?
  /// The state after the commit.
  package var state: DatabaseState

  /// Whether it changes nothing.
  package var isEmpty: Bool { effects.isEmpty && migration == nil }

  package init(
    epoch: Int, effects: [Effect], migration: MigrationChange?, state: DatabaseState
  ) {
    self.epoch = epoch
    self.effects = effects
    self.migration = migration
    self.state = state
  }
}

/// What a commit does to a store's migrations.
package enum MigrationChange: Sendable {
  /// One was applied or undone.
  case ran(PlannedMigration)
  /// The notes of all that are applied were written anew, with the texts that they name now.
  case noted([StoredMigration])
}

/// A migration that a store has, with the text that its schema is read from.
package struct StoredMigration: Sendable {
  package var record: AppliedMigration
  package var text: String

  package init(_ record: AppliedMigration, text: String) {
    self.record = record
    self.text = text
  }
}
