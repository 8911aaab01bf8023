public import RoostSystems

/// How much a workload does.
public struct Scale: Sendable {
  /// How many records there are before the clock runs.
  public var records = 10_000
  /// How many operations are timed.
  public var operations = 10_000
  /// How many of them may be under way at once.
  public var workers = 1
  /// For how long a rate is held, in seconds.
  public var seconds = 10
  /// The rate that is held, in operations a second.
  public var perSecond = 1_000
  /// The packages of the workloads over the package graph.
  public var packages: [PackageListing] = []
  /// Asked between operations; true ends the run with `cancelled`.
  public var shouldStop: @Sendable () -> Bool = { false }

  /// What all choices follow from.
  static let seed: UInt64 = 2010

  /// 10,000 operations on 10,000 records by one worker.
  public init() {}
}
