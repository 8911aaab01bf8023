package import Roost
import RoostCore

/// The counterparts in Swift of triggers, by table and trigger.
package struct TriggerFunctions: Sendable {
  private let functions: [String: [String: any TriggerFunction]]

  /// - Throws: `invalidConfiguration` when two are for the same trigger.
  package init(_ list: [any TriggerFunction]) throws(StoreError) {
    var functions: [String: [String: any TriggerFunction]] = [:]
    for function in list {
      guard functions[function.table]?[function.name] == nil else {
        throw StoreError(
          .invalidConfiguration,
          "trigger \"\(function.name)\" on \"\(function.table)\" has two counterparts",
          table: function.table)
      }
      functions[function.table, default: [:]][function.name] = function
    }
    self.functions = functions
  }

  /// No counterparts.
  package static let none = TriggerFunctions()

  private init() {
    functions = [:]
  }

  /// The counterpart of a table's trigger.
  /// - Throws: `unsupported` when there is none, or when the trigger runs before its row is
  ///   written: rows that are right on Postgres alone are not stored.
  func function(
    for trigger: TriggerDefinition, on table: String
  ) throws(StoreError) -> any TriggerFunction {
    if let function = functions[table]?[trigger.name], !trigger.isBefore { return function }
    let reason =
      trigger.isBefore
      ? "runs BEFORE its row is written, which only Postgres does"
      : "has no counterpart in Swift among the migrations of this program"
    throw StoreError(
      .unsupported,
      "the trigger \"\(trigger.name)\" on \"\(table)\" \(reason); write "
        + "\"-- roost: only postgres\" before it if rows are right without it", table: table)
  }
}

/// A row before and after a statement.
struct RowChange {
  /// The row as it was; nil when it is new.
  var old: [Value]?
  /// The row as it is now; nil when it is gone.
  var new: [Value]?
}

extension Workspace: RowSession {
  package func get(_ table: String, key: [Value]) throws(StoreError) -> [Value]? {
    try state.get(table, keys: [key])[0]
  }

  package func query(_ query: Query) throws(StoreError) -> [[Value]] {
    try state.answer(query)
  }

  /// How deep triggers may set off triggers. Postgres stops at its stack's limit; here the stack
  /// is that of a Swift task, which is small.
  private static let depthLimit = 32

  /// Runs the triggers of a table for the rows that a statement has written: row by row, those of
  /// one row by name, as Postgres does.
  mutating func fire(
    _ changes: @autoclosure () -> [RowChange], of table: Int
  ) throws(StoreError) {
    let plan = state.catalog.tables[table]
    if plan.triggers.isEmpty { return }
    let name = plan.definition.name
    guard depth < Self.depthLimit else {
      throw StoreError(
        .internal, "triggers have set off each other \(depth) times, at last on \"\(name)\"",
        table: name)
    }
    depth += 1
    defer { depth -= 1 }
    for change in changes() {
      let event: TriggerDefinition.Event =
        change.old == nil ? .insert : change.new == nil ? .delete : .update
      let firing = TriggerFiring(
        event, old: change.old.map { Row($0, plan.layout) },
        new: change.new.map { Row($0, plan.layout) })
      for trigger in plan.triggers where trigger.events.contains(event) {
        try functions.function(for: trigger, on: name).fire(firing, in: &self)
      }
    }
  }
}
