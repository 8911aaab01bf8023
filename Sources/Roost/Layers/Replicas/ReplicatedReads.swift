import Synchronization

/// A backend with replicas that serve reads.
final class ReplicatedReads: ForwardingBackend {
  let backend: any StorageBackend
  let layer: ReplicaLayer
  let primary: any ReplicatedBackend
  /// What primary and replicas have in common; nil where it cannot be asked.
  let identity: String?
  let context: LayerContext
  let state: Mutex<ReplicaState>
  /// The replicas that are open, by their numbers.
  let open: Mutex<[Int: any StorageBackend]>
  private let reach: ChangeReach
  let tasks = Mutex<[Task<Void, Never>]>([])

  init(
    _ layer: ReplicaLayer, _ backend: any StorageBackend, _ primary: any ReplicatedBackend,
    identity: String?, _ context: LayerContext
  ) {
    self.backend = backend
    self.layer = layer
    self.primary = primary
    self.identity = identity
    self.context = context
    reach = ChangeReach(context.schema)
    open = Mutex([:])
    state = Mutex(
      ReplicaState(
        replicas: layer.replicas.map(\.name), tables: context.schema.tables.keys,
        maximumLag: layer.maximumLag))
  }

  deinit {
    for task in tasks.withLock({ $0 }) { task.cancel() }
  }

  var figures: ReplicaFigures { state.withLock { $0.figures } }

  func health() async -> Health {
    let problems = figures.replicas.compactMap { replica in
      replica.problem.map { "replica \(replica.location) is left out: \($0)" }
    }
    let isReading = figures.replicas.contains { $0.isUsed }
    switch await backend.health() {
    case .ready where !problems.isEmpty: return .degraded(problems.joined(separator: "; "))
    case .unavailable(let reason) where isReading:
      return .degraded("reads only, from a replica: \(reason)")
    case let health: return health
    }
  }

  func close() async {
    let tasks = tasks.withLock { tasks in
      defer { tasks = [] }
      return tasks
    }
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
    state.withLock { state in
      for number in layer.replicas.indices { _ = state.leaveOut(number, "the store is closed") }
    }
    let replicas = open.withLock { open in
      defer { open = [:] }
      return open.values
    }
    for replica in replicas { await replica.close() }
    await backend.close()
  }
}

// Reading.

extension ReplicatedReads {
  /// The replica that serves a read of a table, or of all tables; nil for the primary. Waits while
  /// the table moves from one to the other.
  private func choose(
    for table: String?
  ) async -> (number: Int, backend: any StorageBackend)? {
    var (number, settling) = state.withLock { ($0.replica(for: table), $0.settling) }
    if number == nil, let settling {
      await settling.value
      number = state.withLock { $0.replica(for: table) }
    }
    guard let number, let replica = open.withLock({ $0[number] }) else { return nil }
    return (number, replica)
  }

  /// Whether a read that failed at a replica may succeed at the primary; leaves out a replica that
  /// does not answer.
  private func isToBeReadAgain(_ error: StoreError, from replica: Int) -> Bool {
    switch error.code {
    // A replica ends a read that is in the way of what it has to apply. One that is slow with a
    // read may be well; if it is not, that is found out.
    case .serializationFailure, .deadlineExceeded: return true
    case .unavailable, .closed:
      say(state.withLock { $0.leaveOut(replica, error.message) })
      return true
    default: return false
    }
  }

  func say(_ line: LogLine?) {
    if let line { context.log(line) }
  }

  private func read<Result>(
    _ table: String, _ call: (any StorageBackend) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    if let (number, replica) = await choose(for: table) {
      do throws(StoreError) {
        let result = try await call(replica)
        state.withLock { $0.noteRead(at: number) }
        return result
      } catch {
        guard isToBeReadAgain(error, from: number) else { throw error }
      }
    }
    let result = try await call(backend)
    state.withLock { $0.noteRead(of: [table]) }
    return result
  }

  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    if lock != nil { return try await backend.get(table, keys: keys, lock: lock) }
    return try await read(table) { backend throws(StoreError) in
      try await backend.get(table, keys: keys, lock: nil)
    }
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    if query.lock != nil { return try await backend.query(query) }
    return try await read(query.table) { backend throws(StoreError) in
      try await backend.query(query)
    }
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try await read(query.table) { backend throws(StoreError) in
      try await backend.aggregate(query)
    }
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    try await read(query.table) { backend throws(StoreError) in
      try await backend.explain(query)
    }
  }

  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    if query.lock == nil, let (number, replica) = await choose(for: query.table) {
      let hasBegun = Atomic(false)
      do {
        try await replica.scan(query, batchSize: batchSize) { rows in
          hasBegun.store(true, ordering: .releasing)
          try await body(rows)
        }
        state.withLock { $0.noteRead(at: number) }
        return
      } catch {
        // Whoever has seen rows does not get them again.
        guard let storeError = error as? StoreError,
          isToBeReadAgain(storeError, from: number), !hasBegun.load(ordering: .acquiring)
        else { throw error }
      }
    }
    try await backend.scan(query, batchSize: batchSize, body)
    state.withLock { $0.noteRead(of: [query.table]) }
  }
}

// Writing, and transactions.

extension ReplicatedReads {
  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    try await change(reach.changes(of: mutations)) { () throws(StoreError) in
      try await backend.apply(mutations)
    }
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    let inserts = try rows.inserts()
    return try await change(reach.changes(of: inserts.map { .insert($0) })) {
      () throws(StoreError) in
      try await backend.load(RowsToLoad(rows.table, inserts))
    }
  }

  private func change<Result>(
    _ changes: RowChanges, _ call: () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    do throws(StoreError) {
      let result = try await call()
      note(changes)
      return result
    } catch {
      if error.code == .outcomeUnknown { note(changes) }
      throw error
    }
  }

  private func note(_ changes: RowChanges) {
    if changes.isEmpty { return }
    state.withLock { $0.noteChange(of: changes.isEverything ? nil : Array(changes.tables.keys)) }
  }

  func transaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    if options.isReadOnly, options.isolation != .serializable {
      return try await readTransaction(options, body)
    }
    // The layers below may run the body several times.
    let noted = Mutex<(changes: RowChanges, tables: Set<String>)>((RowChanges(), []))
    defer {
      let tables = noted.withLock { $0.tables }
      if !tables.isEmpty { state.withLock { $0.noteRead(of: Array(tables)) } }
    }
    do {
      let result = try await backend.transaction(options) { transaction in
        let watched = WatchedTransaction(transaction, reach)
        defer {
          noted.withLock { noted in
            noted.changes.add(watched.changes)
            noted.tables.formUnion(watched.tablesRead)
          }
        }
        return try await body(watched)
      }
      note(noted.withLock { $0.changes })
      return result
    } catch {
      if (error as? StoreError)?.code == .outcomeUnknown { note(noted.withLock { $0.changes }) }
      throw error
    }
  }

  private func readTransaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    let end = ContinuousClock.now + options.deadline
    if let (number, replica) = await choose(for: nil) {
      do {
        let result = try await replica.transaction(options, body)
        state.withLock { $0.noteRead(at: number) }
        return result
      } catch {
        // Nothing was changed, so the body may run again, as it does after a conflict.
        guard let storeError = error as? StoreError, isToBeReadAgain(storeError, from: number)
        else { throw error }
      }
    }
    let remaining = end - .now
    guard remaining > .zero else { throw TransactionOptions.expired }
    let result = try await backend.transaction(options.with(deadline: remaining), body)
    state.withLock { $0.noteRead(of: nil) }
    return result
  }
}
