public import RoostCore

/// What Swift code may do to rows from inside an embedded backend: in a trigger, or in a step of a
/// migration. All of it is part of the statement or migration that runs the code.
public protocol RowSession {
  /// The transaction's time.
  var now: Timestamp { get }

  /// The row with a primary key, the key in its column order; nil when there is none.
  /// - Throws: `undefinedTable`, `invalidQuery`.
  func get(_ table: String, key: [Value]) throws(StoreError) -> [Value]?

  /// The rows that a query asks for.
  /// - Throws: `undefinedTable`, `undefinedColumn`, `invalidQuery`.
  func query(_ query: Query) throws(StoreError) -> [[Value]]

  /// Makes a change, whose own constraints, cascades and triggers run as those of any statement.
  /// - Throws: the violations that a statement meets.
  @discardableResult
  mutating func apply(_ mutation: Mutation) throws(StoreError) -> MutationResult
}

/// The counterpart in Swift of a trigger that a migration declares in SQL: Postgres runs the SQL,
/// the embedded backends run this, and both must leave the same rows.
///
/// A set of migrations carries its counterparts. Without one an embedded backend refuses the
/// migration, and a write to the table. Only `AFTER ... FOR EACH ROW` triggers can have one.
public protocol TriggerFunction: Sendable {
  /// The table that the trigger is on.
  var table: String { get }
  /// The trigger's name.
  var name: String { get }

  /// Runs for one row, after the statement has written all of its rows and its foreign keys hold.
  /// - Throws: whatever should make the statement fail.
  func fire<Session: RowSession>(
    _ firing: TriggerFiring, in session: inout Session
  ) throws(StoreError)
}

/// What a trigger fires for.
public struct TriggerFiring: Sendable {
  /// What happened to the row.
  public let event: TriggerDefinition.Event
  /// The row as it was; nil for an insert.
  public let old: Row?
  /// The row as it is now; nil for a delete.
  public let new: Row?

  package init(_ event: TriggerDefinition.Event, old: Row?, new: Row?) {
    self.event = event
    self.old = old
    self.new = new
  }
}
