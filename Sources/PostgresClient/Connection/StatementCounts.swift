import Synchronization

/// How often the connections of a pool found a statement prepared, and how often not.
final class StatementCounts: Sendable {
  private let found = Atomic(0)
  private let parsed = Atomic(0)

  @inline(__always)
  func countFound() { found.wrappingAdd(1, ordering: .relaxed) }

  func countParsed() { parsed.wrappingAdd(1, ordering: .relaxed) }

  /// The counts so far.
  var values: (found: Int, parsed: Int) {
    (found.load(ordering: .relaxed), parsed.load(ordering: .relaxed))
  }
}
