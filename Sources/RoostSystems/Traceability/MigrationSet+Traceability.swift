public import Roost

extension MigrationSet {
  /// The tables of the traceability of farm produce: items, circuits, users and the engines beside
  /// them.
  public static let traceability = MigrationSet(
    system: "traceability", files: .traceability, triggers: [StorageHistoryGuard()])
}
