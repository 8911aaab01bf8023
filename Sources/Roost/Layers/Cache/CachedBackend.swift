import Synchronization

/// A backend with a cache before it.
final class CachedBackend: ForwardingBackend {
  /// Where stores with a cache tell each other what they have changed.
  static let channel = "roost_cache"
  /// How long to wait before trying again to listen.
  private static let pause = Duration.seconds(1)

  let backend: any StorageBackend
  let layer: CacheLayer
  private let reach: ChangeReach
  /// The tables whose rows are kept.
  private let tables: Set<String>
  private let announcing: (any AnnouncingBackend)?
  private let listening: Task<Void, Never>?

  init(_ backend: any StorageBackend, _ layer: CacheLayer, _ context: LayerContext) {
    self.backend = backend
    self.layer = layer
    reach = ChangeReach(context.schema)
    tables = Set(
      context.schema.tables.values.filter { table in
        RowDigest.fits(table) && layer.tables?.contains(table.name) ?? true
      }.map(\.name))
    layer.state.withLock { [tables] in $0.tables = tables }
    announcing = backend.innermost as? any AnnouncingBackend
    if let announcing {
      listening = Task { await Self.listen(to: announcing, layer, context.log) }
    } else {
      listening = nil
      layer.state.withLock { $0.restart(isOn: true) }
    }
  }

  deinit {
    listening?.cancel()
  }

  /// Hears of the changes of other stores, as long as the task is not cancelled.
  private static func listen(
    to backend: any AnnouncingBackend, _ layer: CacheLayer, _ log: @Sendable (LogLine) -> Void
  ) async {
    var isSaid = false
    while !Task.isCancelled {
      do throws(StoreError) {
        try await backend.listen(to: channel) { announcement in
          layer.state.withLock { state in
            switch announcement {
            case .gap: state.restart(isOn: true)
            case .text(let text): state.invalidate(Invalidation(text) ?? .everything)
            }
          }
        }
      } catch {
        if !isSaid, !Task.isCancelled {
          log(LogLine(.warning, "nothing is cached for now: \(error.message)"))
          isSaid = true
        }
      }
      layer.state.withLock { $0.restart(isOn: false) }
      try? await Task.sleep(for: pause)
    }
  }

  func close() async {
    listening?.cancel()
    await listening?.value
    layer.state.withLock { $0.restart(isOn: false) }
    await backend.close()
  }
}

// Reading.

extension CachedBackend {
  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    guard lock == nil, tables.contains(table), let digests = digests(of: keys, table) else {
      return try await backend.get(table, keys: keys, lock: lock)
    }
    let now = ContinuousClock.now
    var rows: [[Value]?] = Array(repeating: nil, count: keys.count)
    let missing = layer.state.withLock { state in
      var missing: [(place: Int, read: CacheState.Read)] = []
      for (place, (key, digest)) in digests.enumerated() {
        if let known = state.find(digest, table, key, at: now) {
          rows[place] = known
        } else {
          missing.append((place, state.begin(digest, table, key, at: now)))
        }
      }
      return missing
    }
    if missing.isEmpty { return rows }
    let found: [[Value]?]
    do throws(StoreError) {
      found = try await backend.get(table, keys: missing.map(\.read.key), lock: nil)
      guard found.count == missing.count else {
        throw StoreError(.internal, "an answer of another length than its keys", table: table)
      }
    } catch {
      layer.state.withLock { state in for (_, read) in missing { state.end(failed: read) } }
      throw error
    }
    layer.state.withLock { state in
      for ((place, read), row) in zip(missing, found) {
        state.end(read, found: row)
        rows[place] = row
      }
    }
    return rows
  }

  /// The keys as they are stored, with their digests; nil when one of them is none.
  private func digests(
    of keys: [[Value]], _ table: String
  ) -> [(key: [Value], digest: UInt64)]? {
    var digests: [(key: [Value], digest: UInt64)] = []
    digests.reserveCapacity(keys.count)
    for values in keys {
      guard let key = reach.key(values, of: table), let digest = RowDigest.of(table, key) else {
        return nil
      }
      digests.append((key, digest))
    }
    return digests
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    try await backend.query(query)
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try await backend.aggregate(query)
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    try await backend.explain(query)
  }

  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    try await backend.scan(query, batchSize: batchSize, body)
  }
}

// Writing.

extension CachedBackend {
  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    try await change(
      reach.changes(of: mutations), { reach.changes(of: mutations, $0) }
    ) { session throws(StoreError) in
      try await session.apply(mutations)
    }
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    let inserts = try rows.inserts()
    let changes = reach.changes(of: inserts.map { .insert($0) })
    return try await change(changes, { _ in changes }) { session throws(StoreError) in
      try await session.load(RowsToLoad(rows.table, inserts))
    }
  }

  /// Makes a change, and announces it where that is possible.
  /// - Parameters:
  ///   - changes: what it may touch.
  ///   - refined: what it has touched, when its result is known.
  private func change<Result: Sendable>(
    _ changes: RowChanges, _ refined: @Sendable (Result) -> RowChanges,
    _ call: @Sendable (any StorageSession) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    let held = Invalidation(changes)
    layer.state.withLock { $0.hold(held) }
    do throws(StoreError) {
      let result: Result
      if announcing == nil {
        result = try await call(backend)
      } else {
        result = try await backend.inTransaction(.oneCall) {
          transaction throws(StoreError) in
          let result = try await call(transaction)
          try await announce(refined(result), in: transaction)
          return result
        }
      }
      release([held], changed: [Invalidation(refined(result))])
      return result
    } catch {
      // It may have happened all the same.
      release([held], changed: [held])
      throw error
    }
  }

  func transaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    if options.isReadOnly { return try await backend.transaction(options, body) }
    let holds = Mutex<(held: [Invalidation], changed: RowChanges)>(([], RowChanges()))
    do {
      let result = try await backend.transaction(options) { transaction in
        let watched = WatchedTransaction(transaction, reach) { [layer] changes in
          let held = holds.withLock { holds -> Invalidation? in
            if holds.held.last?.isEverything == true { return nil }
            // After so many changes it is simpler to keep nothing until the end.
            let isMany = holds.held.count >= RowChanges.keyLimit
            let held = isMany ? .everything : Invalidation(changes)
            holds.held.append(held)
            return held
          }
          if let held { layer.state.withLock { $0.hold(held) } }
        }
        let result = try await body(watched)
        let changes = watched.changes
        holds.withLock { $0.changed = changes }
        try await announce(changes, in: transaction)
        return result
      }
      let (held, changed) = holds.withLock { $0 }
      release(held, changed: [Invalidation(changed)])
      return result
    } catch {
      let held = holds.withLock { $0.held }
      release(held, changed: held)
      throw error
    }
  }

  private func release(_ held: [Invalidation], changed: [Invalidation]) {
    layer.state.withLock { state in
      // First what was changed, as long as nobody can keep it.
      for changes in changed { state.invalidate(changes) }
      for changes in held { state.release(changes) }
    }
  }

  private func announce(
    _ changes: RowChanges, in transaction: any StorageTransaction
  ) async throws(StoreError) {
    let invalidation = Invalidation(changes)
    guard !invalidation.isEmpty, let announcing,
      let session = transaction.innermost as? any AnnouncingTransaction
    else { return }
    let text = invalidation.text(of: changes, byteLimit: announcing.announcementByteLimit)
    try await session.announce(text, on: Self.channel)
  }
}
