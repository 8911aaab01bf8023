import RoostCore
import Synchronization

extension Mover {
  /// Compares the stores if it is time to: often until they may change places, and seldom after.
  /// - Returns: whether it did.
  func compareIfDue(_ state: MoveState) async throws(StoreError) -> Bool {
    let isSettled = state.cleanWindows >= options.cleanWindows
    let pause = isSettled ? options.windowPause * 60 : options.windowPause
    let comparedAt = self.state.withLock { $0.comparedAt }
    if let comparedAt, ContinuousClock.now - comparedAt < pause { return false }
    let (differing, digests) = try await compare()
    self.state.withLock { state in
      state.comparedAt = .now
      state.digests = digests
    }
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

  /// The rows that differ, but for those that wait in the journal, and a digest of each table.
  private func compare() async throws(StoreError) -> (Set<RowReference>, [String: String]) {
    var suspects: Set<RowReference> = []
    for node in backend.links.parentsFirst {
      var after: [Value]?
      repeat {
        let (found, last) = try await compare(node, after: after)
        suspects.formUnion(found)
        after = last
      } while after != nil
    }
    return (suspects, [:])
  }

  private func compare(
    _ node: TableLinks.Node, after: [Value]?
  ) async throws(StoreError) -> (Set<RowReference>, last: [Value]?) {
    var query = node.query(nil, limit: options.batch)
    if let after { query.filter = try query.condition(after: after, in: node.definition) }
    let rows = try await backend.from.query(query)
    var found = try await backend.to.rows(rows.map(node.reference))
    let others = try await backend.to.query(query)
    for row in others { found[node.reference(row)] = row }
    var suspects = Set(found.keys)
    for row in rows {
      let reference = node.reference(row)
      if let other = found[reference], node.isSame(row, other) {
        suspects.remove(reference)
      } else {
        suspects.insert(reference)
      }
    }
    return (suspects, rows.last.map { node.reference($0).key })
  }
}
