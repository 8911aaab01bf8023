import RoostCore
import Synchronization

extension Mover {
  /// How many rows of a table that differ are carried again at a time.
  private static let repairLimit = 10_000

  /// Compares the stores if it is time to: often until they may change places, and seldom after.
  /// - Returns: whether it did.
  func compareIfDue(_ state: MoveState) async throws(StoreError) -> Bool {
    let isSettled = state.cleanWindows >= options.cleanWindows
    let pause = isSettled ? options.windowPause * 60 : options.windowPause
    let comparedAt = self.state.withLock { $0.comparedAt }
    if let comparedAt, ContinuousClock.now - comparedAt < pause { return false }
    let differing = try await compare()
    self.state.withLock { $0.comparedAt = .now }
    if differing.isEmpty {
      if !isSettled { try await change { $0.cleanWindows += 1 } }
      return true
    }
    log(LogLine(.warning, "\(differing.count) rows differ between the stores: carried again"))
    try await change { $0.cleanWindows = 0 }
    let journal = backend.journal
    _ = try await backend.backend(state.authority).writing { session throws(StoreError) in
      try await journal.note(differing, in: session, at: .now())
    }
    return true
  }

  /// The rows that still differ when they were read again and nothing waits in the journal.
  private func compare() async throws(StoreError) -> Set<RowReference> {
    var found = StoreVerifier.Options()
    found.listed = Self.repairLimit
    found.pause = options.recheckPause
    let report = try await StoreVerifier(
      from: backend.from, to: backend.to, schema: backend.schema, found
    ).verify()
    var differing: Set<RowReference> = []
    for table in report.tables {
      let definition = try backend.links.node(table.name).definition
      for kind in VerificationReport.Kind.allCases {
        for key in table[kind].keys {
          differing.insert(try RowReference(definition, keyText: key.description))
        }
      }
    }
    let journal = backend.journal
    let waiting = try await journal.versions(
      of: differing, in: backend.backend(backend.state.authority))
    return differing.filter { waiting[$0] == nil }
  }
}
