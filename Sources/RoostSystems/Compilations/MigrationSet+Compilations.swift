public import Roost

extension MigrationSet {
  /// The tables of an API compiler.
  public static let compilations = MigrationSet(system: "compilations", files: .compilations)
}
