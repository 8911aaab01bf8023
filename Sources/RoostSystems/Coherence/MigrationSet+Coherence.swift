public import Roost

extension MigrationSet {
  /// The tables of Coherence: the package graph, contributions to it and agents' tasks.
  public static let coherence = MigrationSet(
    system: "coherence", files: .coherence, triggers: [AssetTotalCost()])
}
