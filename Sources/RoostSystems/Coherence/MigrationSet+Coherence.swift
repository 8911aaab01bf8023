public import Roost

extension MigrationSet {
  /// The tables of the package graph.
  public static let coherence = MigrationSet(system: "coherence", files: .coherence)
}
