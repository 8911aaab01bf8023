import RoostCore
import Synchronization

/// Goes on in memory while a backend cannot be reached: `fallback=memory` in a URL.
///
/// Promise: what is acknowledged meanwhile is in memory only, and gone if the process ends before
/// the backend is back. Memory begins empty, so that rows of the backend are not seen meanwhile.
/// When it is back, what was written is carried over before anything else happens. A row that the
/// backend has with other values, or does not take, is left as it is there, and handed to the
/// program by `Store.takeLeftBehind()`. While in memory, and until then, `health()` is degraded.
final class MemoryFallback: StorageBackend {
  private struct State {
    /// The backend; nil until it could be opened.
    var primary: (any StorageBackend)?
    /// Why calls go to memory; nil while they do not.
    var reason: String?
    /// Calls under way in memory.
    var inMemory = 0
    /// Whether memory is being carried over, so that calls wait.
    var isReturning = false
    var leftBehind: [LeftBehindRow] = []
    var probe: Task<Void, Never>?
    /// Finds out whether a backend that has not answered is away.
    var question: Task<Void, Never>?
    var isClosed = false
  }

  /// How long the backend may take to say how it is.
  private static let answerLimit = Duration.seconds(5)

  private let memory: any StorageBackend
  private let place: String
  private let open: @Sendable () async throws(StoreError) -> any StorageBackend
  private let links: TableLinks
  private let interval: Duration
  private let log: @Sendable (LogLine) -> Void
  private let state: Mutex<State>

  /// Takes over a backend, or what opens it once it can be reached.
  /// - Parameters:
  ///   - primary: the backend; nil when it could not be opened.
  ///   - reason: why it could not.
  ///   - place: what the backend is called.
  ///   - memory: an empty store in memory with the same tables and a change journal.
  ///   - open: opens the backend.
  init(
    _ primary: (any StorageBackend)?, because reason: String? = nil, place: String,
    memory: any StorageBackend, links: TableLinks, interval: Duration = .seconds(1),
    log: @escaping @Sendable (LogLine) -> Void,
    open: @escaping @Sendable () async throws(StoreError) -> any StorageBackend
  ) {
    self.memory = memory
    self.place = place
    self.links = links
    self.interval = interval
    self.log = log
    self.open = open
    state = Mutex(State(primary: primary))
    if let reason { fallBack(reason) }
  }

  /// The rows that the backend did not take; they are handed out once.
  func takeLeftBehind() -> [LeftBehindRow] {
    state.withLock { state in
      defer { state.leftBehind = [] }
      return state.leftBehind
    }
  }

  var location: String { state.withLock { $0.primary }?.location ?? place }

  /// Raw SQL would pass beside memory.
  var capabilities: Set<Capability> { [] }

  func health() async -> Health {
    let (primary, reason, left, isClosed) = state.withLock {
      ($0.primary, $0.reason, $0.leftBehind.count, $0.isClosed)
    }
    if isClosed { return .unavailable("the store is closed") }
    if let reason { return .degraded("in memory only, in place of \(place): \(reason)") }
    let health = await primary?.health() ?? .unavailable("it was never reached")
    guard health == .ready, left > 0 else { return health }
    return .degraded("\(left) rows that were written in memory were not taken by \(place)")
  }

  func close() async {
    let (tasks, primary) = state.withLock { state in
      state.isClosed = true
      return ([state.question, state.probe], state.primary)
    }
    for task in tasks {
      task?.cancel()
      await task?.value
    }
    await primary?.close()
    await memory.close()
  }
}

/// A row that was written in memory while the backend was away, and that it did not take.
public struct LeftBehindRow: Sendable, Hashable {
  /// The table.
  public let table: String
  /// The row as a JSON object, a member a column; NULLs are left out.
  public let row: String
  /// Why it was not taken.
  public let reason: String
}

// Where calls go.

