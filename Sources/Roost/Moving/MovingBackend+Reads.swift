// Reads of a store that moves: the store that counts answers, or, for a share of them, the other.

extension MovingBackend {
  package func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    if lock != nil {
      return try await one { session throws(StoreError) in
        try await session.get(table, keys: keys, lock: lock)
      }
    }
    let state = state
    guard state.isReadingBoth, keys.count <= TableLinks.batch else {
      return try await backend(state.authority).get(table, keys: keys, lock: nil)
    }
    let references = keys.map { RowReference(table, $0) }
    let node = try links.node(table)
    let elsewhere = references.indices.filter { index in
      state.isReadFromNew(references[index].keyText(node))
        && !pending.contains(references[index])
    }
    guard !elsewhere.isEmpty else {
      let rows = try await from.get(table, keys: keys, lock: nil)
      comparison.compare(Array(zip(references, rows)))
      return rows
    }
    var rows = [[Value]?](repeating: nil, count: keys.count)
    let here = Set(references.indices).subtracting(elsewhere).sorted()
    var answered = elsewhere
    do throws(StoreError) {
      let found = try await to.get(table, keys: elsewhere.map { keys[$0] }, lock: nil)
      for (index, row) in zip(elsewhere, found) { rows[index] = row }
    } catch {
      // The old store still has it all.
      answered = []
    }
    let rest = answered.isEmpty ? Array(references.indices) : here
    if !rest.isEmpty {
      let found = try await from.get(table, keys: rest.map { keys[$0] }, lock: nil)
      for (index, row) in zip(rest, found) { rows[index] = row }
      comparison.compare(Array(zip(rest.map { references[$0] }, found)))
    }
    return rows
  }

  package func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    if query.lock != nil {
      return try await one { session throws(StoreError) in try await session.query(query) }
    }
    return try await reading(query.table, query.filter) { backend throws(StoreError) in
      try await backend.query(query)
    }
  }

  package func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try await reading(query.table, query.filter) { backend throws(StoreError) in
      try await backend.aggregate(query)
    }
  }

  /// Reads rows of one table, from the new store when all that this process has written is there.
  private func reading<Result>(
    _ table: String, _ filter: Expression?,
    _ read: (any StorageBackend) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    let state = state
    if state.isReadingBoth, state.isReadFromNew("\(table) \(filter.map { "\($0)" } ?? "")"),
      !pending.containsAny(of: table)
    {
      do throws(StoreError) {
        return try await read(to)
      } catch {
        guard error.code == .unavailable else { throw error }
      }
    }
    return try await read(backend(state.authority))
  }

  package func explain(_ query: Query) async throws(StoreError) -> String {
    try await authority.explain(query)
  }

  package func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    try await authority.scan(query, batchSize: batchSize, body)
  }
}

extension MoveState {
  /// Whether the new store is asked, too, although it does not count yet.
  fileprivate var isReadingBoth: Bool { stage == .shadow || stage == .percentage }

  /// Whether what a text names is read from the new store: always the same answer for the same
  /// text and share, and a greater share only adds to it. FNV-1a, 64 bits.
  fileprivate func isReadFromNew(_ text: String) -> Bool {
    guard stage == .percentage else { return false }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    // The low bits alone would follow the text's last byte.
    return (hash ^ (hash >> 32)) % 10_000 < UInt64(readPercent) * 100
  }
}
