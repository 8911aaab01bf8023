public import Roost

extension DifferentialRun {
  /// The most times that a smaller run is tried.
  private static let attemptLimit = 400

  /// Fewer operations that still end in a mismatch: what is left when no half, quarter, ... and no
  /// single one can be left out any more.
  /// - Parameters:
  ///   - mismatch: what the run came to.
  ///   - open: opens empty stores, for each attempt.
  /// - Returns: the mismatch of the smallest run found, with its operations.
  public func shrunk(
    _ mismatch: DifferentialMismatch, open: () async throws -> [Store]
  ) async throws -> DifferentialMismatch {
    var writer = OperationWriter(seed: seed)
    let operations = (0..<mismatch.step).map { _ in writer.next() }
    var smallest = mismatch
    smallest.operations = operations.map(\.name)
    var kept = Array(operations.indices)
    var attempts = 0
    var chunk = kept.count / 2
    while chunk > 0 {
      var start = 0
      while start < kept.count, attempts < Self.attemptLimit {
        attempts += 1
        var trial = kept
        trial.removeSubrange(start..<min(start + chunk, trial.count))
        if let found = try await play(trial.map { operations[$0] }, on: try await open()) {
          (kept, smallest) = (trial, found)
        } else {
          start += chunk
        }
      }
      chunk /= 2
    }
    return smallest
  }

  /// Applies operations, and compares all rows at the end.
  private func play(
    _ operations: [RandomOperation], on stores: [Store]
  ) async throws -> DifferentialMismatch? {
    var found: DifferentialMismatch?
    do {
      for (place, operation) in operations.enumerated() {
        try await compare(operation.name, place + 1, stores) { await operation.answer($0) }
      }
      try await compareRows("the end", operations.count, stores)
    } catch let mismatch as DifferentialMismatch {
      found = mismatch
      found?.operations = operations.map(\.name)
    }
    for store in stores { await store.close() }
    return found
  }
}