extension MemoryFallback {
  /// Runs a call on the backend, or in memory while that cannot be reached.
  private func run<Result: Sendable>(
    _ call: (any StorageBackend) async throws -> Result,
    inMemory: (any StorageBackend) async throws -> Result
  ) async throws -> Result {
    let (primary, reason) = state.withLock { ($0.primary, $0.reason) }
    if reason == nil, let primary {
      do {
        return try await call(primary)
      } catch let error as StoreError {
        switch error.code {
        case .unavailable:
          // Nothing has come of it; the backend itself says whether it is away.
          guard let reason = await absence(of: primary) else { throw error }
          fallBack(reason)
        case .deadlineExceeded, .outcomeUnknown:
          // It may have happened, and cannot be done again; those that follow need not wait.
          ask(primary)
          throw error
        default: throw error
        }
      }
    }
    guard try await enterMemory() else { return try await run(call, inMemory: inMemory) }
    defer { state.withLock { $0.inMemory -= 1 } }
    return try await inMemory(memory)
  }

  /// Waits until memory may be used.
  /// - Returns: false when the backend is back.
  private func enterMemory() async throws -> Bool {
    while true {
      let isIn = try state.withLock { state throws(StoreError) -> Bool? in
        if state.isClosed { throw StoreError(.closed, "the store is closed") }
        if state.reason == nil { return false }
        if state.isReturning { return nil }
        state.inMemory += 1
        return true
      }
      if let isIn { return isIn }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Falls back, in the background, if a backend is away that has not answered in time.
  private func ask(_ primary: any StorageBackend) {
    state.withLock { state in
      guard state.question == nil, !state.isClosed else { return }
      state.question = Task {
        if let reason = await self.absence(of: primary) { self.fallBack(reason) }
        self.state.withLock { $0.question = nil }
      }
    }
  }

  private func fallBack(_ reason: String) {
    let isNew = state.withLock { state in
      guard state.reason == nil, !state.isClosed else { return false }
      state.reason = reason
      state.probe = Task { await self.returnWhenPossible() }
      return true
    }
    guard isNew else { return }
    log(LogLine(.warning, "\(place) cannot be reached, records are kept in memory only: \(reason)"))
  }

  /// Why a backend cannot be used; nil when it can.
  private func absence(of backend: any StorageBackend) async -> String? {
    let bound = TimeoutLayer(Self.answerLimit)
    do throws(StoreError) {
      let health = try await bound.run(StorageCall(.query)) { () throws(StoreError) in
        await backend.health()
      }
      guard case .unavailable(let reason) = health else { return nil }
      return reason
    } catch {
      return error.message
    }
  }

  func get(
    _ table: String, keys: [[Value]], lock: RowLock?
  ) async throws(StoreError) -> [[Value]?] {
    try await read { try await $0.get(table, keys: keys, lock: lock) }
  }

  func query(_ query: Query) async throws(StoreError) -> [[Value]] {
    try await read { try await $0.query(query) }
  }

  func aggregate(_ query: AggregateQuery) async throws(StoreError) -> [[Value]] {
    try await read { try await $0.aggregate(query) }
  }

  func explain(_ query: Query) async throws(StoreError) -> String {
    try await read { try await $0.explain(query) }
  }

  private func read<Result: Sendable>(
    _ call: (any StorageBackend) async throws -> Result
  ) async throws(StoreError) -> Result {
    try await StoreError.only { try await run(call, inMemory: call) }
  }

  /// A scan that has begun is not begun again elsewhere.
  func scan(
    _ query: Query, batchSize: Int, _ body: @Sendable ([[Value]]) async throws -> Void
  ) async throws {
    let hasBegun = Atomic(false)
    try await run(
      { backend in
        do {
          try await backend.scan(query, batchSize: batchSize) { rows in
            hasBegun.store(true, ordering: .relaxed)
            try await body(rows)
          }
        } catch let error as StoreError {
          guard error.code == .unavailable, hasBegun.load(ordering: .relaxed) else { throw error }
          throw StoreError(.deadlineExceeded, "the scan was cut off: \(error.message)")
        }
      },
      inMemory: { try await $0.scan(query, batchSize: batchSize, body) })
  }

  func apply(_ mutations: [Mutation]) async throws(StoreError) -> [MutationResult] {
    try await StoreError.only {
      try await run(
        { try await $0.apply(mutations) },
        inMemory: { memory in
          try await self.noting(memory, TransactionOptions()) { try await $0.apply(mutations) }
        })
    }
  }

  func load(_ rows: RowsToLoad) async throws(StoreError) -> Int {
    try await StoreError.only {
      try await run(
        { try await $0.load(rows) },
        inMemory: { memory in
          try await self.noting(memory, TransactionOptions()) {
            try await $0.load(rows)
          }
        })
    }
  }

  func transaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    try await run(
      { try await $0.transaction(options, body) },
      inMemory: { try await self.noting($0, options, body) })
  }

  /// Runs a transaction in memory and notes what it touches.
  private func noting<Result: Sendable>(
    _ memory: any StorageBackend, _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    let (links, journal) = (links, ChangeJournal(links: links))
    return try await memory.transaction(options) { inner in
      let tracked = TrackedTransaction(inner, links)
      let result = try await body(tracked)
      let touched = tracked.touched
      if !touched.isEmpty { try await journal.note(touched, in: inner, at: .now()) }
      return result
    }
  }
}

// Migrations.

extension MemoryFallback {
  /// The backend's; memory has nothing to migrate.
  private func primary() throws(StoreError) -> any StorageBackend {
    guard let primary = state.withLock({ $0.primary }) else {
      throw StoreError(.unavailable, "\(place) was never reached")
    }
    return primary
  }

  func migrate<Result: Sendable>(
    _ body: @Sendable (any MigrationSession) async throws -> Result
  ) async throws -> Result {
    try await primary().migrate(body)
  }

  func appliedMigrations() async throws(StoreError) -> [AppliedMigration] {
    try await primary().appliedMigrations()
  }

  func drifts(
    from applied: [PlannedMigration], _ schema: Schema
  ) async throws(StoreError) -> [SchemaDrift] {
    try await primary().drifts(from: applied, schema)
  }

  func invalidIndexes() async throws(StoreError) -> [SchemaDrift] {
    try await primary().invalidIndexes()
  }

  /// Both have it already.
  func adopt(_ schema: Schema) async throws(StoreError) {}
}

// The way back.

extension MemoryFallback {
  private func returnWhenPossible() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: interval)
      do throws(StoreError) {
        if try await goBack() { return }
      } catch {
        state.withLock { $0.isReturning = false }
        // It is away again, or a row met something that passes: the next time.
      }
    }
  }

  /// Carries over what is in memory, if the backend is back.
  /// - Returns: whether calls go to the backend again.
  private func goBack() async throws(StoreError) -> Bool {
    var known = state.withLock { $0.primary }
    if known == nil {
      let opened = try await open()
      state.withLock { $0.primary = opened }
      known = opened
    }
    guard let primary = known, await absence(of: primary) == nil else { return false }
    state.withLock { $0.isReturning = true }
    // Transactions that are under way have their deadlines.
    while state.withLock({ $0.inMemory > 0 }) {
      do { try await Task.sleep(for: .milliseconds(5)) } catch {
        throw StoreError(.cancelled, "the task was cancelled")
      }
    }
    let homecoming = Homecoming(links: links, memory: memory, primary: primary)
    let (carried, left) = try await homecoming.run { row in
      self.state.withLock { $0.leftBehind.append(row) }
      self.log(LogLine(.warning, "not taken by \(self.place): \(row.table): \(row.reason)"))
    }
    state.withLock { state in
      state.reason = nil
      state.isReturning = false
      state.probe = nil
    }
    log(
      LogLine(
        left > 0 ? .warning : .info,
        "\(place) is back: \(carried) rows carried over from memory, \(left) not taken"))
    return true
  }
}

extension StoreError {
  /// Gives a body's errors the type that they have.
  static func only<Result>(
    _ body: () async throws -> Result
  ) async throws(StoreError) -> Result {
    do {
      return try await body()
    } catch let error as StoreError {
      throw error
    } catch is CancellationError {
      throw StoreError(.cancelled, "the task was cancelled")
    } catch {
      throw StoreError(.internal, "\(error)")
    }
  }
}
